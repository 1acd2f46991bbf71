"""A recipe: what is done to every picture of a folder, as data that can be stored, sent and compared."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

from .._arguments import one_of
from ..errors import InputTypeError, InputValueError, quoted
from ..limits import Limits

__all__ = ["Recipe", "new_height_and_width"]

# Part of every digest: a change in what a step means makes the outputs of earlier versions stale.
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to do with each picture, in this order, and how to write it.

    Args:
        steps: pairs of a function's name and its keywords: "resize", "blur", "trim", "flatten", "make_transparent" or
            "color_to_alpha", as at the top of aikit. Keywords are plain data: numbers, texts, lists.
        to: the format to write, such as "webp"; None keeps what each file's suffix says.
        quality: 1 to 100, for the formats that know it.
        lossless: True for WebP without loss.
        allow_truncated: take what is there of a JPEG or PNG that ends too early.

    Raises:
        InputTypeError: a step is no such pair, or its keywords are no plain data.
        InputValueError: an unknown step, keyword, format, or a value that the function refuses.

    Example:
        >>> recipe = Recipe([("resize", {"width": 1024}), ("flatten", {"background": "white"})], to="webp", quality=80)
        >>> recipe.digest == Recipe(recipe.steps, to="WebP", quality=80).digest
        True
    """

    steps: Sequence[tuple[str, Mapping[str, Any]]] = ()
    _: KW_ONLY
    to: str | None = None
    quality: int | None = None
    lossless: bool | None = None
    allow_truncated: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.steps, (str, bytes, Mapping)) or not isinstance(self.steps, Iterable):
            raise InputTypeError("steps", "a list of steps", quoted(self.steps), 'pass [("trim", {})]')
        object.__setattr__(self, "steps", tuple(_checked(step) for step in self.steps))
        if self.to is not None:
            from .._raster import capabilities

            try:
                capabilities(self.to)
            except (InputTypeError, InputValueError) as error:
                raise type(error)(str(error).replace("format:", "to:", 1)) from error
            object.__setattr__(self, "to", self.to.lower().lstrip("."))
            self.check([self.to])

    @property
    def digest(self) -> str:
        """64 hex digits that tell recipes apart, the same on every machine."""
        facts = {
            "version": _VERSION,
            "steps": self.steps,
            "to": self.to,
            "quality": self.quality,
            "lossless": self.lossless,
            "allow_truncated": self.allow_truncated,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def check(self, formats: Iterable[str]) -> None:
        """Try how the pictures are written on one pixel, so that a mistake is said once and before any work."""
        from PIL import Image

        from .._raster import capabilities
        from ..files import encode

        names = sorted({capabilities(name).name for name in formats})
        # A folder may hold formats that know no quality beside those that do.
        takers = [name for name in names if capabilities(name).quality is not None]
        pixel = Image.new("RGB", (1, 1))
        for name in takers or names:
            encode(pixel, name, quality=self.quality, lossless=self.lossless)
        for name in names:
            encode(pixel, name, lossless=self.lossless)

    def apply(self, image: Any, *, subject: str, limits: Limits | None, after: int = 0) -> Any:
        """The picture after all steps from number `after` on.

        Raises:
            LimitError: a step would make more pixels than `limits` allow; said before it takes memory.
        """
        from .._pixels import load

        for name, keywords in self.steps[after:]:
            if name == "resize":  # the only step that can make a picture larger
                new_height_and_width(load(image).spec, keywords, subject=subject, limits=limits)
            image = _functions()[name](image, **keywords)
        return image

    def encoded(self, image: Any, suffix: str) -> bytes:
        """The picture as the bytes of a file with this suffix."""
        from .._raster import capabilities
        from ..files import encode

        target = capabilities(suffix)
        quality = None if target.quality is None else self.quality
        return encode(image, target.name, quality=quality, lossless=self.lossless)


def new_height_and_width(
    spec: Any, keywords: Mapping[str, Any], *, subject: str = "resize", limits: Limits | None = None
) -> tuple[int, int]:
    """What the step "resize" with these keywords makes of a picture, if `limits` allow it."""
    from ..resample.size import new_size

    height, width = new_size(spec, keywords.get("height"), keywords.get("width"), keywords.get("scale"))
    if limits is not None:
        limits.check(subject, "pixels after resizing", "max_output_pixels", height * width)
    return height, width


def _functions() -> dict[str, Callable[..., Any]]:
    from .. import alpha, resample

    return {
        "resize": resample.resize,
        "blur": resample.blur,
        "trim": alpha.trim,
        "flatten": alpha.flatten,
        "make_transparent": alpha.make_transparent,
        "color_to_alpha": alpha.color_to_alpha,
    }


def _checked(step: Any) -> tuple[str, dict[str, Any]]:
    """A step that its function takes; the mistake in any other is said here, before any work."""
    if not isinstance(step, (tuple, list)) or len(step) != 2 or not isinstance(step[1], Mapping):
        raise InputTypeError(
            "steps", "pairs of a name and its keywords", quoted(step), 'pass ("resize", {"width": 1024})'
        )
    name, keywords = step[0], dict(step[1])
    functions = _functions()
    if name not in functions:
        raise InputValueError("steps", f"names from {', '.join(functions)}", quoted(name), "pass some of these")
    known = list(inspect.signature(functions[name]).parameters)[1:]
    for keyword in keywords:
        if keyword not in known:
            raise InputValueError(name, f"keywords from {', '.join(known) or 'none'}", quoted(keyword), "leave it out")
    try:
        json.dumps(keywords)
    except (TypeError, ValueError) as error:
        raise InputTypeError(name, "plain data", quoted(keywords), "pass numbers and texts") from error
    _try(functions[name], name, keywords)
    return name, keywords


def _try(function: Callable[..., Any], name: str, keywords: dict[str, Any]) -> None:
    from PIL import Image

    pixel = Image.new("RGBA", (1, 1), "black")
    if name == "resize":
        # Not by doing it: one pixel may become an enormous picture.
        from .._pixels import load
        from ..resample.size import METHODS

        new_height_and_width(load(pixel).spec, keywords)
        one_of("method", keywords.get("method", "lanczos"), METHODS)
        return
    try:
        inspect.unwrap(function)(pixel, **keywords)  # that Python refuses is told of here
    except TypeError as error:
        if isinstance(error, InputTypeError):
            raise
        raise InputValueError(name, "all its keywords", f"{quoted(keywords)} ({error})", "add them") from error
