"""Parts of pictures, and pictures with a margin: both are windows onto a plane that the picture lies on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .._check import integer, one_of
from .._foreign_names import explain_calls
from .._pixels import ChannelKind, load, takes_data
from ..errors import InputValueError, quoted
from ..types import Color, ImageT
from .filling import parse_fill
from .moving import move_pixels
from .placing import LARGEST, Anchor, Offset, Side, check_anchor, check_numbers, share_of, whole_box

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL import Image

    Array: TypeAlias = np.ndarray[Any, Any]

__all__ = ["Window", "check_crop", "check_pad", "crop", "crop_window", "pad", "pad_window"]

Mode = Literal["constant", "edge", "reflect", "wrap"]

_MODES = ("constant", "edge", "reflect", "wrap")

_LEAST = -LARGEST


@takes_data(lambda options: False)
@explain_calls
def crop(
    image: ImageT,
    *,
    left: Offset | None = None,
    top: Offset | None = None,
    width: Side | None = None,
    height: Side | None = None,
    box: tuple[int, int, int, int] | None = None,
    center: tuple[float, float] | None = None,
    anchor: Anchor = "center",
    fill: Color | None = None,
    bgr: bool = False,
    channels: ChannelKind = "color",
) -> ImageT:
    """Cut a part out of an image.

    The part may reach beyond the picture, where `fill` is. Pixels stay as they are, bit for bit.

    Args:
        image: any image or batch.
        left: the first column of the part, in pixels; may be negative.
        top: the first row of the part, in pixels; may be negative.
        width: of the part, in pixels; with `left` left out it lies as `anchor` says.
        height: of the part, in pixels; with `top` left out it lies as `anchor` says.
        box: instead of these, (left, top, right, bottom) in whole pixels.
        center: instead of `left` and `top`, (x, y) of the middle of the part, to the nearest pixel.
        anchor: which part is taken where only `width` and `height` are given: the "center", or "top-left", "top",
            "right" and so on.
        fill: the color beyond the picture; None is transparent where there is alpha, else black.
        bgr: the array or tensor runs B, G, R(, A); `fill` is R, G, B always.
        channels: "data" takes arrays and tensors of any number of channels, none of which is alpha: depth, flow, bands of
            a satellite. Whole numbers that no image has, such as int64 labels, are data always.

    Returns:
        Same kind and dtype, `height` by `width`, in memory of its own. Differentiable in torch.

    Raises:
        InputTypeError: not an image, or edges that are not whole numbers.
        InputValueError: no part or several ways to say it, one that does not meet the picture, or a fill that the
            image cannot have.

    Example:
        >>> import numpy as np
        >>> picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
        >>> crop(picture, left=1, top=0, width=2, height=2).tolist()
        [[1, 2], [5, 6]]
        >>> crop(picture, box=(3, 2, 5, 3), fill="white").tolist()
        [[11, 255]]
    """
    opened = load(image, bgr=bgr)
    spec = opened.spec
    window = crop_window(
        spec.height,
        spec.width,
        left=left, top=top, width=width, height=height, box=box, center=center, anchor=anchor,
    )  # fmt: skip
    _check_meets(window, spec.height, spec.width)
    return move_pixels(opened, window, parse_fill(fill, spec))


@takes_data(lambda options: False)
@explain_calls
def pad(
    image: ImageT,
    *,
    left: Offset = 0,
    right: Offset = 0,
    top: Offset = 0,
    bottom: Offset = 0,
    height: Side | None = None,
    width: Side | None = None,
    anchor: Anchor = "center",
    fill: Color | None = None,
    mode: Mode = "constant",
    bgr: bool = False,
    channels: ChannelKind = "color",
) -> ImageT:
    """Add a margin to an image.

    Args:
        image: any image or batch.
        left: columns to add on the left, 0 or more pixels.
        right: columns to add on the right.
        top: rows to add above.
        bottom: rows to add below.
        height: instead of `top` and `bottom`, the height of the result.
        width: instead of `left` and `right`, the width of the result.
        anchor: where the picture lies in a result of that `height` and `width`: in the "center", at the "top-left" and
            so on. An odd pixel goes to the right and below.
        fill: the color of a "constant" margin; None is transparent where there is alpha, else black.
        mode: "constant"; "edge" repeats the outermost pixels, "reflect" mirrors the picture about them, "wrap" begins
            it again.
        bgr: the array or tensor runs B, G, R(, A); `fill` is R, G, B always.
        channels: "data" takes arrays and tensors of any number of channels, none of which is alpha: depth, flow, bands of
            a satellite. Whole numbers that no image has, such as int64 labels, are data always.

    Returns:
        Same kind and dtype, in memory of its own. Differentiable in torch.

    Raises:
        InputTypeError: not an image, or sides that are not whole numbers.
        InputValueError: a negative margin, both a margin and a size, a size below the picture's, or a fill that the
            image or the mode cannot have.

    Example:
        >>> import numpy as np
        >>> row = np.array([[1, 2, 3]], np.uint8)
        >>> pad(row, left=2, right=1, mode="reflect").tolist()
        [[3, 2, 1, 2, 3, 2]]
        >>> pad(row, width=5, height=1, fill=9).tolist()
        [[9, 1, 2, 3, 9]]
    """
    opened = load(image, bgr=bgr)
    spec = opened.spec
    window = pad_window(
        spec.height,
        spec.width,
        left=left, right=right, top=top, bottom=bottom, height=height, width=width, anchor=anchor, mode=mode,
        fill=fill,
    )  # fmt: skip
    return move_pixels(opened, window, parse_fill(fill, spec))


# ---------------------------------------------------------------- which window


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the plane that a picture lies on, in its pixels, and what is beyond the picture."""

    left: int
    top: int
    width: int
    height: int
    mode: str = "constant"

    def new_size(self, height: int, width: int) -> tuple[int, int]:
        """The height and width of the result."""
        return self.height, self.width

    def positions(self, height: int, width: int) -> tuple[Array, Array]:
        """Which row and column of a picture of this size each one of the window is, but for a "constant" margin."""
        return (
            _positions(self.top, self.height, height, self.mode),
            _positions(self.left, self.width, width, self.mode),
        )

    def fill_array(self, source: Array, into: Array, color: Sequence[float]) -> None:
        """Copy what the window shows of the picture, then fill what is beyond it."""
        if self.mode != "constant":
            _fill_by_index(self, source, into)
            return
        rows, at_rows = _overlap(self.top, self.height, source.shape[0])
        columns, at_columns = _overlap(self.left, self.width, source.shape[1])
        into[at_rows, at_columns] = source[rows, columns]
        if (at_rows.start, at_rows.stop, at_columns.start, at_columns.stop) == (0, self.height, 0, self.width):
            return
        import numpy as np

        # Whole rows are copied from one row of color: a pixel at a time takes ten times as long.
        row = np.empty(into.shape[1:], into.dtype)
        row[:] = color if into.ndim == 3 else color[0]
        into[: at_rows.start], into[at_rows.stop :] = row, row
        for beside in (slice(0, at_columns.start), slice(at_columns.stop, None)):
            into[at_rows, beside] = row[beside]

    def of_picture(self, image: Image.Image, color: Sequence[float]) -> Image.Image | None:
        """Have Pillow copy what the window shows: it does not fill new memory with zeros first."""
        from PIL import Image

        if self.mode != "constant":
            return None
        rows, at_rows = _overlap(self.top, self.height, image.height)
        columns, at_columns = _overlap(self.left, self.width, image.width)
        shown = (columns.start, rows.start, columns.stop, rows.stop)
        if (shown[2] - shown[0], shown[3] - shown[1]) == (self.width, self.height):
            return image.crop(shown)
        part = image if shown == (0, 0, image.width, image.height) else image.crop(shown)
        one = color[0] if image.mode == "F" else int(color[0])
        fill = one if len(color) == 1 else tuple(map(int, color))
        result = Image.new(image.mode, (self.width, self.height), fill)
        result.paste(part, (at_columns.start, at_rows.start))
        return result

    def of_tensor(self, tensor: torch.Tensor, color: Sequence[float]) -> torch.Tensor:
        """Take what the window shows of the picture, and lay it on the color where it reaches further."""
        import torch

        height, width = tensor.shape[-2:]
        if self.mode != "constant":
            for axis, at in zip((-2, -1), self.positions(height, width), strict=True):
                tensor = tensor.index_select(axis, torch.as_tensor(at, device=tensor.device))
            return tensor
        rows, at_rows = _overlap(self.top, self.height, height)
        columns, at_columns = _overlap(self.left, self.width, width)
        part = tensor[..., rows, columns]
        if part.shape[-2:] == (self.height, self.width):
            return part.clone(memory_format=torch.contiguous_format)
        around = (
            at_columns.start, self.width - at_columns.stop, at_rows.start, self.height - at_rows.stop
        )  # fmt: skip
        # Numbers of Python's: a tensor of them would have to be carried to the device, which the program waits for.
        if len({*color}) == 1:
            return torch.nn.functional.pad(part, around, value=color[0])
        channels = [part.narrow(-3, at, 1) for at in range(len(color))]
        padded = [
            torch.nn.functional.pad(each, around, value=value) for each, value in zip(channels, color, strict=True)
        ]
        return torch.cat(padded, -3)


