"""What stands beside the pixels: EXIF, XMP, IPTC, text, comments; what is kept, what is public, what is said to be lost."""

import io
import itertools
import logging
import os
import struct
from pathlib import Path

import numpy as np
import psd_tools
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms, IptcImagePlugin, PngImagePlugin

from aikit import Limits, Recipe, encode, read_numpy, read_pil, resize, to_numpy, write
from aikit._metadata import exif, iptc, xmp
from aikit._metadata.orientation import orientation_of, orientation_of_image, upright, without_orientation
from aikit._raster import capabilities
from aikit.errors import InputValueError
from aikit.files import encode_with_info, read_frames, read_with_info

SAMPLES = Path(os.environ.get("AIKIT_SAMPLES", Path(__file__).parents[2] / "shared/samples")) / "psd"
FORMATS = ["png", "jpeg", "webp", "avif", "gif", "tiff", "bmp", "ico", "ppm", "jxl"]
NOTE, SERIAL, OWNER = b"a maker's note", "serial 8812", "owner Q"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def photo(height=24, width=32):
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([rows * 9, columns * 7, rows + columns * 3], axis=-1).astype(np.uint8))


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def thumbnail():
    return saved(Image.new("RGB", (16, 12), "lime"), "JPEG")


# EXIF by hand: Pillow does not write thumbnails, and moves maker notes.


def exif_block(*, order=">", orientation=None, preview=b"", note=NOTE, gap=b"", second=True):
    """A block with all that matters: {place: {tag: (type, bytes)}}, laid out one after the other."""
    prefix = b"MM" if order == ">" else b"II"
    short = lambda number: (3, struct.pack(order + "H", number))  # noqa: E731
    text = lambda words: (2, words.encode() + b"\0")  # noqa: E731
    ratios = lambda *pairs: (5, struct.pack(f"{order}{len(pairs)}I", *pairs))  # noqa: E731
    image = {
        0x0100: short(4000), 0x010E: text("a caption"), 0x010F: text("a maker"), 0x0110: text("a model"),
        0x0132: text("2024:01:02 03:04:05"), 0x013B: text("an author"), 0x013C: text("Quentin's computer"),
        0x8298: text("a copyright"),
    }  # fmt: skip
    if orientation is not None:
        image[0x0112] = short(orientation)
    details = {
        0x829A: ratios(1, 250), 0x9003: text("2024:01:02 03:04:05"), 0x927C: (7, note), 0x9286: (7, b"ASCII\0\0\0words"),
        0xA001: short(1), 0xA002: short(4000), 0xA003: short(3000), 0xA420: text("f" * 32), 0xA430: text(OWNER),
        0xA431: text(SERIAL), 0xA435: text("lens " + SERIAL),
    }  # fmt: skip
    place = {1: text("N"), 2: ratios(52, 1, 30, 1, 0, 1), 29: text("2024:01:02")}
    tables = [image, details, place]
    sizes = [2 + 12 * (len(table) + 2 * (table is image)) + 4 for table in tables]
    values = [sum(len(value) + len(value) % 2 for _, value in table.values() if len(value) > 4) for table in tables]
    starts = [8 + sum(sizes[:index]) + sum(values[:index]) for index in range(3)]
    image[0x8769], image[0x8825] = ((4, struct.pack(order + "I", start)) for start in starts[1:])
    end = starts[2] + sizes[2] + values[2] + len(gap)
    second_table = {0x0103: short(6), 0x0201: (4, struct.pack(order + "I", end + 2 + 36 + 4)), 0x0202: (4, struct.pack(order + "I", len(preview)))}  # fmt: skip
    body = b""
    for table, start, size in zip(tables, starts, sizes, strict=True):
        following = end if table is image and second else 0
        body += directory(table, order, start + size, following)
    if second:
        body += gap + directory(second_table, order, 0, 0) + preview
    return exif.PREFIX + prefix + struct.pack(order + "HI", 42, 8) + body


