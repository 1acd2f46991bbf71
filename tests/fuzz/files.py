"""Files in every raster format that aikit reads, small, so that a mutation meets something that matters."""

import base64
import io
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image, ImageCms

from aikit import encode
from animations import Picture, apng, gif
from pictures import codes
from tiff_files import by_hand, tags_of

# Two gradients of 64x64, made with pillow-heif 1.8: nothing that the tests need can write the format.
_HEIC = (
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAYRtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAA"
    "AAAERAAAIAAQAAAAABqAABAAAAAAAAADQAAgAAAAAB3AABAAAAAAAAADcAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVp"
    "bmZlAgAAAAACAABodmMxAAAAAA5waXRtAAAAAAABAAAA3WlwcnAAAAC3aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGE"
    "ABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAi"
    "QAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAABBwaXhpAAAAAAMICAgAAAAeaXBtYQAAAAAAAAACAAEEgQIDBAACBI"
    "ECAwQAAABzbWRhdAAAADAoAa8LYPrHa/OAZmbCs7TREiHi60gsK6k2x7EBwE/ilJEYnMX9HMlv2GVpeCuuY1gAAAAzKAGvC2D6x44rfaJ2o901"
    "8JvwDHDnzH99bwC54yIRQVbOuprgqMDIpsKm3oCK0o7cD4/4"
)


def _saved(pixels, kind, **options):
    file = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(file, kind, **options)
    return file.getvalue()


