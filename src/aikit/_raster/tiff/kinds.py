"""Which reader takes a page of a TIFF, and the refusals of all others, each by its true name.

Measured with Pillow 13 and OpenCV 5: 16-bit planar RGB comes out of Pillow scrambled, big-endian deflated float gray
byte-swapped, 16-bit white-is-zero and signed bytes as if they were none, a fifth sample is left out without a word.
So Pillow only gets what it was seen to read exactly (`_BY_PILLOW`); strips and tiles of the others are put together in
`samples`; and what is left is refused.

Source: Adobe, "TIFF Revision 6.0" (1992); Adobe Photoshop TIFF Technical Notes (2002); compressions as libtiff and
tifffile number them.
"""

from __future__ import annotations

from ...errors import FileFormatError, printable
from .directory import Page

__all__ = ["is_by_pillow", "is_noisy", "is_noisy_as_data", "is_ours", "require_known", "require_numbers"]

_NONE, _LZW, _PACKBITS, _OLD_JPEG, _JPEG, _WEBP = 1, 5, 32773, 6, 7, 50001
# Unpacked by Python's own zlib and lzma, and by libwebp.
_SILENT = (8, 32946, 34925, _WEBP)
_OURS = (_NONE, _LZW, _PACKBITS, 50000, *_SILENT)
_FAX = (2, 3, 4)
_COMPRESSIONS = {
    9: "JBIG",
    10: "JBIG",
    32766: "NeXT",
    32771: "CCITT RLE of words",
    32809: "ThunderScan",
    32895: "IT8 CT",
    32896: "IT8 LW",
    32897: "IT8 MP",
    32898: "IT8 BL",
    32908: "Pixar film",
    32909: "Pixar log",
    32947: "Kodak DCS",
    22610: "JPEG XR",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34713: "Nikon NEF",
    34718: "MDI",
    34719: "MDI",
    34720: "MDI",
    34887: "LERC",
    34892: "lossy JPEG of a DNG",
    34933: "PNG",
    34934: "JPEG XR",
    50002: "JPEG XL",
    52546: "JPEG XL",
    65000: "Kodak KDC",
    65535: "Pentax PEF",
}
_PHOTOMETRICS = {
    4: "a transparency mask",
    9: "ICC Lab color",
    10: "ITU Lab color",
    32803: "the mosaic of a camera's sensor",
    32844: "LogL luminance",
    32845: "LogLuv color",
    34892: "linear raw data of a camera",
    51177: "a depth map",
    52527: "a semantic mask",
}
_FORMATS = {2: "signed integers", 3: "floats", 5: "complex integers", 6: "complex floats"}

# Photometric, bits and samples of the kinds that Pillow was seen to read exactly, whatever packs them.
_BY_PILLOW = {
    *((photometric, bits, 1) for photometric in (0, 1, 3) for bits in (1, 2, 4, 8)),
    (1, 8, 2),
    (2, 8, 3),
    (2, 8, 4),
    (5, 8, 4),
    (6, 8, 3),
    (8, 8, 3),
}
_FLOATS, _SIGNED = (16, 32, 64), (8, 16, 32)


def is_ours(page: Page) -> bool:
    """Whether `samples.read_page` takes a page that `require_known` let pass, and not Pillow."""
    if page.compression not in _OURS or page.photometric in (6, 8):
        return False
    by_pillow = page.sample_format == 1 and (page.photometric, page.depth, page.samples) in _BY_PILLOW
    # Pillow's libtiff comes without WebP.
    if page.compression == _WEBP:
        return True
    turned = page.fill_order == 2 or (page.big and page.order == ">")
    # Pillow's unmultiplying does not round, and its planes of gray and alpha are one.
    two_planes = page.planar == 2 and page.samples == 2
    return not by_pillow or turned or page.associated or two_planes or _has_odd_colors(page)


def is_by_pillow(page: Page) -> bool:
    """Whether Pillow reads the page."""
    return _unknown(page) is None and not is_ours(page)


def _has_odd_colors(page: Page) -> bool:
    """A table of colors that Pillow's shift to 8 bits would change: of 16 bits, or of old writers' 8."""
    colors = page.color_map
    return page.photometric == 3 and (max(colors) < 256 or any(value % 257 and value % 256 for value in colors))


