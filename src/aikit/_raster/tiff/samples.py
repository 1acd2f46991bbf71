"""Samples of a TIFF page, put together from its strips and tiles: the kinds that Pillow reads wrongly or not at all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...errors import FileFormatError
from ..high_depth import Samples
from .blocks import Block, dtype_of
from .directory import Page, block_rows, grid_of

__all__ = ["Finish", "read_page", "read_stored", "turn"]

# Samples in a strip of rows.
_STRIP = 1 << 18

Finish = Callable[[Samples], Samples]


def read_page(data: bytes, page: Page, name: str, finish: Finish, *, lenient: bool = False) -> Samples:
    """The samples of a page that `is_ours`, as (H, W, C): color, then alpha if there is one; straight and upright.

    Unsigned integers of up to 8 bits come as uint8 and of up to 16 as uint16, each over its whole range, 0 being black;
    colors of a palette looked up, in 16 bits where 8 would not be exact. Signed and 32-bit integers come as int32.
    float16 widens to float32 exactly; float64 is rounded to float32, the widest kind aikit's readers hand out. Each
    strip of rows goes through `finish` before it is put in its place: only the result is ever held entirely.
    """
    mean = _meaning_of(page, name)
    return _put_together(data, page, name, lambda strip: finish(_straight(mean(strip), page)), lenient)


def read_stored(data: bytes, page: Page, name: str, *, lenient: bool = False) -> Samples:
    """The samples of a page that passed `require_numbers` as they are stored, (H, W, C), upright, in native order.

    Every number and every sample is kept: indices of a palette, codes of any depth in the smallest type that has them.
    """
    return _put_together(data, page, name, lambda strip: strip, lenient)


def _put_together(data: bytes, page: Page, name: str, finish: Finish, lenient: bool) -> Samples:
    """Put the strips and tiles of a page together, a strip of rows at a time."""
    down, across, planes = grid_of(page)

    def finish_strip(strip: Samples) -> Samples:
        return finish(strip.astype(strip.dtype.newbyteorder("="), copy=False))

    example = finish_strip(np.zeros((1, 1, page.samples), dtype_of(page)))
    out = np.zeros((page.height, page.width, example.shape[2]), example.dtype)
    for row, column in np.ndindex(down, across):
        rows = page.block_height if page.tiled else block_rows(page, row)
        indexes = [(plane * down + row) * across + column for plane in range(planes)]
        blocks = [Block(data, page, index, rows, name, lenient) for index in indexes]
        top, left = row * page.block_height, column * page.block_width
        height, width = min(rows, page.height - top), min(page.block_width, page.width - left)
        step = max(1, _STRIP // page.block_width)
        for above in range(0, height, step):
            parts = [block.take(min(step, height - above))[:, :width] for block in blocks]
            strip = parts[0] if planes == 1 else np.concatenate(parts, axis=2)
            out[top + above : top + above + len(strip), left : left + width] = finish_strip(strip)
    return turn(out, page.orientation)


def _meaning_of(page: Page, name: str) -> Finish:
    """What turns the stored codes of a page, in native order, into values."""
    if page.photometric == 3:
        table = _color_table(page)
        return lambda codes: _look_up(codes, table)
    if page.sample_format == 3:
        return lambda values: values.astype(np.float32, copy=False)
    if page.sample_format == 2 or page.depth == 32:
        return lambda values: _as_int32(values, name)
    return lambda codes: _spread(codes, page)


def _spread(codes: Samples, page: Page) -> Samples:
    """Unsigned codes over the whole range of their type, rounded, with 0 as black."""
    top, full = (1 << page.depth) - 1, int(np.iinfo(codes.dtype).max)
    if top < full:
        codes = ((np.arange(top + 1) * full + top // 2) // top).astype(codes.dtype)[codes]
    if page.photometric == 0:
        codes = codes.copy()
        codes[..., 0] = full - codes[..., 0]
    return codes


def _color_table(page: Page) -> Samples:
    """The colors of a palette, (N, 3), in 8 bits where those are all that there is; old writers wrote 8 bits as they are.

    Source: as libtiff tells the two apart, `checkcmap` in tif_getimage.c.
    """
    colors = np.array(page.color_map, np.uint16).reshape(3, -1).T
    if colors.max() < 256:
        return colors.astype(np.uint8)
    eight = (colors >> 8).astype(np.uint8)
    same = np.array_equal(eight.astype(np.uint16) * 257, colors) or not (colors & 255).any()
    return eight if same else colors


def _look_up(codes: Samples, table: Samples) -> Samples:
    color = table[codes[..., 0]]
    if codes.shape[2] == 1:
        return color
    alpha = codes[..., 1:].astype(table.dtype)
    if codes.dtype.itemsize < table.dtype.itemsize:
        alpha *= 257
    return np.concatenate([color, alpha], axis=2)


def _as_int32(samples: Samples, name: str) -> NDArray[np.int32]:
    """Pillow's mode I, whose codes end at 2**31 - 1; Pillow itself lets larger ones turn negative."""
    if samples.max() > np.iinfo(np.int32).max:
        raise FileFormatError(
            name,
            f"integers up to {np.iinfo(np.int32).max}",
            str(samples.max()),
            "save the TIFF as 32-bit float",
            code="unsupported_format",
        )
    return samples.astype(np.int32)


def _straight(samples: Samples, page: Page) -> Samples:
    """Divide by alpha where the file stores color multiplied by it; color without alpha becomes black."""
    if not page.associated:
        return samples
    codes, alpha = samples.dtype.kind == "u", samples[..., -1:]
    color: Samples = samples[..., :-1].astype(np.float64 if codes else np.float32)
    full = float(np.iinfo(samples.dtype).max) if codes else 1.0
    if codes:
        color *= full
    seen = alpha > 0
    np.divide(color, alpha, out=color, where=seen)
    if codes:
        np.minimum(np.rint(color, out=color), full, out=color)
    result = samples.copy()
    result[..., :-1] = color
    np.copyto(result[..., :-1], 0, where=~seen)
    return result


def turn(samples: Samples, orientation: int) -> Samples:
    """Turn rows and columns as the orientation tag asks (TIFF 6.0, section 8; EXIF numbers them alike)."""
    if orientation in (5, 6, 7, 8):
        samples = samples.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return np.ascontiguousarray(samples)