def _overlap(start: int, length: int, side: int) -> tuple[slice, slice]:
    """The part of a side that a window shows, and where in the window it lies."""
    first = min(max(start, 0), side)
    last = max(first, min(start + length, side))
    at = min(max(first - start, 0), length)
    return slice(first, last), slice(at, at + last - first)


def _positions(start: int, length: int, side: int, mode: str) -> Array:
    """Which pixel of a side each pixel of a window is."""
    import numpy as np

    at = np.arange(start, start + length)
    if mode == "edge":
        return np.clip(at, 0, side - 1)
    if mode == "wrap":
        return at % side
    period = max(1, 2 * (side - 1))
    return (side - 1) - np.abs(at % period - (side - 1))


def _fill_by_index(window: Window, source: Array, into: Array) -> None:
    import numpy as np

    rows, at_rows = _overlap(window.top, window.height, source.shape[0])
    columns, at_columns = _overlap(window.left, window.width, source.shape[1])
    down, across = window.positions(*source.shape[:2])
    into[at_rows, at_columns] = source[rows, columns]
    for beside in (slice(0, at_columns.start), slice(at_columns.stop, window.width)):
        into[at_rows, beside] = source[rows][:, across[beside]]
    # Rows beyond the picture are rows of the result already, but for the part above and below: whole rows, in one go each.
    for index in (*range(at_rows.start), *range(at_rows.stop, window.height)):
        np.copyto(into[index], into[at_rows.start + down[index] - rows.start])