def directory(table, order, values_at, following):
    unit = {2: 1, 3: 2, 4: 4, 5: 8, 7: 1}
    entries, values = struct.pack(order + "H", len(table)), b""
    for tag, (kind, value) in sorted(table.items()):
        place = value.ljust(4, b"\0")
        if len(value) > 4:
            place = struct.pack(order + "I", values_at + len(values))
            values += value + b"\0" * (len(value) % 2)
        entries += struct.pack(order + "HHI", tag, kind, len(value) // unit[kind]) + place
    return entries + struct.pack(order + "I", following) + values


def tags(block):
    """What Pillow reads, which is an independent reader: (IFD0, Exif, GPS, thumbnail)."""
    found = Image.Exif()
    found.load(block)
    return [dict(found), *(dict(found.get_ifd(at)) for at in (0x8769, 0x8825, ExifTags.IFD.IFD1))]


@pytest.mark.parametrize("order", "<>")
def test_exif_keeps_what_holds_and_nothing_of_the_original(order):
    preview = thumbnail()
    block = exif_block(order=order, orientation=6, preview=preview)
    before, details, place, second = tags(block)
    assert (before[0x0112], details[0xA002], place[1]) == (6, 4000, "N")
    assert second[0x0202] == len(preview)
    edited = exif.edit(block, exif.is_true_of_others)
    after, left, there, none = tags(edited)
    assert not none
    assert preview[20:60] not in edited
    assert after.keys() == before.keys() - {0x0100, 0x0112}
    assert left == {tag: value for tag, value in details.items() if tag not in (0xA002, 0xA003)}
    assert there == place
    # A maker's note refers to its parts by their place in the block.
    assert edited.index(NOTE) == block.index(NOTE)
    assert len(edited) < len(block) - len(preview)


@pytest.mark.parametrize("order", "<>")
def test_public_exif_tells_no_place_owner_or_device(order):
    edited = exif.edit(exif_block(order=order, preview=thumbnail(), gap=b"Quentin"), exif.is_public, everything=True)
    image, details, place, second = tags(edited)
    assert image.keys() == {0x010E, 0x010F, 0x0110, 0x0132, 0x013B, 0x8298, 0x8769}
    assert (image[0x8298], image[0x0132]) == ("a copyright", "2024:01:02 03:04:05")
    assert details == {0x829A: 1 / 250, 0x9003: "2024:01:02 03:04:05", 0xA001: 1}
    assert not place
    assert not second
    # Not only unreferenced: the bytes themselves are gone.
    for secret in (SERIAL, OWNER, "Quentin", "words", "f" * 32):
        assert secret.encode() not in edited
    assert NOTE not in edited
    assert struct.pack(order + "6I", 52, 1, 30, 1, 0, 1) not in edited


def test_a_preview_inside_of_a_makers_note_is_blanked_and_the_note_stays_in_its_place():
    preview = thumbnail()
    block = exif_block(note=b"begin " + preview + b" end of note")
    edited = exif.edit(block, exif.is_true_of_others)
    assert preview[20:60] not in edited
    assert tags(edited)[1][0x927C] == b"begin " + bytes(len(preview)) + b" end of note"


def test_a_preview_that_no_field_refers_to_is_blanked():
    preview = thumbnail()
    block = exif_block(gap=preview, preview=preview)
    assert preview[20:60] not in exif.edit(block, exif.is_true_of_others)


def test_exif_of_adobe_rgb_does_not_say_so_of_srgb():
    block = exif_block().replace(struct.pack(">HHIH", 0xA001, 3, 1, 1), struct.pack(">HHIH", 0xA001, 3, 1, 0xFFFF))
    assert tags(block)[1][0xA001] == 0xFFFF
    assert 0xA001 not in tags(exif.edit(block, exif.is_true_of_others))[1]


def test_damaged_exif_is_refused_or_read_and_never_crashes():
    block = exif_block(orientation=3, preview=thumbnail())
    outcomes = set()
    for at, value in itertools.product(range(6, len(block) - 600), (0, 0xFF)):
        damaged = block[:at] + bytes([value]) + block[at + 1 :]
        try:
            outcomes.add(bool(exif.edit(damaged, exif.is_public, everything=True)))
            exif.find_orientation(damaged)
        except exif.DamagedExifError:
            outcomes.add(None)
    assert outcomes >= {True, None}
    for size in range(len(block)):
        try:
            exif.edit(block[:size], exif.is_true_of_others)
        except exif.DamagedExifError:
            continue


def test_exif_whose_fields_overlap_costs_no_more_than_itself():
    entries = b"".join(struct.pack(">HHII", 0x9C9B, 7, 60000, 8) for _ in range(4000))
    block = b"MM\0*" + struct.pack(">IH", 8, 4000) + entries + bytes(20000)
    with pytest.raises(exif.DamagedExifError, match="overlap"):
        exif.edit(block, exif.is_true_of_others)


# XMP


def packet(inside, attributes="", prefix="http://ns.adobe.com/tiff/1.0/"):
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        f' xmlns:tiff="{prefix}" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
        ' xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" xmlns:xmpGImg="http://ns.adobe.com/xap/1.0/g/img/"'
        ' xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:core="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"'
        f' {attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


STALE = (
    '<xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType="Resource"><xmpGImg:image>/9j/4AAQ</xmpGImg:image></rdf:li>'
    "</rdf:Alt></xmp:Thumbnails><exif:PixelXDimension>4000</exif:PixelXDimension>"
)
PRIVATE = "<photoshop:City>Berlin</photoshop:City><core:Location>Mitte</core:Location><exif:GPSLatitude>52,30N</exif:GPSLatitude>"
RIGHTS = "<dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>mine</rdf:li></rdf:Alt></dc:rights>"


def test_xmp_keeps_what_holds():
    given = packet(STALE + PRIVATE + RIGHTS, 'tiff:Orientation="6" hdrgm:Version="1.0" aux:SerialNumber="8812"')
    edited = xmp.edit(given, xmp.is_true_of_others)
    for gone in (b"/9j/4AAQ", b"4000", b"tiff:Orientation", b"hdrgm:Version"):
        assert gone in given
        assert gone not in edited
    for kept in (b"Berlin", b"52,30N", b"mine", b'aux:SerialNumber="8812"', b"xpacket begin", b"xpacket end"):
        assert kept in edited


def test_public_xmp():
    given = packet(
        STALE + PRIVATE + RIGHTS, 'aux:SerialNumber="8812" xmp:CreateDate="2024-01-02" photoshop:Country="Germany"'
    )
    edited = xmp.edit(given, xmp.is_public)
    for gone in (b"/9j/4AAQ", b"Berlin", b"Mitte", b"52,30N", b"8812", b"Germany"):
        assert gone in given
        assert gone not in edited
    assert b"mine" in edited
    assert b"2024-01-02" in edited


def test_xmp_that_needs_no_change_is_not_touched():
    given = packet(RIGHTS) + b"  \n"
    assert xmp.edit(given, xmp.is_public) == given
    assert xmp.edit(packet(PRIVATE), xmp.is_public) == b""


@pytest.mark.parametrize(
    ("damaged", "says"),
    [
        (b"<x", "Couldn't find end|not find end"),
        (b"no xml", "Start tag expected"),
        (b"", "Document is empty|empty"),
        (packet(RIGHTS).replace(b"</dc:rights>", b""), "tag mismatch"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + packet(""), "a document type"),
    ],
    ids=["cut", "text", "empty", "open", "doctype"],
)
def test_xmp_that_is_none(damaged, says):
    with pytest.raises(xmp.DamagedXmpError, match=says):
        xmp.edit(damaged, xmp.is_public)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (packet("", 'tiff:Orientation="6"'), 6),
        (packet("<tiff:Orientation> 8 </tiff:Orientation>"), 8),
        (packet("", 'tiff:Orientation="6"').replace(b"tiff:", b"t:").replace(b":tiff=", b":t="), 6),
        (packet("", 'tiff:Orientation="6"', prefix="http://example.org/"), None),
        (packet("", 'tiff:Orientation="x"'), None),
        (packet(RIGHTS), None),
        (packet("", 'tiff:Orientation="6"').decode().encode("utf-16"), 6),
        (b'<x:xmpmeta><rdf:Description tiff:Orientation="5"/></x:xmpmeta>', 5),
        (b'<broken tiff:Orientation="7"', 7),
    ],
    ids=["attribute", "element", "prefix", "namespace", "word", "none", "utf16", "undeclared", "broken"],
)
def test_xmp_orientation(given, found):
    assert xmp.find_orientation(given) == found
    cleaned = without_orientation({"xmp": given})["xmp"]
    assert orientation_of({"xmp": cleaned}) == 1