def is_noisy(page: Page) -> bool:
    """Whether libtiff unpacks it, in Pillow or OpenCV: it writes to the process's error stream about damage."""
    packed = page.compression != _NONE and _unknown(page) is None
    return packed and not (page.compression in _SILENT and is_ours(page))


def require_known(page: Page, name: str) -> None:
    """Raise FileFormatError, naming what it is, for a page that no reader here gives exactly as it is meant."""
    found = _unknown(page)
    if found is not None:
        got, remedy = found
        raise FileFormatError(name, "a TIFF of a kind that aikit reads", got, remedy, code="unsupported_format")


def is_noisy_as_data(page: Page) -> bool:
    """Whether libtiff unpacks it where its samples are read as they are."""
    return page.compression not in (_NONE, *_SILENT)


def require_numbers(page: Page, name: str) -> None:
    """Raise FileFormatError, naming what it is, for a page whose samples cannot be read as they are stored."""
    found = _unknown_numbers(page)
    if found is not None:
        raise FileFormatError(
            name, "a TIFF whose samples can be read as data", found, _CONVERT, code="unsupported_format"
        )


# Kinds whose samples are no numbers by themselves: chroma of several pixels, logarithms.
_NO_NUMBERS = (6, 32844, 32845)


def _unknown_numbers(page: Page) -> str | None:
    photograph = _unknown_photograph(page) if page.dng or page.hidden else None
    if photograph is not None:
        return photograph[0]
    if page.compression not in _OURS or (page.compression == _WEBP and page.samples not in (3, 4)):
        return f"the compression {_COMPRESSIONS.get(page.compression, _PACKED_PIXELS.get(page.compression, page.compression))}"
    if page.photometric in _NO_NUMBERS:
        return _PHOTOMETRICS.get(page.photometric, "Y'CbCr")
    packing = _unknown_packing(page)
    if packing is not None:
        return packing[0]
    if len(set(page.bits)) > 1 or len(set(page.formats)) > 1:
        return f"samples of different kinds, of {', '.join(map(str, page.bits[:8]))} bits"
    kind, depth = page.sample_format, page.depth
    if not {1: depth <= 16 or depth in (32, 64), 2: depth in (8, 16, 32, 64), 3: depth in _FLOATS}.get(kind, False):
        return f"{_values(page)} in {page.samples} samples"
    if (page.predictor == 3 and kind != 3) or (page.predictor == 2 and depth not in (8, 16, 32, 64)):
        return f"the predictor {page.predictor} with {_values(page)}"
    return None


_PACKED_PIXELS = {2: "CCITT fax", 3: "CCITT fax", 4: "CCITT fax", 6: "JPEG", 7: "JPEG"}

_CONVERT = "convert it to a TIFF of 8 or 16 bits without compression, or to PNG"
_DATA = 'read it as data, with channels="data", and pass the channels that you want'
_DEVELOP = "develop it to TIFF, PNG or JPEG first"


def _unknown(page: Page) -> tuple[str, str] | None:
    """What a page is, if it is not known, and what to do."""
    return _unknown_photograph(page) or _unknown_channels(page) or _unknown_packing(page) or _unknown_values(page)


def _unknown_photograph(page: Page) -> tuple[str, str] | None:
    make = f" ({printable(page.make)[:40]})" if page.make else ""
    if page.dng:
        return f"a DNG photograph{make}, raw data of a camera", _DEVELOP
    if page.hidden:
        return f"a preview{make}, whose picture stands in a directory of its own as in raw files of cameras", _DEVELOP
    if page.photometric in _PHOTOMETRICS:
        return _PHOTOMETRICS[page.photometric], _DEVELOP if page.photometric in (32803, 34892) else _CONVERT
    if page.photometric not in (0, 1, 2, 3, 5, 6, 8):
        return f"the photometric interpretation {page.photometric}", _CONVERT
    return None


