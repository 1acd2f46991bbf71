"""Which of a million hashes differ in few bits: from one, and among each other. Exact, and with NumPy alone."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias, cast

import numpy as np

from .._check import integer, switch
from ..errors import InputTypeError, InputValueError, quoted
from .hashing import permuted, turned_hashes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
    Hashes: TypeAlias = NDArray[np.int64]
    Positions: TypeAlias = NDArray[np.intp]

__all__ = ["find_near", "group_near"]

# Pairs that are compared at once: 100 MB of positions and hashes.
_CHUNK = 2_000_000
# What sorting by 16 bits costs an element, and comparing a pair, in nanoseconds on one core.
_SORT, _COMPARE = 25, 15
# How many times as many photographs as random numbers have 16 bits in common: measured on parts of photographs.
_CROWD = 4
_EXPECTED = "whole numbers of 64 bits, signed or not"
_REMEDY = "pass what picture_hash gives, int64, without what is missing"


def find_near(
    hashes: Hashes | Sequence[int], target: int, *, distance: int = 6, turned: bool = False
) -> tuple[Positions, Array]:
    """Find the hashes that differ from one in a few bits.

    Args:
        hashes: n of them, as `picture_hash` gives them, int64, or uint64 with the same bits.
        target: the hash to compare with.
        distance: in how many of 64 bits they may differ at most, 0 to 64.
        turned: take those of pictures as well that are turned by quarters or mirrored.

    Returns:
        Their positions and their distances, int64 and uint8, the nearest first and in order of position where equal.

    Raises:
        InputTypeError: no whole numbers. Floats do not hold 64 bits.
        InputValueError: numbers of more than 64 bits, or a distance that is none.

    Example:
        >>> positions, distances = find_near([0b1111, 0b1110, 0b0000], 0b1111, distance=2)
        >>> positions.tolist(), distances.tolist()
        ([0, 1], [0, 1])
    """
    most, one = _distance(distance), np.array([_signed("target", target)], np.int64)
    # Unsigned, for of negative numbers NumPy counts the bits of the positive ones.
    known = _as_hashes(hashes).view(np.uint64)
    wanted = np.unique(turned_hashes(one) if switch("turned", turned) else one).view(np.uint64)
    found = np.bitwise_count(known ^ wanted[0])
    for other in wanted[1:]:
        np.minimum(found, np.bitwise_count(known ^ other), out=found)
    positions = np.flatnonzero(found <= most)
    distances = found[positions]
    order = np.argsort(distances, kind="stable")
    return positions[order], distances[order]


def group_near(hashes: Hashes | Sequence[int], *, distance: int = 0, turned: bool = False) -> list[list[int]]:
    """Group hashes that differ in a few bits, directly or over others of their group.

    Up to a distance of 3 a million take seconds; beyond 8 expect minutes.

    Args:
        hashes: n of them, as `picture_hash` gives them, int64, or uint64 with the same bits.
        distance: in how many of 64 bits two may differ at most, 0 to 64.
        turned: take pictures together that are turned by quarters or mirrored.

    Returns:
        The positions of every group of two or more, in ascending order, the groups in order of their first: the same on
        every run and every machine.

    Raises:
        InputTypeError: no whole numbers. Floats do not hold 64 bits.
        InputValueError: numbers of more than 64 bits, or a distance that is none.

    Example:
        >>> group_near([0b000, 0b1111_0000, 0b011, 0b001], distance=1)
        [[0, 2, 3]]

    Source: Norouzi, Punjani and Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012 (bands).
    """
    known, most = _as_hashes(hashes), _distance(distance)
    switch("turned", turned)
    if not known.size:
        return []
    distinct, place = np.unique(known, return_inverse=True)
    roots = np.arange(distinct.size)
    if most:
        _unite_all(roots, _near_pairs(distinct, None, most))
    if turned:
        # Turning back is turning as well: of the two quarters one does.
        for others in turned_hashes(distinct)[[1, 2, 3, 4, 5, 7]]:
            _unite_all(roots, _near_pairs(distinct, others, most))
    return _groups(roots[place])


def _as_hashes(values: object) -> Hashes:
    array = values if isinstance(values, np.ndarray) else _as_array(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise _no_hashes("hashes", f"an array of {array.dtype} with {array.ndim} axes")
    return array.view(np.int64) if array.dtype == np.uint64 else array.astype(np.int64, copy=False)


def _as_array(values: object) -> Hashes:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise _no_hashes("hashes", quoted(values))
    return np.array([_signed("hashes", each) for each in values], np.int64)


def _signed(subject: str, value: object) -> int:
    """One of Python's integers as the signed one of the same 64 bits."""
    try:
        whole = operator.index(cast(SupportsIndex, value))
    except TypeError as error:
        raise _no_hashes(subject, quoted(value)) from error
    if not -(2**63) <= whole < 2**64:
        raise InputValueError(subject, _EXPECTED, quoted(value), _REMEDY)
    return whole - 2**64 if whole >= 2**63 else whole


def _no_hashes(subject: str, got: str) -> InputTypeError:
    return InputTypeError(subject, _EXPECTED, got, _REMEDY)


