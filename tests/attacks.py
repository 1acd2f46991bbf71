"""Files made to hurt their reader, by name: a few bytes each that ask for gigabytes, hours or somebody else's memory."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from fuzz.files import FILES, _chunk, _png, _saved

_PNG = b"\x89PNG\r\n\x1a\n"


def _png_claiming(width, height, depth=8, color_type=2, body=b"", *extra):
    head = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    chunks = [_chunk(b"IHDR", head), *extra, _chunk(b"IDAT", body or zlib.compress(bytes(1000))), _chunk(b"IEND", b"")]
    return _PNG + b"".join(chunks)


def _zeros(size):
    """Deflated zeros, a thousandth of their size."""
    engine, step = zlib.compressobj(9), 1 << 24
    parts = [engine.compress(bytes(min(step, size - start))) for start in range(0, size, step)]
    return b"".join([*parts, engine.flush()])


def _jpeg_claiming(width, height):
    data = bytearray(FILES["jpeg-gray"])
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def _jpeg_of_many_scans(side, scans):
    """A flat progressive picture whose last scan comes again and again: each is a pass over all pixels."""
    data = _saved(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + data[-2:]


def _jxl_claiming(width, height):
    """The size and default metadata of a codestream, and nothing behind them."""
    bits = f"0{_side(height)}000{_side(width)}1".ljust(88, "0")
    return b"\xff\x0a" + int(bits[::-1], 2).to_bytes(11, "little")


def _side(pixels):
    return "11" + f"{pixels - 1:030b}"[::-1]


def _jxl_of_packed_zeros():
    import imagecodecs

    packed = b"brob" + b"Exif" + imagecodecs.brotli_encode(bytes(1 << 30), level=1)
    return FILES["jxl"] + struct.pack(">I", len(packed) + 4) + packed


def _gif_of_many_frames(count):
    head = b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 4, 4, 0) + b"\x02\x05\x84\x8f\xa9\xcb\x05\x00"
    return head + frame * count + b";"


def _gif_with_frame(width, height):
    head = b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0x80, 0, 0) + bytes(6)
    return head + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x05\x84\x8f\xa9\xcb\x05\x00;"


def _tiff_of(tags, tail=b"", following=0):
    entries = b"".join(struct.pack("<HHII", tag, kind, count, value) for tag, kind, count, value in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", following) + tail


def _tiff_tags(width, height, compression=1, **more):
    start = 8 + 2 + 12 * 9 + 4
    plain = {256: width, 257: height, 258: 8, 259: compression, 262: 1, 273: start, 277: 1, 278: height, 279: 100}
    plain |= {int(tag[1:]): value for tag, value in more.items()}
    return [(tag, 4, 1, value) for tag, value in plain.items()]


def _tiff_with_exif_loop():
    tags = [*_tiff_tags(4, 4), (34665, 4, 1, 8)]
    start = 8 + 2 + 12 * len(tags) + 4
    tags = [(tag, kind, count, start if tag == 273 else value) for tag, kind, count, value in tags]
    return _tiff_of(tags, bytes(100))


def _tiff_deflate_bomb(size):
    body = _zeros(size)
    return _tiff_of(_tiff_tags(16, 16, 8, t279=len(body)), body)


def _overlapping_directories(count):
    """Directories a byte apart, each with one huge tag that is read again."""
    size = 200_000
    data = bytearray(b"II*\0" + struct.pack("<I", 8) + bytes(size))
    at = 8
    for _ in range(count):
        after = at + 2 + 12 + 4
        data[at : at + 18] = struct.pack("<HHHIII", 1, 273, 4, 40_000, 1000, after)[:18]
        at = after
    return bytes(data)


def _icon_of(count):
    return (
        b"\0\0\1\0"
        + struct.pack("<H", count)
        + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, 100, 22) * min(count, 4000)
    )


def _icon_around(png):
    return b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(png), 22) + png


def _bmp_claiming(width, height, bits, compression=0, stored=100):
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, stored, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 154, 0, 0, 54) + head + bytes(1100)


def _bmp_that_jumps():
    rows = bytes([0, 2, 255, 255]) * 200 + b"\0\1"
    palette = bytes(1024)
    head = struct.pack("<IiiHHIIiiII", 40, 64, 64, 1, 8, 1, len(rows), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(rows), 0, 0, 1078) + head + palette + rows


def _avif_claiming(name, width, height):
    """The size stands in an `ispe` box: ISO/IEC 23008-12, 6.5.3."""
    data = bytearray(FILES[name])
    at = data.index(b"ispe")
    data[at + 8 : at + 16] = struct.pack(">II", width, height)
    return bytes(data)


def _plain_numbers(magic, side, number, top=255):
    return magic + b" %d %d %d\n" % (side, side, top) + (number + b" ") * (side * side)


def _moving(side, kind, **options):
    frames = [Image.new("RGBA", (side, side), color) for color in ((1, 2, 3, 4), (5, 6, 7, 8))]
    frames[1].putpixel((side - 1, side - 1), (1, 2, 3, 4))
    return _saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)


def _tiff_of_planes(side):
    """Four planes of 16 bits, color multiplied by alpha: a kilobyte for each 1.6 megapixels."""
    body = _zeros(side * side * 2)
    tags = [tag for tag in _tiff_tags(side, side, 8) if tag[0] not in (258, 262, 273, 277, 279)]
    count = len(tags) + 8
    values = 8 + 2 + 12 * count + 4
    start = values + 4 * 2 + 4 * 4 + 4 * 4
    tags += [(258, 3, 4, values), (262, 4, 1, 2), (273, 4, 4, values + 8), (277, 4, 1, 4), (279, 4, 4, values + 24)]
    tags += [(284, 4, 1, 2), (338, 4, 1, 1), (339, 4, 1, 1)]
    tail = struct.pack("<4H4I4I", *[16] * 4, *[start] * 4, *[len(body)] * 4)
    return _tiff_of(tags, tail + body)


def _tiff_of_tiles(side, tile):
    """A picture of 16 bits whose tiles all are the same few bytes."""
    count = (-(-side // tile)) ** 2
    tags = [tag for tag in _tiff_tags(side, side, t258=16) if tag[0] not in (273, 278, 279)]
    start = 8 + 2 + 12 * (len(tags) + 4) + 4
    places = [(322, 4, 1, tile), (323, 4, 1, tile), (324, 4, count, start), (325, 4, count, start + 4 * count)]
    size = 2 * tile * tile
    table = struct.pack("<I", start + 8 * count) * count + struct.pack("<I", size) * count
    return _tiff_of([*tags, *places], table + bytes(size))


def _tiff_of_zeros(side, samples, bits, kind):
    """One deflated strip of zeros; kind 1 is integers, 3 floats."""
    body = _zeros(side * side * samples * bits // 8)
    more = {"t258": bits, "t262": 2 if samples > 2 else 1, "t277": samples, "t279": len(body), "t339": kind}
    tags = _tiff_tags(side, side, 8, **more)
    start = 8 + 2 + 12 * len(tags) + 4
    return _tiff_of([(tag, 4, 1, start if tag == 273 else value) for tag, _, _, value in tags], body)


def _flat(mode, side, kind, **options):
    file = io.BytesIO()
    Image.new(mode, (side, side), 0).save(file, kind, **options)
    return file.getvalue()


def _gif_with_comments(count, pieces, size):
    comment = b"!\xfe" + (bytes([size]) + b"x" * size) * pieces + b"\0"
    return FILES["gif"][:-1] + comment * count + b";"


def _gif_of_small_pieces(count):
    head = b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0x80, 0, 0) + bytes(6)
    return head + b"," + struct.pack("<HHHHB", 0, 0, 4, 4, 0) + b"\x02" + b"\x01\x00" * count + b"\0;"


def _jpeg_with_segments(count, size):
    data = FILES["jpeg-gray"]
    return (
        data[:2] + (b"\xff\xe1" + struct.pack(">H", size + 2) + b"Exif\0\0".ljust(size, b"x")[:size]) * count + data[2:]
    )


def _icon_of_one_png(count):
    png = _png_claiming(8, 8, 8, 2, zlib.compress(bytes(25 * 8)), _chunk(b"teSt", bytes(5_000_000)))
    start = 6 + 16 * count
    return (
        b"\0\0\1\0"
        + struct.pack("<H", count)
        + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(png), start) * count
        + png
    )


def _tiff_of_pages(count):
    """Pages of three tags each that share one strip."""
    parts, at = [b"II*\0" + struct.pack("<I", 8)], 8
    for number in range(count):
        at += 2 + 12 * 4 + 4
        entries = [(256, 4, 1, 1), (257, 4, 1, 1), (273, 4, 1, 8), (279, 4, 1, 1)]
        parts.append(struct.pack("<H", 4) + b"".join(struct.pack("<HHII", *entry) for entry in entries))
        parts.append(struct.pack("<I", at if number < count - 1 else 0))
    return b"".join(parts)


def _tiff_with_values(tag, count):
    tags = [(each, 4, count, 200) if each == tag else (each, 4, 1, value) for each, _, _, value in _tiff_tags(4, 4)]
    return _tiff_of(tags, bytes(4 * count + 400))


def _tiff_of_tags(count):
    tags = [*_tiff_tags(4, 4), *((1000 + number, 4, 1, 0) for number in range(count))]
    start = 8 + 2 + 12 * len(tags) + 4
    return _tiff_of([(tag, kind, n, start if tag == 273 else value) for tag, kind, n, value in tags], bytes(100))


def _exif_of_overlaps(entries, size):
    """Thousands of tags that all have the same bytes for a value, and an orientation."""
    start = 8 + 2 + 12 * entries + 4
    first = struct.pack("<HHIHH", 274, 3, 1, 6, 0)
    rest = b"".join(struct.pack("<HHII", 1000 + number, 7, size, start) for number in range(entries - 1))
    return b"II*\0" + struct.pack("<IH", 8, entries) + first + rest + bytes(4 + size)


def _bmp_of_runs(side):
    rows = (b"\x01\x05" * side + b"\0\0") * side + b"\0\1"
    head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(rows), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(rows), 0, 0, 1078) + head + bytes(1024) + rows


# name: (a function that makes it, what reading it under Limits() comes to, what the message says).
# "ok" is a whole picture; the others are codes of our errors.
ATTACKS = {
    "png that claims 1.6 gigapixels": (lambda: _png_claiming(40000, 40000), "limit_exceeded", "got 40000"),
    "png that claims 2**31 pixels a side": (lambda: _png_claiming(2**31 - 1, 2**31 - 1), "limit_exceeded", "32767 pixels a side"),
    "png that claims a long line": (lambda: _png_claiming(2**30, 1), "limit_exceeded", "32767 pixels a side"),
    "png that inflates to 200 MB": (lambda: _png_claiming(8, 8, body=_zeros(200_000_000)), None, ""),
    "png of 16 bits that inflates to 200 MB": (lambda: _png_claiming(8, 8, 16, body=_zeros(200_000_000)), "corrupt", "more than"),
    "png with 200 MB of text": (lambda: _png_claiming(8, 8, 8, 2, zlib.compress(bytes(25 * 8)), _chunk(b"zTXt", b"a\0\0" + _zeros(200_000_000))), None, ""),
    "png with a profile of 200 MB": (lambda: _png_claiming(8, 8, 8, 2, zlib.compress(bytes(25 * 8)), _chunk(b"iCCP", b"a\0\0" + _zeros(200_000_000))), None, ""),
    "png with a million empty chunks": (lambda: _png_claiming(8, 8, 8, 2, zlib.compress(bytes(25 * 8)), _chunk(b"teSt", b"") * 1_000_000), "corrupt", "chunks of less than 1000 bytes"),
    "png with a million pieces of pixels": (lambda: _png(np.zeros((8, 8, 3)), 8, 2, _chunk(b"IDAT", b"") * 1_000_000), "corrupt", "chunks of less"),
    "png whose exif overlaps": (lambda: _png_claiming(8, 8, 8, 2, zlib.compress(bytes(25 * 8)), _chunk(b"eXIf", _exif_of_overlaps(6_000, 2_000_000))), None, ""),
    "png that claims 2**31 frames": (lambda: _png_claiming(8, 8, 8, 2, zlib.compress(bytes(25 * 8)), _chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))), None, ""),
    "jpeg of 300 bytes that claims 4 gigapixels": (lambda: _jpeg_claiming(65500, 65500), "truncated", "for 65500 x 65500 pixels"),
    "jpeg that claims 144 megapixels": (lambda: _jpeg_claiming(12000, 12000), "truncated", "for 12000 x 12000 pixels"),
    "jpeg of 144 honest megapixels": (lambda: _flat("L", 12000, "JPEG"), "limit_exceeded", "got 144000000"),
    "jpeg that claims 49 megapixels": (lambda: _jpeg_claiming(7000, 7000), "truncated", ""),
    "jpeg of a million segments": (lambda: _jpeg_with_segments(1_000_000, 6), "corrupt", "segments"),
    "jpeg with 45 MB of exif": (lambda: _jpeg_with_segments(700, 65533), "corrupt", "without a picture"),
    "jpeg with 30 MB of exif": (lambda: _jpeg_with_segments(480, 65533), "ok", ""),
    "jpeg whose exif overlaps": (lambda: _saved(Image.new("L", (8, 8)), "JPEG", exif=b"Exif\0\0" + _exif_of_overlaps(2600, 33_000)), None, ""),
    "jpeg of a thousand scans": (lambda: _jpeg_of_many_scans(5000, 1000), "limit_exceeded", "scans"),
    "gif whose screen is 4 gigapixels": (lambda: FILES["gif"][:6] + b"\xff\xff\xff\xff" + FILES["gif"][10:], "limit_exceeded", "got 65535"),
    "gif whose frame exceeds its screen": (lambda: _gif_with_frame(30000, 30000), "limit_exceeded", "got 900000000"),
    "gif with 40 MB of comment": (lambda: _gif_with_comments(1, 160_000, 255), "corrupt", "bytes of comments"),
    "gif with a million comments": (lambda: _gif_with_comments(1_000_000, 1, 1), "corrupt", "bytes of comments"),
    "gif of 20 million pieces": (lambda: _gif_of_small_pieces(20_000_000), "corrupt", "pieces"),
    "gif of three million frames": (lambda: _gif_of_many_frames(1_900_000), None, ""),
    "gif of late frames beyond all": (lambda: _gif_with_frame(4, 4)[:-1] + _gif_with_frame(60000, 60000)[19:], None, ""),
    "png of ten thousand long texts": (lambda: _png_claiming(8, 8, 8, 2, zlib.compress(bytes(25 * 8)), _chunk(b"zTXt", b"a\0\0" + _zeros(1_000_000)) * 9_000), "ok", ""),
    "png without an end that inflates to 5000 million bytes": (lambda: _png_claiming(8, 8, body=_zeros(1 << 30) * 5)[:-12], "truncated", ""),
    "png of frames larger than all": (lambda: _png_claiming(8, 8, 8, 2, zlib.compress(bytes(25 * 8)), _chunk(b"acTL", struct.pack(">II", 1, 0)), _chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 40000, 40000, 0, 0, 1, 1, 0, 0))), "corrupt", "a frame of 40000 x 40000"),
    "jpeg of 30 MB of junk": (lambda: FILES["jpeg"][:2] + FILES["jpeg"][2:20] + bytes(30_000_000) + FILES["jpeg"][20:], "corrupt", ""),
    "tiff of lost tags": (lambda: _tiff_of([*_tiff_tags(4, 4), *((1000 + number, 7, 9999, 1 << 30) for number in range(3000))], bytes(200)), None, ""),
    "gif of 100000 frames": (lambda: _gif_of_many_frames(100_000), None, ""),
    "tiff that claims 2**32 pixels a side": (lambda: _tiff_of(_tiff_tags(2**32 - 1, 2**32 - 1), bytes(100)), "truncated", ""),
    "tiff whose directories loop": (lambda: _tiff_of(_tiff_tags(4, 4), bytes(100), 8), "corrupt", "loops back"),
    "tiff whose exif is itself": (_tiff_with_exif_loop, "ok", ""),
    "tiff whose strip inflates to 200 MB": (lambda: _tiff_deflate_bomb(200_000_000), None, ""),
    "tiff of overlapping directories": (lambda: _overlapping_directories(10_000), "corrupt", ""),
    "tiff of half a million pages": (lambda: _tiff_of_pages(500_000), None, ""),
    "tiff with 12 million strips": (lambda: _tiff_with_values(273, 12_000_000), "corrupt", "12000000 values in tag 273"),
    "tiff of 60000 tags": (lambda: _tiff_of_tags(60_000), "corrupt", "a directory of 60009 entries"),
    "tiff with a tile of a gigapixel": (lambda: _tiff_of([*_tiff_tags(4, 4), (322, 4, 1, 32768), (323, 4, 1, 32768), (324, 4, 1, 200), (325, 4, 1, 10)], bytes(300)), "corrupt", "blocks of 32768 x 32768"),
    "tiff of a million tiles of a pixel": (lambda: _tiff_of_tiles(1000, 1), "limit_exceeded", "strips or tiles in 1000000 pixels, got 1000000"),
    "tiff of small tiles": (lambda: _tiff_of_tiles(256, 1), "ok", ""),
    "tiff of 259 samples": (lambda: _tiff_of(_tiff_tags(10, 10, t277=259, t279=25900), bytes(26000)), "unsupported_format", "got 259"),
    "tiff of 60000 samples": (lambda: _tiff_of(_tiff_tags(100, 100, t277=60000), bytes(300)), "corrupt", "60000 samples"),
    "webp that claims 268 megapixels": (lambda: FILES["webp-lossless"][:21] + struct.pack("<I", struct.unpack_from("<I", FILES["webp-lossless"], 21)[0] | 0xFFFFFFF) + FILES["webp-lossless"][25:], "limit_exceeded", "got 2684"),
    "avif that claims a gigapixel": (lambda: _avif_claiming("avif", 32000, 32000), None, ""),
    "avif of a million boxes": (lambda: FILES["avif"] + struct.pack(">I4s", 8, b"free") * 1_000_000, "corrupt", "more than 10000 boxes"),
    "heic that claims a gigapixel": (lambda: _avif_claiming("heic", 32000, 32000), None, ""),
    "jxl that claims 576 megapixels": (lambda: _jxl_claiming(24000, 24000), "limit_exceeded", "got 576000000"),
    "jxl of a million boxes": (lambda: b"\0\0\0\x0cJXL \r\n\x87\n" + struct.pack(">I4s", 8, b"free") * 1_000_000, "truncated", "without its last part"),
    "jxl whose metadata unpacks to a gigabyte": (_jxl_of_packed_zeros, "ok", ""),
    "bmp that claims 4 gigapixels": (lambda: _bmp_claiming(2**31 - 1, -(2**31), 24), None, ""),
    "bmp whose runs claim 1.6 gigapixels": (lambda: _bmp_claiming(40000, 40000, 8, 1), "limit_exceeded", "got 40000"),
    "bmp of 9 million runs": (lambda: _bmp_of_runs(3000), "limit_exceeded", "bytes of run lengths"),
    "bmp of a million runs": (lambda: _bmp_of_runs(1000), "ok", ""),
    "bmp whose runs jump out": (_bmp_that_jumps, None, ""),
    "ico of 65535 pictures": (lambda: _icon_of(65535), None, ""),
    "ico of 3000 times the same png": (lambda: _icon_of_one_png(3000), "corrupt", "pictures that overlap"),
    "ico around a giant png": (lambda: _icon_around(_png_claiming(40000, 40000)), "limit_exceeded", "got 40000"),
    "ico around an icon": (lambda: _icon_around(_icon_around(_png_claiming(8, 8))), None, ""),
    "ppm that claims 10**20 pixels": (lambda: b"P6 9999999999 9999999999 255 " + bytes(100), None, ""),
    "pgm of an odd maximum": (lambda: b"P5 7000 7000 254 " + bytes(49_000_000), "ok", ""),
    "pbm of 49 million written bits": (lambda: b"P1 7000 7000 " + b"10" * 24_500_000, "ok", ""),
    "pgm of 24 million written numbers": (lambda: _plain_numbers(b"P2", 4900, b"7"), "ok", ""),
    "pgm of 12 million long numbers": (lambda: _plain_numbers(b"P2", 3500, b"254"), "ok", ""),
    "pgm of 9 million numbers of 16 bits": (lambda: _plain_numbers(b"P2", 3000, b"1234", 65535), "ok", ""),
    "pgm of 21 bytes that claims 900 megapixels": (lambda: b"P2 30000 30000 255\n0 ", "truncated", ""),
    "ppm of 16 bits that claims 256 megapixels": (lambda: b"P6 16000 16000 65535\n0", "truncated", ""),
    "bitmap that claims 4 gigapixels": (lambda: b"P4 65000 65000\n0", "truncated", ""),
    "cut webp that claims 268 megapixels": (lambda: b"RIFF\xff\xff\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\xff\x3f\0\xff\x3f\0", "truncated", ""),
    "cut icon around a giant png": (lambda: _icon_around(_png_claiming(40000, 40000))[:-20], "truncated", ""),
    "cut bmp that claims 900 megapixels": (lambda: _bmp_claiming(30000, 30000, 24), "truncated", ""),
    "cut gif whose frame exceeds its screen": (lambda: _gif_with_frame(30000, 30000)[:-4], "truncated", ""),
    "cut progressive jpeg that claims 49 megapixels of inks": (lambda: _flat("CMYK", 7000, "JPEG", progressive=True)[:-4000], None, ""),
    "ppm whose number never ends": (lambda: b"P3 2 2 255 " + b"1" * 40_000_000, None, ""),
    "ppm whose comment never ends": (lambda: b"P6 #" + b"x" * 40_000_000, "truncated", "comment"),
    "49 megapixels of png": (lambda: _flat("RGBA", 7000, "PNG"), "ok", ""),
    "49 megapixels of palette": (lambda: _flat("P", 7000, "PNG", transparency=0), "ok", ""),
    "49 megapixels of gif": (lambda: _flat("P", 7000, "GIF"), "ok", ""),
    "49 megapixels of deep png": (lambda: _png_claiming(7000, 7000, 16, 2, _zeros(7000 * 42001)), "ok", ""),
    "49 megapixels of jpeg": (lambda: _flat("RGB", 7000, "JPEG", progressive=True), "ok", ""),
    "49 megapixels of webp": (lambda: _flat("RGB", 7000, "WEBP", method=0), "ok", ""),
    "49 megapixels of lossless webp": (lambda: _flat("RGBA", 7000, "WEBP", lossless=True), "ok", ""),
    "49 megapixels of moving webp": (lambda: _moving(7000, "WEBP", lossless=True, method=0), "ok", ""),
    "49 megapixels of moving gif": (lambda: _moving(7000, "GIF", disposal=2), "ok", ""),
    "49 megapixels of moving png": (lambda: _moving(7000, "PNG", disposal=2, blend=1), "ok", ""),
    "49 megapixels of deep png with a key": (lambda: _png_claiming(7000, 7000, 16, 2, _zeros(7000 * 42001), _chunk(b"tRNS", bytes(6))), "ok", ""),
    "49 megapixels of deep png with alpha": (lambda: _png_claiming(7000, 7000, 16, 6, _zeros(7000 * 56001)), "ok", ""),
    "49 megapixels of planes under alpha in a tiff": (lambda: _tiff_of_planes(7000), "ok", ""),
    "49 megapixels of 16 samples in a tiff": (lambda: _tiff_of_zeros(7000, 16, 16, 1), "unsupported_format", "16 samples a pixel"),
    "37 megapixels of float color in a tiff": (lambda: _tiff_of_zeros(6100, 4, 32, 3), "unsupported_format", "float color"),
    "49 megapixels of inks": (lambda: _flat("CMYK", 7000, "JPEG"), "ok", ""),
    "49 megapixels of progressive inks": (lambda: _flat("CMYK", 7000, "JPEG", progressive=True), "ok", ""),
    "49 megapixels of avif with alpha": (lambda: _flat("RGBA", 7000, "AVIF", speed=10), "ok", ""),
    "49 megapixels of tiff": (lambda: _flat("RGB", 7000, "TIFF", compression="tiff_lzw"), "ok", ""),
    "49 megapixels of avif": (lambda: _flat("RGB", 7000, "AVIF", speed=10), "ok", ""),
}  # fmt: skip
