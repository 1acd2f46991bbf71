"""The steps of a recipe: names of operations with their keywords, checked, in one form, and frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, overload

from .._pixels import as_own, give_back, is_foreign, kind_of, spec_of
from ..errors import InputTypeError, InputValueError, quoted
from ..limits import Limits
from ..operations import get
from ..operations.registry import as_data
from ..types import AnyImage, ImageT

if TYPE_CHECKING:
    from ..sample import Sample

__all__ = ["Keywords", "Step", "apply_steps", "as_dict", "as_plain", "check_size", "check_steps", "size_of"]


class Keywords(dict[str, Any]):  # Any, as in operations/values.py
    """Keywords that stay as they are, so that they can be hashed."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise InputTypeError("steps", "to stay as they are", "a change", "make another Recipe of them")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[object, ...]:
        return Keywords, (dict(self),)


Step = tuple[str, Keywords]
Plain: TypeAlias = "bool | int | float | str | tuple[Plain, ...] | Keywords | None"


def check_steps(steps: object, channels: object = "color") -> tuple[Step, ...]:
    """The steps in their one form, with their channels where these are data; a mistake in any is said before any work."""
    if isinstance(steps, (str, bytes, Mapping)) or not isinstance(steps, Iterable):
        raise InputTypeError("steps", "a list of steps", quoted(steps), 'pass [("trim", {})]')
    return tuple(_check_step(step, channels == "data") for step in steps)


def _check_step(step: object, on_data: bool) -> Step:
    if not isinstance(step, (tuple, list)) or len(step) != 2 or not isinstance(step[1], Mapping):
        raise InputTypeError(
            "steps", "pairs of a name and its keywords", quoted(step), 'pass ("resize", {"width": 1024})'
        )
    operation = get(step[0])
    keywords = Keywords({word: _freeze(value, step[0]) for word, value in step[1].items()})
    keywords = Keywords(as_data(operation, keywords)) if on_data else keywords
    operation.check(keywords)
    return step[0], keywords


# Beyond, JSON and TOML differ from reader to reader: TOML 1.0, "Integer".
_LARGEST_INTEGER = 2**63 - 1
_DEEPEST = 16


def _freeze(value: object, name: str, depth: int = 0) -> Plain:
    """Plain data in its one form: tuples for lists, and the builtin types for those derived from them."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > _LARGEST_INTEGER:
            raise InputValueError(name, f"integers up to {_LARGEST_INTEGER}", quoted(value), "pass a smaller one")
        return int(value)
    if isinstance(value, (str, float)):
        return str(value) if isinstance(value, str) else float(value)
    if depth > _DEEPEST:
        raise InputValueError(name, f"lists at most {_DEEPEST} deep", "deeper ones", "pass numbers and texts")
    if isinstance(value, (list, tuple)):
        return tuple(_freeze(each, name, depth + 1) for each in value)
    if isinstance(value, Mapping) and all(isinstance(word, str) for word in value):
        return Keywords({word: _freeze(each, name, depth + 1) for word, each in value.items()})
    raise InputTypeError(name, "plain data", quoted(value), "pass numbers and texts")


def as_dict(keywords: Mapping[str, object]) -> dict[str, object]:
    """Keywords, and what is in them, as dicts and lists."""
    return {word: as_plain(each) for word, each in keywords.items()}


def as_plain(value: object) -> object:
    """A value of a keyword, and what is in it, as dicts and lists."""
    if isinstance(value, Mapping):
        return as_dict(value)
    return [as_plain(each) for each in value] if isinstance(value, tuple) else value


@overload
def apply_steps(image: Sample, steps: Iterable[Step], *, subject: str, limits: Limits | None) -> Sample: ...
@overload
def apply_steps(image: ImageT, steps: Iterable[Step], *, subject: str, limits: Limits | None) -> ImageT: ...
def apply_steps(image: Any, steps: Iterable[Step], *, subject: str, limits: Limits | None) -> Any:
    """The picture, or the sample, after these steps.

    Raises:
        LimitError: a step would make more pixels than `limits` allow; said before it takes memory where it can be known.
    """
    from ..sample import Sample  # not before there is an image: it loads what works on images

    if is_foreign(image):
        return give_back(apply_steps(as_own(image), steps, subject=subject, limits=limits), image)
    if not isinstance(image, Sample):
        kind_of(image)
    for name, keywords in steps:
        operation = get(name)
        if limits is not None:
            check_size(operation.new_size(_picture_of(image), keywords), subject, limits)
        image = image.apply(name, **keywords) if isinstance(image, Sample) else operation(image, keywords)
        if limits is not None and operation.changes_size:
            check_size(size_of(_picture_of(image), keywords.get("channels")), subject, limits)
    return image


def _picture_of(image: AnyImage | Sample) -> AnyImage:
    from ..sample import Sample

    return image.image if isinstance(image, Sample) else image


def check_size(size: tuple[int, int] | None, subject: str, limits: Limits) -> None:
    """Refuse a picture that is larger than `limits` allow one to be made."""
    if size is not None:
        limits.check(subject, "pixels after resizing", "max_output_pixels", size[0] * size[1])


def size_of(image: AnyImage, channels: object = "color") -> tuple[int, int]:
    """The height and width of an image, or of planes of data."""
    spec = spec_of(image, channels)
    return spec.height, spec.width