# IPTC


def data_set(number, value, record=2):
    return struct.pack(">BBBH", 0x1C, record, number, len(value)) + value


RECORDS = (
    data_set(90, b"\x1b%G", 1) + data_set(25, b"keyword") + data_set(55, b"20240102") + data_set(90, b"Berlin")
    + data_set(116, b"a copyright")
)  # fmt: skip


def test_public_iptc():
    kept = data_set(90, b"\x1b%G", 1) + data_set(55, b"20240102") + data_set(116, b"a copyright")
    assert iptc.public_part(RECORDS) == kept
    long = struct.pack(">BBBHI", 0x1C, 2, 120, 0x8004, 40000) + b"c" * 40000
    assert iptc.public_part(long + data_set(90, b"Berlin")) == long
    assert iptc.find_in_resources(b"8BIM\x04\x25\0\0\0\0\0\x03abc\0" + iptc.as_resource(RECORDS)) == RECORDS
    with pytest.raises(iptc.DamagedIptcError, match="a data set of 11 bytes at"):
        iptc.public_part(RECORDS[:-1])
    with pytest.raises(iptc.DamagedIptcError, match="no data set at 5 of 9"):
        iptc.public_part(data_set(55, b"") + b"abcd")


# Orientation: one reader


def image_with(**info):
    image = photo()
    image.info = info
    return image


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({}, 1),
        ({"exif": exif_block(orientation=6)}, 6),
        ({"exif": exif_block(orientation=6)[6:]}, 6),
        ({"exif": exif_block(orientation=1), "xmp": packet("", 'tiff:Orientation="6"')}, 1),
        ({"exif": exif_block(), "xmp": packet("", 'tiff:Orientation="6"')}, 6),
        ({"XML:com.adobe.xmp": packet("", 'tiff:Orientation="3"').decode()}, 3),
        ({"exif": exif_block(orientation=9)}, 1),
        ({"exif": b"Exif\0\0nonsense"}, 1),
    ],
    ids=["none", "exif", "bare exif", "exif first", "xmp second", "png xmp", "nine", "nonsense"],
)
def test_orientation_is_read_alike_from_info_and_from_an_image(info, expected):
    assert orientation_of(info) == expected
    assert orientation_of_image(image_with(**info)) == expected
    height, width = (24, 32) if expected < 5 else (32, 24)
    assert to_numpy(image_with(**info)).shape == (height, width, 3)
    turned = upright(image_with(**info))
    assert (turned.size, orientation_of_image(turned)) == ((width, height), 1)