def _tiff(pixels, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(pixels, depth, color_type, *extra):
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2" if depth == 16 else "u1").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    body = [_chunk(b"IHDR", head), *extra, _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def _exif():
    tags = Image.Exif()
    tags[271], tags[274] = "maker", 6
    tags.get_ifd(0x8769)[37386] = 50.0
    return tags.tobytes()


def _run_length_bmp():
    rows = b"".join(bytes([17, y + 1, 0, 0]) for y in range(13)) + b"\0\1"
    palette = b"".join(bytes([k, k, k, 0]) for k in range(256))
    head = struct.pack("<IiiHHIIiiII", 40, 17, 13, 1, 8, 1, len(rows), 2835, 2835, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(rows), 0, 0, 1078) + head + palette + rows


def _pictures(pixels, **options):
    """Pictures at several places, of indices for GIF or samples for PNG."""
    indices = options.get("transparent") is not None
    parts = [pixels[:7, :9], pixels[:4, 2:5], pixels[2:4, :6]]
    return [
        Picture(part[..., 0] % 16 if indices else part, left=number, top=number, **options)
        for number, part in enumerate(parts)
    ]


def _files():
    rgb, rgba, gray = codes(13, 17, 3), codes(13, 17, 4), codes(13, 17)
    deep, floats = codes(13, 17, 3, "uint16"), codes(13, 17, None, "float32")
    palette = Image.fromarray(rgb).quantize(16)
    bitmap, cmyk, larger = Image.fromarray(gray).convert("1"), Image.fromarray(rgb).convert("CMYK"), codes(40, 48, 3)
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # The date at which it was made: the same files every time are wanted.
    profile[24:36] = bytes(12)
    profile = bytes(profile)
    known = {"exif": _exif(), "icc_profile": profile}
    steps = [Image.fromarray(np.roll(larger, shift, 1)) for shift in range(3)]
    moving = {"save_all": True, "append_images": steps[1:], "duration": 20}
    yield from {
        "png": _saved(rgb, "PNG", **known),
        "png-gray": _saved(gray, "PNG"),
        "png-alpha": _saved(rgba, "PNG"),
        "png-palette": _saved(palette, "PNG", transparency=bytes(range(16))),
        "png-bitmap": _saved(bitmap, "PNG"),
        "png-gray-16": _saved(codes(13, 17, None, "uint16"), "PNG"),
        "png-16": _png(deep, 16, 2, _chunk(b"eXIf", _exif()[6:]), _chunk(b"iCCP", b"p\0\0" + zlib.compress(profile))),
        "png-key-16": _png(deep, 16, 2, _chunk(b"tRNS", deep[2, 3].astype(">u2").tobytes())),
        "png-moving": _saved(steps[0], "PNG", **moving),
        "jpeg": _saved(larger, "JPEG", **known),
        "jpeg-progressive": _saved(larger, "JPEG", progressive=True, comment=b"a comment"),
        "jpeg-gray": _saved(gray, "JPEG"),
        "jpeg-cmyk": _saved(cmyk, "JPEG"),
        "jpeg-restarts": _saved(larger, "JPEG", restart_marker_blocks=2, optimize=True),
        "webp": _saved(larger, "WEBP", **known),
        "webp-lossless": _saved(rgba, "WEBP", lossless=True),
        "webp-moving": _saved(steps[0], "WEBP", **moving),
        "avif": _saved(larger, "AVIF", exif=_exif()),
        "avif-alpha": _saved(codes(40, 48, 4), "AVIF"),
        "avif-moving": _saved(steps[0], "AVIF", **moving),
        "gif": _saved(palette, "GIF", transparency=3, comment=b"a comment"),
        "gif-disposals": gif((9, 7), rgb[0][:16], _pictures(rgb, dispose=3, transparent=2), loop=2),
        "png-default": apng((17, 13), 6, _pictures(rgba, dispose=2, blend=1), default=rgba),
        "gif-moving": _saved(steps[0], "GIF", disposal=2, **moving),
        "tiff": _saved(rgb, "TIFF", dpi=(72, 72), exif=_exif()),
        "tiff-lzw": _saved(rgb, "TIFF", compression="tiff_lzw"),
        "tiff-deflate": _saved(rgba, "TIFF", compression="tiff_adobe_deflate"),
        "tiff-packbits": _saved(palette, "TIFF", compression="packbits"),
        "tiff-jpeg": _saved(larger, "TIFF", compression="jpeg"),
        "tiff-fax": _saved(bitmap, "TIFF", compression="group4"),
        "tiff-cmyk": _saved(cmyk, "TIFF"),
        "tiff-pages": _saved(steps[0], "TIFF", save_all=True, append_images=steps[1:]),
        "tiff-16": _tiff(deep, photometric="rgb", byteorder=">", compression="zlib", predictor=True),
        "tiff-16-lzw": _lzw_of_16_bits(),
        "tiff-float": _tiff(floats, tile=(16, 16), bigtiff=True),
        **_kinds_of_tiff(rgb, rgba, deep),
        "tiff-integers": _tiff(codes(5, 6, None, "uint16").astype(np.int32)),
        "bmp": _saved(rgb, "BMP"),
        "bmp-palette": _saved(palette, "BMP"),
        "bmp-bitmap": _saved(bitmap, "BMP"),
        "bmp-runs": _run_length_bmp(),
        "ico": _saved(codes(32, 32, 4), "ICO", sizes=[(16, 16), (32, 32)]),
        "ico-bmp": _saved(codes(16, 16, 4), "ICO", sizes=[(16, 16)], bitmap_format="bmp"),
        "ppm": _saved(rgb, "PPM"),
        "pgm": _saved(gray, "PPM"),
        "pbm": _saved(bitmap, "PPM"),
        "ppm-16": b"P6 17 13 65535\n" + deep.astype(">u2").tobytes(),
        "ppm-plain": b"P3\n# plain\n2 2\n255\n1 2 3 4 5 6\n7 8 9 10 11 12\n",
        "pgm-plain-16": b"P2 3 2 4095\n0 1 2 4000 4094 4095\n",
        "heic": base64.b64decode(_HEIC),
        **_what_stands_beside(rgb, deep, larger),
    }.items()


# Orientation, a property to drop and one to keep.
_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6" tiff:Artist="me"/></rdf:RDF>'
    b"</x:xmpmeta>"
)
_IPTC = b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\x0d\x1c\x02\x74\0\x08mine 202\0"


def _what_stands_beside(rgb, deep, larger):
    """Metadata in all its forms, and colors by number."""
    thumbnail = _saved(codes(12, 16, 3), "JPEG")
    # Behind the first directory, whose only field is a name, one with a thumbnail.
    names = struct.pack(">HHHI4sI", 1, 271, 2, 4, b"Cam\0", 26)
    second = struct.pack(">HHHIIHHIII", 2, 513, 4, 1, 56, 514, 4, 1, len(thumbnail), 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">I", 8) + names + second + thumbnail
    iptc = b"\xff\xed" + struct.pack(">H", 2 + len(_IPTC)) + _IPTC
    avif = _saved(larger, "AVIF", quality=90)
    at = avif.index(b"nclx") + 4
    text = _chunk(b"tEXt", b"parameters\0a cat") + _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + _XMP)
    return {
        "jpeg-metadata": _saved(larger, "JPEG", exif=exif, xmp=_XMP, comment=b"a comment", extra=iptc),
        "webp-metadata": _saved(larger, "WEBP", exif=exif, xmp=_XMP),
        "tiff-metadata": _saved(rgb, "TIFF", tiffinfo={33432: "mine", 700: _XMP, 33723: _IPTC[26:]}),
        "png-cicp": _png(rgb, 8, 2, _chunk(b"cICP", bytes([12, 13, 0, 1])), text),
        "png-gamma-16": _png(deep, 16, 2, _chunk(b"gAMA", struct.pack(">I", 100000)), _chunk(b"cHRM", _p3())),
        "avif-p3": avif[:at] + struct.pack(">H", 12) + avif[at + 2 :],
        "avif-10": _avif_of_10_bits(deep),
        **_kinds_of_jxl(rgb, deep),
    }


