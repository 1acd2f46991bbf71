"""aikit.types, and what mypy makes of calls and of wrappers: the kind that comes out, and misuse that is refused."""

import importlib.util
import os
import re
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import aikit
from aikit.types import AnyImage, Color, DeviceLike, DTypeLike, ImageT, Kind, Source

ROOT = Path(__file__).parents[1]

# Each line is a question, and behind it what mypy has to say: the type after "is", or words of the error.
QUESTIONS = """
from typing import Any
import numpy as np, torch
from PIL import Image
import aikit
from aikit._adapters import numpy as arrays
from aikit._pixels import PixelSource, PixelTarget, Planes, adapter, load, run
from aikit.psd import Layer, Psd
from aikit.show import Description, Difference
from aikit.svg import Svg, SvgElement, SvgInfo, SvgPath
from aikit.folders import Report
from aikit.transforms import Apply
from aikit.types import AnyImage, Color, DeviceLike, DTypeLike, ImageT, Kind, Source
Array = np.ndarray[Any, Any]

def calls(pil: Image.Image, array: Array, tensor: torch.Tensor, some: Image.Image | Array, kind: Kind) -> None:
    reveal_type(aikit.resize(pil, height=3))  # is Image
    reveal_type(aikit.resize(array, height=3))  # is ndarray[Any, Any]
    reveal_type(aikit.color.rgb_to_luv(tensor))  # is Tensor
    reveal_type(aikit.flatten(some))  # is Image | ndarray[Any, Any]
    aikit.resize("path")  # Value of type variable "ImageT" of "resize" cannot be "str"
    aikit.resize(b"bytes")  # Value of type variable "ImageT" of "resize" cannot be "bytes"
    aikit.resize(pil, widht=3)  # Unexpected keyword argument "widht" for "resize"
    aikit.to_numpy(pil, dtype=3)  # Argument "dtype" to "to_numpy" has incompatible type "int"
    reveal_type(aikit.to_tensor(pil, dtype=torch.uint8, device=0))  # is Tensor
    reveal_type(aikit.color.luv_to_rgb(array, dtype=np.uint8))  # is ndarray[Any, Any]
    aikit.premultiplie(pil)  # Module has no attribute "premultiplie"
    aikit.imread("path")  # Module has no attribute "imread"
    reveal_type(aikit.rgb_to_luv(pil))  # is Image

def wrapper(image: ImageT, *, color: Color = "white") -> ImageT:
    return aikit.flatten(image, background=color)

def any_wrapper(image: AnyImage, source: Source) -> AnyImage:
    aikit.read_pil(source)
    return aikit.flatten(image)

def taker(image: AnyImage, dtype: DTypeLike, device: DeviceLike) -> torch.Tensor:
    return aikit.to_tensor(image, dtype=dtype, device=device)

def wrapped(pil: Image.Image) -> None:
    reveal_type(wrapper(pil))  # is Image
    reveal_type(any_wrapper(pil, b""))  # is Image | ndarray[Any, Any] | Tensor

def documents(kind: Kind) -> None:
    reveal_type(aikit.render_svg(b"", width=3))  # is Image
    reveal_type(aikit.render_svg(b"", kind="numpy", limits=None))  # is ndarray[Any, Any]
    reveal_type(aikit.render_svg(b"", kind="tensor"))  # is Tensor
    reveal_type(aikit.render_svg(b"", kind=kind))  # is Image | ndarray[Any, Any] | Tensor
    aikit.render_svg(b"", kind="jax")  # No overload variant of "render_svg" matches
    aikit.render_svg(b"", widht=3)  # Unexpected keyword argument "widht"
    svg: Svg = aikit.open_svg(b"")
    reveal_type(svg.render(kind="cv2"))  # is ndarray[Any, Any]
    reveal_type(svg.render(scale=2))  # is Image
    reveal_type(svg.find("path"))  # is SvgElement
    psd: Psd = aikit.open_psd(b"")
    reveal_type(psd.render())  # is ndarray[Any, Any]
    reveal_type(psd.render(kind="pil"))  # is Image
    layer: Layer = psd.layers[0]
    reveal_type(layer.render(kind="tensor"))  # is Tensor
    reveal_type(layer.render(canvas=True))  # is ndarray[Any, Any]

def mine(image: torch.Tensor, times: int = 3) -> torch.Tensor:
    return image * times

def makers(tensor: torch.Tensor) -> None:
    fast = aikit.fusion.fused(mine)
    reveal_type(fast(tensor, times=2))  # is Tensor
    reveal_type(fast(tensor, out=tensor))  # is Tensor
    fast(tensor, time=2)  # No overload variant of "__call__" of "Fused" matches
    reveal_type(aikit.fusion.fused(aikit.rgb_to_lab)(tensor))  # is Tensor
    reveal_type(list(aikit.batch.prefetch([tensor], "cpu")))  # is list[Tensor]
    reveal_type(list(aikit.batch.prefetch([lambda: {"image": tensor}])))  # is list[dict[str, Tensor]]
    Apply(aikit.resize, height=4)
    Apply(aikit.convert_color, "rgb", "lab")
    Apply(aikit.resize, widht=4)  # Argument 1 to "Apply" has incompatible type
    Apply(mine, times="4")  # Argument "times" to "Apply" has incompatible type "str"; expected "int"

def insides(kind: str, pil: Image.Image, array: Array, source: PixelSource, target: PixelTarget) -> None:
    adapter(kind).namespace.wehre(1, 2, 3)  # "Namespace" has no attribute "wehre"
    adapter(kind).finnish(target, load(pil).spec)  # "Adapter" has no attribute "finnish"
    arrays.finnish(target, load(pil).spec)  # Module has no attribute "finnish"
    source.raed((), slice(3))  # "PixelSource" has no attribute "raed"
    target.wirte((), slice(3), [])  # "PixelTarget" has no attribute "wirte"
    load(pil).pixels.plains()  # "Pixels" has no attribute "plains"
    reveal_type(run(keep, pil))  # is Image
    reveal_type(run(keep, load(array)))  # is ndarray[Any, Any]

def keep(xp: Any, *planes: Any) -> Planes:
    return [*planes]
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What mypy says of each line, types without the names of their modules."""
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    file = tmp_path_factory.mktemp("types") / "questions.py"
    file.write_text(QUESTIONS)
    options = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(file)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(ROOT / "src")},
        check=False,
    )
    found = {}
    for line in done.stdout.splitlines():
        if match := re.match(r".*?questions\.py:(\d+): (?:error: (.*)|note: Revealed type is \"(.*)\")", line):
            told = match[2] or "is " + re.sub(r"\w+\.(?=\w)", "", match[3])
            found.setdefault(int(match[1]), []).append(told)
    assert found, done.stdout + done.stderr
    return found