def test_an_orientation_changed_in_memory_counts():
    image = image_with(exif=exif_block(orientation=6))
    image.getexif()[0x0112] = 3
    assert orientation_of_image(image) == 3
    del image.getexif()[0x0112]
    assert orientation_of_image(image) == 1
    image = photo()
    image.getexif()[0x0112] = 8
    image.getexif()[0x010F] = "set in memory"
    turned = upright(image)
    assert turned.size == (24, 32)
    assert tags(turned.info["exif"])[0] == {0x010F: "set in memory"}


# The contract: what each writer writes. The table of docs/api/files.md says the same.


def full():
    image = photo()
    image.info = {
        "icc_profile": PROFILE,
        "exif": exif_block(orientation=None, preview=thumbnail()),
        "xmp": packet(STALE + PRIVATE + RIGHTS),
        "photoshop": {0x0404: RECORDS},
        "dpi": (300, 150),
        "parameters": "a cat\nSteps: 20, Größe: 5",
        "Copyright": "a copyright",
        "comment": b"a comment",
    }
    return image


HOLDS = {
    "png": {"icc_profile", "exif", "xmp", "iptc", "dpi", "text", "comment"},
    "jpeg": {"icc_profile", "exif", "xmp", "iptc", "dpi", "comment"},
    "webp": {"icc_profile", "exif", "xmp"},
    "avif": {"icc_profile", "exif", "xmp"},
    "gif": {"comment"},
    "tiff": {"icc_profile", "exif", "xmp", "iptc", "dpi"},
    "bmp": {"dpi"},
    "ico": set(),
    "ppm": set(),
    "jxl": {"exif", "xmp"},
}


def found_in_jxl(data):
    from pillow_jxl import Decoder

    boxes = {box.box_type: box.data for box in Decoder(num_threads=1)(data)[4]}
    tags = Image.Exif()
    tags.load(boxes.get(b"Exif", b"")[4:])
    found = {"exif": tags if tags.get(0x8298) else None, "xmp": boxes.get(b"xml ")}
    return {key: value for key, value in found.items() if value}


