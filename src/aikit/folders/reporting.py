"""What became of a folder."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from .. import errors
from ..errors import AikitError

__all__ = ["Failure", "Report"]


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


@dataclass(slots=True)
class Report:
    """What `convert_folder` did.

    Attributes:
        done: files that were made in this run.
        failed: files that are not there; `failures` says why.
        skipped: files that an earlier run had made, or that were left as they are.
        failures: one `Failure` for each file that failed, by path.
    """

    done: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[Failure] = field(default_factory=list)

    def add(self, failure: Failure) -> None:
        """Count a file that failed."""
        self.failed += 1
        self.failures.append(failure)

    def to_json(self) -> str:
        """Counts, how often each code came, and the failures, as JSON.

        Example:
            >>> Report(done=2).to_json()
            '{"done": 2, "failed": 0, "skipped": 0, "codes": {}, "failures": []}'
        """
        codes = Counter(failure.code for failure in self.failures)
        failures = [{"path": each.path, "code": each.code, "message": each.message} for each in self.failures]
        counts = {"done": self.done, "failed": self.failed, "skipped": self.skipped}
        return json.dumps({**counts, "codes": dict(sorted(codes.items())), "failures": failures})
