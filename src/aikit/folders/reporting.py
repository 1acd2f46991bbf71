"""What became of a folder."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Protocol, Self

from .. import errors
from ..errors import AikitError, printable

__all__ = ["PASSING", "Cataloguer", "Failure", "Notice", "Recorder", "Report"]

# Codes of what may be different the next time, though the file is the same.
PASSING = (
    "no_access", "missing_dependency", "no_device", "memory", "exists", "clash", "worker_failed", "busy", "cancelled",
)  # fmt: skip

# So many notices are kept; the counts go on.
_MOST_NOTICES = 1000


class Recorder(Protocol):
    """What takes notes of files for a catalogue."""

    def record(
        self,
        path: str,
        *,
        status: str,
        code: str | None = None,
        error: str | None = None,
        recipe: str | None = None,
        output: str | None = None,
        digest: bytes | None = None,
        size: int | None = None,
    ) -> None:
        """Note what became of a file."""

    def close(self) -> None:
        """Write what is left."""


class Cataloguer(Protocol):
    """What `aikit.open_catalog` gives, as far as runs need it."""

    def recorder(self, work: str, *, wait: bool = True) -> Recorder:
        """Begin to take notes."""


@dataclass(frozen=True, slots=True, order=True)
class Failure:
    """A file that is not done.

    Attributes:
        path: the source.
        message: what was expected, what came, what to do.
        code: the stable word of the error, from `aikit.errors.CODES`: "corrupt", "truncated", "timeout",
            "worker_crashed", "no_access"..., and of folders alone "memory", "exists" (another file has the output's
            place) and "clash" (two sources would get the same place).
        error: the error with its fields, as it would be raised for one file; None where a manifest of an older version
            has kept its message alone.
    """

    path: str
    message: str
    code: str
    error: AikitError | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, path: str, error: AikitError) -> Self:
        """What an error says of a file."""
        # Another one of the same fields: the traceback of this one holds the picture it was about.
        return cls(path, str(error), error.code, error.with_subject(error.subject))

    def to_row(self) -> str:
        """The error as a text of ASCII, for a manifest or another process."""
        if self.error is None:
            return ""
        return json.dumps({"kind": self.error._of_ours().__name__, **self.error.to_dict()})

    @classmethod
    def from_row(cls, path: str, row: str) -> Self:
        """What `to_row` has kept."""
        fields: dict[str, object] = json.loads(row)
        kind: type[AikitError] = getattr(errors, str(fields.pop("kind")))
        del fields["message"]
        return cls.of(path, errors.from_fields(kind, fields))


@dataclass(frozen=True, slots=True, order=True)
class Notice:
    """What is to be known of a file that did not fail.

    Attributes:
        path: the source.
        message: what became of it, the path in it as it can be printed.
        code: "left_out" of a file that is no picture, or a link to a folder; "frames_left" of an animation or a
            document of several pages, of which the result has fewer; "corrupt" of one whose profile was ignored.
    """

    path: str
    message: str
    code: str

    @classmethod
    def of(cls, path: str, what: str, code: str) -> Self:
        """What there is to say of a file."""
        return cls(path, f"{printable(path)}: {what}.", code)


@dataclass(slots=True)
class Report:
    """What `convert_folder` did with every file that it found.

    Attributes:
        done: files that were made in this run.
        failed: files that are not there; `failures` says why.
        skipped: files that an earlier run had made, or that were there and left as they are.
        frames: frames and pages of the files made that have several.
        left: files in the folders that are no pictures, and links to folders.
        failures: one `Failure` for each file that failed, by path.
        notices: a `Notice` of each file that was left, that lost frames or whose profile was ignored; the first 1000.
    """

    done: int = 0
    failed: int = 0
    skipped: int = 0
    left: int = 0
    frames: int = 0
    failures: list[Failure] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def add(self, failure: Failure) -> None:
        """Count a file that failed."""
        self.failed += 1
        self.failures.append(failure)

    def note(self, notice: Notice) -> None:
        """Keep what is to be known of a file, and count it where it was left."""
        self.left += notice.code == "left_out"
        if len(self.notices) < _MOST_NOTICES:
            self.notices.append(notice)

    def to_json(self) -> str:
        """Counts, how often each code came, the failures and the notices, as JSON in ASCII.

        Example:
            >>> Report(done=2).to_json()
            '{"done": 2, "failed": 0, "skipped": 0, "left": 0, "frames": 0, "codes": {}, "failures": [], "notices": []}'
        """
        codes = Counter(failure.code for failure in self.failures)
        counts = {each.name: value for each in fields(self) if isinstance(value := getattr(self, each.name), int)}
        failures, notices = ([_describe(each) for each in kind] for kind in (self.failures, self.notices))
        return json.dumps({**counts, "codes": dict(sorted(codes.items())), "failures": failures, "notices": notices})


def _describe(each: Failure | Notice) -> dict[str, str]:
    return {"path": each.path, "code": each.code, "message": each.message}
