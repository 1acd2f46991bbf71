"""XMP packets: properties taken out by namespace and name, wherever the packet puts them.

Sources: ISO 16684-1 (XMP data model and serialization); Adobe, "XMP Specification Part 2: Additional Properties";
IPTC Photo Metadata Standard; Google, "GContainer" and "Ultra HDR Image Format".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml import etree

__all__ = ["DamagedXmpError", "edit", "find_orientation", "is_public", "is_true_of_others"]

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_XMP, _PHOTOSHOP = "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/photoshop/1.0/"
_DC, _RIGHTS = "http://purl.org/dc/elements/1.1/", "http://ns.adobe.com/xap/1.0/rights/"
_AUX, _EXIF_2 = "http://ns.adobe.com/exif/1.0/aux/", "http://cipa.jp/exif/1.0/"
_PLUS, _CC = "http://ns.useplus.org/ldf/xmp/1.0/", "http://creativecommons.org/ns#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"

# What prefixes stand for where packets forget to say so.
_USUAL = {
    b"rdf": _RDF, b"tiff": _TIFF, b"exif": _EXIF, b"xmp": _XMP, b"xap": _XMP, b"photoshop": _PHOTOSHOP, b"dc": _DC,
    b"xmpRights": _RIGHTS, b"aux": _AUX, b"exifEX": _EXIF_2, b"plus": _PLUS, b"cc": _CC, b"Iptc4xmpExt": _IPTC,
    b"hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/", b"x": "adobe:ns:meta/",
}  # fmt: skip
_DECLARED, _USED = re.compile(rb"xmlns:([\w.-]+)\s*="), re.compile(rb"[<\s/]([A-Za-z_][\w.-]*):[A-Za-z_]")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_ROOT = re.compile(rb"<[A-Za-z_][\w.:-]*")
_ORIENTATION = re.compile(
    rb"""tiff:Orientation\s*=\s*["']\s*([0-9])\s*["']|<tiff:Orientation>\s*([0-9])\s*</tiff:Orientation>"""
)

Keeps = Callable[[str, str, str], bool]


class DamagedXmpError(ValueError):
    """The packet is no XML, or XML that does more than hold properties."""


# Namespaces that describe pictures behind the picture, which are not written again: gain maps, moving photos, depth.
_OF_CONTAINERS = (
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.apple.com/HDRGainMap/1.0/",
    "http://ns.apple.com/pixeldatainfo/1.0/",
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/image/",
    "http://ns.google.com/photos/1.0/audio/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/dd/1.0/",
    "http://ns.adobe.com/xmp/note/",
)
_OF_STORAGE = {
    _TIFF: {
        "Orientation", "ImageWidth", "ImageLength", "BitsPerSample", "Compression", "PhotometricInterpretation",
        "SamplesPerPixel", "PlanarConfiguration", "YCbCrSubSampling", "YCbCrPositioning", "YCbCrCoefficients",
        "ReferenceBlackWhite", "NativeDigest",
    },
    _EXIF: {
        "PixelXDimension", "PixelYDimension", "CompressedBitsPerPixel", "SubjectArea", "SubjectLocation", "NativeDigest",
        "MakerNote",
    },
    _XMP: {"Thumbnails", "PageInfo"},
    _PHOTOSHOP: {"ICCProfile", "ColorMode"},
}  # fmt: skip
_COLOR_SPACE, _SRGB = (_EXIF, "ColorSpace"), "1"


def is_true_of_others(namespace: str, name: str, value: str) -> bool:
    """Whether a property still holds for a picture made of the pixels: no thumbnail, no size, nothing of other parts."""
    if namespace in _OF_CONTAINERS or name in _OF_STORAGE.get(namespace, ()):
        return False
    return (namespace, name) != _COLOR_SPACE or value.strip() == _SRGB


