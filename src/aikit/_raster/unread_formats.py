"""What a file is that is no picture in a format aikit reads, so that its refusal can say so.

Source: the magic numbers are those of each format's specification, as the file(1) database and PRONOM list them.
"""

from __future__ import annotations

import codecs
import re

__all__ = ["describe_unread"]

_EXPORT = "export it as PNG first"
_DEVELOP = "develop it to TIFF, PNG or JPEG first"
_RENDER = "render its pages to PNG first"
_FRAMES = "extract its frames first, with ffmpeg for instance"
_UNPACK = "unpack it first"
_DATA = "read it with its own library and pass the array"
_DOWNLOAD = "check the download: something else came in place of a picture"

# First bytes, name, remedy; the longer of two that begin alike stands first.
_PREFIXES: tuple[tuple[bytes, str, str], ...] = (
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000", _EXPORT),
    (b"\xff\x4f\xff\x51", "JPEG 2000 (a bare codestream)", _EXPORT),
    (b"II\xbc", "JPEG XR", _EXPORT),
    (b"\xff\xd8\xff\xf7", "JPEG-LS", _EXPORT),
    (b"v/1\x01", "OpenEXR", _DATA),
    (b"#?RADIANCE", "Radiance HDR", _DATA),
    (b"#?RGBE", "Radiance HDR", _DATA),
    (b"qoif", "QOI", _EXPORT),
    (b"FLIF", "FLIF", _EXPORT),
    (b"BPG\xfb", "BPG", _EXPORT),
    (b"DDS ", "DDS, a texture", _EXPORT),
    (b"\xabKTX 11\xbb", "KTX, a texture", _EXPORT),
    (b"\xabKTX 20\xbb", "KTX2, a texture", _EXPORT),
    (b"icns", "ICNS, icons of macOS", _EXPORT),
    (b"gimp xcf", "XCF, a document of GIMP", _EXPORT),
    (b"\x01\xda", "SGI", _EXPORT),
    (b"\x59\xa6\x6a\x95", "Sun raster", _EXPORT),
    (b"FORM", "IFF, such as ILBM", _EXPORT),
    (b"/* XPM", "XPM", _EXPORT),
    (b"P7\n", "PAM", _EXPORT),
    (b"PF\n", "PFM, float pixels", _DATA),
    (b"Pf\n", "PFM, float pixels", _DATA),
    (b"\x8aMNG", "MNG", _FRAMES),
    (b"\x8bJNG", "JNG", _EXPORT),
    (b"\xd7\xcd\xc6\x9a", "WMF", _EXPORT),
    (b"AT&TFORM", "DjVu", _RENDER),
    (b"%PDF", "PDF", _RENDER),
    (b"%!PS", "EPS or PostScript", _RENDER),
    (b"\xc5\xd0\xd3\xc6", "EPS", _RENDER),
    (b"{\\rtf", "RTF", _RENDER),
    (b"\xd0\xcf\x11\xe0", "an old Office document", _RENDER),
    (b"SIMPLE  =", "FITS", _DATA),
    (b"\x93NUMPY", "an array of NumPy", "load it with numpy.load and pass the array"),
    (b"\x89HDF", "HDF5", _DATA),
    (b"CDF\x01", "NetCDF", _DATA),
    (b"FUJIFILMCCD-RAW", "RAF, a raw photograph of Fujifilm", _DEVELOP),
    (b"IIRO", "ORF, a raw photograph of Olympus", _DEVELOP),
    (b"IIRS", "ORF, a raw photograph of Olympus", _DEVELOP),
    (b"MMOR", "ORF, a raw photograph of Olympus", _DEVELOP),
    (b"IIU\0", "RW2, a raw photograph of Panasonic", _DEVELOP),
    (b"FOVb", "X3F, a raw photograph of Sigma", _DEVELOP),
    (b"\0MRM", "MRW, a raw photograph of Minolta", _DEVELOP),
    (b"II\x1a\0\0\0HEAPCCDR", "CRW, a raw photograph of Canon", _DEVELOP),
    (b"\x1aE\xdf\xa3", "a film, Matroska or WebM", _FRAMES),
    (b"\0\0\x01\xba", "a film, MPEG", _FRAMES),
    (b"\0\0\x01\xb3", "a film, MPEG", _FRAMES),
    (b"OggS", "Ogg, sound or film", _FRAMES),
    (b"FLV\x01", "a film, FLV", _FRAMES),
    (b"ID3", "MP3, sound", _DOWNLOAD),
    (b"fLaC", "FLAC, sound", _DOWNLOAD),
    (b"\x1f\x8b", "gzip", _UNPACK),
    (b"BZh", "bzip2", _UNPACK),
    (b"\xfd7zXZ\0", "xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "Zstandard", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "7z", _UNPACK),
    (b"Rar!", "RAR", _UNPACK),
    (b"\x7fELF", "a program", _DOWNLOAD),
    (b"MZ", "a program of Windows", _DOWNLOAD),
    (b"SQLite format 3\0", "a database of SQLite", _DOWNLOAD),
    (b"version https://git-lfs.github.com/spec", "a pointer of Git LFS, not the file itself", "run: git lfs pull"),
    (b"\0\0\x01\0\0\0", "an icon without pictures", _EXPORT),
)
_RIFF = {
    b"AVI ": ("a film, AVI", _FRAMES),
    b"WAVE": ("WAV, sound", _DOWNLOAD),
    b"ACON": ("ANI, a moving cursor of Windows", _EXPORT),
}
# ISO/IEC 14496-12 containers by their brand.
_BRANDS = {
    b"crx ": ("CR3, a raw photograph of Canon", _DEVELOP),
    b"jxl ": ("JPEG XL", _EXPORT),
    b"jp2 ": ("JPEG 2000", _EXPORT),
    b"qt  ": ("a film, QuickTime", _FRAMES),
    b"M4A ": ("M4A, sound", _DOWNLOAD),
}
# What stands in a ZIP first, where the format asks for it.
_ZIPS = (
    (b"image/openraster", "ORA, a document of OpenRaster", _EXPORT),
    (b"application/x-krita", "KRA, a document of Krita", _EXPORT),
    (b"application/epub", "EPUB", _RENDER),
    (b"application/vnd.oasis", "an OpenDocument file", _RENDER),
    (b"[Content_Types].xml", "an Office document", _RENDER),
)
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
# As much as is looked at for text and web pages.
_HEAD = 4096


def describe_unread(data: bytes) -> tuple[str, str]:
    """What bytes are that `identify` does not know, and what to do about it."""
    return _by_first_bytes(data) or _by_structure(data) or _as_text(data) or _as_bytes(data)


def _by_first_bytes(data: bytes) -> tuple[str, str] | None:
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12])
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], ("a film, MP4", _FRAMES))
    if data[4:8] in (b"moov", b"mdat", b"wide"):
        return "a film, QuickTime", _FRAMES
    if data[:4] == b"PK\x03\x04":
        head = data[:_HEAD]
        return next(((name, do) for mark, name, do in _ZIPS if mark in head), ("a ZIP archive", _UNPACK))
    return next(((name, do) for prefix, name, do in _PREFIXES if data.startswith(prefix)), None)