def _distance(distance: object) -> int:
    most = integer("distance", distance, 0)
    if most > 64:
        raise InputValueError("distance", "0 to 64", quoted(distance), "pass for instance 6")
    return most


# ---------------------------------------------------------------- pairs


def _near_pairs(ones: Hashes, others: Hashes | None, distance: int) -> Iterator[tuple[Positions, Positions]]:
    """All pairs that differ in so many bits at most, of two lists or within one; some come several times.

    The bits are cut into m bands. At most `distance` of these differ, so that the others, any m - distance of them, are
    equal. With more bands the equal part is larger, which few other pairs share, and there are more parts to sort by.
    """
    bands = _bands(ones.size, distance)
    # Every m-th bit is a band: frequencies next to each other go together, and would crowd one band.
    places = sorted(range(64), key=lambda bit: (bit % bands, bit))
    starts = [sum(bit % bands < band for bit in range(64)) for band in range(bands + 1)]
    moves = np.argsort(places).tolist()
    first = permuted(ones.view(np.uint64), moves)
    second = None if others is None else permuted(others.view(np.uint64), moves)
    for equal in combinations(pairwise(starts), bands - distance):
        for one, other in _equal_pairs(first, second, equal):
            near = np.bitwise_count(first[one] ^ (first if second is None else second)[other]) <= distance
            yield one[near], other[near]


def _bands(count: int, distance: int) -> int:
    def cost(bands: int) -> float:
        bits = 64 * (bands - distance) / bands
        pairs = _CROWD * count**2 / 2 ** (bits + 1)
        return math.comb(bands, distance) * (count * _SORT * math.ceil(bits / 16) + pairs * _COMPARE)

    return min(range(max(distance, 1), min(distance + 7, 65)), key=cost)


def _equal_pairs(
    ones: Array, others: Array | None, fields: Sequence[tuple[int, int]]
) -> Iterator[tuple[Positions, Positions]]:
    """All pairs of positions whose bits are equal within some fields (start, stop), so many at once."""
    order, keys = _sorted_by(ones, fields)
    if others is None:
        other_order = order
        # Of equal ones, each with those behind it.
        first = np.arange(1, order.size + 1)
        ends = np.append(np.flatnonzero(keys[1:] != keys[:-1]) + 1, order.size)
        counts = np.repeat(ends, np.diff(ends, prepend=0)) - first
    else:
        other_order, other_keys = _sorted_by(others, fields)
        first = np.searchsorted(other_keys, keys, "left")
        counts = np.searchsorted(other_keys, keys, "right") - first
    for part in _chunks(counts):
        several = counts[part]
        # The n-th pair of a chunk is so many places behind the first other of its one.
        offsets = np.arange(several.sum()) - np.repeat(np.cumsum(several) - several, several)
        yield np.repeat(order[part], several), other_order[np.repeat(first[part], several) + offsets]


def _sorted_by(bits: Array, fields: Sequence[tuple[int, int]]) -> tuple[Positions, Array]:
    """In which order the bits within some fields ascend, and what these are in that order."""
    keys, width = np.zeros_like(bits), 0
    for start, stop in fields:
        keys |= (bits >> np.uint64(start) & np.uint64(2 ** (stop - start) - 1)) << np.uint64(width)
        width += stop - start
    order = np.arange(bits.size)
    for shift in range(0, width, 16):
        # Radix sort, which NumPy has for 16 bits: a tenth of the time that comparing 64 takes.
        digits = (keys >> np.uint64(shift)).astype(np.uint16)
        order = order[np.argsort(digits[order], kind="stable")]
    return order, keys[order]


def _chunks(counts: Array) -> Iterator[slice]:
    """Cut a list of counts into parts that add up to a chunk, or are one element."""
    ends = np.cumsum(counts)
    start = 0
    while start < counts.size:
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + _CHUNK, "right")), start + 1)
        yield slice(start, stop)
        start = stop


# ---------------------------------------------------------------- groups


def _unite_all(roots: Positions, pairs: Iterator[tuple[Positions, Positions]]) -> None:
    for one, other in pairs:
        _unite(roots, one, other)


def _unite(roots: Positions, one: Positions, other: Positions) -> None:
    """Join the trees of the pairs; every element then points at the lowest of its tree."""
    while True:
        low, high = np.minimum(roots[one], roots[other]), np.maximum(roots[one], roots[other])
        apart = low != high
        if not apart.any():
            return
        one, other = one[apart], other[apart]
        np.minimum.at(roots, high[apart], low[apart])
        while True:
            higher = roots[roots]
            if np.array_equal(higher, roots):
                break
            roots[:] = higher


def _groups(labels: Positions) -> list[list[int]]:
    order = np.argsort(labels, kind="stable")
    ends = np.flatnonzero(np.diff(labels[order], append=-1))
    starts = np.concatenate([[0], ends[:-1] + 1])
    several = ends > starts
    groups = [order[start : end + 1].tolist() for start, end in zip(starts[several], ends[several], strict=True)]
    return sorted(groups)