# As with EXIF a list of what stays. None stands for the whole namespace.
_PUBLIC: dict[str, set[str] | None] = {
    _DC: {"creator", "date", "description", "format", "language", "publisher", "rights", "title", "type"},
    _RIGHTS: None,
    _PLUS: None,
    _CC: None,
    _XMP: {"CreateDate", "CreatorTool", "MetadataDate", "ModifyDate", "Rating"},
    _PHOTOSHOP: {"AuthorsPosition", "CopyrightFlag", "Credit", "DateCreated", "Headline", "Source"},
    _TIFF: {
        "Artist", "Copyright", "DateTime", "ImageDescription", "Make", "Model", "ResolutionUnit", "Software",
        "XResolution", "YResolution",
    },
    _EXIF: {
        "ApertureValue", "BrightnessValue", "ColorSpace", "Contrast", "CustomRendered", "DateTimeDigitized",
        "DateTimeOriginal", "DigitalZoomRatio", "ExifVersion", "ExposureBiasValue", "ExposureIndex", "ExposureMode",
        "ExposureProgram", "ExposureTime", "FNumber", "FileSource", "Flash", "FlashEnergy", "FocalLength",
        "FocalLengthIn35mmFilm", "FocalPlaneResolutionUnit", "FocalPlaneXResolution", "FocalPlaneYResolution",
        "GainControl", "ISOSpeedRatings", "LightSource", "MaxApertureValue", "MeteringMode", "Saturation",
        "SceneCaptureType", "SceneType", "SensingMethod", "Sharpness", "ShutterSpeedValue", "SubjectDistance",
        "SubjectDistanceRange", "WhiteBalance",
    },
    _AUX: {"Lens", "LensInfo", "LensID"},
    _EXIF_2: {"LensMake", "LensModel", "LensSpecification", "PhotographicSensitivity", "SensitivityType",
              "RecommendedExposureIndex", "Gamma"},
    _IPTC: {"DigitalSourceType"},
}  # fmt: skip


def is_public(namespace: str, name: str, value: str) -> bool:
    """Whether a property tells nothing about a place, a person but the author, or one single device."""
    names = _PUBLIC.get(namespace, set())
    return is_true_of_others(namespace, name, value) and (names is None or name in names)


def find_orientation(packet: bytes) -> int | None:
    """The orientation that the packet tells, if it is a number; of what is no XML too, for other readers look for it."""
    if b"rientation" not in packet.replace(b"\0", b""):
        return None
    try:
        root = _parse(packet)
    except DamagedXmpError:
        told = _ORIENTATION.search(packet)
        return int(told[1] or told[2]) if told else None
    found: list[str] = []

    def note(namespace: str, name: str, value: str) -> bool:
        if (namespace, name) == (_TIFF, "Orientation"):
            found.append(value.strip())
        return True

    _remove(root, note)
    return int(found[0]) if found and found[0].isdecimal() and len(found[0]) < 4 else None


def edit(packet: bytes, keeps: Keeps) -> bytes:
    """The packet with the properties for which `keeps(namespace, name, value)` is true; as it was where all stay.

    Returns:
        The packet, or nothing where no property is left.

    Raises:
        DamagedXmpError: the packet cannot be read.
    """
    root = _parse(packet)
    gone, left = _remove(root, keeps)
    if not gone:
        return packet
    from lxml import etree

    return etree.tostring(root.getroottree(), encoding="UTF-8") if left else b""


def _parse(packet: bytes) -> etree._Element:
    from lxml import etree  # where a packet is read: most pictures have none

    if b"<!DOCTYPE" in packet.replace(b"\0", b""):
        raise DamagedXmpError("a document type, which packets have not")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(
            _with_declarations(packet if packet[:2] in _UTF_16 else packet.strip(b"\0 \t\r\n")), parser
        )
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise DamagedXmpError(str(error)) from error
    if root.getroottree().docinfo.doctype:
        raise DamagedXmpError("a document type, which packets have not")
    return root


def _with_declarations(packet: bytes) -> bytes:
    """The packet with what its prefixes stand for, where it uses some that it does not declare."""
    missing = set(_USED.findall(packet)) - set(_DECLARED.findall(packet)) - {b"xml", b"xmlns"}
    # What is only in texts, such as http:, does no harm as a declaration.
    said = b"".join(
        b' xmlns:%s="%s"' % (prefix, _USUAL.get(prefix, "urn:undeclared").encode()) for prefix in sorted(missing)
    )
    return _ROOT.sub(lambda root: root[0] + said, packet, count=1) if said else packet


def _remove(root: etree._Element, keeps: Keeps) -> tuple[int, int]:
    """Take properties out of all that is described; gives how many went and how many are left."""
    gone = left = 0
    for described in list(root.iter(f"{{{_RDF}}}Description")):
        if next(described.iterancestors(f"{{{_RDF}}}Description"), None) is not None:
            continue  # a value that has properties of its own
        for key, value in list(described.attrib.items()):
            namespace, name = _split(str(key))
            if namespace in ("", _RDF) or keeps(namespace, name, str(value)):
                left += namespace not in ("", _RDF)
            else:
                del described.attrib[key]
                gone += 1
        for child in list(described):
            if keeps(*_split(str(child.tag)), child.text or ""):
                left += 1
            else:
                described.remove(child)
                gone += 1
    return gone, left


def _split(tag: str) -> tuple[str, str]:
    namespace, _, name = tag.rpartition("}")
    return namespace.lstrip("{"), name
