"""Documents as files: what the readers and the command make of them, folders of layers, limits, and damage."""

import errno
import io
import json
import os
import re
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from psd_tools.constants import BlendMode
from psd_tools.psd.vector import Path as VectorPath

import aikit
from aikit.cli import main
from aikit.psd import preview
from pictures import codes
from test_psd import DTYPES, TOPS, nested, raw_of, saved, two_layers

ROOT = Path(__file__).parents[1]
PLACES = [os.environ.get("AIKIT_SAMPLES"), ROOT.parent / "shared" / "samples", ROOT.parents[1] / "shared" / "samples"]
SAMPLES = next((Path(place) / "psd" for place in PLACES if place and Path(place, "psd").is_dir()), None)
FILES = sorted(SAMPLES.glob("*.ps[db]")) if SAMPLES else []
needs_samples = pytest.mark.skipif(not FILES, reason="no sample documents here; set AIKIT_SAMPLES")


def flat_file(mode, depth, planes, *, version=1, palette=b"", resources=b""):
    """A document of one picture, written by hand; planes (C, H, W) in stored codes, or rows of packed bits."""
    numbers = {"BITMAP": 0, "L": 1, "INDEXED": 2, "RGB": 3, "CMYK": 4, "MULTICHANNEL": 7, "DUOTONE": 8, "LAB": 9}
    count, height, width = planes.shape
    width = width if depth > 1 else width * 8
    head = struct.pack(">4sH6xHIIHH", b"8BPS", version, count, height, width, depth, numbers[mode])
    blocks = struct.pack(">I", len(palette)) + palette + struct.pack(">I", len(resources)) + resources
    layers = struct.pack(">I" if version == 1 else ">Q", 0)
    body = np.ascontiguousarray(planes, {16: ">u2", 32: ">f4"}.get(depth, "u1")).tobytes()
    return head + blocks + layers + b"\0\0" + body


def resource(number, data):
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + bytes(len(data) % 2)


# Flat files of every mode


