"""Files straight into a batch."""

import contextlib
import io
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

import aikit
from aikit import (
    FileAccessError,
    FileFormatError,
    InputTypeError,
    InputValueError,
    LimitError,
    Limits,
    _pixels,
    read_batch,
    stack,
)
from aikit.batch import jpeg, reading
from aikit.batch.failures import Failures
from pictures import codes, pil

CPU = torch.device("cpu")


def smooth(height, width, channels=3, seed=0):
    """A picture that JPEG keeps: waves, another in each channel, and no symmetry."""
    y, x = np.mgrid[0:height, 0:width] / 16
    waves = [np.sin(x * (1 + c / 2) + seed) + np.cos(y * (1 + c / 3)) + x / 8 + c / 4 for c in range(channels)]
    return np.clip(np.stack(waves, -1) * 40 + 100, 0, 255).astype(np.uint8)


def encoded(array, format="jpeg", **options):
    file = io.BytesIO()
    pil(array).save(file, format, **{"quality": 95, "subsampling": 0} | options if format == "jpeg" else options)
    return file.getvalue()


def with_orientation(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


# read_batch


def test_every_format_and_source_gives_what_the_readers_give(tmp_path):
    picture = codes(9, 7, 3)
    path = tmp_path / "a.png"
    path.write_bytes(encoded(picture, "png"))
    sources = [path, str(path), path.read_bytes(), io.BytesIO(encoded(picture, "bmp")), encoded(smooth(9, 7))]
    batch = read_batch(sources, device="cpu")
    sources[3].seek(0)
    assert torch.equal(batch, torch.stack([aikit.read_tensor(source) for source in sources]))
    assert torch.equal(batch[0], aikit.to_tensor(picture))


def test_depth_orientation_and_profiles_come_through(tmp_path):
    deep = aikit.encode(codes(6, 8, 3, "uint16"), "png")
    turned = encoded(smooth(8, 6), exif=with_orientation(6))
    wide = encoded(smooth(6, 8), icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    sources = [deep, turned, wide]
    batch = read_batch(sources, device="cpu")
    # 8-bit codes share a 16-bit buffer on a device, and none here.
    assert torch.equal(batch, torch.stack([aikit.read_tensor(source) for source in sources]))
    assert batch.shape == (3, 3, 6, 8)


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
def test_sizes_and_channels_are_made_alike_as_stack_does(fit):
    sources = [encoded(codes(*shape), "png") for shape in [(20, 30, 3), (16, 16, 4), (33, 12, 1), (24, 24, 2)]]
    options = {"height": 40, "width": 40} if fit == "pad" else {"height": 12, "width": 10}
    options |= {"fit": fit, "channels": "rgb", "background": "#c86432", "device": "cpu", "dtype": "uint8"}
    assert torch.equal(read_batch(sources, **options), stack([aikit.read_pil(each) for each in sources], **options))


def test_pictures_are_shrunk_as_they_come(monkeypatch):
    """So that a batch of thumbnails does not need the memory of all its photographs."""
    seen = []
    original = reading.stack_opened
    monkeypatch.setattr(
        reading,
        "stack_opened",
        lambda images, *rest, **options: seen.extend(images) or original(images, *rest, **options),
    )
    read_batch([encoded(codes(60, 80, 3), "png")] * 2, height=6, width=8, fit="crop", device="cpu")
    assert [(each.spec.height, each.spec.width) for each in seen] == [(6, 8)] * 2


def test_out_and_dtype():
    out = torch.empty(1, 3, 9, 7, dtype=torch.float16)
    assert read_batch([encoded(codes(9, 7, 3), "png")], out=out, dtype="float16") is out
    assert torch.equal(out[0], aikit.to_tensor(codes(9, 7, 3), dtype="float16"))


@pytest.mark.parametrize(
    ("sources", "options", "error", "message"),
    [
        ([], {}, InputValueError, "sources: expected at least one, got none"),
        ("photo.jpg", {}, InputTypeError, r"sources: expected a list of paths, .*, got str; for one picture"),
        (b"abc", {}, InputTypeError, "sources: expected a list of paths, .*, got bytes"),
        (Path("a.jpg"), {}, InputTypeError, "sources: expected a list of paths"),
        ([encoded(codes(3, 3, 3), "png"), b"junk" * 9], {}, FileFormatError, r"sources\[1\]: expected PNG, JPEG"),
        (["no such file.png"], {}, FileAccessError, "no such file.png: expected a readable file"),
        ([3], {}, InputTypeError, r"sources\[0\]: expected a path, bytes or a binary file, got int"),
        ([encoded(codes(9, 9, 3), "png")], {"limits": Limits(max_pixels=80)}, LimitError, r"sources\[0\]: .* got 81"),
        (
            [encoded(codes(3, 3, 3), "png")],
            {"decoder": "gpu"},
            InputValueError,
            "decoder: expected one of auto, cpu, nvjpeg, got",
        ),
        ([encoded(codes(3, 3, 3), "png")], {"decoder": "nvjpeg"}, InputValueError, 'on cpu, got "nvjpeg"; it needs'),
        ([encoded(codes(3, 3, 3), "png")], {"fit": "crop"}, InputValueError, 'expected both for fit="crop"'),
        (
            [encoded(codes(3, 3, 3), "png"), encoded(codes(3, 3, 4), "png")],
            {},
            InputValueError,
            r"sources\[1\]: expected RGB like sources\[0\], got RGBA",
        ),
    ],
)
def test_what_cannot_be_read_is_told(sources, options, error, message):
    with pytest.raises(error, match=message):
        read_batch(sources, device="cpu", **options)


# Which JPEG the card may see


def checked(data, profile="srgb", limits=None):
    return jpeg.check_jpeg(data, name="a.jpg", profile=profile, limits=limits)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 1}])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("channels", [1, 3])
