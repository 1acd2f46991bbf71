"""64 bits for what a picture shows: few of them differ between a picture and a smaller or recompressed copy of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .._foreign_names import explain_calls
from .._pixels import TOP, load, pass_open
from ..convert import to_numpy
from ..errors import InputValueError
from ..resample import resize
from ..types import AnyImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["permuted", "picture_hash", "turned_hashes"]

Array: TypeAlias = "NDArray[Any]"
Hashes: TypeAlias = "NDArray[np.int64]"

_SIDE = 32
# u down and v across: the 64 lowest but (0, 0), which is the brightness. A quarter of a disc holds as many, and (v, u)
# with every (u, v), so that a picture that is turned has the same ones.
_REACH = 72
_FREQUENCIES = sorted(
    ((u, v) for u in range(9) for v in range(9) if 0 < u * u + v * v <= _REACH),
    key=lambda at: (at[0] ** 2 + at[1] ** 2, at),
)
_ROWS, _COLUMNS = (np.array(places) for places in zip(*_FREQUENCIES, strict=True))
# What mirroring multiplies by -1, those of odd u or odd v, and what it leaves.
_KIN = [np.flatnonzero(kin == 2 * (_ROWS % 2) + _COLUMNS % 2) for kin in range(4)]
# Which way a coefficient that is zero points within its kin. Both ways occur in each, so that no kin but an empty one
# has bits of 0 alone.
_PATTERN = (_ROWS + _COLUMNS) // 2 % 2 == 1
# BT.601, as `rgb_to_gray` has it.
_LUMA = np.array([0.299, 0.587, 0.114])
# What counts as zero, at least and as a part of the greatest, in units of an orthonormal DCT of 32x32 values in [0, 1],
# where a wave of one code of 255 has 0.063. Rounding to 8 bits leaves 0.001, JPEG of quality 20 moves the photographs of
# scikit-image by 0.004 to 0.014 and drawings by more, as far as their contrast goes.
_ZERO, _SHARE, _FLAT = 0.01, 0.006, 0.03


def _cosines() -> Array:
    """The first nine rows of the orthonormal DCT-II of 32 values."""
    frequency, place = np.arange(9)[:, None], np.arange(_SIDE) + 0.5
    rows: Array = np.cos(np.pi / _SIDE * frequency * place) * np.sqrt(2 / _SIDE)
    rows[0] /= np.sqrt(2)
    return rows


_COSINES = _cosines()


@explain_calls
def picture_hash(image: AnyImage, *, bgr: bool = False) -> int | None:
    """Hash what an image shows, so that copies of it in another size, format or quality differ in few of 64 bits.

    It is the signs of the 64 lowest frequencies of its brightness, of the picture upright, laid on white with its alpha
    and reduced to 32x32. Two hashes lie as far apart as bits differ in them, `((one ^ other) & (2**64 - 1)).bit_count()`:
    a copy is mostly within 3, another picture 20 to 44 away. Color alone makes no difference, nor does a little contrast.

    Args:
        image: one image of any kind, size, depth and mode. Floats count from 0 to 1.
        bgr: the array or tensor runs B, G, R(, A).

    Returns:
        The 64 bits as a signed integer, -2**63 to 2**63 - 1, which databases and pandas keep exactly; in pandas use "Int64"
        where some are missing. None where there is nothing to tell the picture by: paper, one color, fine even noise.
        Shapes that do not show on white, such as a white logo, are laid on black.

    Raises:
        InputTypeError: not an image.
        InputValueError: a batch, or NaN.

    Example:
        >>> import numpy as np
        >>> ramp = np.arange(256, dtype=np.uint8)[None].repeat(99, 0)
        >>> picture_hash(ramp) == picture_hash(np.rint(ramp[::2, ::2] * 257.0).astype(np.uint16))
        True
        >>> picture_hash(np.full((40, 50, 3), 255, np.uint8)) is None
        True

    Source: Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010 (signs of DCT coefficients).
    """
    for gray in _grays(image, bgr):
        coefficients = (_COSINES @ gray @ _COSINES.T)[_ROWS, _COLUMNS]
        if np.abs(coefficients).max() >= _FLAT:
            return _pack(_bits(coefficients))
    return None


def _grays(image: AnyImage, bgr: bool) -> list[Array]:
    """The brightness of the picture on white, 32x32 in [0, 1]; where it has alpha, also on black."""
    opened = load(image, bgr=bgr)
    if opened.spec.batch:
        got = f"a batch of shape {opened.spec.batch}"
        raise InputValueError("image", "a single image", got, "hash its images one by one: aikit.unstack")
    picture: AnyImage = pass_open(opened)
    if "float" in opened.spec.dtype:
        picture, bgr = _clip(to_numpy(picture, dtype=None, bgr=bgr)), False
    # Bilinear, whose results never leave the range of what went in, whether they are clamped or not.
    small = to_numpy(resize(picture, height=_SIDE, width=_SIDE, method="bilinear"), dtype=None, bgr=bgr)
    values = np.atleast_3d(small.astype(np.float64) / TOP.get(small.dtype.name, 1))
    channels = values.shape[-1]
    color, alpha = (values[..., :-1], values[..., -1]) if channels in (2, 4) else (values, None)
    gray = color @ _LUMA if color.shape[-1] == 3 else color[..., 0]
    return [gray] if alpha is None else [gray * alpha + 1 - alpha, gray * alpha]


def _clip(values: Array) -> Array:
    if np.isnan(values).any():
        raise InputValueError("image", "numbers", "NaN", "replace it, for instance by numpy.nan_to_num")
    return np.clip(values, 0, 1)


def _bits(coefficients: Array) -> Array:
    """Whether each is positive; those of zero follow the larger ones of their kin, so that mirroring turns all alike."""
    bits = coefficients > 0
    sizes = np.abs(coefficients)
    zero = sizes < max(_ZERO, _SHARE * sizes.max())
    for kin in _KIN:
        known = coefficients[kin][~zero[kin]]
        follow = _PATTERN[kin] ^ (np.sum(known * np.abs(known)) > 0) if known.size else False
        alike = np.where(zero[kin], follow, bits[kin])
        if known.size and np.all(alike == alike[0]):  # for bits that are all 0 are an empty kin, also once mirrored
            alike[np.argmin(sizes[kin])] ^= True
        bits[kin] = alike
    return bits


def _pack(bits: Array) -> int:
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little", signed=True)


def turned_hashes(hashes: Hashes) -> Hashes:
    """What the pictures would have as hashes if they were turned by quarters and mirrored: (8, n), as they are first.

    Mirroring multiplies the odd frequencies of one direction by -1, and swapping height and width swaps (u, v): the pictures
    are not needed again.
    """
    bits = hashes.astype(np.int64).view(np.uint64)
    return np.concatenate([_mirrored(bits), _mirrored(_transposed(bits))]).view(np.int64)


def _mirrored(bits: Array) -> Array:
    """As it is, left to right, top to bottom, and both, which is a turn by 180 degrees."""
    _, across, down, both = (np.bitwise_or.reduce(np.uint64(1) << kin.astype(np.uint64)) for kin in _KIN)
    # A kin of one bit throughout is one of zeros, which stay zeros.
    across, down, both = (np.where((bits & kin != 0) & (~bits & kin != 0), kin, 0) for kin in (across, down, both))
    return np.stack([bits, bits ^ across ^ both, bits ^ down ^ both, bits ^ across ^ down])


def _transposed(bits: Array) -> Array:
    return permuted(bits, [_FREQUENCIES.index((v, u)) for u, v in _FREQUENCIES])


def permuted(bits: Array, places: Sequence[int]) -> Array:
    """Hashes, uint64, each bit of which goes to another place."""
    tables = np.zeros((8, 256), np.uint64)
    for bit, place in enumerate(places):
        has = np.arange(256) >> bit % 8 & 1 == 1
        tables[bit // 8, has] |= np.uint64(1) << np.uint64(place)
    result = np.zeros_like(bits)
    for index, table in enumerate(tables):
        result |= table[(bits >> np.uint64(8 * index) & np.uint64(255)).astype(np.intp)]
    return result