def found_in(data):
    """What other readers find in a file: Pillow and its plugin of JPEG XL, and tifffile."""
    if data[4:7] == b"JXL" or data[:2] == b"\xff\x0a":
        return found_in_jxl(data)
    image = Image.open(io.BytesIO(data))
    image.load()
    info, exif_tags = image.info, image.getexif()
    records = IptcImagePlugin.getiptcinfo(image)
    raw = info.get("Raw profile type iptc")
    if raw:
        block = bytes.fromhex("".join(raw.split("\n")[3:]))
        assert int(raw.split("\n")[2]) == len(block)
        records = {(2, 116): iptc.find_in_resources(block)}
    text = dict(getattr(image, "text", {}))
    found = {
        "icc_profile": info.get("icc_profile"),
        "exif": exif_tags if exif_tags.get(0x8298) else None,
        "xmp": info.get("xmp"),
        "iptc": records and records.get((2, 116)),
        "dpi": info.get("dpi") if info.get("dpi", (0,))[0] > 299 else None,  # Pillow makes some up
        "text": text.get("parameters"),
        "comment": info.get("comment") or text.get("Comment"),
    }
    return {key: value for key, value in found.items() if value}


@pytest.mark.parametrize("format", FORMATS)
def test_what_each_format_keeps(format, caplog):
    caplog.set_level(logging.INFO, "aikit.metadata")
    data = encode(full(), format)
    found = found_in(data)
    assert found.keys() == HOLDS[format] == set(capabilities(format).metadata)
    assert b"/9j/4AAQ" not in data
    assert thumbnail()[20:60] not in data
    if "exif" in found:
        assert found["exif"].get_ifd(0x8825)[1] == "N"
        assert found["exif"].get_ifd(0x8769)[0xA431] == SERIAL
        assert 0xA002 not in found["exif"].get_ifd(0x8769)
    if "dpi" in found:
        assert found["dpi"] == pytest.approx((300, 150), rel=1e-3)
    if "text" in found:
        assert found["text"] == "a cat\nSteps: 20, Größe: 5"
    said = {"icc_profile": "ICC profile", "exif": "EXIF", "xmp": "XMP", "iptc": "IPTC", "dpi": "resolution"}
    for name in set().union(*HOLDS.values()):
        told = any(record.getMessage().startswith(said.get(name, name) + " ") for record in caplog.records)
        assert told == (name not in HOLDS[format]), name


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("policy", ["public", "strip"])
def test_what_each_policy_keeps(format, policy):
    data = encode(full(), format, metadata=policy)
    found = found_in(data)
    for secret in (b"Berlin", b"52,30N", b"keyword", b"Steps: 20", b"a comment", SERIAL.encode(), OWNER.encode(), NOTE):
        assert secret not in data
    kept = {"icc_profile"} if policy == "strip" else {"icc_profile", "exif", "xmp", "iptc", "dpi"}
    assert found.keys() == kept & HOLDS[format]
    if format == "png":
        assert Image.open(io.BytesIO(data)).text.get("Copyright") == (None if policy == "strip" else "a copyright")
    if policy == "public" and "exif" in found:
        assert found["exif"].get(0x0132) == "2024:01:02 03:04:05"
        assert not found["exif"].get_ifd(0x8825)


def test_unknown_policies_are_refused(tmp_path):
    with pytest.raises(InputValueError, match="metadata: expected one of keep, strip, public, got 'none'; pass one"):
        encode(photo(), "png", metadata="none")
    with pytest.raises(InputValueError, match="metadata: expected one of"):
        write(photo(), tmp_path / "a.png", metadata=None)
    assert not list(tmp_path.iterdir())


# Readers give what writers keep


@pytest.mark.parametrize("source", ["png", "jpeg", "webp", "avif", "tiff"])
@pytest.mark.parametrize("target", ["png", "jpeg", "webp", "avif", "tiff"])
@pytest.mark.parametrize("isolate", [False, True], ids=["here", "child"])
def test_metadata_goes_from_file_to_file(source, target, isolate):
    if isolate and (source, target) not in {("png", "png"), ("jpeg", "tiff"), ("tiff", "jpeg")}:
        pytest.skip("the way through a child does not depend on the format that is written")
    picture = read_pil(encode(full(), source), profile="ignore", isolate=isolate, limits=Limits() if isolate else None)
    found = found_in(encode(resize(picture, width=16), target))
    assert found.keys() == HOLDS[source] & HOLDS[target]
    if "iptc" in found and target != "png":
        assert found["iptc"] == b"a copyright"
    if "exif" in found:
        assert found["exif"].get_ifd(0x8825)[1] == "N"


