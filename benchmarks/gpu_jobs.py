"""What `benchmarks.gpu` measures: each job with its entries, aikit's first."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional

import aikit

Tensor = torch.Tensor
Call = Callable[[int], Tensor]  # on one set of inputs

# Sets of inputs that calls go through in turn, so that none is still in the level-2 cache at its next turn.
SETS = 3


@dataclass(frozen=True)
class Stage:
    """Where everything runs, and on what."""

    device: torch.device
    batch: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        return self.batch * self.height * self.width

    @functools.cached_property
    def codes(self) -> list[Tensor]:
        """uint8 RGBA, NCHW, noise."""
        generator = torch.Generator(self.device).manual_seed(0)
        shape = (self.batch, 4, self.height, self.width)
        make = functools.partial(torch.randint, 0, 256, shape, dtype=torch.uint8, device=self.device)
        return [make(generator=generator) for _ in range(SETS)]

    @functools.cached_property
    def hwc(self) -> list[Tensor]:
        """uint8 RGB, NHWC."""
        return [codes[:, :3].permute(0, 2, 3, 1).contiguous() for codes in self.codes]

    @functools.cached_property
    def rgb(self) -> list[Tensor]:
        """float32 RGB, NCHW."""
        return [codes[:, :3].float() / 255 for codes in self.codes]

    @functools.cached_property
    def rgba(self) -> list[Tensor]:
        """float32 RGBA, NCHW."""
        return [codes.float() / 255 for codes in self.codes]

    def picture(self, channels: int = 3) -> np.ndarray[Any, Any]:
        """The first picture, (H, W, C), float64."""
        return np.ascontiguousarray(self.codes[0][0, :channels].permute(1, 2, 0).cpu().numpy()) / 255


@dataclass(frozen=True)
class Entry:
    """One way to do a job."""

    name: str
    make: Callable[[Stage], Call]  # may import, compile, and fail
    goal: float | None = None  # the share of a copy's speed that is promised
    checked: bool = True  # against the expected picture; peers may have other units
    compiles: bool = False


@dataclass(frozen=True)
class Job:
    """One thing to do."""

    title: str
    moved: float  # bytes that have to be read and written for every input pixel
    expected: Callable[[Stage], np.ndarray[Any, Any]]  # the first picture's result (H, W, C)
    entries: tuple[Entry, ...]
    tolerance: float = 1e-5
    circle: bool = False  # the first plane is an angle in degrees


def ours(
    name: str, fn: Callable[..., Tensor], given: str, eager: float | None, fused: float | None
) -> tuple[Entry, ...]:
    """aikit's own entries: eager, fused, and fused into memory that is there."""

    def make_eager(stage: Stage) -> Call:
        sets = getattr(stage, given)
        return lambda at: fn(sets[at])

    def make_fused(stage: Stage) -> Call:
        sets, fast = getattr(stage, given), aikit.fusion.fused(fn)
        return lambda at: fast(sets[at])

    def make_filled(stage: Stage) -> Call:
        sets, fast = getattr(stage, given), aikit.fusion.fused(fn)
        out = fast(sets[0])
        return lambda at: fast(sets[at], out=out)

    return (
        Entry(f"aikit {name}", make_eager, eager),
        Entry(f"aikit {name}, fused", make_fused, fused, compiles=True),
        Entry(f"aikit {name}, fused, out=", make_filled, compiles=True),
    )


def peer(name: str, given: str, make: Callable[[], Callable[[Tensor], Tensor]], **more: Any) -> Entry:
    """Somebody else's function of one tensor; `make` imports it."""

    def made(stage: Stage) -> Call:
        fn, sets = make(), getattr(stage, given)
        return lambda at: fn(sets[at])

    return Entry(name, made, **more)


def _kornia(name: str) -> Callable[[], Callable[[Tensor], Tensor]]:
    def make() -> Callable[[Tensor], Tensor]:
        import kornia.color

        return getattr(kornia.color, name)  # type: ignore[no-any-return]

    return make


def _kornia_compiled(name: str) -> Callable[[], Callable[[Tensor], Tensor]]:
    return lambda: torch.compile(_kornia(name)(), dynamic=False)


