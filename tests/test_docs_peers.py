"""Every row of the "Coming from" pages: the trap shows in the peer that is installed, and the call beside it avoids it.

A row is known by its first cell. Rows of packages that are not installed (diffusers, transformers), or are older than
the page says, are skipped.
"""

import re
import subprocess
import sys
import warnings
from pathlib import Path

import cv2
import kornia
import numpy as np
import pytest
import torch
import torchvision
from PIL import Image, ImageFilter, ImageOps
from torchvision.transforms.v2 import functional as tv

import aikit

FOLDER = Path(__file__).parents[1] / "docs" / "coming-from"
NAMES = {
    "diffusers": "diffusers",
    "kornia": "kornia",
    "opencv": "OpenCV",
    "pillow": "Pillow",
    "torchvision": "torchvision",
}
MODULES = {"opencv": "cv2", "pillow": "PIL"}
ROWS = {}

STRIPES = np.where(np.arange(63) % 3 == 0, 255, 0).astype(np.uint8)[None].repeat(63, 0)  # the middle of three is dark
LIGHT = aikit.to_tensor(STRIPES)[None]  # (1, 1, 63, 63)
HALF = np.where(np.arange(60)[:, None] < 30, [210, 60, 30, 255], [0, 230, 0, 0]).astype(np.uint8)[None].repeat(60, 0)
CLOUD = np.random.default_rng(5).random((1, 3, 64, 64))


def row(page, call):
    def kept(function):
        ROWS[page, call] = function
        return function

    return kept


def table(page):
    """The first cells of the page's table, without the marks of code."""
    lines = re.findall(r"^\| (.+?) \|.*\|$", (FOLDER / f"{page}.md").read_text("utf-8"), re.MULTILINE)
    return [line.replace("`", "") for line in lines if line not in ("---", NAMES[page])]


def is_older(page):
    """Whether what is installed is older than what the page was tried with."""
    tried = re.search(rf"{NAMES[page]} (\d+)\.(\d+)", (FOLDER / f"{page}.md").read_text("utf-8")).groups()
    installed = pytest.importorskip(MODULES.get(page, page)).__version__.split(".")[:2]
    return [*map(int, installed)] < [*map(int, tried)]


def test_every_page_is_tried():
    assert {path.stem for path in FOLDER.glob("*.md")} == set(NAMES)


