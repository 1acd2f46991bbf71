"""Files that are no picture in a format aikit reads: the refusal says what they are and what to do."""

import io
import struct
import zipfile

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from aikit import FileFormatError, read_numpy
from pictures import codes


def by_pillow(kind, mode="RGB", **options):
    file = io.BytesIO()
    Image.fromarray(codes(16, 16, 3)).convert(mode).save(file, kind, **options)
    return file.getvalue()


def zipped(name, body):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, body)
    return file.getvalue()


# Made by their own encoders where one is at hand, else the first bytes that their specifications ask for.
FILES = {
    "JPEG 2000": (lambda: by_pillow("JPEG2000"), "export it as PNG"),
    "JPEG 2000 (a bare codestream)": (lambda: imagecodecs.jpeg2k_encode(codes(16, 16, 3), codecformat="j2k"), "export"),
    "JPEG XR": (lambda: imagecodecs.jpegxr_encode(codes(16, 16, 3)), "export"),
    "QOI": (lambda: imagecodecs.qoi_encode(codes(16, 16, 3)), "export"),
    "TGA": (lambda: by_pillow("TGA"), "export"),
    "PCX": (lambda: by_pillow("PCX"), "export"),
    "DDS, a texture": (lambda: by_pillow("DDS"), "export"),
    "SGI": (lambda: by_pillow("SGI"), "export"),
    "ICNS, icons of macOS": (lambda: b"icns\0\0\0\x10", "export"),
    "CUR, a cursor of Windows": (lambda: b"\0\0\2\0\1\0", "export"),
    "OpenEXR": (lambda: b"v/1\x01" + bytes(40), "its own library"),
    "Radiance HDR": (lambda: b"#?RADIANCE\n", "its own library"),
    "FITS": (lambda: b"SIMPLE  =                    T", "its own library"),
    "DICOM": (lambda: bytes(128) + b"DICM", "its own library"),
    "an array of NumPy": (lambda: _npy(), "numpy.load"),
    "PDF": (lambda: by_pillow("PDF"), "render its pages"),
    "EPS or PostScript": (lambda: by_pillow("EPS"), "render its pages"),
    "EMF": (lambda: b"\1\0\0\0" + bytes(36) + b" EMF", "export"),
    "WMF": (lambda: b"\xd7\xcd\xc6\x9a" + bytes(20), "export"),
    "XCF, a document of GIMP": (lambda: b"gimp xcf v011\0", "export"),
    "KRA, a document of Krita": (lambda: zipped("mimetype", "application/x-krita"), "export"),
    "ORA, a document of OpenRaster": (lambda: zipped("mimetype", "image/openraster"), "export"),
    "a ZIP archive": (lambda: zipped("a.txt", "a"), "unpack it"),
    "CR3, a raw photograph of Canon": (lambda: b"\0\0\0\x18ftypcrx " + bytes(12), "develop it"),
    "RAF, a raw photograph of Fujifilm": (lambda: b"FUJIFILMCCD-RAW 0201", "develop it"),
    "ORF, a raw photograph of Olympus": (lambda: b"IIRO\x08\0\0\0", "develop it"),
    "RW2, a raw photograph of Panasonic": (lambda: b"IIU\0\x18\0\0\0", "develop it"),
    "a film, MP4": (lambda: b"\0\0\0\x18ftypmp42" + bytes(40), "ffmpeg"),
    "a film, QuickTime": (lambda: b"\0\0\0\x14ftypqt  " + bytes(40), "ffmpeg"),
    "a film, Matroska or WebM": (lambda: b"\x1aE\xdf\xa3" + bytes(20), "ffmpeg"),
    "a film, AVI": (lambda: b"RIFF\0\0\0\0AVI LIST", "ffmpeg"),
    "HTML, a web page": (lambda: b"\n<!DOCTYPE html><html>404", "check the download"),
    "XML": (lambda: b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "check the download"),
    "JSON or other text": (lambda: b'{"error": "not found"}', "check the download"),
    "a pointer of Git LFS, not the file itself": (lambda: b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
    "a data URL": (lambda: b"data:image/png;base64,iVBORw0KGgo=", "from_data_url"),
    "text": (lambda: "ein schönes Bild\n".encode(), "check the download"),
    "bytes that begin with 80 81 82 83 84 85 86 87": (lambda: bytes(range(128, 200)), "check how"),
}  # fmt: skip


def _npy():
    file = io.BytesIO()
    np.save(file, codes(3, 4))
    return file.getvalue()


@pytest.mark.parametrize("name", FILES)
def test_the_refusal_names_the_format(name):
    make, remedy = FILES[name]
    with pytest.raises(FileFormatError, match=r"expected PNG, JPEG, .* or GLB, got .*; ") as caught:
        read_numpy(make())
    assert caught.value.code == "unsupported_format"
    assert caught.value.got == name
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("options", [{}, {"compression": "tga_rle"}], ids=["plain", "rle"])
def test_targa_has_no_first_bytes(mode, options):
    data = by_pillow("TGA", mode, **options)
    with pytest.raises(FileFormatError, match=r"got TGA; export it"):
        read_numpy(data)
    with pytest.raises(FileFormatError, match=r"got TGA; export it"):
        read_numpy(data[:-26] if data.endswith(b"TRUEVISION-XFILE.\0") else data)


def test_long_text_may_be_cut_within_a_character():
    for shift in range(4):
        with pytest.raises(FileFormatError, match=r"got text; check the download"):
            read_numpy(b"a" * shift + "ä€𝄞".encode() * 1000)


def test_a_header_without_sense_is_no_targa():
    head = struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 4, 4, 24, 0)
    with pytest.raises(FileFormatError, match=r"got TGA; "):
        read_numpy(head + bytes(48))
    for place, value in ((2, 7), (12, 0), (16, 12), (17, 0xC0), (1, 1)):
        damaged = head[:place] + bytes([value]) + head[place + 1 :]
        with pytest.raises(FileFormatError, match=r"got bytes that begin with"):
            read_numpy(damaged + bytes([0] * 47 + [255]))