ASKED = {number: line.split("  # ") for number, line in enumerate(QUESTIONS.splitlines(), 1) if "  # " in line}


@pytest.mark.parametrize("number", ASKED, ids=[line[0].strip() for line in ASKED.values()])
def test_mypy_knows(answers, number):
    told, *_ = answers[number]  # a wrong keyword of an overloaded function is told of twice
    expected = ASKED[number][1]
    assert told == expected if expected.startswith("is ") else told.startswith(expected)


def test_mypy_has_nothing_else_to_say(answers):
    assert sorted(answers) == sorted(ASKED)


# ---------------------------------------------------------------- at run time


def test_types_are_there_at_run_time_and_load_nothing():
    code = """
import sys, aikit
def wrapper(image: aikit.types.AnyImage | None, *, color: aikit.types.Color = "white") -> aikit.types.ImageT: ...
print({"numpy", "PIL", "torch"} & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("set()", "")


def test_what_the_types_are():
    assert [kind.__forward_arg__ for kind in typing.get_args(AnyImage)] == [
        "Image.Image",
        "np.ndarray[Any, Any]",
        "torch.Tensor",
    ]
    assert ImageT.__constraints__[-1] == AnyImage
    assert typing.get_args(Kind) == ("pil", "numpy", "cv2", "tensor")
    assert typing.get_args(Color) == (str, float, tuple[float, ...])
    assert {bytes, str} < set(typing.get_args(Source))
    assert {str, type[object]} < set(typing.get_args(DTypeLike))
    assert {str, int} < set(typing.get_args(DeviceLike))


def test_a_wrapper_keeps_the_kind():
    def on_card(image: ImageT, *, color: Color = "white") -> ImageT:
        return aikit.flatten(image, background=color)

    clear = np.zeros((1, 1, 4), np.uint8)
    assert on_card(clear, color="#204060").tolist() == [[[32, 64, 96]]]
    assert isinstance(on_card(Image.fromarray(clear)), Image.Image)


# ---------------------------------------------------------------- subclasses of tensors


OPERATIONS = {
    "resize": lambda image: aikit.resize(image, height=5, width=7),
    "resize by torch": lambda image: aikit.resize(image, height=4, width=5, method="bilinear"),
    "nearest": lambda image: aikit.resize(image, scale=2, method="nearest"),
    "the same size": lambda image: aikit.resize(image, scale=1),
    "box": lambda image: aikit.resize(image, width=3, box=(1, 1, 6, 6)),
    "upsample": lambda image: aikit.upsample(image, 2, sharpen=1),
    "blur": lambda image: aikit.blur(image, 1),
    "flatten": lambda image: aikit.flatten(image, background="red"),
    "merge_alpha": lambda image: aikit.merge_alpha(image, 0.5),
    "split_alpha": lambda image: aikit.split_alpha(image)[0],
    "alpha": lambda image: aikit.split_alpha(image)[1],
    "trim": aikit.trim,
    "make_transparent": lambda image: aikit.make_transparent(image, color="red"),
    "composite": lambda image: aikit.composite(image, background=image),
    "gray": aikit.rgb_to_gray,
    "lab": aikit.rgb_to_lab,
    "hsv": aikit.rgb_to_hsv,
    "crop": lambda image: aikit.crop(image, box=(1, 1, 4, 4)),
    "flip": aikit.flip,
    "rotate": lambda image: aikit.rotate(image, 10),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("name", ["Image", "Mask", "Video"])
@pytest.mark.parametrize("channels", [3, 4])
def test_tv_tensors_keep_their_class(operation, name, channels):
    tv_tensors = pytest.importorskip("torchvision.tv_tensors")
    cls = getattr(tv_tensors, name)
    codes = np.random.default_rng(0).integers(0, 256, (2, channels, 9, 11), np.uint8)
    codes[0, -1, 0, 0] = codes[0, -1, -1, -1] = 255
    plain = torch.from_numpy(codes if name == "Video" else codes[0])
    recorded = (plain / 255).requires_grad_()
    for image in (plain, plain / 255, plain.double() / 255, recorded):
        result = operation(cls(image))
        assert type(result) is cls
        assert torch.equal(result.as_subclass(torch.Tensor), operation(image))
        assert type(operation(image)) is torch.Tensor


def test_other_subclasses_become_tensors():
    tv_tensors = pytest.importorskip("torchvision.tv_tensors")
    picture = torch.rand(3, 4, 5)
    assert type(aikit.blur(torch.nn.Parameter(picture), 1)) is torch.Tensor
    assert type(aikit.to_tensor(tv_tensors.Image(picture))) is torch.Tensor
    assert type(aikit.to_numpy(tv_tensors.Image(picture))) is np.ndarray
