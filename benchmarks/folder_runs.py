"""Whole folders as jobs like the others; `folders.py` has the ways and can be run by itself with more photographs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from . import folders, machine

SUFFIXES = ("jpg", "webp")
WHY = {
    "pyvips": "libvips decodes, shrinks and encodes a few rows at a time with its own vector code; ours checks each "
    "file for damage, and syncs what it writes.",
    "OpenCV": "INTER_AREA averages squares, a fraction of Lanczos' work; and nothing is checked or synced.",
    "Pillow, draft": "The file is not checked for damage, and the result not synced.",
    "Pillow": "The file is not checked for damage, and the result not synced.",
}


def title(to: str, number: int) -> str:
    return f"folder of {number} photographs to {to}, 500 pixels wide"


def measure(to: str, number: int, rounds: int = 3) -> dict[str, Any]:
    """Every way in turn, with all processors."""
    others = machine.Others(machine.time_of_children)
    with tempfile.TemporaryDirectory() as folder:
        folders.photographs(Path(folder), number)
        found = folders.turns(Path(folder), to, rounds)
    share = others.share()
    runs = {
        label: {
            "entries": {way: {turn: times[kind] for turn, times in enumerate(turns)} for way, turns in found.items()},
            "rivals": {way: "aikit" for way in found if way != "aikit"},
            "wall": kind == 0,
            "others": share,
        }
        for kind, label in enumerate(("wall clock", "processor time"))
    }
    peaks = ", ".join(f"{way} {max(peak for _, _, peak in turns):.0f} MB" for way, turns in found.items())
    return {
        "title": title(to, number),
        "theme": "folders",
        "goals": [],
        "why": WHY,
        "runs": runs,
        "notes": [f"Peak memory of the process: {peaks}."],
    }
