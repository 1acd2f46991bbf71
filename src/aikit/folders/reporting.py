"""What became of a folder."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from ..errors import AikitError, FileAccessError, MissingDependencyError

__all__ = ["Failure", "Report", "code_of"]


@dataclass(frozen=True, slots=True, order=True)
class Failure:
    """A file that is not done.

    Attributes:
        path: the source.
        message: what was expected, what came, what to do.
        code: one stable word: that of the error ("corrupt", "truncated", "timeout", "worker_crashed"...), or "access",
            "dependency", "invalid", "memory", "exists" (another file has the output's place), "clash" (two sources
            would get the same place).
    """

    path: str
    message: str
    code: str


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


def code_of(error: AikitError) -> str:
    """The stable word for an error."""
    code = getattr(error, "code", None)
    if code is not None:
        return str(code)
    if isinstance(error, FileAccessError):
        return "access"
    return "dependency" if isinstance(error, MissingDependencyError) else "invalid"