def test_pages_of_a_tiff_keep_their_tags():
    pages = [photo(), photo(12, 20)]
    made = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:], tiffinfo={270: "a caption", 33432: "mine"})
    for page in read_frames(made):
        found = tags(page.info["exif"])[0]
        assert (found[0x010E], found[0x8298]) == ("a caption", "mine")
        assert 0x0100 not in found


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_deep_tiffs_keep_their_tags_where_pil_holds_them(dtype):
    file = io.BytesIO()
    extra = [(33432, 2, 5, "mine\0", True), (33723, 7, len(RECORDS), RECORDS, True)]
    tifffile.imwrite(file, np.full((4, 5), 0.5).astype(dtype), extratags=extra, metadata=None)
    picture = read_pil(file.getvalue())
    assert tags(picture.info["exif"])[0][0x8298] == "mine"
    assert picture.info["photoshop"] == {0x0404: RECORDS}
    again = found_in(encode(picture, "tiff"))
    assert again["iptc"] == b"a copyright"


def test_iptc_that_a_big_endian_tiff_calls_long():
    records = RECORDS + b"\0" * (-len(RECORDS) % 4)
    file = io.BytesIO()
    values = struct.unpack(f">{len(records) // 4}I", records)
    extra = [(33723, 4, len(values), values, True)]
    tifffile.imwrite(file, np.zeros((4, 5), np.uint8), extratags=extra, metadata=None, byteorder=">")
    assert read_pil(file.getvalue()).info["photoshop"] == {0x0404: RECORDS}


def test_text_of_png_in_all_its_chunks():
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "a cat\nSteps: 20")
    text.add_text("long", "x" * 5000, zip=True)
    text.add_itxt("workflow", '{"名": []}', "en", "arbeit")
    picture = read_pil(saved(photo(), "PNG", pnginfo=text))
    again = Image.open(io.BytesIO(encode(resize(picture, width=8), "png")))
    assert again.text == {"parameters": "a cat\nSteps: 20", "long": "x" * 5000, "workflow": '{"名": []}'}


def test_comments_change_their_place_between_png_jpeg_and_gif():
    picture = read_pil(saved(photo(), "JPEG", comment="Größe".encode()))
    in_png = Image.open(io.BytesIO(encode(picture, "png")))
    assert in_png.text == {"Comment": "Größe"}
    again = read_pil(encode(read_pil(saved(photo(), "PNG", pnginfo=_info(Comment="hello"))), "jpeg"))
    assert again.info["comment"] == b"hello"


def _info(**texts):
    info = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    return info


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ({"exif": exif_block(note=b"n" * 70_000)}, "EXIF not written: 7"),
        ({"xmp": packet("<dc:title>" + "t" * 70_000 + "</dc:title>")}, "XMP not written: 7"),
        ({"comment": b"c" * 70_000}, "comment not written: 70000 bytes, where JPEG has 65533"),
        ({"exif": b"Exif\0\0nonsense"}, "EXIF not written, for it cannot be read: no header"),
        ({"xmp": b"<x"}, "XMP not written, for it cannot be read"),
    ],
    ids=["exif", "xmp", "comment", "damaged exif", "damaged xmp"],
)
def test_what_a_jpeg_cannot_hold_is_said_and_the_picture_is_written(info, said, caplog):
    caplog.set_level(logging.INFO, "aikit.metadata")
    data = encode(image_with(**info), "jpeg")
    assert read_numpy(data).shape == (24, 32, 3)
    assert any(record.getMessage().startswith(said) for record in caplog.records)


def test_exif_without_its_prefix_is_written_with_it():
    data = encode(image_with(exif=exif_block()[6:]), "jpeg")
    assert Image.open(io.BytesIO(data)).getexif()[0x010F] == "a maker"