@pytest.mark.parametrize("page", NAMES)
def test_every_row_is_tried(page):
    assert sorted(table(page)) == sorted(call for name, call in ROWS if name == page)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files that are whole, and some that are not."""
    folder = tmp_path_factory.mktemp("peers")
    y, x = np.mgrid[:16, :16]
    rgba = np.stack([x * 9, y * 9, x + y, x * 16], axis=-1).astype(np.uint8)
    Image.fromarray(rgba).save(folder / "logo.png")
    Image.fromarray(rgba[..., :3]).save(folder / "color.png")
    Image.fromarray((y * 4096 + x * 257).astype(np.uint16)).save(folder / "deep.png")
    whole = (folder / "logo.png").read_bytes()
    (folder / "half.png").write_bytes(whole[: len(whole) // 2])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(rgba[:8, :, :3]).save(folder / "turned.jpg", exif=exif)
    return folder


# ---------------------------------------------------------------- torchvision


@row("torchvision", "to_pil_image(x)")
def _(folder):
    for value, theirs, ours in [(0.999, 254, 255), (1.005, 0, 255), (-0.01, 254, 0)]:
        x = torch.full((3, 1, 1), value)
        assert tv.to_pil_image(x).getpixel((0, 0)) == (theirs,) * 3
        assert aikit.to_pil(x).getpixel((0, 0)) == (ours,) * 3


@row("torchvision", "to_dtype(x, torch.uint8, scale=True)")
def _(folder):
    for dtype, target in [
        (torch.float16, torch.uint8),
        (torch.bfloat16, torch.uint8),
        (torch.float32, torch.uint16),
    ]:
        white = torch.ones(3, 1, 1, dtype=dtype)
        assert not tv.to_dtype(white, target, scale=True).int().any()
        assert aikit.to_tensor(white, dtype=target).int().min() == (255 if target == torch.uint8 else 65535)


@row("torchvision", "to_tensor(a), to_image(a)")
def _(folder):
    flipped = np.asarray(Image.open(folder / "color.png"))[..., ::-1]
    for function in (torchvision.transforms.functional.to_tensor, tv.to_image):
        with pytest.raises(ValueError, match="negative"):
            function(flipped)
    assert torch.equal(aikit.to_tensor(flipped, dtype=None), torch.tensor(flipped.copy()).movedim(-1, 0))


DECODE = (
    "import sys, torch, torchvision; torchvision.io.decode_image(torch.tensor(list(sys.stdin.buffer.read())).byte())"
)


@row("torchvision", "read_image(path), decode_image")
def _(folder):
    assert torchvision.io.read_image(str(folder / "turned.jpg")).shape == (3, 8, 16)
    assert aikit.read_tensor(folder / "turned.jpg").shape == (3, 16, 8)

    palette = Image.new("P", (64, 64), 1)
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.save(folder / "palette.png")
    assert torchvision.io.read_image(str(folder / "palette.png")).shape[0] == 1  # neither green nor one value
    assert aikit.read_pil(folder / "palette.png").getcolors() == [(4096, (0, 255, 0))]

    damaged = bytearray((folder / "color.png").read_bytes())
    damaged[36] ^= 2  # the length of the first chunk of pixels
    end = subprocess.run([sys.executable, "-c", DECODE], input=bytes(damaged), capture_output=True, check=False)
    assert end.returncode < 0 or end.returncode > 1, end.stderr
    with pytest.raises(aikit.FileFormatError, match="expected a valid PNG file"):
        aikit.read_tensor(bytes(damaged))


@row("torchvision", "resize(x, [h, w])")
def _(folder):
    x = aikit.to_tensor(HALF)
    theirs, ours = tv.resize(x, [8, 8]), aikit.resize(x, height=8, width=8, method="bilinear")
    assert theirs[1, 0, 4] > 0.8  # the hidden green, where alpha is 0.12
    assert torch.allclose(ours[:3, :, 4], x[:3, :8, 0])
    edge = torch.zeros(1, 16, 16, dtype=torch.uint16)
    edge[..., 8:] = 65535
    enlarged = tv.resize(edge, [40, 40], interpolation=tv.InterpolationMode.BICUBIC)
    assert enlarged[0, 20].int().diff().min() < -20_000
    assert aikit.resize(edge, height=40, width=40, method="bicubic")[0, 20].int().diff().min() >= 0


@row("torchvision", "rgb_to_grayscale(x)")
def _(folder):
    rgba = torch.tensor(CLOUD[0, [0, 1, 2, 0]])
    with pytest.raises(ValueError, match="unpack"):
        tv.rgb_to_grayscale(rgba)
    assert torch.equal(aikit.rgb_to_gray(rgba)[1], rgba[3])
    assert not torch.allclose(aikit.rgb_to_gray(rgba, weights="bt709")[0], aikit.rgb_to_gray(rgba)[0], atol=0.05)


@row("torchvision", "normalize(x, mean, std)")
def _(folder):
    codes = torch.full((3, 2, 2), 255, dtype=torch.uint8)
    with pytest.raises(TypeError, match="float"):
        tv.normalize(codes, [0.5] * 3, [0.5] * 3)
    assert (aikit.normalize(codes, mean=0.5, std=0.5) == 1).all()


@row("torchvision", "save_image(x, path)")
def _(folder):
    batch = torch.tensor(CLOUD).repeat(4, 1, 1, 1)
    torchvision.utils.save_image(batch, folder / "sheet.png")
    assert Image.open(folder / "sheet.png").size == (4 * 66 + 2, 68)
    aikit.write((batch * 255).to(torch.uint8), folder / "batch.tif")  # pages, not a sheet
    assert len(list(aikit.files.read_frames(folder / "batch.tif"))) == len(batch)
    with pytest.raises(aikit.InputValueError, match="expected one image for JPEG, got 4"):
        aikit.write(batch, folder / "batch.jpg")


@row("torchvision", "make_grid(x)")
def _(folder):
    sizes = [torch.rand(3, 8, 8), torch.rand(4, 9, 9)]
    with pytest.raises(RuntimeError, match="equal size"):
        torchvision.utils.make_grid(sizes)
    clear = torch.zeros(4, 64, 64)
    assert not torchvision.utils.make_grid([clear])[:3].any()  # black, not transparent
    assert len(aikit.show(clear, *sizes, titles=["a", "b", "c"]).getcolors(1 << 20)) > 3


# ---------------------------------------------------------------- OpenCV


@row("opencv", "cv2.imread(path)")
def _(folder):
    paths = {path.name: str(path) for path in folder.iterdir()}
    gone, half = (aikit.FileAccessError, "a readable file"), (aikit.FileFormatError, "a whole PNG file")
    for path, (error, expected) in [("gone.png", gone), (paths["half.png"], half)]:
        assert cv2.imread(path) is None
        with pytest.raises(error, match=f"expected {expected}"):
            aikit.read_cv2(path)
    assert cv2.imread(paths["logo.png"]).shape == (16, 16, 3)
    assert aikit.read_cv2(paths["logo.png"]).shape == (16, 16, 4)
    assert cv2.imread(paths["deep.png"]).dtype == np.uint8
    assert aikit.read_cv2(paths["deep.png"]).dtype == np.uint16
    assert cv2.imread(paths["turned.jpg"], cv2.IMREAD_UNCHANGED).shape == (8, 16, 3)
    assert aikit.read_cv2(paths["turned.jpg"]).shape == (16, 8, 3)


WIDE = np.zeros((1, 70_000, 3), np.uint8)  # wider than a JPEG can be


@row("opencv", "cv2.imwrite(path, a)")
def _(folder):
    path = folder / "kept.jpg"
    aikit.write(HALF[..., :3], path, bgr=True)
    before = path.read_bytes()
    with pytest.raises(aikit.AikitError, match="expected at most 65500 pixels a side for JPEG"):
        aikit.write(WIDE, path, bgr=True)
    assert path.read_bytes() == before
    assert cv2.imwrite(str(path), WIDE) is False
    assert not path.exists()


@row("opencv", 'cv2.imencode(".png", a)')
def _(folder):
    assert cv2.imencode(".jpg", WIDE)[0] is False
    with pytest.raises(aikit.AikitError, match="expected at most 65500 pixels a side for JPEG"):
        aikit.encode(WIDE, "jpeg", bgr=True)


@row("opencv", "cv2.cvtColor(a, cv2.COLOR_BGR2RGB)")
def _(folder):
    a = HALF[..., :3].copy()
    with pytest.raises(cv2.error, match="Layout"):
        cv2.circle(a[..., ::-1], (5, 5), 3, (255, 0, 0), -1)
    rgb = aikit.to_numpy(a, bgr=True)
    np.testing.assert_array_equal(rgb, cv2.cvtColor(a, cv2.COLOR_BGR2RGB))
    cv2.circle(rgb, (5, 5), 3, (255, 0, 0), -1)


MAGENTA = np.array([[[255, 0, 255]]], np.uint8)


@row("opencv", "cv2.cvtColor(a, cv2.COLOR_BGR2HSV)")
def _(folder):
    assert cv2.cvtColor(MAGENTA, cv2.COLOR_BGR2HSV)[0, 0, 0] == 150
    assert cv2.cvtColor(MAGENTA.astype(np.float32) / 255, cv2.COLOR_BGR2HSV)[0, 0, 0] == 300
    for a in (MAGENTA, MAGENTA / 255):
        assert aikit.rgb_to_hsv(a, bgr=True)[0, 0, 0] == pytest.approx(300)


@row("opencv", "the same codes")
def _(folder):
    codes = (CLOUD[0] * 255).astype(np.uint8).transpose(1, 2, 0)
    ours = aikit.rgb_to_hsv(codes, bgr=True, encoding="cv2")
    np.testing.assert_array_equal(ours, cv2.cvtColor(codes, cv2.COLOR_BGR2HSV))


@row("opencv", "cv2.cvtColor(f, cv2.COLOR_BGR2Lab)")
def _(folder):
    codes = np.stack(np.meshgrid(*[np.arange(0, 256, 3, dtype=np.uint8)] * 3), axis=-1).reshape(86, -1, 3)
    true = aikit.rgb_to_lab(codes / 255, bgr=True)  # float64; held to colour-science elsewhere
    assert abs(cv2.cvtColor(np.float32(codes) / 255, cv2.COLOR_BGR2Lab) - true).max() == pytest.approx(0.46, abs=0.01)
    assert abs(aikit.rgb_to_lab(np.float32(codes) / 255, bgr=True) - true).max() < 1e-3
    there = cv2.cvtColor(codes, cv2.COLOR_BGR2Lab)
    assert abs(cv2.cvtColor(there, cv2.COLOR_Lab2BGR).astype(int) - codes).max() > 20
    back = aikit.lab_to_rgb(aikit.rgb_to_lab(codes, bgr=True), dtype="uint8", bgr=True)
    np.testing.assert_array_equal(back, codes)


@row("opencv", "cv2.cvtColor(a, cv2.COLOR_BGR2YCrCb)")
def _(folder):
    red = np.array([[[0, 0, 255]]], np.uint8)
    assert cv2.cvtColor(red, cv2.COLOR_BGR2YCrCb)[0, 0].tolist() == [76, 255, 85]
    assert aikit.color.rgb_to_ycbcr(red, bgr=True)[0, 0].tolist() == [76, 85, 255]


@row("opencv", "cv2.resize(a, (w, h))")
def _(folder):
    assert cv2.resize(STRIPES, (21, 7)).shape == (7, 21)
    assert cv2.resize(STRIPES, (21, 21)).max() == 0
    small = aikit.resize(STRIPES, height=7, width=21)
    assert small.shape == (7, 21)
    assert small.mean() == pytest.approx(85, abs=1)


@row("opencv", "cv2.GaussianBlur(a, (0, 0), s)")
def _(folder):
    assert cv2.GaussianBlur(HALF, (0, 0), 4)[30, 34, 1] > 200
    assert (aikit.blur(HALF, 4)[30, 34, :3] == [210, 60, 30]).all()


@row("opencv", "a[..., :3] * m + b * (1 - m)")
def _(folder):
    a, b, m = (np.full((4, 4, count), code, np.uint8) for code, count in [(200, 3), (100, 3), (128, 1)])
    assert (a * m + b * (1 - m) == 100).all()
    mixed = aikit.composite(aikit.merge_alpha(a, m[..., 0]), b)
    assert (abs(mixed.astype(int) - 150) <= 1).all()
    assert aikit.composite(a[:2], b, left=3, top=-1)[0].tolist() == [[100] * 3] * 3 + [[200] * 3]


# ---------------------------------------------------------------- Pillow


@row("pillow", "Image.open(path)")
def _(folder):
    assert Image.open(folder / "half.png").size == (16, 16)
    with pytest.raises(OSError, match=r"truncated|broken"):
        Image.open(folder / "half.png").load()
    with pytest.raises(aikit.FileFormatError, match="expected a whole PNG file"):
        aikit.read_pil(folder / "half.png")
    assert Image.open(folder / "turned.jpg").size == (16, 8)
    assert aikit.read_pil(folder / "turned.jpg").size == (8, 16)


@row("pillow", "image.save(path)")
def _(folder):
    path = folder / "precious.png"
    Image.fromarray(HALF).save(path)
    before = path.read_bytes()
    with pytest.raises(aikit.AikitError, match="expected at most 65500 pixels a side for JPEG"):
        aikit.write(Image.fromarray(WIDE), path.with_suffix(".jpg"))
    assert not path.with_suffix(".jpg").exists()
    assert path.read_bytes() == before
    with pytest.raises(OSError, match="mode F"):
        Image.new("F", (4, 4)).save(path)
    assert path.stat().st_size == 0


@row("pillow", 'image.convert("RGB") of RGBA')
def _(folder):
    clear = Image.new("RGBA", (2, 2), (0, 0, 0, 0))
    assert clear.convert("RGB").getpixel((0, 0)) == (0, 0, 0)
    assert aikit.flatten(clear, background="white").getpixel((0, 0)) == (255, 255, 255)


def palette():
    """Twice the same red; the second is transparent."""
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 255, 0, 0])
    image.putpixel((1, 0), 1)
    image.info["transparency"] = 1
    return image


@row("pillow", 'image.mode == "RGBA", image.split()[-1]')
def _(folder):
    assert palette().mode != "RGBA"
    assert palette().split()[-1].tobytes() == b"\0\1"
    assert aikit.has_alpha(palette()) is True
    assert aikit.alpha.is_transparent(palette()) is True


@row("pillow", "np.asarray(image)")
def _(folder):
    assert not np.asarray(Image.new("RGB", (2, 2))).flags.writeable
    assert aikit.to_numpy(Image.new("RGB", (2, 2))).flags.writeable
    assert np.asarray(palette()).tolist() == [[0, 1]]
    assert aikit.to_numpy(palette()).tolist() == [[[255, 0, 0, 255], [255, 0, 0, 0]]]
    for mode, codes in [("CMYK", [0, 255, 255, 0]), ("HSV", [0, 255, 255])]:
        red = Image.new(mode, (1, 1), tuple(codes))
        assert np.asarray(red)[0, 0].tolist() == codes
        assert aikit.to_numpy(red)[0, 0].tolist() == [255, 0, 0]


@row("pillow", "Image.fromarray(a)")
def _(folder):
    half = np.full((1, 1), 0.5, np.float32)
    assert Image.fromarray(half).convert("L").getpixel((0, 0)) == 0
    assert aikit.to_pil(half).getpixel((0, 0)) == 128
    with pytest.raises(TypeError, match="f4"):
        Image.fromarray(half[..., None].repeat(3, -1))


@row("pillow", 'image.convert("L") of I;16')
def _(folder):
    deep = Image.fromarray(np.full((1, 1), 40_000, np.uint16))
    assert deep.convert("L").getpixel((0, 0)) == 255
    assert aikit.to_pil(deep, dtype="uint8").getpixel((0, 0)) == 156


@row("pillow", "image.resize((w, h))")
def _(folder):
    faint = Image.new("RGBA", (4, 4), (200, 100, 50, 16))
    assert faint.resize((2, 2)).getpixel((0, 0)) == (207, 95, 47, 16)
    assert aikit.resize(faint, height=2, width=2).getcolors() == [(4, (200, 100, 50, 16))]


@row("pillow", "image.filter(GaussianBlur(r))")
def _(folder):
    edge = np.where(np.arange(61) < 30, 0, 255).astype(np.uint8)[None].repeat(61, 0)
    true = cv2.GaussianBlur(edge.astype(np.float64), (61, 61), 3)
    theirs = np.asarray(Image.fromarray(edge).filter(ImageFilter.GaussianBlur(3)))
    assert abs(theirs - true).max() > 2
    assert abs(aikit.blur(edge, 3) - true).max() <= 0.6
    assert Image.fromarray(HALF).filter(ImageFilter.GaussianBlur(4)).getpixel((34, 30))[1] > 200
    assert aikit.blur(Image.fromarray(HALF), 4).getpixel((34, 30))[:3] == (210, 60, 30)


@row("pillow", "image.putalpha(mask)")
def _(folder):
    # A red thing with a soft edge, photographed before white.
    matte = np.clip(np.arange(60) * 8.0 - 112, 0, 255).astype(np.uint8)[None].repeat(20, 0)
    red = aikit.merge_alpha(np.full((20, 60, 3), (200, 20, 20), np.uint8), matte)
    photo = aikit.to_pil(aikit.flatten(red, background="white"))
    put = photo.copy()
    put.putalpha(Image.fromarray(matte))
    edge = np.argmax(matte[0] > 120)
    assert np.asarray(put)[10, edge, 1] > 100
    ours = aikit.alpha.estimate_foreground(aikit.merge_alpha(photo, matte))
    assert ours.getpixel((int(edge), 10))[1] < 50


@row("pillow", "Image.alpha_composite(b, a)")
def _(folder):
    over, under = Image.new("RGBA", (2, 2), "red"), Image.new("RGB", (4, 4), "blue")
    for other in (under, under.convert("RGBA")):
        with pytest.raises(ValueError, match=r"mode|match"):
            Image.alpha_composite(other, over)
    assert aikit.composite(over, under, left=1, top=1).getcolors() == [(4, (255, 0, 0)), (12, (0, 0, 255))]


@row("pillow", "ImageOps.exif_transpose(image)")
def _(folder):
    image = Image.open(folder / "turned.jpg")
    assert np.asarray(image).shape == (8, 16, 3)
    assert aikit.to_numpy(image).shape == np.asarray(ImageOps.exif_transpose(image)).shape == (16, 8, 3)


# ---------------------------------------------------------------- kornia


@row("kornia", "color.rgb_to_lab(x)")
def _(folder):
    codes = torch.tensor([200, 100, 50], dtype=torch.uint8).view(1, 3, 1, 1)
    assert kornia.color.rgb_to_lab(codes)[0, 0].item() == pytest.approx(5418, abs=1)
    assert aikit.rgb_to_lab(codes)[0, 0].item() == pytest.approx(53.6, abs=0.05)


@row("kornia", "color.rgb_to_hsv(x)")
def _(folder):
    x = torch.tensor(CLOUD)
    assert torch.allclose(kornia.color.rgb_to_hsv(x)[:, 0].rad2deg(), aikit.rgb_to_hsv(x)[:, 0], atol=1e-4)


@row("kornia", "color.rgb_to_ycbcr(x)")
def _(folder):
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    assert kornia.color.rgb_to_ycbcr(red)[0, 2].item() == pytest.approx(0.9998, abs=5e-5)
    assert aikit.color.rgb_to_ycbcr(red, standard="bt601")[0, 2].item() == pytest.approx(1, abs=1e-6)


@row("kornia", "color.rgb_to_xyz(x)")
def _(folder):
    gray = torch.full((1, 3, 1, 1), 0.5, dtype=torch.float64)
    assert kornia.color.rgb_to_xyz(gray)[0, 1].item() == pytest.approx(0.5, abs=1e-3)
    assert aikit.color.rgb_to_xyz(gray)[0, 1].item() == pytest.approx(0.214, abs=1e-3)  # IEC 61966-2-1
    light = kornia.color.rgb_to_linear_rgb(gray)
    assert kornia.color.rgb_to_xyz(light)[0, 1].item() == pytest.approx(0.214, abs=1e-3)


@row("kornia", "color.rgb_to_grayscale(x)")
def _(folder):
    rgba = torch.tensor(CLOUD[:, [0, 1, 2, 0]])
    for name in ("rgb_to_grayscale", "rgb_to_lab", "rgb_to_hsv", "rgb_to_ycbcr", "rgb_to_xyz"):
        with pytest.raises(ValueError, match=r"shape|Shape"):
            getattr(kornia.color, name)(rgba)
    assert torch.equal(aikit.rgb_to_gray(rgba)[:, 1], rgba[:, 3])


@row("kornia", "geometry.resize(x, (h, w))")
def _(folder):
    assert kornia.geometry.resize(LIGHT, (21, 21)).max() == 0
    small = aikit.resize(LIGHT, height=21, width=21)
    assert small.shape == (1, 1, 21, 21)
    assert small.mean() == pytest.approx(1 / 3, abs=0.01)


@row("kornia", "filters.gaussian_blur2d(x, (k, k), (s, s))")
def _(folder):
    point = torch.zeros(1, 1, 41, 41)
    point[..., 20, 20] = 1
    theirs = kornia.filters.gaussian_blur2d(point, (5, 5), (3.0, 3.0))
    assert theirs[0, 0, 20, 23] == 0  # one deviation from the middle
    assert aikit.blur(point, 3)[0, 0, 20, 23] > 0.01
    half = aikit.to_tensor(HALF)[None]
    assert kornia.filters.gaussian_blur2d(half, (25, 25), (4.0, 4.0))[0, 1, 30, 34] > 0.7
    assert aikit.blur(half, 4)[0, 1, 30, 34].item() == pytest.approx(60 / 255, abs=1e-4)


@row("kornia", "enhance.normalize(x, mean, std)")
def _(folder):
    white, middle = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8), torch.full((3,), 0.5)
    assert (kornia.enhance.normalize(white, middle, middle) == 509).all()
    assert (aikit.normalize(white, mean=0.5, std=0.5) == 1).all()


@row("kornia", "image.image_to_tensor(a)")
def _(folder):
    white = np.full((2, 3, 3), 255, np.uint8)
    assert kornia.image.image_to_tensor(white).dtype == torch.uint8
    assert aikit.to_tensor(white).max() == 1


@row("kornia", "image.tensor_to_image(x)")
def _(folder):
    assert kornia.image.tensor_to_image(torch.zeros(1, 3, 4, 5)).shape == (4, 5, 3)
    assert aikit.to_numpy(torch.zeros(1, 3, 4, 5)).shape == (1, 4, 5, 3)


# ---------------------------------------------------------------- diffusers


def processor():
    return pytest.importorskip("diffusers.image_processor").VaeImageProcessor()


@row("diffusers", "VaeImageProcessor.preprocess(image)")
def _(folder):
    vae = processor()
    codes = np.full((1, 16, 16, 3), 255, np.uint8)
    assert vae.preprocess(codes).max() == 509
    assert (aikit.to_tensor(codes) * 2 - 1 == 1).all()
    assert (aikit.normalize(aikit.to_tensor(codes, dtype="uint8"), mean=0.5, std=0.5) == 1).all()
    image = Image.new("P", (16, 16), 7)
    image.putpalette([0] * 21 + [255, 0, 0])
    indices = vae.preprocess(image)
    assert indices.shape[1] == 1
    assert indices[0, 0, 0, 0].item() == pytest.approx(7 / 255 * 2 - 1)
    assert (aikit.to_tensor(image)[:, 0, 0] * 2 - 1).tolist() == [1, -1, -1]
    assert vae.preprocess(Image.new("RGB", (19, 21))).shape == (1, 3, 16, 16)
    photo = Image.fromarray((CLOUD[0].transpose(1, 2, 0) * 255).astype(np.uint8))
    assert torch.allclose(vae.preprocess(photo), aikit.to_tensor(photo)[None] * 2 - 1, atol=1e-6)


@row("diffusers", "VaeImageProcessor.postprocess(x)")
def _(folder):
    vae = processor()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's own
        assert vae.postprocess(torch.full((1, 3, 8, 8), float("nan")))[0].getpixel((0, 0)) == (0, 0, 0)
    with pytest.raises(aikit.InputValueError, match="NaN"):
        aikit.to_pil(torch.full((3, 8, 8), float("nan")), value_range=(-1, 1))
    x = torch.tensor(CLOUD, dtype=torch.float32) * 2 - 1
    theirs = np.asarray(vae.postprocess(x)[0])
    np.testing.assert_array_equal(np.asarray(aikit.to_pil(x[0], value_range=(-1, 1))), theirs)


@row("diffusers", "numpy_to_pil(a)")
def _(folder):
    codes = np.full((1, 8, 8, 3), 200, np.uint8)
    assert processor().numpy_to_pil(codes)[0].getpixel((0, 0)) == (56, 56, 56)
    assert aikit.to_pil(codes[0]).getpixel((0, 0)) == (200, 200, 200)
    bright = np.full((1, 8, 8, 3), 1.005)
    assert processor().numpy_to_pil(bright)[0].getpixel((0, 0)) == (0, 0, 0)
    assert aikit.to_pil(bright[0]).getpixel((0, 0)) == (255, 255, 255)


@row("diffusers", "pt_to_numpy(x)")
def _(folder):
    x = torch.tensor(CLOUD, dtype=torch.float32, requires_grad=True)
    with pytest.raises(RuntimeError, match="requires grad"):
        processor().pt_to_numpy(x)
    np.testing.assert_array_equal(aikit.to_numpy(x), processor().pt_to_numpy(x.detach()))


@row("diffusers", "load_image(path)")
def _(folder):
    utils = pytest.importorskip("diffusers.utils")
    Image.new("RGBA", (4, 4), (0, 230, 60, 0)).save(folder / "clear.png")
    assert utils.load_image(str(folder / "clear.png")).getpixel((0, 0)) == (0, 230, 60)
    assert aikit.read_pil(folder / "clear.png").getpixel((0, 0)) == (0, 230, 60, 0)
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        utils.load_image("http://127.0.0.1:9/x.png")
    with pytest.raises(aikit.InputTypeError, match="no network"):
        aikit.read_pil("http://127.0.0.1:9/x.png")


@row("diffusers", "make_image_grid(images, rows, cols)")
def _(folder):
    utils = pytest.importorskip("diffusers.utils")
    small, large = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (16, 16), "blue")
    assert utils.make_image_grid([small, large], rows=1, cols=2).size == (16, 8)
    shown = aikit.show(small, large).getcolors(1 << 20)
    assert (256, (0, 0, 255)) in shown


@row("diffusers", "resize(image, h, w)")
def _(folder):
    color = LIGHT.repeat(1, 3, 1, 1)
    assert (processor().resize(color, 21, 21) == 1).all()
    small = aikit.resize(color, height=21, width=21)
    assert small.shape == (1, 3, 21, 21)
    assert small.mean() == pytest.approx(1 / 3, abs=0.01)


@row("diffusers", "an image processor of transformers")
def _(folder):
    clip = pytest.importorskip("transformers").CLIPImageProcessor()
    white = np.ones((224, 224, 3), np.float32)
    black = np.zeros((224, 224, 3), np.uint8)
    theirs = [torch.as_tensor(np.asarray(clip(images=a, return_tensors="np")["pixel_values"])) for a in (white, black)]
    assert (theirs[0] - theirs[1]).abs().max() < 0.02
    ours = [aikit.normalize(aikit.stack([a], device="cpu"), mean="clip", std="clip") for a in (white, black)]
    assert torch.allclose(ours[1], theirs[1], atol=1e-5)
    assert ours[0].min() > 1.9


@row("diffusers", "pipe.enable_model_cpu_offload()")
def _(folder):
    accelerate = pytest.importorskip("accelerate")
    if not torch.cuda.is_available():
        pytest.skip("needs a device beside the CPU")
    model = torch.nn.Linear(8, 8)
    before = model.weight.data_ptr()
    offloaded, hook = accelerate.cpu_offload_with_hook(torch.nn.Linear(8, 8), "cuda")
    home = offloaded.weight.data_ptr()
    offloaded(torch.ones(1, 8))
    hook.offload()
    assert offloaded.weight.data_ptr() != home  # copied into new memory
    with aikit.memory.on_device(model, "cuda"):
        model(torch.ones(1, 8, device="cuda"))
    assert model.weight.data_ptr() == before


@pytest.mark.parametrize(("page", "call"), ROWS, ids=lambda value: value)
def test_the_trap_shows_and_is_avoided(page, call, folder):
    if is_older(page):
        pytest.skip(f"an older {NAMES[page]} than the page speaks of")
    ROWS[page, call](folder)
