"""What is done with each picture before it is made to fit: a recipe, a model's own preprocessing, any function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from .._check import function
from .._pixels import Opened, adapter, as_own, in_threads, load_beside, pass_open
from ..convert import to_numpy, to_tensor
from ..errors import AikitError, InputValueError
from ..types import AnyImage
from .failures import OPTIONS, Failures

__all__ = ["Prepare", "call_prepare", "check_prepare", "prepare_picture", "prepare_pictures"]

# Any, because a function may take one kind of image alone.
Prepare: TypeAlias = Callable[[Any], AnyImage]


def check_prepare(prepare: Prepare | None) -> None:
    """Refuse what cannot be called."""
    if prepare is not None:
        function("prepare", prepare)


def prepare_pictures(
    pictures: Sequence[Opened[AnyImage] | None], names: Sequence[str], prepare: Prepare, failures: Failures
) -> list[Opened[AnyImage] | None]:
    """Prepare pictures that are open, those in host memory in threads; None where one failed, now or before."""

    def attempt(index: int) -> Opened[AnyImage] | None:
        one = pictures[index]
        if one is None:
            return None
        return failures.attempt(index, lambda index: prepare_picture(one, prepare, names[index]))

    # Tensors stay in this thread, whose stream, gradient mode and autocast are its own.
    here = [index for index, one in enumerate(pictures) if one and adapter(one.spec.kind).on_accelerators]
    elsewhere = [index for index in range(len(pictures)) if index not in {*here}]
    done = dict(zip(elsewhere, in_threads(attempt, elsewhere), strict=True))
    return [done[index] if index in done else attempt(index) for index in range(len(pictures))]


def prepare_picture(opened: Opened[AnyImage], prepare: Prepare, name: str) -> Opened[AnyImage]:
    """Prepare one picture; `name` is what messages call it."""
    prepared = as_own(call_prepare(prepare, _show_rgb(opened), name), f"prepare({name})")
    result = load_beside(prepared, f"prepare({name})", bgr=False)
    if result.spec.batch:
        shape = tuple(result.pixels.image.shape)
        raise InputValueError(f"prepare({name})", "one picture", f"a batch of shape {shape}", "give one for each")
    return result


def call_prepare(prepare: Prepare, image: AnyImage, name: str) -> AnyImage:
    """Give one picture to the function; its errors say which picture that was."""
    try:
        return prepare(image)
    except AikitError as error:
        if error.subject in OPTIONS:
            raise
        raise error.with_subject(name if error.subject == "image" else f"{name}, {error.subject}") from error


def _show_rgb(opened: Opened[AnyImage]) -> AnyImage:
    """Give the image itself; one that runs B, G, R in the order that everything else takes it in."""
    pixels, spec = opened
    if not spec.bgr:
        image: AnyImage = pixels.image
        return image
    picture = pass_open(opened)
    return to_tensor(picture, dtype=None) if adapter(spec.kind).on_accelerators else to_numpy(picture)