def crop_window(
    old_height: int,
    old_width: int,
    *,
    left: Any = None,
    top: Any = None,
    width: Any = None,
    height: Any = None,
    box: Any = None,
    center: Any = None,
    anchor: Any = "center",
    fill: object = None,
    bgr: object = False,
) -> Window:
    """The window that the keywords of `crop` name, on a picture of this size; without a look at `fill` and `bgr`."""
    edges = check_crop(left=left, top=top, width=width, height=height, box=box, center=center, anchor=anchor)
    if edges is not None:
        left, top, right, bottom = edges
        return Window(left, top, right - left, bottom - top)
    width, height = integer("width", width), integer("height", height)
    if center is not None:
        x, y = check_numbers("center", center, 2, "x and y")
        left, top = round(x - width / 2), round(y - height / 2)
    across, down = share_of(anchor)
    # floor, so that an odd pixel is cut on the right and below, as torchvision's center_crop and NumPy's // have it.
    left = int((old_width - width) * across // 1) if left is None else integer("left", left, _LEAST)
    top = int((old_height - height) * down // 1) if top is None else integer("top", top, _LEAST)
    return Window(left, top, width, height)


def check_crop(
    *,
    left: Any = None,
    top: Any = None,
    width: Any = None,
    height: Any = None,
    box: Any = None,
    center: Any = None,
    anchor: Any = "center",
    fill: object = None,
    bgr: object = False,
) -> tuple[int, int, int, int] | None:
    """The box of `crop`, if there is one; refuse keywords that name no part, or name it in several ways."""
    check_anchor(anchor)
    given = {"left": left, "top": top, "width": width, "height": height, "center": center}
    names = [name for name, value in given.items() if value is not None]
    if box is not None:
        if names:
            raise InputValueError("box", "the box alone", f"box and {' and '.join(names)}", "pass one or the other")
        return whole_box(box)
    if width is None or height is None:
        raise InputValueError(
            "crop", "width and height, or a box", " and ".join(names) or "none of them", "pass both, or box=..."
        )
    if center is not None and (left is not None or top is not None):
        raise InputValueError("center", "center alone", f"{' and '.join(names)}", "leave left and top out")
    return None


def pad_window(
    old_height: int,
    old_width: int,
    *,
    left: Any = 0,
    right: Any = 0,
    top: Any = 0,
    bottom: Any = 0,
    height: Any = None,
    width: Any = None,
    anchor: Any = "center",
    mode: Any = "constant",
    fill: object = None,
    bgr: object = False,
) -> Window:
    """The window that the keywords of `pad` name, on a picture of this size."""
    margins = check_pad(
        left=left, right=right, top=top, bottom=bottom, height=height, width=width, anchor=anchor, mode=mode, fill=fill
    )
    share = share_of(anchor)
    left, right = _margins(old_width, width, share[0], margins[:2], "width")
    top, bottom = _margins(old_height, height, share[1], margins[2:], "height")
    return Window(-left, -top, old_width + left + right, old_height + top + bottom, mode)


def _margins(old: int, new: Any, share: float, given: tuple[int, ...], subject: str) -> tuple[int, int]:
    if new is None:
        return given[0], given[1]
    room = new - old
    if room < 0:
        raise InputValueError(subject, f"{old} or more, the picture's own", str(new), "crop or fit it instead")
    before = int(room * share // 1)
    return before, room - before


def check_pad(
    *,
    left: Any = 0,
    right: Any = 0,
    top: Any = 0,
    bottom: Any = 0,
    height: Any = None,
    width: Any = None,
    anchor: Any = "center",
    mode: Any = "constant",
    fill: object = None,
    bgr: object = False,
) -> tuple[int, ...]:
    """The margins left, right, top and bottom; refuse keywords of `pad` that contradict each other."""
    check_anchor(anchor)
    one_of("mode", mode, _MODES)
    if fill is not None and mode != "constant":
        raise InputValueError(
            "fill", f'None for mode="{mode}", which takes the picture\'s own', quoted(fill), "leave it out"
        )
    named = {"left": left, "right": right, "top": top, "bottom": bottom}
    margins = tuple(
        integer(name, value, 0, expected="a whole number of pixels", remedy="crop cuts, pad adds")
        for name, value in named.items()
    )
    for subject, side, pair in (("width", width, margins[:2]), ("height", height, margins[2:])):
        if side is not None and any(pair):
            got = f"{subject} and margins {pair[0]} and {pair[1]}"
            raise InputValueError(subject, "a size or margins", got, "pass one or the other")
        if side is not None:
            integer(subject, side)
    return margins


def _check_meets(window: Window, height: int, width: int) -> None:
    outside = (
        window.left >= width
        or window.top >= height
        or window.left + window.width <= 0
        or window.top + window.height <= 0
    )
    if outside:
        got = f"({window.left}, {window.top}, {window.left + window.width}, {window.top + window.height})"
        raise InputValueError(
            "box", f"a part that meets the picture, 0, 0, {width}, {height}", got, "pass left, top, right and bottom"
        )
