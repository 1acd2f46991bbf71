"""Options of the encoders: which format takes which, and what they may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..errors import InputTypeError, InputValueError, quoted
from .formats import Format
from .integrity import word

__all__ = ["EncodeOptions", "Subsampling", "check_options", "options_of", "subsampling_of"]

Subsampling = Literal["4:4:4", "4:2:2", "4:2:0"]

_SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")
# Effort, least and most, each format on the scale of its own encoder; AVIF's is its speed turned round.
_EFFORTS = {"png": (0, 9), "webp": (0, 6), "avif": (0, 10), "jxl": (1, 9)}
_TAKERS: dict[str, tuple[str, ...]] = {
    "subsampling": ("jpeg", "avif"),
    "progressive": ("jpeg",),
    "effort": tuple(_EFFORTS),
    "optimize": ("png", "jpeg"),
    "palette": ("png",),
    "sizes": ("ico",),
}
# libjpeg's default is 4:2:0 whatever the quality, which shows around text and edges of red and blue.
_FULL_COLOR_FROM = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeOptions:
    """How a picture is encoded; None is the default of the format.

    Attributes:
        quality: 1..100 for JPEG, WebP, AVIF and JPEG XL.
        lossless: True for bit-exact WebP and JPEG XL; elsewhere only what the format does anyway.
        subsampling: of the color of JPEG and AVIF.
        progressive: JPEG in several passes.
        effort: how much time is given to a smaller file: PNG 0..9, WebP 0..6, AVIF 0..10,
            JPEG XL 1..9.
        optimize: a smaller file of the same pixels: fitted Huffman tables for JPEG, a palette or single bits for PNG.
        palette: PNG with a palette of that many colors at most.
        sizes: the longer sides of the pictures in an ICO.
    """

    quality: int | None = None
    lossless: bool | None = None
    subsampling: Subsampling | None = None
    progressive: bool | None = None
    effort: int | None = None
    optimize: bool | None = None
    palette: int | None = None
    sizes: Sequence[int] | None = None


def subsampling_of(options: EncodeOptions, quality: int) -> Subsampling:
    """The subsampling of a JPEG of that quality: color whole from quality 90 on, unless something else is asked for."""
    return options.subsampling or ("4:4:4" if quality >= _FULL_COLOR_FROM else "4:2:0")


def options_of(target: Format, options: EncodeOptions) -> EncodeOptions:
    """Those of the options that a format takes: what it does not have is for other formats, where there are several."""
    left_out = [option for option, takers in _TAKERS.items() if target.name not in takers]
    return replace(options, **dict.fromkeys([*left_out, *(["quality"] if target.quality is None else [])]))


def check_options(target: Format, options: EncodeOptions) -> None:
    """Check options for a format.

    Raises:
        InputTypeError: an option of the wrong type.
        InputValueError: the format has no such option, or not that value.
    """
    _check_switch("lossless", options.lossless)
    _check_lossless(target, options.lossless)
    _check_quality(target, options.quality, options.lossless)
    for option, takers in _TAKERS.items():
        _check_taker(option, getattr(options, option), takers, target)
    _check_subsampling(options.subsampling)
    _check_switch("progressive", options.progressive)
    _check_switch("optimize", options.optimize)
    _check_whole("effort", options.effort, *_EFFORTS.get(target.name, (0, 0)))
    _check_whole("palette", options.palette, 2, 256)
    _check_sizes(options.sizes, target)


def _check_taker(option: str, value: object, takers: tuple[str, ...], target: Format) -> None:
    # False is what a format without the switch does anyway.
    if value is None or value is False or target.name in takers:
        return
    take = (
        f"only {' and '.join([', '.join(map(word, takers[:-1])), word(takers[-1])]) if takers[1:] else word(takers[0])}"
    )
    raise InputValueError(
        option, f"None for {word(target.name)}", quoted(value), f"{take} take{'s' * (not takers[1:])} it"
    )


def _check_switch(option: str, value: object) -> None:
    if value is not None and not isinstance(value, bool):
        raise InputTypeError(option, "True, False or None", quoted(value), "pass one of them")


def _check_lossless(target: Format, lossless: bool | None) -> None:
    title = word(target.name)
    if lossless and target.lossless == "never":
        raise InputValueError("lossless", f"None or False for {title}", "True", "write PNG or WebP instead")
    if lossless is False and target.lossless == "always":
        raise InputValueError("lossless", f"None or True for {title}", "False", "write JPEG or WebP instead")


def _check_quality(target: Format, quality: object, lossless: bool | None) -> None:
    if quality is None:
        return
    if isinstance(quality, bool) or not isinstance(quality, int):
        raise InputTypeError("quality", "a whole number 1..100", quoted(quality), "pass one")
    if target.quality is None:
        title = word(target.name)
        raise InputValueError(
            "quality", f"None for {title}", quoted(quality), "only JPEG, WebP, AVIF and JPEG XL take it"
        )
    if lossless:
        raise InputValueError("quality", "None with lossless=True", quoted(quality), "pass one of the two")
    if not 1 <= quality <= 100:
        raise InputValueError("quality", "1..100", quoted(quality), "pass a number in that range")


def _check_subsampling(value: object) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise InputTypeError("subsampling", f"one of {', '.join(_SUBSAMPLINGS)}", quoted(value), "pass one of them")
    if value not in _SUBSAMPLINGS:
        raise InputValueError("subsampling", f"one of {', '.join(_SUBSAMPLINGS)}", quoted(value), "pass one of them")


def _check_whole(option: str, value: object, least: int, most: int) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputTypeError(option, f"a whole number {least}..{most}", quoted(value), "pass one")
    if not least <= value <= most:
        raise InputValueError(option, f"{least}..{most}", quoted(value), "pass a number in that range")


def _check_sizes(sizes: object, target: Format) -> None:
    if sizes is None:
        return
    most = target.max_side or 0
    if isinstance(sizes, (str, bytes)) or not isinstance(sizes, Sequence):
        raise InputTypeError("sizes", "whole numbers such as (16, 32, 256)", quoted(sizes), "pass a tuple of them")
    if not sizes:
        raise InputValueError("sizes", "one size at least", "none", "pass for instance (16, 32, 256)")
    for size in sizes:
        _check_whole("sizes", size, 1, most)