def _torchvision(name: str, *arguments: Any, **options: Any) -> Callable[[], Callable[[Tensor], Tensor]]:
    def make() -> Callable[[Tensor], Tensor]:
        import torchvision.transforms.v2.functional as v2

        return lambda batch: getattr(v2, name)(batch, *arguments, **options)

    return make


def _kornia_resize(scale: float) -> Callable[[], Callable[[Tensor], Tensor]]:
    def make() -> Callable[[Tensor], Tensor]:
        import kornia.geometry

        return lambda batch: kornia.geometry.resize(
            batch, _size(batch, scale), interpolation="bicubic", antialias=scale < 1, align_corners=False
        )

    return make


def _size(batch: Tensor, scale: float) -> tuple[int, int]:
    return round(batch.shape[-2] * scale), round(batch.shape[-1] * scale)


def _interpolate(scale: float) -> Callable[[Tensor], Tensor]:
    return lambda batch: functional.interpolate(batch, size=_size(batch, scale), mode="bicubic", antialias=True)


# ---------------------------------------------------------------- conversions


def _to_floats(batch: Tensor) -> Tensor:
    return aikit.to_tensor(batch, layout="HWC")


def _to_codes(batch: Tensor) -> Tensor:
    return aikit.to_tensor(batch, dtype="uint8")


def _to_pixels(batch: Tensor) -> Tensor:
    return aikit.to_tensor(batch, dtype="uint8").permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


def _two_steps(batch: Tensor) -> Tensor:
    return batch.permute(0, 3, 1, 2).contiguous() * (1 / 255)


def _copy_and_scale(batch: Tensor) -> Tensor:
    n, height, width, channels = batch.shape
    room = torch.empty(n, channels, height, width, device=batch.device)
    return room.copy_(batch.permute(0, 3, 1, 2)).mul_(1 / 255)


def _codes(stage: Stage) -> np.ndarray[Any, Any]:
    return stage.picture() * 255


CONVERSIONS = (
    Job(
        "uint8 NHWC to float32 NCHW",
        15,
        Stage.picture,
        (
            *ours("to_tensor", _to_floats, "hwc", 0.5, 0.85),
            peer("torch contiguous, times", "hwc", lambda: _two_steps),
            peer("torch copy_, mul_", "hwc", lambda: _copy_and_scale),
            peer(
                "torch permute.contiguous().float()/255",
                "hwc",
                lambda: lambda x: x.permute(0, 3, 1, 2).contiguous().float() / 255,
            ),
            peer(
                "torchvision v2 to_dtype",
                "hwc",
                lambda: (
                    lambda x: _torchvision("to_dtype", torch.float32, scale=True)()(x.permute(0, 3, 1, 2)).contiguous()
                ),
            ),
        ),
    ),
    Job(
        "float32 NCHW to uint8 NCHW",
        15,
        _codes,
        (
            *ours("to_tensor", _to_codes, "rgb", 0.2, 0.85),
            peer(
                "torch mul, round, clamp, to", "rgb", lambda: lambda x: x.mul(255).round().clamp(0, 255).to(torch.uint8)
            ),
            peer("torchvision v2 to_dtype (no clamp)", "rgb", _torchvision("to_dtype", torch.uint8, scale=True)),
        ),
        tolerance=1,
    ),
    Job(
        "float32 NCHW to uint8 NHWC",
        15,
        _codes,
        ours("to_tensor, permute, contiguous", _to_pixels, "rgb", None, 0.85)[:2],
        tolerance=1,
    ),
)

# ---------------------------------------------------------------- colors