def test_flat_pictures_of_every_mode():
    red = np.array([[[255]], [[0]], [[0]]])
    assert aikit.read_numpy(flat_file("RGB", 8, red)).tolist() == [[[255, 0, 0]]]
    assert aikit.read_numpy(flat_file("RGB", 16, red * 257)).tolist() == [[[65535, 0, 0]]]
    np.testing.assert_allclose(aikit.read_numpy(flat_file("RGB", 32, red / 255)), [[[1, 0, 0]]], atol=1e-6)
    assert aikit.read_numpy(flat_file("L", 8, red[:1])).tolist() == [[255]]
    assert aikit.read_numpy(flat_file("L", 16, red[:1] * 100)).tolist() == [[25500]]
    assert aikit.read_numpy(flat_file("DUOTONE", 8, red[:1] // 2)).tolist() == [[127]]
    # Set bits are ink.
    assert aikit.read_numpy(flat_file("BITMAP", 1, np.array([[[0b10100000]]]))).tolist() == [[0, 255, 0] + [255] * 5]
    palette = bytes(range(256)) + bytes([7] * 256) + bytes(reversed(range(256)))
    assert aikit.read_numpy(flat_file("INDEXED", 8, red[:1], palette=palette)).tolist() == [[[255, 7, 0]]]
    clear = resource(1047, struct.pack(">H", 255))
    assert aikit.read_numpy(flat_file("INDEXED", 8, red[:1], palette=palette, resources=clear)).tolist() == [[[0] * 4]]
    inks = np.array([[[0]], [[255]], [[255]], [[255]]])
    assert aikit.read_numpy(flat_file("CMYK", 8, inks)).tolist() == [[[0, 255, 255]]]
    white = np.array([[[255]], [[128]], [[128]]])
    assert aikit.read_numpy(flat_file("LAB", 8, white)).tolist() == [[[255, 255, 255]]]
    assert aikit.read_numpy(flat_file("LAB", 16, np.array([[[65535]], [[32768]], [[32768]]]))).tolist() == [
        [[65535] * 3]
    ]
    assert aikit.read_numpy(flat_file("RGB", 8, red, version=2)).tolist() == [[[255, 0, 0]]]


def test_a_fourth_channel_of_a_flat_picture_is_its_alpha():
    planes = np.array([[[200]], [[100]], [[50]], [[128]]])
    data = flat_file("RGB", 8, planes)
    assert aikit.read_numpy(data).tolist() == [[[200, 100, 50, 128]]]
    assert Image.open(io.BytesIO(data)).getpixel((0, 0)) == (200, 100, 50, 128)


def test_a_flat_picture_stays_below_what_is_added(tmp_path):
    planes = codes(4, 5, 3)
    document = aikit.open_psd(flat_file("RGB", 8, np.moveaxis(planes, -1, 0)))
    assert document.layers == []
    document.raw.mark_updated()
    np.testing.assert_array_equal(document.render()[..., :3], planes)
    assert saved(document, tmp_path) == flat_file("RGB", 8, np.moveaxis(planes, -1, 0))
    document.add(np.full((1, 1, 3), 9, np.uint8), name="dot")
    again = aikit.open_psd(saved(document, tmp_path))
    assert [layer.name for layer in again.layers] == ["Background", "dot"]
    np.testing.assert_array_equal(again["Background"].render()[..., :3], planes)
    np.testing.assert_array_equal(again.render()[1:, :, :3], planes[1:])


def test_modes_without_layers_take_none():
    document = aikit.open_psd(flat_file("BITMAP", 1, np.array([[[5]]])))
    with pytest.raises(
        aikit.InputValueError, match=r"^doc: expected RGB, L, CMYK or LAB, which have layers, got BITMAP"
    ):
        document.add(codes(1, 1), name="layer")


def test_multichannel_is_refused():
    message = (
        r"^source: expected RGB, gray, CMYK, Lab, indexed or bitmap color, got color mode multichannel at 8 bits; "
    )
    with pytest.raises(aikit.FileFormatError, match=message):
        aikit.open_psd(flat_file("MULTICHANNEL", 8, np.zeros((2, 1, 1))))


@pytest.mark.parametrize("depth", DTYPES)
def test_large_documents(depth, tmp_path):
    """PSB stores lengths in other widths."""
    document = aikit.new_psd(height=6, width=8, depth=depth)
    document.raw._record.header.version = 2
    image = codes(4, 5, 4, DTYPES[depth])
    document.add(image, name="layer", left=2)
    again = aikit.open_psd(saved(document, tmp_path, "a.psb"))
    np.testing.assert_allclose(again["layer"].render(), image, rtol=0, atol=1e-6 if depth == 32 else 0)
    assert again.raw.version == 2


# The merged picture that cannot be believed


def test_a_black_or_missing_merged_picture_is_not_believed(tmp_path):
    document, _, _ = two_layers()
    expected = document.render()
    data = saved(document, tmp_path)
    for black in (True, False):
        raw = raw_of(data)
        if black:
            raw._record.image_data.set_data([bytes(70)] * 3, raw._record.header)
        else:
            from psd_tools.psd.image_resources import ImageResource, VersionInfo

            raw.image_resources[1057] = ImageResource(key=1057, data=VersionInfo(has_composite=False))
        with io.BytesIO() as file:
            raw._record.write(file)
            np.testing.assert_array_equal(aikit.open_psd(file.getvalue()).render(), expected)


def test_the_merged_picture_is_taken_where_it_is_to_be_believed(tmp_path):
    document, _, _ = two_layers()
    raw = document.raw
    # A Background layer has no transparency channel: the merged picture tells all.
    raw[0]._record.channel_info.pop(0)
    raw[0]._channels.pop(0)
    data = saved(document, tmp_path)
    raw = raw_of(data)
    raw._record.image_data.set_data([bytes(range(70))] * 3, raw._record.header)
    with io.BytesIO() as file:
        raw._record.write(file)
        opened = aikit.open_psd(file.getvalue())
    assert opened.render()[..., 0].ravel().tolist() == list(range(70))
    assert aikit.read_pil(file_bytes(opened, tmp_path)).mode == "RGB"
    opened["above"].opacity = 0.1
    assert opened.render()[..., 0].ravel().tolist() != list(range(70))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_the_merged_picture_is_over_white_for_programs_that_read_nothing_else(mode, depth, tmp_path):
    document = aikit.new_psd(height=5, width=6, mode=mode, depth=depth)
    image = codes(5, 6, 4, DTYPES[depth])
    image[0, :3, 3], image[0, 3:, 3] = 0, TOPS[depth]
    document.add(image, name="layer")
    raw = raw_of(saved(document, tmp_path))
    color, alpha = raw[0].numpy("color"), raw[0].numpy("shape")
    # White is 1 of each light, and in psd-tools' numbers of each ink too.
    np.testing.assert_allclose(raw.numpy("color"), 1 - (1 - color) * alpha, rtol=0, atol=0.51 / TOPS[depth])
    assert (raw.numpy("color")[0, :3] == 1).all()


@pytest.mark.parametrize("depth", [8, 16])
def test_the_white_of_lab_has_no_color(depth):
    middle = 128 << (depth - 8)
    planes = np.array([[[TOPS[depth]]], [[middle]], [[middle]]])
    data = flat_file("LAB", depth, planes)
    assert aikit.read_numpy(data).tolist() == [[[TOPS[depth]] * 3]]
    assert [share * TOPS[depth] for share in preview._white(raw_of(data))] == pytest.approx(planes.ravel().tolist())


def test_an_edit_takes_the_old_thumbnail_along_and_leaves_other_resources(tmp_path):
    thumbnails = b"".join(resource(number, struct.pack(">6I2H", 1, 0, 0, 0, 0, 0, 24, 1)) for number in (1033, 1036))
    version = resource(1057, struct.pack(">IBI0sI0sI", 1, 0, 0, b"", 0, b"", 1))
    kept = resource(1005, struct.pack(">IHHIHH", 72 << 16, 1, 2, 72 << 16, 1, 2))
    data = flat_file("RGB", 8, np.moveaxis(codes(4, 5, 3), -1, 0), resources=thumbnails + version + kept)
    document = aikit.open_psd(data)
    np.testing.assert_array_equal(document.render()[..., :3], codes(4, 5, 3))
    assert saved(document, tmp_path) == data
    document.add(codes(4, 5, 4), name="new")
    raw = raw_of(saved(document, tmp_path))
    assert sorted(map(int, raw.image_resources)) == [1005, 1057]
    assert raw.image_resources.get_data(1057).has_composite
    np.testing.assert_array_equal(aikit.open_psd(saved(document, tmp_path)).render(), document.render())


@pytest.mark.parametrize("says", ["count", "block", "nothing"])
@pytest.mark.parametrize(
    ("mode", "depth"), [("RGB", 8), ("RGB", 16), ("RGB", 32), ("L", 8), ("L", 16), ("L", 32), ("CMYK", 8), ("CMYK", 16)]
)
def test_white_below_a_transparent_merged_picture_is_taken_out(mode, depth, says, tmp_path):
    """Photoshop stores color * alpha + 1 - alpha, and says so by a negative count of layers or by a block."""
    document = aikit.new_psd(height=5, width=6, mode=mode, depth=depth)
    document.add(np.zeros((1, 1, 4), DTYPES[depth]), name="layer")
    raw = raw_of(saved(document, tmp_path))
    top = TOPS[depth]
    image = codes(5, 6, 4, DTYPES[depth]).astype(np.float64) / top
    image[0, :3, 3], image[0, 3:, 3] = 0, 1
    color, alpha = image[..., : 1 if mode == "L" else 3], image[..., 3:]
    if mode == "CMYK":  # whose codes are the smaller, the more ink there is
        color = np.dstack([color, color[..., :1] / 2])
    over = color * alpha + 1 - alpha
    stored = np.dstack([over, alpha]) * top
    stored = (np.rint(stored) if depth < 32 else stored).astype({8: "u1", 16: ">u2", 32: ">f4"}[depth])
    raw._record.header.channels = stored.shape[-1]
    raw._record.image_data.set_data([plane.tobytes() for plane in np.moveaxis(stored, -1, 0)], raw._record.header)
    layers = raw._record.layer_and_mask_information
    layers.layer_info.layer_count = -1 if says == "count" else 1
    if says == "block":
        put_mark(raw)
    with io.BytesIO() as file:
        raw._record.write(file)
        again = raw_of(file.getvalue())
    found, found_alpha = preview.read_merged(again, "file")
    expected = np.where(alpha > 0, color, 0)
    if says == "nothing":  # the fourth channel is some selection that was stored
        expected, alpha = over, np.ones_like(alpha)
    np.testing.assert_allclose(found_alpha, alpha[..., 0] * top, rtol=0, atol=0.51 if depth < 32 else 1e-6)
    # Rounding the stored codes is magnified where little of the color is left.
    tolerance = (0.51 / np.maximum(alpha, 1 / top) + 0.51) / top if depth < 32 else 1e-6 / np.maximum(alpha, 0.01)
    assert (abs(found.astype(np.float64) / top - expected) <= tolerance).all()


def put_mark(raw):
    from psd_tools.constants import Tag
    from psd_tools.psd.tagged_blocks import TaggedBlock, TaggedBlocks

    blocks = raw._record.layer_and_mask_information
    if blocks.tagged_blocks is None:
        blocks.tagged_blocks = TaggedBlocks()
    tag = Tag.SAVING_MERGED_TRANSPARENCY
    blocks.tagged_blocks[tag] = TaggedBlock(key=tag, data=b"")


OPAQUE_BOTTOM = {
    "hidden": lambda raw: setattr(raw, "visible", False),
    "half": lambda raw: setattr(raw, "opacity", 128),
    "blended": lambda raw: setattr(raw, "blend_mode", BlendMode.MULTIPLY),
    "moved": lambda raw: setattr(raw, "left", 1),
    "masked": lambda raw: raw.create_mask(Image.new("L", (5, 4), 9)),
    "cut out": lambda raw: raw.tagged_blocks.set_data(b"vmsk", 3, 0, VectorPath(items=[])),
}


@pytest.mark.parametrize("change", [None, *OPAQUE_BOTTOM])
def test_a_background_layer_is_all_that_its_name_says(change, tmp_path):
    """A layer without a transparency channel says that the picture is opaque only where it covers the canvas as it is."""
    document = aikit.open_psd(flat_file("RGB", 8, np.moveaxis(codes(4, 5, 3), -1, 0)))
    document.add(codes(1, 1, 3), name="dot")
    raw = raw_of(saved(document, tmp_path))
    assert not preview.is_opaque(raw)
    raw[0]._record.channel_info.pop(0)
    raw[0]._channels.pop(0)
    assert preview.is_opaque(raw)
    if change:
        OPAQUE_BOTTOM[change](raw[0])
    assert preview.is_opaque(raw) == (change is None)


def test_a_group_at_the_bottom_is_no_background(tmp_path):
    document = aikit.new_psd(height=4, width=5)
    document.add(codes(4, 5, 3), name="all", group=document.add_group("group", blend_mode="normal"))
    assert not preview.is_opaque(raw_of(saved(document, tmp_path)))


def file_bytes(document, tmp_path):
    return saved(document, tmp_path, "believed.psd")


# Readers


def test_every_reader_takes_documents(tmp_path):
    document, _, _ = two_layers()
    picture = document.render()
    saved(document, tmp_path, "two.psd")
    path = tmp_path / "two.psd"
    assert aikit.read_pil(path).mode == "RGBA"
    np.testing.assert_array_equal(aikit.read_numpy(path), picture)
    np.testing.assert_array_equal(aikit.read_cv2(path), picture[..., [2, 1, 0, 3]])
    np.testing.assert_allclose(aikit.read_tensor(path).numpy(), np.moveaxis(picture, -1, 0) / 255, atol=1e-6)
    assert [frame.size for frame in aikit.files.read_frames(path)] == [(10, 7)]
    with pytest.raises(aikit.InputValueError, match=r"^frame: expected 0 to 0, got 1; .*two\.psd has 1 frame\."):
        aikit.read_pil(path, frame=1)
    with pytest.raises(
        aikit.FileFormatError, match=r"expected one of the formats png, got psd; add it to Limits\(formats=\.\.\.\)"
    ):
        aikit.read_pil(path, limits=aikit.Limits(formats={"png"}))


def test_readers_keep_16_bits(tmp_path):
    document, _, _ = two_layers(16)
    data = saved(document, tmp_path)
    assert aikit.read_numpy(data).dtype == np.uint16
    np.testing.assert_array_equal(aikit.read_numpy(data), document.render())
    assert aikit.read_pil(data).mode == "RGBA"


# Folders


@pytest.mark.parametrize("depth", DTYPES)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_folder_of_layers_makes_the_same_document(mode, depth, tmp_path):
    document = aikit.new_psd(height=8, width=9, mode=mode, depth=depth)
    group = document.add_group("a/b: *?", opacity=0.5, blend_mode="multiply")
    document.add(codes(4, 5, 4, DTYPES[depth]), name="../../evil\\name", group=group, left=-2, top=3)
    document.add(codes(3, 3, 3, DTYPES[depth]), name="日本", opacity=0.25, blend_mode="screen").visible = False
    document.add(codes(3, 2, 4, DTYPES[depth]), name="日本", left=5).clipping = True
    document.add_group("empty")
    document["日本"].locked = True
    document["日本"].fill_opacity = 0.5
    files = document.export_layers(tmp_path / "out")
    assert [Path(file).parent for file in files] == [tmp_path / "out"] * 3
    assert {Path(file).suffix for file in files} == {".tif" if depth == 32 else ".png"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [*(Path(file).name for file in files), "layers.json"]
    )
    again = aikit.psd.psd_from_folder(tmp_path / "out")
    assert repr(again) == repr(document)
    for ours, theirs in zip(document.walk(), again.walk(), strict=True):
        for word in ("path", "kind", "bbox", "opacity", "fill_opacity", "blend_mode", "visible", "clipping", "locked"):
            assert getattr(theirs, word) == getattr(ours, word), word
        np.testing.assert_allclose(
            theirs.render(canvas=True), ours.render(canvas=True), rtol=0, atol=2e-6 if depth == 32 else 0
        )
    np.testing.assert_allclose(again.render(), document.render(), rtol=0, atol=1e-4 if depth == 32 else 0)
    kept = aikit.read_numpy(files[0])
    np.testing.assert_allclose(kept, document.layers[0].layers[0].render(), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("a" * 60, "a" * 60),
        ("a" * 61, "a" * 60),
        ("日" * 25, "日" * 20),
        ("a" + "日" * 25, "a" + "日" * 19),
        ("...", "layer"),
        ("?", "layer"),
        ("_.a b/c.", "a_b_c"),
        ("CON", "CON"),
    ],
)
def test_names_of_layers_become_names_of_files(name, part, tmp_path):
    document = aikit.new_psd(height=2, width=2)
    document.add_group("first")
    document.add(codes(2, 2, 4), name=name)
    assert document.export_layers(tmp_path) == [str(tmp_path / f"002-{part}.png")]
    assert aikit.psd.psd_from_folder(tmp_path).layers[1].name == name


def test_the_manifest_says_what_every_layer_is(tmp_path):
    document = aikit.new_psd(height=8, width=9, mode="CMYK", depth=16)
    group = document.add_group("outer")
    document.add(codes(4, 5, 4, np.uint16), name="in", group=group, left=2, top=1, opacity=0.2)
    document.export_layers(tmp_path)
    manifest = json.loads((tmp_path / "layers.json").read_text())
    (outer,) = manifest.pop("layers")
    assert manifest == {"aikit_layers": 1, "height": 8, "width": 9, "mode": "RGB", "depth": 16}
    assert (outer["kind"], outer["file"], outer["blend_mode"]) == ("group", None, "pass_through")
    assert outer["layers"] == [
        {
            "path": "outer/in", "name": "in", "kind": "pixel", "box": [2, 1, 7, 5], "visible": True, "opacity": 0.2,
            "fill_opacity": 1, "blend_mode": "normal", "clipping": False, "locked": False, "text": None,
            "file": "002-in.png",
        }
    ]  # fmt: skip
    again = aikit.psd.psd_from_folder(tmp_path)
    assert (again.mode, again.depth, again.source) == ("RGB", 16, "document")


def test_half_a_character_in_the_name_of_a_layer_of_a_file_is_kept(tmp_path):
    document, _, _ = two_layers()
    document["above"].raw.name = "\ud800x"
    assert document.export_layers(tmp_path)[1] == str(tmp_path / "002-x.png")
    assert json.loads((tmp_path / "layers.json").read_bytes())["layers"][1]["name"] == "\ud800x"
    with pytest.raises(aikit.FileFormatError, match=r"layers\.json: expected a manifest .*with half a character"):
        aikit.psd.psd_from_folder(tmp_path)


def test_folders_of_what_is_no_layer_of_pixels(tmp_path):
    """Bitmaps have one bit, which no new document has; what only changes the layers below has no picture."""
    aikit.open_psd(flat_file("BITMAP", 1, np.array([[[7]]]))).export_layers(tmp_path / "bits")
    again = aikit.psd.psd_from_folder(tmp_path / "bits")
    assert (again.width, again.depth, again.layers) == (8, 8, [])
    document, _, _ = two_layers()
    files = document.export_layers(tmp_path / "made" / "twice")
    path = tmp_path / "made" / "twice" / "layers.json"
    manifest = json.loads(path.read_text())
    manifest["layers"].insert(1, {**manifest["layers"][0], "kind": "adjustment", "file": None})
    path.write_text(json.dumps(manifest))
    assert repr(aikit.psd.psd_from_folder(path.parent)) == repr(document)
    assert document.export_layers(path.parent) == files


OUTSIDE = ["../x.png", "..", ".", "", "in/x.png", "in\\x.png"]
BROKEN_MANIFESTS = {
    "not json": ("{", r"Expecting property name"),
    "not ours": ("{}", r"aikit_layers"),
    "another version": ('{"aikit_layers": 2}', r"version 2"),
    "a list": ("[1]", r"list indices"),
    "a word": ('{"aikit_layers": 1, "height": 1, "width": 1, "depth": "x"}', r"not supported between"),
    "without end": ("[" * 100_000, r"recursion"),
    "no layers": ('{"aikit_layers": 1, "height": 1, "width": 1, "depth": 8, "mode": "L", "layers": 5}', r"iterable"),
    "texts": ('{"aikit_layers": 1, "height": 1, "width": 1, "depth": 8, "mode": "L", "layers": ["x"]}', r"indices"),
}


def with_manifest(folder, **changes):
    """A folder of two layers whose manifest says something else of the lower one."""
    two_layers()[0].export_layers(folder)
    manifest = json.loads((folder / "layers.json").read_text())
    manifest["layers"][0].update(changes)
    (folder / "layers.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize("case", BROKEN_MANIFESTS)
def test_manifests_that_are_none(case, tmp_path):
    text, reason = BROKEN_MANIFESTS[case]
    (tmp_path / "layers.json").write_text(text)
    with pytest.raises(aikit.FileFormatError, match=rf"layers\.json: expected a manifest written by .*{reason}"):
        aikit.psd.psd_from_folder(tmp_path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        *(({"file": name}, rf"the file name {re.escape(repr(name))}, which leaves the fo") for name in OUTSIDE),
        ({"file": 5}, r"expected str, bytes or os\.PathLike"),
        ({"blend_mode": "x"}, r"blend_mode: expected one of"),
        ({"name": 5}, r"name: expected a str, got int"),
        ({"opacity": 2}, r"opacity: expected 0 to 1, got 2"),
        ({"box": 5}, r"cannot unpack"),
    ],
    ids=str,
)
def test_manifests_that_lie(changes, reason, tmp_path):
    # The message quotes the reason once more.
    with pytest.raises(
        aikit.FileFormatError, match=r"layers\.json: expected a manifest written by export_layers, got "
    ) as caught:
        aikit.psd.psd_from_folder(with_manifest(tmp_path, **changes))
    assert re.search(reason, str(caught.value.__cause__))


def test_folders_under_limits(tmp_path):
    two_layers()[0].export_layers(tmp_path)
    with pytest.raises(aikit.LimitError, match=r"expected at most 69 pixels, got 70; "):
        aikit.psd.psd_from_folder(tmp_path, limits=aikit.Limits(max_pixels=69))
    (tmp_path / "001-below.png").unlink()
    with pytest.raises(aikit.FileAccessError, match=r"001-below\.png: expected a readable file"):
        aikit.psd.psd_from_folder(tmp_path)
    with pytest.raises(aikit.FileAccessError, match=r"expected a folder that can be made") as caught:
        two_layers()[0].export_layers(tmp_path / "layers.json")
    assert (caught.value.errno, caught.value.filename) == (errno.EEXIST, str(tmp_path / "layers.json"))


def test_the_size_in_a_manifest_and_its_own_bytes_are_under_the_limits(tmp_path):
    """Nothing is made of a canvas that is too large, and nothing read of a manifest that is too long."""
    two_layers()[0].export_layers(tmp_path)
    path = tmp_path / "layers.json"
    data = path.read_bytes()
    with pytest.raises(aikit.LimitError, match=r"layers\.json: expected at most .* bytes"):
        aikit.psd.psd_from_folder(tmp_path, limits=aikit.Limits(max_bytes=len(data) - 1))
    manifest = json.loads(data)
    path.write_text(json.dumps({**manifest, "height": 10**5, "layers": []}))
    with pytest.raises(aikit.LimitError, match=r"layers\.json: expected"):
        aikit.psd.psd_from_folder(tmp_path, limits=aikit.Limits(max_pixels=10**5))
    path.write_text(json.dumps(manifest))
    (tmp_path / "001-below.png").write_bytes((tmp_path / "001-below.png").read_bytes() + bytes(len(data)))
    with pytest.raises(aikit.LimitError, match=r"001-below\.png: expected at most .* bytes"):
        aikit.psd.psd_from_folder(tmp_path, limits=aikit.Limits(max_bytes=len(data)))


# The command


def test_the_command(tmp_path, capsys):
    saved(nested(), tmp_path, "n.psd")
    path = str(tmp_path / "n.psd")
    assert main(["psd", "tree", path]) == 0
    assert "'inner' (group, 4x4 at 0,0)" in capsys.readouterr().out
    assert main(["psd", "export", path]) == 0
    assert "3 pictures and layers.json in " in capsys.readouterr().out
    assert (tmp_path / "n-layers" / "layers.json").exists()
    assert main(["psd", "compose", path, "--background", "white"]) == 0
    assert Image.open(tmp_path / "n.png").mode == "RGB"
    assert main(["psd", "compose", path, str(tmp_path / "out.webp")]) == 0
    assert Image.open(tmp_path / "out.webp").mode == "RGBA"
    capsys.readouterr()
    assert main(["info", path, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["format"], row["width"], row["mode"], row["depth"], row["layers"], row["alpha_used"]) == (
        "psd", 4, "RGB", 8, 5, True,
    )  # fmt: skip
    assert main(["info", path]) == 0
    assert "5 layers" in capsys.readouterr().out
    assert main(["convert", path, str(tmp_path / "c.png")]) == 0
    np.testing.assert_array_equal(aikit.read_numpy(tmp_path / "c.png"), nested().render())
    assert main(["psd", "tree", str(tmp_path / "c.png")]) == 2
    assert "expected a PSD or PSB file, got bytes that begin with 89 50 4e 47" in capsys.readouterr().err


# Limits


def test_limits_hold(tmp_path):
    document = aikit.new_psd(height=100, width=200)
    for number in range(3):
        document.add(codes(50, 60, 4), name=str(number))
    data = saved(document, tmp_path)
    cases = {
        "max_bytes": (len(data) - 1, rf"expected at most {len(data) - 1} bytes, got {len(data)}"),
        "max_pixels": (19_999, r"expected at most 19999 pixels, got 20000"),
        "max_side": (199, r"expected at most 199 pixels a side, got 200"),
        "max_total_pixels": (8_999, r"expected at most 8999 pixels in all layers, got 9000"),
    }
    for field, (limit, message) in cases.items():
        with pytest.raises(aikit.LimitError, match=message):
            aikit.open_psd(data, limits=aikit.Limits(**{field: limit}))
    drawing = {
        "max_output_pixels": (19_999, r"expected at most 19999 pixels, got 20000"),
        "max_total_pixels": (59_999, r"expected at most 59999 pixels of layers on the canvas, got 60000"),
        "max_memory": (2_000_000, r"expected at most 2000000 bytes of memory, got 2400000"),
    }
    for field, (limit, message) in drawing.items():
        opened = aikit.open_psd(data, limits=aikit.Limits(**{field: limit}))
        with pytest.raises(aikit.LimitError, match=message):
            opened.render()
    assert aikit.open_psd(data, limits=aikit.Limits()).render().any()


def test_what_drawing_costs_is_not_more_than_what_is_reckoned(tmp_path):
    from aikit.psd import painting

    document = aikit.new_psd(height=400, width=500)
    group = None
    for number in range(3):
        document.add(codes(400, 500, 4), name=str(number), group=group)
        group = document.add_group(f"group {number}", group=group, blend_mode="normal")
    document.add(codes(400, 500, 4), name="last", group=group)
    document.render()
    tracemalloc.start()
    try:
        painting.draw_layers(document.raw, "file", None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    reckoned = 400 * 500 * (painting._BYTES_CANVAS + 3 * painting._BYTES_GROUP)
    assert 0.4 * reckoned < peak < reckoned


def test_a_small_file_of_enormous_layers_is_refused_before_memory_is_taken(tmp_path):
    document = aikit.new_psd(height=10, width=10)
    for number in range(4):
        document.add(codes(2, 2, 4), name=str(number))
        record = document.raw[number]._record
        record.right, record.bottom = 20_000, 20_000
    with io.BytesIO() as file:
        document.raw._record.write(file)
        data = file.getvalue()
    tracemalloc.start()
    try:
        with pytest.raises(aikit.LimitError, match=r"expected at most \d+ pixels, got 400000000"):
            aikit.open_psd(data)
        with pytest.raises(aikit.LimitError, match=r"expected at most 50000000 pixels, got 400000000"):
            aikit.open_psd(data, limits=aikit.Limits())
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_layers_far_apart_do_not_make_a_large_group(tmp_path):
    document = aikit.new_psd(height=10, width=10)
    group = document.add_group("group")
    for number in (-(1 << 29), 1 << 29):
        document.add(codes(1, 1, 4), name=str(number), left=number, group=group)
    with pytest.raises(aikit.LimitError, match=r"^document: expected at most \d+ pixels, got 1073741825; "):
        group.render()
    assert document.render().shape == (10, 10, 4)


def test_one_layer_is_opened_without_the_others(monkeypatch, tmp_path):
    from aikit.psd import channels

    document = aikit.new_psd(height=50, width=60)
    for number in range(5):
        document.add(codes(50, 60, 4), name=str(number))
    opened = aikit.open_psd(saved(document, tmp_path))
    calls = []
    unpack = channels.unpack
    monkeypatch.setattr(channels, "unpack", lambda *a: calls.append(1) or unpack(*a))
    np.testing.assert_array_equal(opened["3"].render(), codes(50, 60, 4))
    assert len(calls) == 4


# Damage


def damaged(data, seed):
    """The file with some bytes changed, cut off, or some repeated."""
    rng = np.random.default_rng(seed)
    broken = bytearray(data)
    how = seed % 4
    if how == 0:
        return bytes(broken[: rng.integers(0, len(data))])
    for _ in range(1 if how == 1 else int(rng.integers(2, 30))):
        at = int(rng.integers(0, len(data)))
        if how == 3:
            broken[at : at + 4] = struct.pack(">I", int(rng.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x10000])))
        else:
            broken[at] = int(rng.integers(0, 256))
    return bytes(broken)


def everything(data):
    """Ask a document for all that it can be asked for."""
    document = aikit.open_psd(data, limits=aikit.Limits(max_pixels=4_000_000, max_total_pixels=20_000_000))
    repr(document), str(document), document.unsupported()
    for layer in document.walk():
        layer.text, layer.embedded, layer.mask, layer.locked, layer.fill_opacity  # noqa: B018
        layer.render(canvas=True)
    document.render()
    document.add(codes(2, 2, 4), name="new")
    document.encode()


@pytest.mark.parametrize("depth", [8, 16])
def test_damaged_files_raise_our_errors_only(depth, tmp_path):
    document = nested() if depth == 8 else two_layers(16)[0]
    from test_psd_composite import put_mask

    put_mask(document.layers[-1], np.full((3, 3), TOPS[depth] // 2, DTYPES[depth]), (0, 0))
    data = saved(document, tmp_path)
    refused = 0
    for seed in range(250):
        try:
            everything(damaged(data, seed))
        except aikit.AikitError:
            refused += 1
    assert 60 < refused < 250


def test_truncated_and_foreign_bytes(tmp_path):
    data = saved(two_layers()[0], tmp_path)
    rng = np.random.default_rng(0)
    for size in (0, 3, 4, 25, 26, 40, 200, len(data) // 2, len(data) - 1):
        with pytest.raises(aikit.FileFormatError, match=r"^source: expected "):
            everything(data[:size])
    for junk in (rng.bytes(500), b"8BPS" + rng.bytes(500), b"8BPS\0\1" + bytes(500), data[:26] + rng.bytes(500)):
        with pytest.raises(aikit.FileFormatError, match=r"^source: expected "):
            everything(junk)


def test_a_damaged_channel_is_an_error_and_not_black(tmp_path):
    document, _, _ = two_layers()
    channel = document["above"].raw._channels[1]
    channel.data = channel.data[:6]
    message = r"^document: expected a channel of 5x4 pixels, got 6 bytes that do not hold it; "
    with pytest.raises(aikit.FileFormatError, match=message):
        document["above"].render()
    with pytest.raises(aikit.FileFormatError, match=message):
        document.render()
    assert document["below"].render().any()


# Real files


@needs_samples
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_real_documents(path, tmp_path):
    document = aikit.open_psd(path, limits=aikit.Limits())
    document.write(tmp_path / path.name)
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()
    picture = document.render()
    assert picture.shape == (document.height, document.width, 4)
    for layer in document.walk():
        assert layer.render(canvas=True).shape == picture.shape
        assert document[layer.path].path == layer.path
    # Drawn from the layers it is what Photoshop has stored, but for the fills and strokes that are reported.
    first = document.layers[0]
    first.name += "!"
    first.visible = not first.visible
    first.visible = not first.visible
    document.raw.mark_updated()
    drawn = document.render()
    flat = [
        np.asarray(aikit.to_numpy(aikit.flatten(image, background="white"), dtype="float32"))
        for image in (picture, drawn)
    ]
    assert np.abs(flat[0] - flat[1]).mean() < (0.3 if document.unsupported() else 0.002)
    document.write(tmp_path / path.name)
    again = aikit.open_psd(tmp_path / path.name)
    over = [aikit.flatten(image, background="white").astype(float) for image in (again.render(), drawn)]
    # Taking the white out from under a color and laying it there again rounds twice.
    np.testing.assert_allclose(*over, rtol=0, atol=1.01 if drawn.dtype != np.float32 else 1e-4)
    for ours, theirs in zip(document.walk(), again.walk(), strict=True):
        assert (ours.path, ours.bbox, ours.kind) == (theirs.path, theirs.bbox, theirs.kind)
        np.testing.assert_array_equal(ours.render(canvas=True), theirs.render(canvas=True))


@needs_samples
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_layer_is_added_to_real_documents(path, tmp_path):
    document = aikit.open_psd(path)
    before = [(layer.path, layer.render(canvas=True)) for layer in document.walk()]
    image = codes(3, 2, 4, DTYPES[document.depth])
    document.add(image, name="new", left=1)
    document.write(tmp_path / path.name)
    again = aikit.open_psd(tmp_path / path.name)
    for (name, pixels), layer in zip(before, again.walk(), strict=False):
        assert layer.path == name
        np.testing.assert_array_equal(layer.render(canvas=True), pixels)
    # Lab and a profile that is sRGB up to a code round once more.
    np.testing.assert_allclose(
        again.layers[-1].render().astype(float),
        image,
        rtol=0,
        atol=12 if document.mode == "LAB" else 1e-6 * (document.depth == 32),
    )
    assert again.layers[-1].bbox == (1, 0, 3, 3)


@needs_samples
def test_real_texts_shapes_and_smart_objects(tmp_path):
    assert aikit.open_psd(SAMPLES / "type-layer.psd").layers[0].text == "A"
    smart = aikit.open_psd(SAMPLES / "smartobject-layer.psd").layers[0]
    assert (smart.kind, smart.embedded.name) == ("smart_object", "A.png")
    assert aikit.read_pil(smart.embedded.data).size[0] > 0
    document = aikit.open_psd(SAMPLES / "clipping-mask.psd")
    assert [layer.path for layer in document.walk() if layer.clipping] == ["Group 2/Shape 2"]
    shape = document["Shape 1"]
    with pytest.raises(
        aikit.InputValueError, match=r"^left, top: expected a layer made of pixels, got 'Group 2/Shape 1', a shape"
    ):
        shape.move_to(left=0)
    before, box = shape.render(), shape.bbox
    shape.replace(before)
    assert (shape.kind, shape.bbox, shape.path) == ("pixel", box, "Group 2/Shape 1")
    # Photoshop would draw the path that is gone.
    assert not shape.raw._record.flags.pixel_data_irrelevant
    np.testing.assert_array_equal(shape.render(), before)
    shape.move_to(left=0)
    saved(document, tmp_path)
    text = aikit.open_psd(SAMPLES / "type-layer.psd")
    transform = text.layers[0].raw.transform
    text.layers[0].move_to(left=7)
    again = aikit.open_psd(saved(text, tmp_path)).layers[0]
    assert again.raw.transform[4] == transform[4] + 2
    assert (again.text, again.bbox[0]) == ("A", 7)


@needs_samples
def test_a_path_on_a_pixel_layer_is_drawn():
    # psd-tools' compositor leaves this path out: a mean difference of 0.1.
    document = aikit.open_psd(SAMPLES / "vector-mask.psd")
    stored = document.render()
    document.raw.mark_updated()
    assert np.abs(document.render() - stored).mean() < 0.0005
    assert document["Background copy"].mask.vector


@pytest.mark.parametrize("height", [3, 5])
@pytest.mark.parametrize("depth", [16, 32])
def test_a_zipped_channel_of_another_size_is_damaged(depth, height):
    from aikit.psd import channels

    packed = channels.pack(codes(4, 5, dtype=DTYPES[depth]), depth, 1)
    with pytest.raises(
        aikit.FileFormatError, match=rf"^file: expected a channel of 5x{height} pixels, got \d+ bytes that"
    ):
        channels.unpack(packed.data, int(packed.compression), (height, 5), depth, 1, "file")


def test_groups_nested_without_end_are_refused():
    document = aikit.new_psd(height=1, width=1)
    group = None
    for number in range(102):
        group = document.add_group(str(number), group=group)
    with io.BytesIO() as file:
        document.raw._record.write(file)
        with pytest.raises(aikit.FileFormatError, match=r"^source: .*got groups nested more than 100 deep; "):
            aikit.open_psd(file.getvalue())


def test_the_parsers_own_limits_are_limits():
    from psd_tools import ParseLimitError

    from aikit.psd.parsing import translate_errors

    with (
        pytest.raises(
            aikit.LimitError, match=r"^file: expected a document of usual proportions, got max_objects exceeded"
        ),
        translate_errors("file"),
    ):
        raise ParseLimitError("max_objects exceeded")