def _p3():
    points = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
    return struct.pack(">8I", *(round(each * 100_000) for each in points))


def _kinds_of_jxl(rgb, deep):
    import imagecodecs

    lines = Image.fromarray(rgb)
    lines.info["exif"] = _exif()
    lossless = {"lossless": True}
    return {
        "jxl": encode(lines, "jxl"),
        "jxl-lossless": encode(codes(13, 17, 4), "jxl", **lossless),
        "jxl-16": encode(deep, "jxl"),
        "jxl-linear": imagecodecs.jpegxl_encode(deep, **lossless),
        "jxl-12-gray": imagecodecs.jpegxl_encode(deep[..., 0] >> 4, bitspersample=12, **lossless),
        "jxl-jpeg": imagecodecs.jpegxl_encode_jpeg(_saved(codes(40, 48, 3), "JPEG", exif=_exif())),
    }


def _avif_of_10_bits(deep):
    import cv2

    return cv2.imencode(".avif", deep >> 6, [cv2.IMWRITE_AVIF_DEPTH, 10])[1].tobytes()


def _kinds_of_tiff(rgb, rgba, deep):
    """Each kind that our own reader of samples takes, and some that Pillow's libtiff does."""
    gray, turned = {"photometric": "minisblack"}, {"byteorder": ">", "bigtiff": True}
    inks, lab = codes(13, 17, 4), tags_of(13, 17, [8] * 3, 8, rgb.tobytes())
    table, indexes = codes(3, 256, None, "uint16"), codes(13, 17)
    palette = tags_of(13, 17, [8], 3, indexes.tobytes(), more={320: (3, table.ravel().tolist()), 266: (3, [2])})
    luma = zlib.compress(codes(12, 16, 6).tobytes())
    return {
        "tiff-12": _tiff(deep >> 4, bitspersample=12, photometric="rgb"),
        "tiff-zstd-16": _tiff(deep, compression="zstd", predictor=2, photometric="rgb"),
        "tiff-lzma": _tiff(rgb, compression="lzma", photometric="rgb", **turned),
        "tiff-webp": _tiff(codes(32, 32, 3), compression="webp", tile=(16, 16), photometric="rgb"),
        "tiff-half": _tiff(codes(13, 17, None, "float32").astype(np.float16), compression="zlib", predictor=3),
        "tiff-bytes": _tiff(indexes.view(np.int8), compression="packbits", **gray),
        "tiff-associated": _tiff(rgba, photometric="rgb", extrasamples=["assocalpha"], compression="zlib"),
        "tiff-planes": _tiff(np.moveaxis(codes(13, 17, 2), -1, 0), planarconfig="separate", extrasamples=[2], **gray),
        "tiff-palette-16": by_hand(palette, indexes.tobytes()),
        "tiff-lab": by_hand(lab, rgb.tobytes()),
        "tiff-ycbcr": by_hand(tags_of(24, 32, [8] * 3, 6, luma, 8), luma),
        "tiff-inks-16": _tiff(inks.astype(np.uint16) * 257, photometric="separated", planarconfig="contig"),
        "tiff-pages-of-kinds": _tiff_of_kinds(rgb, deep),
    }


def _tiff_of_kinds(rgb, deep):
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(deep[..., 0] >> 6, bitspersample=10, photometric="minisblack")
        writer.write(rgb, photometric="rgb", compression="lzw")
    return file.getvalue()


def _lzw_of_16_bits():
    import cv2

    return cv2.imencode(".tif", codes(13, 17, 3, "uint16"), [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1].tobytes()


FILES = dict(_files())
FORMATS = sorted({name.partition("-")[0] for name in FILES})
