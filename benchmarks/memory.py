"""Peak memory of one call in a fresh interpreter: python -m benchmarks.memory TITLE ENTRY, JSON to stdout.

What counts is how far resident memory rises above where it stood before the call, less the result itself.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import aikit

from .pictures import cut_out, noise, pil

HEIGHT, WIDTH = 2160, 3840


@dataclass(frozen=True)
class Case:
    title: str
    given: Callable[[int, int], Any]
    entries: dict[str, Callable[[Any], Any]]
    exact: bool = True  # integers throughout: the limit is one plane of them, else some float copies
    copies: int = 2
    channels: int = 3
    why: str = ""  # it needs more than it may

    def limit(self, height: int, width: int) -> int:
        """Bytes that the call may need beyond its result."""
        return height * width * (1 if self.exact else self.copies * 4 * self.channels)


def _torchvision(name: str) -> Callable[[Any], Any]:
    def call(image: Any) -> Any:
        import torchvision.transforms.functional as v1

        return getattr(v1, name)(image)

    return call


def _rgb(height: int, width: int) -> Any:
    return noise(height, width, 3)


def _on_white(image: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


CASES = [
    Case(
        "uint8 HWC to float32 CHW",
        _rgb,
        {"aikit to_tensor": aikit.to_tensor, "torchvision to_tensor": _torchvision("to_tensor")},
        exact=False,
    ),
    Case(
        "float32 CHW to uint8 HWC",
        lambda height, width: torch.rand(3, height, width),
        {
            "aikit to_numpy": lambda image: aikit.to_numpy(image, dtype="uint8"),
            "torchvision to_pil_image": _torchvision("to_pil_image"),
        },
        exact=False,
    ),
    Case(
        "PIL RGB to NumPy",
        lambda height, width: pil(_rgb(height, width)),
        {"aikit to_numpy": aikit.to_numpy, "np.asarray": np.asarray},
    ),
    Case("NumPy to PIL RGB", _rgb, {"aikit to_pil": aikit.to_pil, "Image.fromarray": Image.fromarray}),
    Case(
        "flatten uint8 RGBA, NumPy",
        cut_out,
        {"aikit flatten": aikit.flatten, "Image.alpha_composite": lambda a: np.asarray(_on_white(Image.fromarray(a)))},
    ),
    Case(
        "flatten RGBA, PIL",
        lambda height, width: pil(cut_out(height, width)),
        {"aikit flatten": aikit.flatten, "Image.alpha_composite": _on_white},
    ),
    Case(
        "make_transparent uint8 RGB, NumPy",
        _rgb,
        {"aikit make_transparent": lambda a: aikit.make_transparent(a, color="white", tolerance=0.02)},
    ),
    Case("premultiply uint8 RGBA, NumPy", cut_out, {"aikit premultiply": aikit.premultiply}),
    Case("unpremultiply uint8 RGBA, NumPy", cut_out, {"aikit unpremultiply": aikit.unpremultiply}),
    Case(
        "RGB to Lab, uint8 to float32, NumPy",
        _rgb,
        {"aikit rgb_to_lab": aikit.rgb_to_lab},
        exact=False,
        copies=3,
    ),
    Case(
        "resize uint8 RGBA to half, NumPy",
        cut_out,
        {"aikit resize": lambda a: aikit.resize(a, scale=0.5)},
        exact=False,
        copies=3,
        channels=4,
    ),
    Case(
        "resize float32 RGB to half, torch",
        lambda height, width: torch.rand(3, height, width),
        {"aikit resize": lambda a: aikit.resize(a, scale=0.5)},
        exact=False,
        copies=3,
    ),
]


def size_of(result: Any) -> int:
    if isinstance(result, Image.Image):
        bands = {"L": 1, "LA": 4, "RGB": 4}.get(result.mode, 4)  # Pillow keeps color in four bytes
        return result.width * result.height * bands
    return int(result.nbytes)


def peak_of(call: Callable[[Any], Any], image: Any) -> tuple[Any, int]:
    """The result of a call, and by how many bytes resident memory rose at most."""
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from here
    except OSError:
        # It cannot be reset, or this is no Linux: right if the call goes beyond all that was before.
        unit = 1 if sys.platform == "darwin" else 1024
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result = call(image)
        return result, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit
    before = _status("VmRSS")
    result = call(image)
    return result, _status("VmHWM") - before


def _status(name: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def main(title: str, entry: str) -> None:
    case = next(case for case in CASES if case.title == title)
    call = case.entries[entry]
    call(case.given(1024, 1024))  # imports, thread pools
    image = case.given(HEIGHT, WIDTH)
    result, peak = peak_of(call, image)
    answer = {"result": size_of(result), "extra": peak - size_of(result), "limit": case.limit(HEIGHT, WIDTH)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