def _luma(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.atleast_3d(aikit.rgb_to_gray(picture))


COLORS = (
    Job(
        "RGB to gray, float32",
        16,
        lambda stage: _luma(stage.picture()),
        (
            *ours("rgb_to_gray", aikit.rgb_to_gray, "rgb", None, 0.9),
            peer("kornia rgb_to_grayscale", "rgb", _kornia("rgb_to_grayscale")),
            peer("torchvision v2 rgb_to_grayscale", "rgb", _torchvision("rgb_to_grayscale"), checked=False),
        ),
    ),
    Job(
        "RGB to YCbCr, float32",
        24,
        lambda stage: aikit.color.rgb_to_ycbcr(stage.picture()),
        (
            *ours("rgb_to_ycbcr", aikit.color.rgb_to_ycbcr, "rgb", None, 0.85),
            peer("kornia rgb_to_ycbcr", "rgb", _kornia("rgb_to_ycbcr"), checked=False),
        ),
    ),
    Job(
        "RGB to HSV, float32",
        24,
        lambda stage: aikit.rgb_to_hsv(stage.picture()),
        (
            *ours("rgb_to_hsv", aikit.rgb_to_hsv, "rgb", None, 0.85),
            peer("kornia rgb_to_hsv", "rgb", _kornia("rgb_to_hsv"), checked=False),
            peer(
                "kornia rgb_to_hsv, torch.compile", "rgb", _kornia_compiled("rgb_to_hsv"), checked=False, compiles=True
            ),
        ),
        tolerance=1e-3,
        circle=True,
    ),
    Job(
        "RGB to Lab, float32",
        24,
        lambda stage: aikit.rgb_to_lab(stage.picture()),
        (
            *ours("rgb_to_lab", aikit.rgb_to_lab, "rgb", None, 0.75),
            peer("kornia rgb_to_lab", "rgb", _kornia("rgb_to_lab"), checked=False),
            peer(
                "kornia rgb_to_lab, torch.compile", "rgb", _kornia_compiled("rgb_to_lab"), checked=False, compiles=True
            ),
        ),
        tolerance=1e-3,
    ),
    Job(
        "uint8 NHWC to Lab, float32 NCHW",
        15,
        lambda stage: aikit.rgb_to_lab(stage.picture()),
        ours("to_tensor, rgb_to_lab", lambda x: aikit.rgb_to_lab(_to_floats(x)), "hwc", None, None)[:2],
        tolerance=1e-3,
    ),
)

# ---------------------------------------------------------------- transparency


TRANSPARENCY = (
    Job(
        "flatten RGBA over white, float32",
        28,
        lambda stage: aikit.flatten(stage.picture(4)),
        (
            *ours("flatten", aikit.flatten, "rgba", None, 0.8),
            peer("torch lerp", "rgba", lambda: lambda x: torch.lerp(torch.ones_like(x[:, :3]), x[:, :3], x[:, 3:])),
        ),
    ),
    Job(
        "RGBA over RGBA, float32",
        48,
        lambda stage: aikit.composite(stage.picture(4), _picture_of(stage, 1)),
        (
            Entry("aikit composite", lambda stage: _pairs(stage, aikit.composite)),
            Entry(
                "aikit composite, fused",
                lambda stage: _pairs(stage, aikit.fusion.fused(aikit.composite)),
                0.8,
                compiles=True,
            ),
        ),
        tolerance=1e-4,
    ),
)


def _picture_of(stage: Stage, at: int) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(stage.codes[at][0].permute(1, 2, 0).cpu().numpy()) / 255


def _pairs(stage: Stage, fn: Callable[[Tensor, Tensor], Tensor]) -> Call:
    return lambda at: fn(stage.rgba[at], stage.rgba[(at + 1) % SETS])


# ---------------------------------------------------------------- sizes


def _resize(scale: float) -> Callable[[Tensor], Tensor]:
    return lambda batch: aikit.resize(batch, scale=scale)


def _resized(scale: float) -> Callable[[Stage], np.ndarray[Any, Any]]:
    return lambda stage: aikit.resize(stage.picture(), scale=scale)


SIZES = tuple(
    Job(
        f"resize {name}, Lanczos, float32, two passes",
        moved,
        _resized(scale),
        (
            *ours("resize", _resize(scale), "rgb", None, 0.6),
            peer(
                "torch interpolate, bicubic, antialias", "rgb", lambda scale=scale: _interpolate(scale), checked=False
            ),  # type: ignore[misc]
            peer("kornia resize, bicubic", "rgb", _kornia_resize(scale), checked=False),
        ),
    )
    for name, scale, moved in (("to half", 0.5, 27), ("to double", 2, 108))
)

JOBS = (*CONVERSIONS, *COLORS, *TRANSPARENCY, *SIZES)