def test_plain_pictures_may_be_seen(channels, subsampling, options):
    data = encoded(smooth(33, 50, channels), subsampling=subsampling, exif=with_orientation(5), **options)
    got = checked(data)
    assert (got.channels, got.orientation, got.pixels, got.data) == (channels, 5, 33 * 50, data)


def unusual():
    plain, color = smooth(33, 50, 1), smooth(33, 50)
    baseline = encoded(color)
    file = io.BytesIO()
    pil(color).convert("CMYK").save(file, "jpeg")
    yield "cmyk", file.getvalue()
    rgb = encoded(color, keep_rgb=True)
    adobe = rgb.index(b"\xff\xee")
    yield "letters for components", rgb[:adobe] + rgb[adobe + 16 :]
    yield "Adobe's marker for rgb", baseline[:2] + rgb[adobe : adobe + 16] + baseline[2:]
    frame = baseline.index(b"\xff\xc0")
    for name, marker in {"arithmetic": 0xC9, "lossless": 0xC3, "hierarchical": 0xC5}.items():
        yield name, baseline[: frame + 1] + bytes([marker]) + baseline[frame + 2 :]
    yield "12 bits", baseline[: frame + 4] + b"\x0c" + baseline[frame + 5 :]
    ids = frame + 10
    yield "a sampling of 3", baseline[: ids + 1] + b"\x31" + baseline[ids + 2 :]
    yield "a height given later", baseline[: frame + 5] + b"\0\0" + baseline[frame + 7 :]
    yield "cut off", baseline[: len(baseline) * 3 // 4]
    yield "no end marker", baseline[:-2]
    yield "two frames", baseline[:frame] + baseline[frame : frame + 19] + baseline[frame:]
    yield "a second, hierarchical frame", baseline[: frame + 19] + b"\xff\xc5" + baseline[frame + 2 :]
    yield "a png", encoded(plain, "png")
    table = baseline.index(b"\xff\xc4")
    counts = table + 5
    assert baseline[counts : counts + 3] == b"\0\1\5"
    yield "more codes than fit", baseline[:counts] + b"\5\1\0" + baseline[counts + 3 :]
    yield "a table longer than its segment", baseline[: counts + 15] + b"\1" + baseline[counts + 16 :]
    quantization = baseline.index(b"\xff\xdb")
    yield "table 7", baseline[: quantization + 4] + b"\x07" + baseline[quantization + 5 :]
    scan = baseline.index(b"\xff\xda")
    yield "a scan of components that are not there", baseline[: scan + 5] + b"\x09" + baseline[scan + 6 :]
    yield "a scan of one component twice", baseline[: scan + 7] + b"\x01" + baseline[scan + 8 :]
    yield "a coefficient beyond 63", baseline[: scan + 12] + b"\x40" + baseline[scan + 13 :]


def verdict(data):
    """What is said of a file: may be seen, may not, or broken."""
    try:
        return "plain" if checked(data) else "not plain"
    except FileFormatError as error:
        return error.code


@pytest.mark.parametrize(("name", "data"), list(unusual()), ids=lambda part: part if isinstance(part, str) else "")
def test_anything_unusual_may_not(name, data):
    assert verdict(data) == "not plain"


@pytest.mark.parametrize("length", [0, 1, 2, 60000])
def test_a_marker_length_that_lies_is_no_reason_to_look_further(length):
    """What stands between segments is forgiven by the decoder that reads every JPEG, and nothing for the card."""
    data = encoded(smooth(33, 50))
    table = data.index(b"\xff\xc4")
    broken = data[: table + 2] + struct.pack(">H", length) + data[table + 4 :]
    assert verdict(broken) == ("truncated" if length == 60000 else "not plain")


def profile_of(name):
    if name == "sRGB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # A matrix profile with red and blue exchanged: every color changes.
    data = bytearray(profile_of("sRGB"))
    at = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(data[131])}
    red, blue = at[b"rXYZ"], at[b"bXYZ"]
    data[red + 4 : red + 12], data[blue + 4 : blue + 12] = data[blue + 4 : blue + 12], data[red + 4 : red + 12]
    return bytes(data)


