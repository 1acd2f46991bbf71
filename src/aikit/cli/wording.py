"""Errors in the words of the shell: where the library names its arguments, the command names its options."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..errors import AikitError

__all__ = ["in_words", "to_json"]

# What to do, by the `option` of the error. A command that has an option for it says so in a table of its own.
_REMEDIES = {
    "allow_truncated": "fetch the file again",
    "flatten": "write PNG or WebP",
    "gray_to_rgb": "take the step gray_to_rgb before it",
    "limits": "leave --untrusted out if you trust the file",
    "merge_alpha": "leave the step out",
    "overwrite": "remove it, or pass another name",
    "pillow_ceiling": "pass --max-pixels N if you trust the file",
    "profile": "save the picture anew without its profile",
    "readers": "look at pictures with aikit info, and convert them with aikit convert",
    "rgb_to_gray": "take the step rgb_to_gray before it",
    "workers": "free some memory, or give the command more",
}


def in_words(
    error: AikitError, *, subjects: Mapping[str, str] | None = None, remedies: Mapping[str, str] | None = None
) -> AikitError:
    """The same error as this command says it.

    Args:
        error: what the library raised.
        subjects: what the command calls arguments of the library, by their names.
        remedies: what to do in the command, by the `option` of the error.
    """
    subject = (subjects or {}).get(error.subject, error.subject)
    other = error.with_subject(subject, {**_REMEDIES, **(remedies or {})}.get(error.option or ""))
    other.option = None  # said: no other table may say it again
    return other


def to_json(rows: object) -> str:
    """Rows as JSON for programs, which people may see too: what steers a terminal is escaped, letters are as they are."""
    text = json.dumps(rows, indent=2, ensure_ascii=False)
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)