def _unknown_channels(page: Page) -> tuple[str, str] | None:
    has_alpha = page.alpha is not None
    more = page.samples - page.colors - has_alpha
    if more > 0:
        kept = (
            "1 is color"
            if page.colors == 1
            else f"{page.colors} are color" + (" and one is alpha" if has_alpha else "")
        )
        return f"{page.samples} samples a pixel, of which {kept} and {more} other data, such as near infrared", _DATA
    if more < 0 and not (page.photometric == 6 and page.samples == 1):
        return f"{page.samples} samples a pixel where color takes {page.colors}", _CONVERT
    if has_alpha and page.alpha != page.colors:
        return "alpha that does not stand behind the color", _DATA
    if has_alpha and page.photometric not in (0, 1, 2, 3):
        return f"alpha beside {_space(page)}", "flatten it, or convert it to RGB first"
    if page.photometric == 5 and (page.ink_set == 2 or page.inks != 4):
        return "inks other than cyan, magenta, yellow and black", "convert it to RGB first"
    return None


def _space(page: Page) -> str:
    return {0: "gray whose 0 is white", 5: "CMYK", 6: "Y'CbCr", 8: "Lab"}.get(page.photometric, "color")


def _unknown_packing(page: Page) -> tuple[str, str] | None:
    packed, whole = page.compression, (page.sample_format, page.depth) == (1, 8)
    if packed in _COMPRESSIONS or packed not in (*_OURS, *_FAX, _OLD_JPEG, _JPEG):
        return f"the compression {_COMPRESSIONS.get(packed, packed)}", _CONVERT
    if packed in (_OLD_JPEG, _JPEG) and not whole:
        return f"JPEG of {_values(page)}", _CONVERT
    if packed == _WEBP and (not whole or page.photometric != 2 or page.planar != 1):
        return f"WebP of {_values(page)} in {_name_of_kind(page)}", _CONVERT
    if packed == _NONE and page.photometric == 6 and page.subsampling != (1, 1):
        return "subsampled Y'CbCr that is not compressed", _CONVERT
    if packed in _FAX and (page.depth, page.samples, page.photometric in (0, 1, 3)) != (1, 1, True):
        return f"fax compression of {page.samples} samples of {page.depth} bits", _CONVERT
    if packed in (_NONE, _PACKBITS, _WEBP) and page.predictor != 1:
        return f"the predictor {page.predictor} with values that are not compressed", _CONVERT
    if packed in _OURS and page.predictor not in (1, 2, 3):
        return f"the predictor {page.predictor}", _CONVERT
    if page.fill_order not in (1, 2):
        return f"the fill order {page.fill_order}", _CONVERT
    return None


def _unknown_values(page: Page) -> tuple[str, str] | None:
    kind, depth = page.sample_format, page.depth
    if len(set(page.bits)) > 1 or len(set(page.formats)) > 1:
        return f"samples of different kinds, of {', '.join(map(str, page.bits[:8]))} bits", _CONVERT
    known = {1: depth <= 16 or depth == 32, 2: depth in _SIGNED, 3: depth in _FLOATS}.get(kind, False)
    gray = page.photometric == 1 and page.samples == 1
    if not known or ((kind == 2 or (kind == 1 and depth == 32)) and not gray):
        return f"{_values(page)} in {page.samples} samples of {_name_of_kind(page)}", _CONVERT
    if kind == 3 and page.photometric not in (0, 1, 2):
        return f"{_name_of_kind(page)} of floats", _CONVERT
    if page.predictor == 3 and kind != 3:
        return "the predictor for floats with integers", _CONVERT
    if page.predictor == 2 and depth not in (8, 16, 32, 64):
        return f"the predictor 2 with {_values(page)}", _CONVERT
    if page.photometric in (6, 8) and depth != 8:
        return f"{_name_of_kind(page)} of {depth} bits", "convert it to RGB first"
    if page.photometric in (6, 8) and (page.big and page.order == ">"):
        return f"{_name_of_kind(page)} in a big-endian BigTIFF", _CONVERT
    if page.photometric == 3 and len(page.color_map) != 3 << depth:
        return f"a table of {len(page.color_map)} color values for {depth} bits", _CONVERT
    return None


def _values(page: Page) -> str:
    return f"{page.depth}-bit {_FORMATS.get(page.sample_format, 'integers')}"


def _name_of_kind(page: Page) -> str:
    return {0: "gray", 1: "gray", 2: "RGB", 3: "a palette", 5: "CMYK", 6: "Y'CbCr", 8: "Lab"}[page.photometric]
