"""The preprocessing itself: a frozen value that makes a model's input of images."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Self

from .._check import integer, one_of
from .._foreign_names import explain_calls
from .._io import name_of, read_bytes
from .._pixels import Opened, adapter, load, pass_open
from ..batch import normalize
from ..color import gray_to_rgb
from ..convert import to_numpy, to_tensor
from ..errors import FileFormatError, InputTypeError, InputValueError, quoted
from ..recipe import Recipe
from ..resample.size import Method
from ..resample.uint8 import torch_has_lanczos
from ..types import AnyImage
from .checking import ENGINES, Fill, check_fields
from .of_timm import read_timm
from .of_transformers import read_transformers
from .of_ultralytics import read_ultralytics
from .reading import Engine
from .sizes import Center, Pair, Rounding, Way, bars, center_offset, new_size
from .words import explain

if TYPE_CHECKING:
    import torch

__all__ = ["Preprocess"]

# OpenAI's repository CLIP, clip/clip.py, _transform.
_CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@explain_calls
@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """How pictures become a model's input: resized, cut or padded, normalized.

    It is checked when it is made and stays as it is; it can be hashed, pickled and compared.

    Attributes:
        resize: (height, width) in pixels, or one number for both; None leaves the size.
        how: "stretch" makes it exactly that, "cover" scales until it is covered, so that one number is the shorter
            edge, "contain" until it is filled, so that one number is the longer edge. None is "cover" for one number and
            "stretch" for two.
        longest: for "cover", the most pixels that the longer edge may have.
        rounding: of the side that follows from the other: "down", "half_up" or "half_even".
        upscale: whether "contain" enlarges a picture that is smaller.
        method: of the resize, a word of `resize`.
        antialias: whether every pixel counts where it shrinks; OpenCV's and so Ultralytics' resize has none.
        engine: whose arithmetic resizes 8 bits, "pillow" or "torchvision", which has weights of fewer bits and works on
            tensors.
        crop: (height, width) of the center that is cut out; what it has more than the picture is `fill`.
        center: where that begins if an odd pixel is left over: "down" at the smaller number, "half_even" at the even
            one, as torchvision has it; "toward_zero" is "down" but for a cut larger than the picture.
        pad: (height, width) that is padded to.
        stride: pads no more than it takes to make the sides multiples of it.
        anchor: where the picture lies in what is padded, "center" or "top-left".
        fill: the color of that, a code from 0 to 255 or three of them; None is 0 after normalizing.
        mean: of red, green and blue, subtracted; None does not normalize.
        std: what is divided by then.
        white: what the largest code becomes before that, mostly 1; 255 keeps codes.
        remarks: what a config left open, or where two versions of its code differ; not part of the work.

    Raises:
        InputTypeError, InputValueError: a field that is not understood, or does not fit the others.

    Example:
        >>> import numpy as np
        >>> preprocess = Preprocess(resize=8, crop=(6, 6), method="bicubic", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
        >>> tuple(preprocess(np.zeros((30, 20, 3), np.uint8)).shape)
        (3, 6, 6)
        >>> print(preprocess.recipe_for(30, 20))
        resize height=12 width=8 method=bicubic; crop left=1 top=3 height=6 width=6
    """

    resize: int | Pair | None = None
    how: Way | None = None
    longest: int | None = None
    rounding: Rounding = "down"
    upscale: bool = True
    method: Method = "bilinear"
    antialias: bool = True
    engine: Engine = "pillow"
    crop: Pair | None = None
    center: Center = "down"
    pad: Pair | None = None
    stride: int | None = None
    anchor: Literal["center", "top-left"] = "center"
    fill: Fill = 0
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    white: float = 1.0
    remarks: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, value in check_fields(self).items():
            object.__setattr__(self, name, value)

    # ------------------------------------------------------------ where it comes from

    @classmethod
    def from_config(
        cls, source: str | os.PathLike[str] | Mapping[str, object], *, engine: Engine | None = None
    ) -> Self:
        """Read the config that came with a model's weights.

        Args:
            source: the path of a `preprocessor_config.json` of Hugging Face, of a folder with one, or of a `config.json`
                of timm; or what stands in it. Of transformers the image processors of CLIP, Chinese CLIP, ViT, DeiT,
                BEiT, SigLIP, BLIP, ConvNeXT, BiT (DINOv2), MobileNet 1 and 2, PVT, SegFormer, OWL-ViT, SAM, and of DETR,
                its kin and RT-DETR; of timm a `pretrained_cfg`; of Ultralytics the keywords of LetterBox, or the
                metadata of an exported model, which has `imgsz`.
            engine: of a processor of transformers, which has two: "pillow" or "torchvision". None takes "torchvision" for a
                class whose name ends in Fast, else "pillow".

        Returns:
            The work as a value.

        Raises:
            FileAccessError: the file cannot be opened.
            FileFormatError: it is no JSON object.
            InputValueError: a key or a value that is not understood, by name, or one that is missing.

        Example:
            >>> config = {"input_size": [3, 4, 4], "interpolation": "bicubic", "crop_pct": 0.8, "crop_mode": "center",
            ...           "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
            >>> print(Preprocess.from_config(config).recipe_for(30, 20))
            resize height=7 width=5 method=bicubic; crop left=0 top=2 height=4 width=4
        """
        if engine is not None:
            one_of("engine", engine, ENGINES)
        config = source if isinstance(source, Mapping) else _read_object(source)
        for inner in ("pretrained_cfg", "image_processor"):
            config = config.get(inner, config)  # type: ignore[assignment]
            if not isinstance(config, Mapping):
                raise InputTypeError(inner, "an object", quoted(config), "check the config")
        if "input_size" in config:
            return cls(**read_timm(config))  # type: ignore[arg-type]
        if "new_shape" in config or "imgsz" in config:
            return cls(**read_ultralytics(config))  # type: ignore[arg-type]
        return cls(**read_transformers(config, engine))  # type: ignore[arg-type]

    @classmethod
    def clip(cls, side: int) -> Self:
        """Make what OpenAI's package clip does, `_transform(n_px)`: for weights that have no config.

        Args:
            side: of the model's input in pixels, such as 224.

        Raises:
            InputTypeError, InputValueError: no whole number of pixels.

        Example:
            >>> print(Preprocess.clip(224).recipe_for(480, 640))
            resize height=224 width=298 method=bicubic; crop left=37 top=0 height=224 width=224

        Source: https://github.com/openai/CLIP, clip/clip.py, `_transform`.
        """
        edge = integer("side", side)
        mean, std = _CLIP
        return cls(resize=edge, method="bicubic", crop=(edge, edge), center="half_even", mean=mean, std=std)

    @classmethod
    def letterbox(
        cls,
        *,
        height: int = 640,
        width: int = 640,
        upscale: bool = True,
        stride: int | None = None,
        anchor: Literal["center", "top-left"] = "center",
        fill: Fill = 114,
    ) -> Self:
        """Make the letterbox that Ultralytics' models were trained with, to the pixel: bilinear without antialiasing.

        Args:
            height: of the model's input in pixels.
            width: of the model's input in pixels.
            upscale: whether a smaller picture is enlarged, `scaleup` there.
            stride: for the smallest input that will do, with sides that are multiples of it: `auto=True` there.
            anchor: "center", or "top-left" for `center=False`.
            fill: the bars, a code from 0 to 255 or three of them.

        Raises:
            InputTypeError, InputValueError: a value that is not understood.

        Example:
            >>> Preprocess.letterbox(stride=32).recipe_for(480, 640).steps
            (('resize', {'height': 480, 'width': 640, 'method': 'bilinear', 'antialias': False}),)
            >>> Preprocess.letterbox().recipe_for(480, 641).steps[1]
            ('pad', {'left': 0, 'top': 80, 'right': 0, 'bottom': 81, 'fill': '#727272'})

        Source: https://github.com/ultralytics/ultralytics, ultralytics/data/augment.py, `LetterBox`.
        """
        size = integer("height", height), integer("width", width)
        return cls(
            resize=size, how="contain", rounding="half_even", upscale=upscale, antialias=False, pad=size, stride=stride,
            anchor=anchor, fill=fill,
        )  # fmt: skip

    # ------------------------------------------------------------ what it is

    @property
    def digest(self) -> str:
        """64 hex digits that are equal where the work is."""
        work = {each.name: getattr(self, each.name) for each in fields(self) if each.compare}
        return hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()

    def explain(self) -> str:
        """Say in words what is done, and where implementations, or a config and its code, differ."""
        return explain(self)

    def new_size(self, height: int, width: int) -> Pair:
        """Give the height and width that a picture of this height and width is resized to, before it is cut or padded."""
        if self.resize is None:
            return height, width
        target = (self.resize, self.resize) if isinstance(self.resize, int) else self.resize
        how = self.way
        return new_size((height, width), target, how, self.rounding, longest=self.longest, upscale=self.upscale)

    @property
    def way(self) -> Way:
        """How it resizes, if nothing was said of it too."""
        return self.how or ("cover" if isinstance(self.resize, int) else "stretch")

    def recipe_for(self, height: int, width: int) -> Recipe:
        """Make the recipe for pictures of this height and width, in pixels: all but the normalizing.

        Its `inverse` maps boxes and points of a model back to the picture. Bars that are 0 after normalizing are the mean
        in it, as a code.

        Raises:
            InputValueError: the resized picture is larger than what it is padded to.
        """
        recipe, left = _plan(self, height, width)
        if left is None:
            return recipe
        mean = [255 * value / self.white for value in self.mean or (0, 0, 0)]
        pad = _pad_step(left, _hex(*(min(255, max(0, round(code))) for code in mean)))
        return Recipe([*recipe.steps, pad])

    # ------------------------------------------------------------ at work

    def __call__(self, image: AnyImage) -> torch.Tensor:
        """Make the model's input of an image or a batch.

        Args:
            image: gray or RGB of any kind, any size, leading batch axes allowed; tensors stay on their device, and
                nothing waits for it once pictures of the same size have been there. An EXIF orientation is done first.

        Returns:
            float32 (half floats stay half), (..., 3, H, W), normalized. PIL images, arrays and tensors in host memory
            give the same numbers.

        Raises:
            InputTypeError: not an image.
            InputValueError: the image has alpha, which the processors drop each in its own way; or it is larger than what
                it is padded to.

        Example:
            >>> import numpy as np
            >>> bars = Preprocess.letterbox(height=4, width=4)(np.full((2, 4, 3), 255, np.uint8))
            >>> [round(value, 3) for value in bars[0, :, 0].tolist()]
            [0.447, 1.0, 1.0, 0.447]
        """
        return _run(image, tuple(getattr(self, each.name) for each in fields(self) if each.compare))


@explain_calls
def _run(image: AnyImage, values: tuple[Any, ...]) -> torch.Tensor:
    """Do the work of a Preprocess with these fields: plain values, which a graph of torch.compile can hold."""
    names = [each.name for each in fields(Preprocess) if each.compare]
    return _make_input(image, Preprocess(**dict(zip(names, values, strict=True))))


def _make_input(image: AnyImage, how: Preprocess) -> torch.Tensor:
    opened = load(image)
    spec = opened.spec
    if spec.channels == 1 and isinstance(how.fill, tuple):
        opened = load(gray_to_rgb(opened.pixels.image))
    if spec.has_alpha:
        raise InputValueError("image", "gray or RGB", "an alpha channel", "lay it on a color with aikit.flatten")
    recipe, left = _plan(how, spec.height, spec.width)
    made = _apply(recipe, opened) if how.engine == "pillow" else _apply_by_torchvision(recipe, opened)
    tensor = to_tensor(made, dtype=None)
    if tensor.shape[-3] == 1:
        tensor = tensor.expand(*tensor.shape[:-3], 3, *tensor.shape[-2:])
    normalized = _normalize(tensor, how)
    if left is None:
        return normalized
    import torch

    return torch.nn.functional.pad(normalized, (left[0], left[2], left[1], left[3]))


def _apply(recipe: Recipe, opened: Opened[AnyImage]) -> AnyImage:
    """Apply the steps to an image, to a tensor of bytes in host memory as an array.

    Arrays are resized to Pillow's bits, tensors mostly by torch's kernel: its weights have 16 bits where Pillow's have 22, so
    that of a million values resized by "bicubic" one or two are two codes off.
    """
    pixels, spec = opened
    own = adapter(spec.kind)
    if own.on_accelerators and spec.dtype == "uint8" and own.view_on_host(pixels) is not None:
        return recipe(to_numpy(pass_open(opened)))
    image: AnyImage = pixels.image
    return recipe(image)


def _apply_by_torchvision(recipe: Recipe, opened: Opened[AnyImage]) -> AnyImage:
    """Apply the steps to an image as a tensor, the resize by torchvision's own function, as the processors do."""
    from torchvision.transforms.v2 import InterpolationMode, functional

    tensor = to_tensor(pass_open(opened), dtype=None)
    if not recipe.steps or recipe.steps[0][0] != "resize":
        return recipe(tensor)
    sizes: Mapping[str, Any] = recipe.steps[0][1]
    if sizes["method"] == "lanczos" and not (tensor.device.type == "cpu" and torch_has_lanczos()):
        got = f'"torchvision" on {tensor.device}, whose torch has no Lanczos'
        raise InputValueError("engine", '"pillow" for "lanczos"', got, 'pass from_config(engine="pillow")')
    resized: torch.Tensor = functional.resize(
        tensor,
        [sizes["height"], sizes["width"]],
        interpolation=InterpolationMode(sizes["method"]),
        antialias=sizes.get("antialias", True),
    )
    return Recipe(recipe.steps[1:])(resized)


def _normalize(tensor: torch.Tensor, how: Preprocess) -> torch.Tensor:
    """Bring values in [0, 1], or codes, to a scale that ends at `white`, less the mean, by the deviation: in one step."""
    mean, std = how.mean or (0.0,) * 3, how.std or (1.0,) * 3
    return normalize(tensor, mean=[each / how.white for each in mean], std=[each / how.white for each in std])


@lru_cache(maxsize=256)
def _plan(how: Preprocess, height: int, width: int) -> tuple[Recipe, tuple[int, int, int, int] | None]:
    """Plan the steps for pictures of one size, and the bars that are left for after normalizing."""
    size = how.new_size(height, width)
    steps: list[tuple[str, Mapping[str, object]]] = []
    if how.resize is not None:
        smooth = {} if how.antialias else {"antialias": False}
        steps.append(("resize", {"height": size[0], "width": size[1], "method": how.method, **smooth}))
    if how.crop is not None:
        top, left = (center_offset(old, new, how.center) for old, new in zip(size, how.crop, strict=True))
        beyond = {} if how.crop[0] <= size[0] and how.crop[1] <= size[1] else {"fill": _hex_of(how.fill)}
        steps.append(("crop", {"left": left, "top": top, "height": how.crop[0], "width": how.crop[1], **beyond}))
        size = how.crop
    if how.pad is None:
        return Recipe(steps), None
    if size[0] > how.pad[0] or size[1] > how.pad[1]:
        expected = f"a resized picture of {how.pad[0]}x{how.pad[1]} at most"
        raise InputValueError("pad", expected, f"{size[0]}x{size[1]}", "resize to less, or pad to more")
    room = bars(size, how.pad, how.stride, centered=how.anchor == "center")
    if not any(room):
        return Recipe(steps), None
    if how.fill is None:
        return Recipe(steps), room
    return Recipe([*steps, _pad_step(room, _hex_of(how.fill))]), None


def _pad_step(room: tuple[int, int, int, int], fill: str) -> tuple[str, Mapping[str, object]]:
    left, top, right, bottom = room
    return "pad", {"left": left, "top": top, "right": right, "bottom": bottom, "fill": fill}


def _hex_of(fill: Fill) -> str:
    # A code of colors means the same to images of every dtype.
    return _hex(*(fill if isinstance(fill, tuple) else (fill or 0,) * 3))


def _hex(red: int, green: int, blue: int) -> str:
    return f"#{red:02x}{green:02x}{blue:02x}"


def _read_object(source: str | os.PathLike[str]) -> Mapping[str, object]:
    path = os.path.join(source, "preprocessor_config.json") if os.path.isdir(source) else source
    try:
        config: object = json.loads(read_bytes(path))
    except ValueError as error:
        raise FileFormatError(name_of(path), "JSON", "something else", "pass a preprocessor_config.json") from error
    if not isinstance(config, dict):
        raise FileFormatError(name_of(path), "a JSON object", quoted(config), "pass a preprocessor_config.json")
    return config
