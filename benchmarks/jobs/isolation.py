"""What isolate=True costs: readers that work in a child process beside themselves and beside Pillow.

One thread means the processor time of both processes together.
"""

from __future__ import annotations

import io
import time
from typing import Any

from PIL import Image

import aikit
from aikit import Limits
from aikit.isolation.calls import in_another_process

from ..pictures import jpeg
from ..timing import Contest
from .registry import job, size_at

_WHY = "A check of the file for damage first; in a child, the way of the bytes there and of the pixels back too."


def _of_both_processes() -> float:
    return time.process_time() + float(in_another_process("time:process_time", (), subject="benchmark"))


def _pillow(data: bytes) -> Any:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def _for_each_side(setup: Any) -> Any:
    for side in (256, 1024, 4000):
        job(f"read a JPEG in a child process, {side}x{side}", why={"Pillow": _WHY}, side=side)(setup)
    return setup


@_for_each_side
def isolated(scale: float, side: int) -> Contest:
    side, _ = size_at(scale, side, side)
    data = jpeg(side, side)
    return Contest(
        {
            "aikit read_pil": lambda at: aikit.read_pil(data),
            "aikit read_pil(isolate=True)": lambda at: aikit.read_pil(data, isolate=True),
            "aikit read_pil(limits=, isolate=True)": lambda at: aikit.read_pil(data, limits=Limits(), isolate=True),
            "aikit read_numpy(isolate=True)": lambda at: aikit.read_numpy(data, isolate=True),
            "Pillow": lambda at: _pillow(data),
        },
        len(data) + side * side * 4,
        1,
        clock=_of_both_processes,
    )