def test_a_profile_that_changes_colors_is_not_for_the_card():
    srgb, other = (encoded(smooth(9, 9), icc_profile=profile_of(name)) for name in ("sRGB", "exchanged"))
    assert checked(srgb) is not None
    assert checked(other) is None
    assert checked(other, profile="ignore") is not None


def test_limits_come_first():
    with pytest.raises(LimitError, match=r"a\.jpg: expected at most 80 pixels, got 81"):
        checked(encoded(smooth(9, 9)), limits=Limits(max_pixels=80))


# The way through the card's decoder, run on the CPU, where torchvision has the same call


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_come_out_upright(orientation):
    data = encoded(smooth(33, 50), exif=with_orientation(orientation))
    (picture,) = jpeg.decode_jpegs([checked(data)], CPU)
    # Two builds of libjpeg: a code or two apart.
    assert (picture.int() - aikit.to_tensor(aikit.read_pil(data), dtype="uint8").int()).abs().max() <= 2


def test_the_decoder_writes_into_memory_of_a_stream_of_its_own(monkeypatch):
    """nvJPEG does not wait for the stream that is current, from whose memory torch would take that of the results."""
    import torchvision.io

    events = []

    class Stream:
        device = torch.device("cuda", 0)

        def __init__(self, name):
            self.name = name

        def wait_stream(self, other):
            events.append(f"{self.name} waits for {other.name}")

    class Decoded:
        def __init__(self, channels):
            self.channels = channels

        def record_stream(self, stream):
            events.append(f"{self.channels} channels are used by {stream.name}")

    @contextlib.contextmanager
    def current(stream):
        events.append(f"begin {stream.name}")
        yield
        events.append(f"end {stream.name}")

    def decode(codes, *, mode, device):
        events.append(f"decode {mode.name}")
        return [Decoded(1 if mode.name == "GRAY" else 3) for _ in codes]

    jpeg._own_stream.cache_clear()
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream("caller"))
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Stream("own"))
    monkeypatch.setattr(torch.cuda, "stream", current)
    monkeypatch.setattr(torchvision.io, "decode_jpeg", decode)
    try:
        files = [checked(encoded(smooth(9, 9, channels))) for channels in (3, 1, 3)]
        pictures = jpeg.decode_jpegs(files, torch.device("cuda"))
    finally:
        jpeg._own_stream.cache_clear()
    assert [picture.channels for picture in pictures] == [3, 1, 3]
    assert events == [
        *("begin own", "decode GRAY", "end own", "caller waits for own", "1 channels are used by caller"),
        *("begin own", "decode RGB", "end own", "caller waits for own", *["3 channels are used by caller"] * 2),
    ]


def read_as_on_a_card(sources, failures=None):
    """What the files give where there is a card, whose decoder torchvision's for the CPU stands for here."""
    names = [reading._name(index, source) for index, source in enumerate(sources)]
    failed = failures or Failures("sources", "raise")
    files = reading._Files(sources, names, lambda image, name: _pixels.load(image), "srgb", None, failed)
    return [picture and picture.pixels.image for picture in files.read(CPU)]


def test_gray_color_and_other_formats_keep_their_places(monkeypatch):
    monkeypatch.setattr(reading, "_PORTION", 33 * 50 * 2)
    arrays = [smooth(33, 50, channels, seed) for seed, channels in enumerate([3, 1, 3, 3, 1, 3])]
    sources = [encoded(array) for array in arrays]
    sources[3] = encoded(arrays[3], "png")
    calls = []
    original = jpeg.decode_jpegs
    monkeypatch.setattr(reading, "decode_jpegs", lambda files, card: calls.append(len(files)) or original(files, card))
    pictures = read_as_on_a_card(sources)
    assert calls == [2, 2, 1]
    assert [isinstance(picture, torch.Tensor) for picture in pictures] == [True, True, True, False, True, True]
    for picture, source in zip(pictures, sources, strict=True):
        difference = (
            aikit.to_tensor(picture, dtype="uint8").int() - aikit.to_tensor(aikit.read_pil(source), dtype="uint8").int()
        )
        assert difference.abs().max() <= 2