def test_a_deep_picture_brings_what_its_file_says_to_another_file():
    deep = np.arange(24 * 32 * 3, dtype=np.uint16).reshape(24, 32, 3)
    for source, target in itertools.product(("png", "tiff"), ("png", "tiff", "jpeg")):
        made = encode_with_info(deep, source, full().info, profile="srgb")
        pixels, info = read_with_info(made)
        assert np.array_equal(pixels, deep)
        found = found_in(encode_with_info(pixels, target, info))
        # The profile was that of sRGB, and is gone with the conversion.
        assert found.keys() == (HOLDS[source] & HOLDS[target]) - {"icc_profile"}
        assert found["exif"].get_ifd(0x8825)[1] == "N"


def test_psd_gives_what_its_resources_say():
    path = SAMPLES / "4x4_16bit_rgb.psd"
    if not path.exists():
        pytest.skip("no samples")
    document = psd_tools.PSDImage.open(path)
    for options in ({}, {"profile": "ignore"}):
        info = read_pil(path, **options).info
        assert info["photoshop"] == {0x0404: document.image_resources.get_data(1028)}
        assert info["dpi"] == (72.0, 72.0)
        assert b"photoshop" in info["xmp"]
        block = Image.Exif()
        block.load(document.image_resources.get_data(1058))
        # All but orientation, sizes and the thumbnail.
        assert tags(info["exif"])[0][0x0131] == block[0x0131]
        assert orientation_of(info) == 1
        assert info.get("icc_profile") == (document.image_resources.get_data(1039) if options else None)


@pytest.mark.parametrize("name", ["xmp", "8bim", "iptc", "exif"])
def test_blocks_that_imagemagick_put_into_text(name):
    block = {
        "xmp": packet(RIGHTS),
        "8bim": b"8BIM\x04\x25\0\0\0\0\0\x02ab" + iptc.as_resource(RECORDS),
        "iptc": iptc.as_resource(RECORDS),
        "exif": exif_block(preview=thumbnail()),
    }[name]
    digits = block.hex()
    raw = "\n".join(["", name, f"{len(block):8d}", *(digits[at : at + 72] for at in range(0, len(digits), 72)), ""])
    picture = read_pil(saved(photo(), "PNG", pnginfo=_info(**{"Raw profile type " + name: raw})))
    found = found_in(encode(picture, "jpeg"))
    assert found.keys() - {"comment"} == {{"8bim": "iptc"}.get(name, name)}


@pytest.mark.parametrize(
    "profile", [PROFILE[:200], b"junk" * 60, PROFILE[:128] + b"\xff" * 400], ids=["cut", "junk", "no tags"]
)
def test_a_profile_that_nobody_can_use_is_not_written(profile, caplog):
    caplog.set_level(logging.INFO, "aikit.metadata")
    assert "icc_profile" not in found_in(encode(image_with(icc_profile=profile), "png"))
    assert "ICC profile not written: " in caplog.text


def test_a_recipe_brings_what_a_deep_file_says():
    deep = np.arange(24 * 32 * 3, dtype=np.uint16).reshape(24, 32, 3)
    made = encode_with_info(deep, "png", full().info)
    found = found_in(Recipe([("resize", {"width": 16})], to="png").bytes(made))
    assert found.keys() == HOLDS["png"] - {"icc_profile"}
    found = found_in(Recipe([("resize", {"width": 16})], to="png", metadata="strip").bytes(made))
    assert not found


@pytest.mark.parametrize("order", "<>")
def test_a_thumbnail_that_is_no_jpeg_goes_and_what_its_directory_says(order):
    pixels, words = bytes(range(1, 193)), b"words of the thumbnail\0"
    block = exif_block(order=order, second=False)
    start = len(block) - len(exif.PREFIX)
    long = lambda number: (4, struct.pack(order + "I", number))  # noqa: E731
    table = {0x010E: (2, words), 0x0111: long(0), 0x0117: long(len(pixels))}
    size = len(directory(table, order, start + 42, 0))
    table[0x0111] = long(start + size)
    block += directory(table, order, start + 42, 0) + pixels
    # The first directory says where the second is, behind its ten fields.
    first = struct.unpack_from(order + "H", block, 14)[0]
    at = 16 + 12 * first
    block = block[:at] + struct.pack(order + "I", start) + block[at + 4 :]
    assert tags(block)[3][0x0117] == len(pixels)
    edited = exif.edit(block, exif.is_true_of_others)
    assert not tags(edited)[3]
    assert pixels[20:40] not in edited
    assert words[:-1] not in edited
    assert len(edited) <= len(exif.PREFIX) + start  # nor is its directory left
    assert tags(edited)[2] == tags(block)[2]
