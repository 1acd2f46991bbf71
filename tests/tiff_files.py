"""TIFF files written by hand, for what tifffile does not write."""

import struct

_SIZES, _CODES = {1: 1, 3: 2, 4: 4}, {1: "B", 3: "H", 4: "I"}


def tags_of(height, width, bits, photometric, body, compression=1, more=()):
    """The tags of one strip, {tag: (type, values)}; `more` replaces or adds."""
    return {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, bits),
        259: (3, [compression]),
        262: (3, [photometric]),
        273: (4, [0]),
        277: (3, [len(bits)]),
        278: (4, [height]),
        279: (4, [len(body)]),
        **dict(more),
    }


def by_hand(tags, body, order="<"):
    """A file of one directory, then the values of its tags, then `body`, to which tags 273 and 513 are relative."""
    start = 8 + 2 + 12 * len(tags) + 4
    longer = [len(values) * _SIZES[kind] for kind, values in tags.values()]
    body_at = start + sum(size for size in longer if size > 4)
    entries, behind = b"", b""
    for tag in sorted(tags):
        kind, values = tags[tag]
        if tag in (273, 513):
            values = [body_at + value for value in values]
        raw = struct.pack(f"{order}{len(values)}{_CODES[kind]}", *values)
        if len(raw) > 4:
            raw, behind = struct.pack(order + "I", start + len(behind)), behind + raw
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + raw.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags))
    return head + entries + bytes(4) + behind + body


def in_bits(codes, bits):
    """Codes of `bits` bits each, (H, W) or (H, W, C), the highest bit first, every row filled up to a byte."""
    import numpy as np

    wide = np.unpackbits(codes.astype(">u2").view(np.uint8).reshape(*codes.shape, 2), axis=-1)[..., 16 - bits :]
    return np.packbits(wide.reshape(codes.shape[0], -1), axis=1).tobytes()