def _by_structure(data: bytes) -> tuple[str, str] | None:
    # Without a count of pictures it is the beginning of a TGA.
    if data[:4] == b"\0\0\2\0" and any(data[4:6]):
        return "CUR, a cursor of Windows", _EXPORT
    if data[128:132] == b"DICM":
        return "DICOM", _DATA
    if data[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    if data[:4] == b"\x01\0\0\0" and data[40:44] == b" EMF":
        return "EMF", _EXPORT
    # Version, packing and bits of a channel.
    if data[:1] == b"\n" and re.match(rb"[\0\2-\5][\0\1][\1\2\4\x08]", data[1:4]):
        return "PCX", _EXPORT
    if data[344:348] in (b"n+1\0", b"ni1\0"):
        return "NIfTI", _DATA
    if data[-18:] == b"TRUEVISION-XFILE.\0" or _is_targa(data):
        return "TGA", _EXPORT
    return None


def _is_targa(data: bytes) -> bool:
    """Whether an 18-byte header makes sense: TGA has no first bytes of its own."""
    if len(data) < 18:
        return False
    mapped, kind, size, depth = data[1], data[2], data[12:16], data[16]
    fits = {1: (8,), 9: (8,), 2: (15, 16, 24, 32), 10: (15, 16, 24, 32), 3: (8, 16), 11: (8, 16)}.get(kind, ())
    table = mapped == 1 and data[7] in (15, 16, 24, 32) if kind in (1, 9) else mapped == 0 and not any(data[3:8])
    return depth in fits and table and any(size[:2]) and any(size[2:]) and not data[17] & 0xC0


def _as_text(data: bytes) -> tuple[str, str] | None:
    head = data[:_HEAD]
    if _HTML.match(head):
        return "HTML, a web page", _DOWNLOAD
    try:
        # A character may be cut where the head ends.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head, final=len(data) <= _HEAD)
    except UnicodeDecodeError:
        return None
    if any(ord(character) < 32 and character not in "\t\r\n\f" for character in text):
        return None
    if text.lstrip()[:1] in ("{", "["):
        return "JSON or other text", _DOWNLOAD
    if text.startswith("data:"):
        return "a data URL", "decode it with aikit.files.from_data_url first"
    return ("XML" if text.lstrip().startswith("<") else "text"), _DOWNLOAD


def _as_bytes(data: bytes) -> tuple[str, str]:
    return f"bytes that begin with {data[:8].hex(' ')}", "check how the file was written"