def test_what_the_card_refuses_goes_to_the_cpu_and_is_logged(monkeypatch, caplog):
    import torchvision.io

    def refuse(*arguments, **options):
        raise RuntimeError("nvjpegDecodeBatched failed: 5")

    monkeypatch.setattr(torchvision.io, "decode_jpeg", refuse)
    sources = [encoded(smooth(33, 50)), encoded(smooth(33, 50, 1))]
    with caplog.at_level("INFO", "aikit"):
        pictures = read_as_on_a_card(sources)
    assert [picture.mode for picture in pictures] == ["RGB", "L"]
    assert "2 JPEG files go to the CPU, the decoder of cpu says: nvjpegDecodeBatched failed: 5" in caplog.text


def test_a_torchvision_without_the_decoder_leaves_everything_to_the_cpu(monkeypatch, caplog):
    import torchvision.io

    monkeypatch.delattr(torchvision.io, "decode_jpeg")
    with caplog.at_level("INFO", "aikit"):
        assert jpeg.decode_jpegs([checked(encoded(smooth(9, 9)))], CPU) is None
    assert "1 JPEG files go to the CPU" in caplog.text


def test_too_little_memory_is_no_reason_to_decode_elsewhere(monkeypatch):
    import torchvision.io

    def full(*arguments, **options):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torchvision.io, "decode_jpeg", full)
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        jpeg.decode_jpegs([checked(encoded(smooth(9, 9)))], CPU)


def test_a_broken_jpeg_is_told_by_its_name():
    with pytest.raises(FileFormatError, match=r"sources\[1\]: expected a whole JPEG"):
        read_as_on_a_card([encoded(smooth(9, 9)), encoded(smooth(33, 50))[:-200]])


# On a card


@pytest.mark.gpu
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("orientation", [1, 6])
def test_nvjpeg_gives_what_the_cpu_gives(orientation, progressive):
    options = {"exif": with_orientation(orientation), "progressive": progressive}
    sources = [encoded(smooth(240, 320, channels), **options) for channels in (3, 1, 3)]
    on_card, on_cpu = (
        read_batch(sources, channels="rgb", device="cuda", dtype="uint8", decoder=decoder).cpu().int()
        for decoder in ("nvjpeg", "cpu")
    )
    difference = (on_card - on_cpu).abs()
    # Another inverse cosine transform, without halved color resolution.
    assert difference.max() <= 4
    assert difference.float().mean() < 1


@pytest.mark.gpu
def test_memory_that_is_still_to_be_read_is_not_written_to():
    files = [checked(encoded(smooth(1080, 1920)))] * 4
    for _ in range(10):
        held = [torch.full((3, 1080, 1920), value, dtype=torch.uint8, device="cuda") for value in range(1, 9)]
        torch.cuda.synchronize()
        torch.cuda._sleep(100_000_000)  # so that the sums are still to come when their tensors are gone
        sums = [tensor.sum(dtype=torch.int64) for tensor in held]
        held.clear()
        pictures = jpeg.decode_jpegs(files, torch.device("cuda"))
        assert [int(total) for total in sums] == [value * 3 * 1080 * 1920 for value in range(1, 9)]
        assert all(torch.equal(picture, pictures[0]) for picture in pictures)


@pytest.mark.gpu
def test_limits_keep_files_of_strangers_from_the_card(monkeypatch):
    used = []
    original = reading.decode_jpegs
    monkeypatch.setattr(reading, "decode_jpegs", lambda files, card: used.append(len(files)) or original(files, card))
    sources = [encoded(smooth(40, 60))] * 2
    read_batch(sources, device="cuda", limits=Limits())
    read_batch(sources, device="cuda", decoder="cpu")
    assert used == []
    read_batch(sources, device="cuda")
    read_batch(sources, device="cuda", limits=Limits(), decoder="nvjpeg")
    assert used == [2, 2]


@pytest.mark.gpu
def test_damaged_pixels_end_in_an_error_or_a_picture_and_the_card_still_works():
    data, rng = encoded(smooth(240, 320)), np.random.default_rng(0)
    start = data.index(b"\xff\xda") + 14
    for _ in range(30):
        broken = bytearray(data)
        for at in rng.integers(start, len(data) - 2, 8):
            broken[at] = rng.integers(0, 255)
        with contextlib.suppress(FileFormatError):
            assert read_batch([bytes(broken)], device="cuda").shape == (1, 3, 240, 320)
    torch.cuda.synchronize()
    assert read_batch([data], device="cuda").isfinite().all()
