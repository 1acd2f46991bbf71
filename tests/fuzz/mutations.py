"""One mutated file for each (seed, number), always the same."""

import struct
import zlib

import numpy as np

from .files import FILES

# Where arithmetic breaks: signs, widths, and sizes just beyond what readers check.
_EXTREME = [
    0,
    1,
    2,
    7,
    8,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63,
    2**64 - 1,
]


def mutated(seed, number):
    """(name of the file it was, bytes)."""
    rng = np.random.default_rng([seed, number])
    name = list(FILES)[number % len(FILES)]
    data = bytearray(mutate(FILES[name], rng))
    # Three times in four a PNG gets its checksums again: behind a wrong one nothing else is looked at.
    if name.startswith("png") and rng.random() < 0.75:
        data = _with_checksums(data)
    return name, bytes(data)


def mutate(data, rng):
    """The bytes of a file with a few mutations."""
    data = bytearray(data)
    for _ in range(1 + rng.geometric(0.5)):
        way = _WAYS[rng.integers(len(_WAYS))]
        data = way(data, rng) if len(data) > 1 else data
    return bytes(data)


def _flip_bits(data, rng):
    for at in rng.integers(0, len(data), rng.integers(1, 4)):
        data[at] ^= 1 << int(rng.integers(8))
    return data


def _set_bytes(data, rng):
    for at in rng.integers(0, len(data), rng.integers(1, 9)):
        data[at] = int(rng.choice([0, 0xFF, rng.integers(256)]))
    return data


def _set_integer(data, rng):
    """A size, an offset or a count that lies; most of them stand in the first 200 bytes."""
    width = int(rng.choice([1, 2, 4, 8]))
    at = int(rng.integers(0, min(len(data), 200) if rng.random() < 0.7 else len(data)))
    value = int(_EXTREME[rng.integers(len(_EXTREME))]) & (2 ** (8 * width) - 1)
    piece = value.to_bytes(width, "little" if rng.random() < 0.5 else "big")
    data[at : at + width] = piece
    return data


def _truncate(data, rng):
    return data[: int(rng.integers(1, len(data)))]


def _repeat(data, rng):
    start, stop = sorted(int(at) for at in rng.integers(0, len(data) + 1, 2))
    return data[:stop] + data[start:stop] * int(rng.integers(1, 4)) + data[stop:]


def _drop(data, rng):
    start = int(rng.integers(0, len(data)))
    return data[:start] + data[start + int(rng.integers(1, 33)) :]


def _move(data, rng):
    source, target = (int(at) for at in rng.integers(0, len(data), 2))
    length = int(rng.integers(1, 65))
    data[target : target + length] = data[source : source + length]
    return data


def _splice(data, rng):
    """The head of this file and the tail of another of its format, or of any."""
    other = FILES[list(FILES)[rng.integers(len(FILES))]]
    return data[: int(rng.integers(1, len(data)))] + other[int(rng.integers(0, len(other))) :]


_WAYS = [
    _flip_bits,
    _flip_bits,
    _set_bytes,
    _set_integer,
    _set_integer,
    _set_integer,
    _truncate,
    _repeat,
    _drop,
    _move,
    _splice,
]


def _with_checksums(data):
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        struct.pack_into(">I", data, end - 4, zlib.crc32(data[at + 4 : end - 4]))
        at = end
    return data
