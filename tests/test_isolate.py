"""isolate=True: the readers give what they give without it, whatever the file does to the child."""

import io
import json
import os
import pickle
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import aikit
from aikit import (
    FileAccessError,
    FileFormatError,
    InputTypeError,
    InputValueError,
    LimitError,
    Limits,
    WorkerError,
    _raster,
    encode,
    isolation,
    read_cv2,
    read_numpy,
    read_pil,
    read_tensor,
)
from aikit._raster.high_depth import HighDepth
from aikit.files import read_frames
from aikit.isolation import calls, pool as pools, results
from aikit.isolation.pool import IdlePool
from pictures import codes

SAMPLES = Path(os.environ.get("AIKIT_SAMPLES", Path(__file__).parents[2] / "shared/samples")) / "raster"
PHOTOGRAPHS = Path(find_spec("skimage").origin).parent / "data"


def saved(pixels, format, **options):
    file = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(file, format, **options)
    return file.getvalue()


def tiff(pixels, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def exif():
    tags = Image.Exif()
    tags[271], tags[274] = "maker", 6
    return tags.tobytes()


def texts():
    chunks = PngInfo()
    chunks.add_text("Comment", "plain")
    chunks.add_itxt("Title", "größer", "de", "Titel")
    return chunks


RGB, RGBA, GRAY = codes(13, 17, 3), codes(13, 17, 4), codes(13, 17)
PALETTE = Image.fromarray(RGB).quantize(16)
METADATA = {"dpi": (72.5, 300), "exif": exif()}
FILES = {
    "png": saved(RGB, "PNG", **METADATA),
    "png-gray": encode(GRAY, "png"),
    "png-gray-alpha": encode(codes(13, 17, 2), "png"),
    "png-alpha": saved(RGBA, "PNG"),
    "png-palette": saved(PALETTE, "PNG", transparency=3),
    "png-1": saved(Image.fromarray(GRAY).convert("1"), "PNG"),
    "png-text": saved(RGB, "PNG", pnginfo=texts()),
    "png16-gray": encode(codes(13, 17, None, "uint16"), "png"),
    "png16": encode(codes(13, 17, 3, "uint16"), "png"),
    "png16-alpha": encode(codes(13, 17, 4, "uint16"), "png"),
    "jpeg": saved(RGB, "JPEG", quality=95, comment=b"a comment", **METADATA),
    "jpeg-gray": saved(GRAY, "JPEG"),
    "jpeg-cmyk": saved(Image.fromarray(RGB).convert("CMYK"), "JPEG"),
    "webp": saved(RGBA, "WEBP", lossless=True, exif=exif()),
    "avif": saved(RGB, "AVIF", exif=exif()),
    "gif": saved(PALETTE, "GIF", comment=b"a comment"),
    "tiff": saved(RGB, "TIFF", dpi=(72.5, 300), exif=exif()),
    "tiff-float": tiff(codes(13, 17, None, "float32") * 9 - 3),
    "tiff-int": tiff(codes(5, 6, None, "uint16").astype(np.int32) * 1000),
    "tiff16": tiff(codes(13, 17, 3, "uint16"), photometric="rgb"),
    "tiff-float-color": tiff(codes(13, 17, 3, "float32"), photometric="rgb"),
    "bmp": saved(RGB, "BMP"),
    "ico": saved(codes(16, 16, 4), "ICO", sizes=[(16, 16)]),
    "ppm": saved(RGB, "PPM"),
}
NO_PIL = {"tiff-float-color"}
NO_ARRAY = {"tiff-int"}


def check_same_picture(one, two):
    assert (one.mode, one.size) == (two.mode, two.size)
    assert one.tobytes() == two.tobytes()
    assert one.info == two.info
    for mine, other in zip(one.info.values(), two.info.values(), strict=True):
        assert isinstance(other, type(mine))  # a str of Pillow's own kind comes as a str


@pytest.mark.parametrize("name", sorted(FILES.keys() - NO_PIL))
def test_pictures_are_the_same_with_their_metadata(name):
    for profile in ("srgb", "ignore"):
        apart, here = read_pil(FILES[name], isolate=True, profile=profile), read_pil(FILES[name], profile=profile)
        check_same_picture(apart, here)
    apart.putpixel((0, 0), apart.getpixel((1, 1)))  # nobody else's memory


@pytest.mark.parametrize("name", sorted(FILES.keys() - NO_ARRAY))
def test_arrays_and_tensors_are_the_same(name):
    for read in (read_numpy, read_cv2):
        apart, here = read(FILES[name], isolate=True), read(FILES[name])
        assert apart.dtype == here.dtype
        np.testing.assert_array_equal(apart, here)
        assert apart.flags.writeable
        assert apart.flags.c_contiguous
    assert (read_tensor(FILES[name], isolate=True) == read_tensor(FILES[name])).all()


REAL = [path for folder in (SAMPLES, PHOTOGRAPHS) if folder.is_dir() for path in sorted(folder.iterdir())]


@pytest.mark.parametrize(
    "path", [path for path in REAL if path.is_file() and path.stat().st_size < 10**6], ids=lambda path: path.name
)
def test_real_files_are_the_same(path):
    here, apart = outcome(path), outcome(path, isolate=True)
    if isinstance(here, Exception):
        assert (type(apart), str(apart), apart.code) == (type(here), str(here), here.code)
    else:
        check_same_picture(apart, here)


def outcome(path, **options):
    try:
        return read_pil(path, **options)
    except FileFormatError as error:
        return error


def test_frames_are_the_same_one_by_one():
    pictures = [Image.fromarray(codes(13, 17 + step, 3)).resize((17, 13)) for step in range(4)]
    for kind, options in (("GIF", {"disposal": 2}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
        data = saved(pictures[0], kind, save_all=True, append_images=pictures[1:], duration=[10, 20, 30, 40], **options)
        apart, here = read_frames(data, isolate=True, limits=Limits()), list(read_frames(data))
        assert len(here) == 4
        for one, two in zip(apart, here, strict=True):
            check_same_picture(one, two)
        check_same_picture(read_pil(data, frame=2, isolate=True), read_pil(data, frame=2))


def test_larger_than_the_shared_memory():
    picture = np.tile(codes(40, 5000, 3), (60, 1, 1))
    np.testing.assert_array_equal(read_numpy(encode(picture, "bmp"), isolate=True), picture)


def test_results_do_not_share_memory():
    one, two = codes(200, 300, 3, "uint16"), codes(200, 300, 3, "uint16")[::-1]
    options = {"name": "x", "limits": None, "isolate": True, "frame": 0}
    first, second = [_raster.decode_guarded(encode(picture, "png"), **options) for picture in (one, two)]
    np.testing.assert_array_equal(first.pixels, one)
    np.testing.assert_array_equal(second.pixels, two)


# Errors


@pytest.mark.parametrize(
    ("data", "options", "error", "code"),
    [
        (b"not a picture", {}, FileFormatError, "unsupported_format"),
        (FILES["png"][:60], {}, FileFormatError, "truncated"),
        (FILES["png"].replace(b"IDAT\x78", b"IDAT\x79"), {}, FileFormatError, "corrupt"),
        (FILES["png"], {"limits": Limits(max_pixels=10)}, LimitError, "limit_exceeded"),
        (FILES["png"], {"limits": Limits(formats={"jpeg"})}, FileFormatError, "unsupported_format"),
        (FILES["png"], {"frame": 3}, InputValueError, "invalid_value"),
        (FILES["png"], {"frame": "a"}, InputTypeError, "invalid_type"),
        (FILES["png"], {"profile": "x"}, InputValueError, "invalid_value"),
        (Path("missing.png"), {}, FileAccessError, "no_access"),
    ],
)
def test_errors_are_the_same(data, options, error, code):
    with pytest.raises(error, match=": expected ") as here:
        read_pil(data, **options)
    with pytest.raises(error, match=": expected ") as apart:
        read_pil(data, isolate=True, **options)
    assert type(apart.value) is type(here.value)
    assert apart.value.to_dict() == here.value.to_dict()
    assert apart.value.code == code
    assert str(pickle.loads(pickle.dumps(apart.value))) == str(here.value)


def test_the_errors_of_frames_come_before_the_first():
    with pytest.raises(FileFormatError, match="expected PNG, JPEG"):
        read_frames(b"not a picture", isolate=True)
    with pytest.raises(LimitError, match="got 221"):
        read_frames(FILES["png"], isolate=True, limits=Limits(max_pixels=10))


def test_truncated_files_are_read_where_asked():
    data = saved(codes(200, 100, 3), "JPEG")[:-2000]
    check_same_picture(read_pil(data, isolate=True, allow_truncated=True), read_pil(data, allow_truncated=True))


def test_the_users_ceiling_counts(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(LimitError, match="expected at most 200 pixels, got 221"):
        read_pil(FILES["png"], isolate=True)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert read_pil(FILES["png"], isolate=True).size == read_pil(FILES["png"]).size


def test_time_is_a_limit():
    data = encode(codes(1500, 1500, 3), "png")
    read_pil(FILES["png"], isolate=True)
    with pytest.raises(LimitError, match=r"^source: expected a result within 0\.001 seconds") as caught:
        read_pil(data, isolate=True, limits=Limits(max_seconds=0.001))
    assert caught.value.code == "timeout"


def test_memory_is_a_limit():
    data = encode(np.zeros((5000, 5000), np.uint8), "png")  # 25 MB of pixels in 0.03 MB
    with pytest.raises(LimitError, match="bytes of memory, got") as caught:
        read_pil(data, isolate=True, limits=Limits(max_memory=8_000_000, max_seconds=60))
    assert caught.value.code == "limit_exceeded"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_decoder_that_crashes_costs_its_file_only(monkeypatch):
    def crash(function, arguments, keywords, **options):
        return real("supervised_jobs:misbehave", ("segv",), **options)

    real = calls.in_another_process
    with monkeypatch.context() as patch:
        patch.setattr(calls, "in_another_process", crash)
        with pytest.raises(WorkerError, match=r"^source: expected a result, got .* SIGSEGV") as caught:
            read_pil(FILES["png"], isolate=True)
    assert caught.value.code == "worker_crashed"
    assert read_pil(FILES["png"], isolate=True).mode == "RGB"


def test_threads_read_at_once():
    names, results = ["png", "jpeg", "webp", "tiff16", "gif", "bmp"], {}
    expected = {name: read_numpy(FILES[name]) for name in names}

    def work(name):
        results[name] = [read_numpy(FILES[name], isolate=True) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for name in names:
        assert all(np.array_equal(result, expected[name]) for result in results[name])
    assert len(results) == len(names)


# What comes back: nothing in it is believed


def travelled(value):
    """What the parent makes of what a child answers."""
    text, buffers = results.encode(value)
    return results.decode(text, [received(buffer) for buffer in buffers])


def received(buffer):
    if not isinstance(buffer, isolation.Filled):
        return bytearray(buffer)
    memory = bytearray(buffer.size)
    buffer.fill(memoryview(memory))
    return memory


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "I", "F"])
def test_every_mode_survives(mode):
    bands = {"LA": codes(5, 6, 2), "RGB": codes(5, 6, 3), "RGBA": codes(5, 6, 4), "L": codes(5, 6)}
    pixels = bands[mode] if mode in bands else codes(5, 6, None, {"I;16": "uint16"}.get(mode, "float32"))
    image = Image.fromarray(pixels if mode != "I" else (pixels * 1e6).astype(np.int32))
    assert image.mode == mode
    image.info = {"dpi": (72.5, 300), 5: {"nested": [1, (2, None)]}}
    check_same_picture(travelled(image), image)


def test_palettes_are_resolved_on_the_way():
    check_same_picture(travelled(PALETTE), aikit.to_pil(PALETTE))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_arrays_and_deep_pictures_survive(dtype):
    array = codes(5, 6, 3, dtype)[:, ::-1]
    back = travelled((array, HighDepth(array, {"dpi": (1, 2)})))
    for one in (back[0], back[1].pixels):
        np.testing.assert_array_equal(one, array)
        assert one.dtype == dtype
        one[:] = 0  # nobody else's memory
    assert back[1].info == {"dpi": (1, 2)}


class Record(NamedTuple):
    """What a child may say of a file."""

    name: str
    sizes: tuple[float, ...] | None
    flag: bool


isolation.register_record(Record)


def test_records_are_held_against_their_annotations():
    for record in (Record("a", (1, 2.5), True), Record("b", None, False)):
        assert travelled([record]) == [record]
    for forged in (Record(1, None, True), Record("a", ("b",), True), Record("a", None, 1), Record("a", (True,), True)):
        with pytest.raises(isolation.NonsenseError, match="TypeError: fields that are none of Record"):
            travelled(forged)


FORGED = [
    ("image", None),
    ("image", ("RGB", (2, 2), b"123", {})),
    ("image", ("RGB", (-2, -2), bytes(12), {})),
    ("image", ("RGB", (2**31, 2**31), b"", {})),
    ("image", ("RGB", (2, 2, 1), bytes(12), {})),
    ("image", ("P", (2, 2), bytes(4), {})),
    ("image", ("L", "ab", bytes(4), {})),
    ("image", ("L", (2, 2), 5, {})),
    ("image", ("L", (2, 2), bytes(4), None)),
    ("image", ("L", (2, 2), bytes(4))),
    ("image", (["L"], (2, 2), bytes(4), {})),
    ("array", ("object", (1,), bytes(8))),
    ("array", ("complex64", (2,), bytes(16))),
    ("array", ("uint16", (2, 0, 3), b"")),
    ("array", ("uint8", (), b"1")),
    ("array", ("uint8", (7, 9, 4), b"1")),
    ("array", 5),
    ("deep", (bytes(8), {})),
    ("deep", (np.zeros((2, 2), np.uint8), {})),
    ("nobody", ()),
    (["image"], ()),
]


@pytest.mark.parametrize("forged", FORGED, ids=lambda forged: f"{forged[0]}-{str(forged[1])[:30]}")
def test_forged_values_are_refused(forged):
    text, buffers = results.encode(forged[1])
    text = b'{"kind":[%s,%s]}' % (json.dumps(forged[0]).encode(), text)
    with pytest.raises(isolation.NonsenseError, match=r"^(Value|Type|Key|Attribute)Error: "):
        results.decode(text, buffers)


@pytest.mark.parametrize(
    ("value", "annotation", "answer"),
    [
        *(
            (None, None, True),
            (0, None, False),
            (1, int, True),
            (True, int, False),
            (1, float, True),
            ("1", float, False),
        ),
        *(
            (True, bool, True),
            (1, bool, False),
            (None, int | None, True),
            ("a", int | None, False),
            (True, object, True),
        ),
        *(((1, "a"), tuple[int, str], True), ((1, "a", 2), tuple[int, str], False), ([1, "a"], tuple[int, str], False)),
        *(((1, 2), tuple[int, ...], True), ((1, "a"), tuple[int, ...], False), ([1], list[int], True)),
        *(
            (["a"], list[int], False),
            ({"a": 1}, dict[str, int], True),
            ({1: 1}, dict[str, int], False),
            (b"", bytes, True),
        ),
    ],
)
def test_what_matches_an_annotation(value, annotation, answer):
    assert results.matches(value, annotation) is answer


# Documents


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="7"><rect width="5" height="4" fill="#c80"/></svg>'


def layered():
    from io import BytesIO

    document = aikit.new_psd(width=9, height=7)
    document.add(np.full((4, 5, 4), (200, 100, 50, 128), np.uint8), name="one", left=2, top=1)
    file = BytesIO()
    document.raw.save(file)
    return file.getvalue()


@pytest.mark.parametrize("data", [SVG, layered()], ids=["svg", "psd"])
def test_documents_that_come_with_limits_are_drawn_in_a_child(data, monkeypatch):
    asked, call = [], calls.in_another_process
    monkeypatch.setattr(
        calls, "in_another_process", lambda *job, **options: asked.append(job[0]) or call(*job, **options)
    )
    expected = aikit.read_numpy(data)
    assert not asked
    assert np.ptp(expected) > 0
    np.testing.assert_array_equal(aikit.read_numpy(data, limits=aikit.Limits()), expected)
    np.testing.assert_array_equal(aikit.read_numpy(data, isolate=True), expected)
    assert asked == ["aikit.files.reading:_flat"] * 2


PATHS = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="7"><path id="p" d="M0 0L5 1L2 6ZM1 1C2 3 4 4 6 1"/><circle r="4" fill="#c80"/><script/></svg>'


def path_facts(paths):
    return [(path.d, dict(path.attributes), path.subpaths[0].closed, path.subpaths[0].straight) for path in paths]


@pytest.mark.parametrize(
    "work",
    [
        lambda limits: aikit.render_svg(PATHS, width=31, background="#123", limits=limits).tobytes(),
        lambda limits: aikit.svg.sanitize_svg(PATHS, limits=limits),
        lambda limits: aikit.svg.svg_info(PATHS, limits=limits),
        lambda limits: path_facts(aikit.svg.svg_paths(PATHS, limits=limits)),
        lambda limits: path_facts(aikit.svg.svg_paths(aikit.open_svg(PATHS, limits=limits))),
        lambda limits: aikit.open_svg(PATHS, limits=limits).render(scale=2).tobytes(),
    ],
    ids="render_svg sanitize_svg svg_info svg_paths svg_paths-of-an-Svg open_svg".split(),
)
def test_svgs_that_come_with_limits_are_worked_on_in_a_child(work, monkeypatch):
    expected = work(None)
    assert expected
    check_done_in_a_child(lambda: work(aikit.Limits()), expected, monkeypatch)


def check_done_in_a_child(work, expected, monkeypatch):
    """That the work gives the same, asks a child process for it, and fails where that one does."""
    asked, call = [], calls.in_another_process
    with monkeypatch.context() as patch:
        patch.setattr(
            calls, "in_another_process", lambda *job, **options: asked.append(job[0]) or call(*job, **options)
        )
        assert work() == expected
    assert asked

    def crash(function, *job, **options):
        return call("supervised_jobs:misbehave", ("exit",), subject="x")

    with monkeypatch.context() as patch:
        patch.setattr(calls, "in_another_process", crash)
        with pytest.raises(WorkerError, match="exited with status 7"):
            work()


def test_a_pdf_with_limits_is_made_in_a_child(monkeypatch):
    pytest.importorskip("cairosvg")
    length = len(aikit.svg.svg_to_pdf(PATHS))
    check_done_in_a_child(lambda: len(aikit.svg.svg_to_pdf(PATHS, limits=aikit.Limits())), length, monkeypatch)


def edited(limits):
    """A document that was opened and changed, beside what it was opened from."""
    document = aikit.open_psd(layered(), limits=limits)
    document["one"].opacity = 0.5
    document.add(np.full((3, 2, 3), 77, np.uint8), name="two", left=6, group=document.add_group("group"))
    return document


def saved_bytes(document, folder):
    document.write(folder / "x.psd")
    return (folder / "x.psd").read_bytes()


def exported(document, folder):
    return [Path(path).read_bytes() for path in document.export_layers(folder)]


@pytest.mark.parametrize(
    "make", [lambda limits: aikit.open_psd(layered(), limits=limits), edited], ids=["as-opened", "edited"]
)
@pytest.mark.parametrize(
    "work",
    [
        lambda document, folder: document.render().tolist(),
        lambda document, folder: [layer.render(canvas=True).tolist() for layer in document.walk()],
        exported,
    ],
    ids=["composite", "image", "export_layers"],
)
def test_the_pixels_of_documents_with_limits_are_unpacked_in_a_child(make, work, monkeypatch, tmp_path):
    expected = work(make(None), tmp_path)
    assert len(expected) > 0
    document = make(aikit.Limits())
    check_done_in_a_child(lambda: work(document, tmp_path), expected, monkeypatch)


def test_edited_documents_with_limits_are_drawn_in_a_child_when_they_are_saved(monkeypatch, tmp_path):
    document = edited(aikit.Limits())
    check_done_in_a_child(lambda: saved_bytes(document, tmp_path), saved_bytes(edited(None), tmp_path), monkeypatch)


def test_documents_with_limits_are_read_in_a_child_before_they_are_opened(monkeypatch):
    data = layered()
    expected = repr(aikit.open_psd(data))
    check_done_in_a_child(lambda: repr(aikit.open_psd(data, limits=aikit.Limits())), expected, monkeypatch)


@pytest.mark.parametrize(
    "open_it",
    [aikit.open_psd, aikit.open_svg, aikit.render_svg, aikit.svg.sanitize_svg, aikit.svg.svg_info, aikit.svg.svg_paths],
)
def test_the_time_of_documents_is_a_limit(open_it, monkeypatch):
    call = calls.in_another_process

    def hang(function, *job, **options):
        return call("supervised_jobs:misbehave", ("hang",), subject=options["subject"], limits=options["limits"])

    monkeypatch.setattr(calls, "in_another_process", hang)
    data = layered() if open_it is aikit.open_psd else PATHS
    with pytest.raises(LimitError, match=r"^source: expected a result within 0\.2 seconds") as caught:
        open_it(data, limits=aikit.Limits(max_seconds=0.2))
    assert caught.value.code == "timeout"


def test_a_layer_that_was_removed_has_no_pixels_under_limits():
    document = aikit.open_psd(layered(), limits=aikit.Limits())
    layer = document["one"]
    layer.remove()
    with pytest.raises(InputValueError, match=r"^layer: expected one of the document, got 'one', removed"):
        layer.render()


@pytest.mark.parametrize("answer", [None, 5, b"", "text", (1, 2, 3), [("a",)], {"a": 1}], ids=repr)
@pytest.mark.parametrize(
    "work",
    [
        lambda: aikit.render_svg(PATHS, limits=aikit.Limits()),
        lambda: aikit.svg.sanitize_svg(PATHS, limits=aikit.Limits()),
        lambda: aikit.svg.svg_info(PATHS, limits=aikit.Limits()),
        lambda: aikit.svg.svg_paths(PATHS, limits=aikit.Limits()),
    ],
    ids="render_svg sanitize_svg svg_info svg_paths".split(),
)
def test_a_child_that_was_taken_over_can_only_fail(work, answer, monkeypatch):
    call = calls.in_another_process

    def forged(function, *job, **options):
        return call("supervised_jobs:echo", (answer,), **options)

    monkeypatch.setattr(calls, "in_another_process", forged)
    with pytest.raises(
        WorkerError, match=r"^source: expected a result, got .* from the child process; leave"
    ) as caught:
        work()
    assert caught.value.code == "worker_crashed"


@pytest.mark.parametrize(
    ("forged", "message"),
    [
        (np.zeros((9, 7, 4), np.uint8), "expected pixels of 7x9x4, got 9x7x4 from the child process; leave it out"),
        (np.zeros((7, 9), np.uint8), "expected pixels of 7x9x4, got 7x9 from the child process; leave it out"),
        (
            np.zeros((7, 9, 4), np.int64),
            "expected pixels of uint8, uint16 or float32, got int64 from the child process; leave it out",
        ),
        (5, "expected a result, got 'a result of type int' from the child process; leave it out"),
        (None, "expected a result, got 'a result of type NoneType' from the child process; leave it out"),
    ],
    ids=repr,
)
def test_forged_pixels_of_documents_are_refused(forged, message, monkeypatch):
    document, call = aikit.open_psd(layered(), limits=aikit.Limits()), calls.in_another_process

    def answer(function, *job, **options):
        return call("supervised_jobs:echo", (forged,), **options)

    # Arrays are known to a child that has loaded what reads pictures.
    monkeypatch.setattr(pools, "pool", IdlePool())
    read_pil(FILES["png"], isolate=True)
    monkeypatch.setattr(calls, "in_another_process", answer)
    with pytest.raises(WorkerError, match=f"^source: {message}") as caught:
        document.render()
    assert caught.value.code == "worker_crashed"


# Files that ruin their decoder


RUINOUS = """
import ctypes, os, time
from PIL.PngImagePlugin import PngImageFile
real = PngImageFile.load
def load(self):
    how = self.info.get("how")
    if how == "segv":
        ctypes.string_at(0)
    elif how == "abort":
        os.abort()
    elif how == "exit":
        os._exit(7)
    elif how == "hang":
        ctypes.PyDLL(None).sleep(600)
    elif how == "print":
        os.write(1, b"out" * 1000)
        os.write(2, b"err" * 1000)
    return real(self)
PngImageFile.load = load
"""


@pytest.fixture
def fragile(tmp_path, monkeypatch):
    """Children whose PNG decoder does what a text in the file says, and such files."""
    (tmp_path / "sitecustomize.py").write_text(RUINOUS)
    monkeypatch.syspath_prepend(tmp_path)
    pool = IdlePool()
    monkeypatch.setattr(pools, "pool", pool)

    def file(how):
        chunks = PngInfo()
        chunks.add_text("how", how)
        return saved(RGB, "PNG", pnginfo=chunks)

    yield file
    for worker in pool._idle:
        worker.close()


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("how", "error", "code", "words"),
    [
        ("segv", WorkerError, "worker_crashed", "SIGSEGV"),
        ("abort", WorkerError, "worker_crashed", "SIGABRT"),
        ("exit", WorkerError, "worker_crashed", "status 7"),
        ("hang", LimitError, "timeout", "within 3 seconds"),
    ],
)
@pytest.mark.parametrize(
    "read", [read_pil, lambda *job, **options: list(read_frames(*job, **options))], ids=["pil", "frames"]
)
def test_a_file_that_ruins_its_decoder_costs_itself_only(how, error, code, words, read, fragile, capfd):
    files = [fragile("well"), fragile(how), fragile("well"), fragile(how), fragile("well")]
    outcomes = []
    for data in files:
        try:
            read(data, isolate=True, limits=Limits(max_seconds=3))
            outcomes.append("ok")
        except error as problem:
            outcomes.append((problem.code, words in str(problem)))
    assert outcomes == ["ok", (code, True), "ok", (code, True), "ok"]
    assert capfd.readouterr() == ("", "")


def test_what_a_decoder_prints_is_not_seen(fragile, capfd):
    assert read_pil(fragile("print"), isolate=True).size == (17, 13)
    assert capfd.readouterr() == ("", "")


def test_isolation_works_in_a_notebook(tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    (tmp_path / "a.png").write_bytes(FILES["png"])
    cells = ["import aikit", f"aikit.read_pil({str(tmp_path / 'a.png')!r}, isolate=True).size"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(tmp_path))
    (output,) = notebook.cells[1].outputs
    assert output["data"]["text/plain"] == str(read_pil(FILES["png"]).size)
