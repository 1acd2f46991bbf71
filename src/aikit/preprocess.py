"""What a model wants done to its pictures, read from the config file that came with its weights."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ._io import name_of, read_bytes
from ._pixels import load
from .batch import normalize
from .convert import to_tensor
from .errors import FileFormatError, InputTypeError, InputValueError, quoted
from .recipe import Recipe
from .types import AnyImage

if TYPE_CHECKING:
    import torch

__all__ = ["Preprocess"]

# transformers: PILImageResampling. 0, 4 and 5 are not taken: its two engines differ there by more than rounding.
_METHODS = {1: "lanczos", 2: "bilinear", 3: "bicubic"}
# Classes that resize, cut out the center, rescale and normalize; and whether a size of one number is a square to them.
_SQUARE = {"CLIP": False, "ViT": True, "DeiT": True, "Siglip": True, "ConvNext": False, "Bit": False}
_WITHOUT_CROP = ("ViT", "Siglip", "ConvNext")
_HF_NOTES = frozenset({"processor_class", "do_convert_rgb", "_processor_class", "auto_map", "image_processor_type"})
_HF_KEYS = _HF_NOTES | {
    "feature_extractor_type", "do_resize", "size", "resample", "do_center_crop", "crop_size", "crop_pct", "do_rescale",
    "rescale_factor", "do_normalize", "image_mean", "image_std",
}  # fmt: skip
_TIMM_KEYS = frozenset({"input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std"})
# Where weights come from, and what timm asks for beside its `input_size` only where it is told to.
_TIMM_NOTES = frozenset({
    "url", "file", "hf_hub_id", "hf_hub_filename", "architecture", "tag", "custom_load", "num_classes", "pool_size",
    "first_conv", "classifier", "license", "origin_url", "paper_name", "paper_ids", "notes", "source", "state_dict",
    "fixed_input_size", "min_input_size", "test_input_size", "test_crop_pct", "label_names", "label_descriptions",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How pictures become a model's input: resize, cut out the center, normalize.

    Attributes:
        resize: (height, width) in pixels, or one number for the shorter edge; the longer one is rounded down.
        crop: (height, width) of the center that is cut out, None for all of it.
        method: of the resize, always with antialiasing.
        mean: of red, green and blue, for values in [0, 1].
        std: their deviations.
        rounds_center: where an odd pixel is left over, the center begins at half rounded to the even number, as
            torchvision has it; else rounded down, as transformers has it.

    Example:
        >>> import numpy as np
        >>> config = {"input_size": [3, 4, 4], "interpolation": "bicubic", "crop_pct": 0.8, "crop_mode": "center",
        ...           "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
        >>> preprocess = Preprocess.from_config(config)
        >>> tuple(preprocess(np.zeros((30, 20, 3), np.uint8)).shape)
        (3, 4, 4)
    """

    resize: int | tuple[int, int]
    crop: tuple[int, int] | None
    method: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    rounds_center: bool

    @classmethod
    def from_config(cls, source: str | os.PathLike[str] | Mapping[str, object]) -> Preprocess:
        """Read a `preprocessor_config.json` of Hugging Face or a `pretrained_cfg` of timm.

        Args:
            source: the path of the file, or what stands in it. Of transformers the image processors of CLIP, ViT,
                DeiT, SigLIP, ConvNeXT and BiT, which DINOv2 uses too.

        Returns:
            The work as a value.

        Raises:
            FileFormatError: the file is no JSON object.
            InputValueError: a key or a value that is not understood, by name, or one that is missing.
        """
        config = source if isinstance(source, Mapping) else _read_object(source)
        inner = config.get("pretrained_cfg", config)
        if not isinstance(inner, Mapping):
            raise InputTypeError("pretrained_cfg", "an object", quoted(inner), "pass timm's pretrained_cfg")
        return _read_timm(inner) if "input_size" in inner else _read_transformers(inner)

    @property
    def digest(self) -> str:
        """64 hex digits that are equal where the work is."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def recipe_for(self, height: int, width: int) -> Recipe:
        """Make the recipe for pictures of this height and width, in pixels: all but the normalizing."""
        new_height, new_width = self._new_size(height, width)
        steps: list[tuple[str, Mapping[str, object]]] = [
            ("resize", {"height": new_height, "width": new_width, "method": self.method})
        ]
        if self.crop is not None:
            top, left = (
                round((old - new) / 2) if self.rounds_center else (old - new) // 2
                for old, new in zip((new_height, new_width), self.crop, strict=True)
            )
            steps.append(("crop", {"left": left, "top": top, "height": self.crop[0], "width": self.crop[1]}))
        return Recipe(steps)

    def __call__(self, image: AnyImage) -> torch.Tensor:
        """Make the model's input of an image or a batch.

        Args:
            image: gray or RGB of any kind, any size, leading batch axes allowed; tensors stay on their device.

        Returns:
            float32 (half floats stay half), (..., 3, H, W), normalized.

        Raises:
            InputTypeError: not an image.
            InputValueError: the image has alpha, which the processors drop each in its own way.
        """
        spec = load(image).spec
        if spec.has_alpha:
            raise InputValueError("image", "gray or RGB", "an alpha channel", "lay it on a color with aikit.flatten")
        tensor = to_tensor(self.recipe_for(spec.height, spec.width)(image), dtype=None)
        if tensor.shape[-3] == 1:
            tensor = tensor.expand(*tensor.shape[:-3], 3, *tensor.shape[-2:])
        return normalize(tensor, mean=self.mean, std=self.std)

    def explain(self) -> str:
        """Say in words what is done, and where implementations differ."""
        if isinstance(self.resize, int):
            lines = [f"Resize the shorter edge to {self.resize} pixels, the longer one rounded down."]
        else:
            lines = [f"Resize to {self.resize[1]} x {self.resize[0]} pixels, whatever the proportions."]
        lines.append(
            f"The method is {self.method} with antialiasing, as Pillow has it: torch's own is one or two codes off,"
        )
        lines.append("and one without antialiasing gives another picture.")
        if self.crop is not None:
            half = "rounded to the even number (torchvision)" if self.rounds_center else "rounded down (transformers)"
            lines.append(
                f"Then cut {self.crop[1]} x {self.crop[0]} pixels out of the center; half an odd rest is {half}."
            )
        lines.append(f"Scale to [0, 1], subtract {list(self.mean)} and divide by {list(self.std)}.")
        return "\n".join(lines)

    def _new_size(self, height: int, width: int) -> tuple[int, int]:
        if not isinstance(self.resize, int):
            return self.resize
        long = int(self.resize * max(height, width) / min(height, width))
        return (self.resize, long) if height <= width else (long, self.resize)


def _read_object(source: str | os.PathLike[str]) -> Mapping[str, object]:
    try:
        config: object = json.loads(read_bytes(source))
    except ValueError as error:
        raise FileFormatError(name_of(source), "JSON", "something else", "pass a preprocessor_config.json") from error
    if not isinstance(config, dict):
        raise FileFormatError(name_of(source), "a JSON object", quoted(config), "pass a preprocessor_config.json")
    return config


def _read_transformers(config: Mapping[str, object]) -> Preprocess:
    _refuse_others(config, _HF_KEYS)
    named = config.get("image_processor_type", config.get("feature_extractor_type"))
    family = str(named).removesuffix("Fast").removesuffix("ImageProcessor").removesuffix("FeatureExtractor")
    if family not in _SQUARE:
        known = ", ".join(f"{each}ImageProcessor" for each in _SQUARE)
        raise InputValueError("image_processor_type", f"one of {known}", quoted(named), "write the steps as a Recipe")
    for key in ("do_resize", "do_rescale", "do_normalize"):
        _require(config, key, config.get(key, True if key == "do_rescale" else None) is True, "true")
    factor = config.get("rescale_factor", 1 / 255)
    _require(config, "rescale_factor", isinstance(factor, float) and math.isclose(factor, 1 / 255), "1/255")
    method = config.get("resample")
    _require(config, "resample", isinstance(method, int) and method in _METHODS, "1, 2 or 3")
    resize, crop = _read_size(config, "size", square=_SQUARE[family]), None
    cuts = config.get("do_center_crop", False if family in _WITHOUT_CROP else None)
    _require(config, "do_center_crop", cuts is False or (cuts is True and family not in _WITHOUT_CROP), "true or false")
    if cuts:
        side = _read_size(config, "crop_size", square=True)
        crop = (side, side) if isinstance(side, int) else side
    if family == "ConvNext":
        resize, crop = _read_convnext(config, resize)
    else:
        _require(config, "crop_pct", config.get("crop_pct") is None, "no value")
    if crop is not None:
        least = (resize, resize) if isinstance(resize, int) else resize
        _require(config, "crop_size", crop[0] <= least[0] and crop[1] <= least[1], "at most the size")
    mean, std = _read_numbers(config, "image_mean"), _read_numbers(config, "image_std")
    return Preprocess(resize, crop, _METHODS[int(str(method))], mean, std, rounds_center=False)


def _read_convnext(
    config: Mapping[str, object], size: int | tuple[int, int]
) -> tuple[int | tuple[int, int], tuple[int, int] | None]:
    """Below 384 pixels the center of a larger picture, from there on all of it: ConvNextImageProcessor.resize."""
    share = config.get("crop_pct")
    if not isinstance(size, int):
        raise InputValueError("size", "a shortest_edge", quoted(size), "check the config")
    if size >= 384:
        return (size, size), None
    if not isinstance(share, float) or not 0 < share <= 1:
        raise InputValueError("crop_pct", "a number above 0, up to 1", quoted(share), "check the config")
    return int(size / share), (size, size)


def _read_size(config: Mapping[str, object], key: str, *, square: bool) -> int | tuple[int, int]:
    size = config.get(key)
    sides = (
        size if isinstance(size, Mapping) else {"height": size, "width": size} if square else {"shortest_edge": size}
    )
    whole = {name: side for name, side in sides.items() if isinstance(side, int) and side is not True and side > 0}
    if set(sides) == set(whole) == {"height", "width"}:
        return whole["height"], whole["width"]
    if set(sides) == set(whole) == {"shortest_edge"} and key == "size":
        return whole["shortest_edge"]
    raise InputValueError(key, "whole pixels: a height and width, or a shortest_edge", quoted(size), "check the config")


def _read_timm(config: Mapping[str, object]) -> Preprocess:
    _refuse_others(config, _TIMM_KEYS | _TIMM_NOTES)
    size, share, method = config["input_size"], config.get("crop_pct"), config.get("interpolation")
    if not isinstance(size, list | tuple) or len(size) != 3 or size[0] != 3 or size[1] != size[2]:
        raise InputValueError("input_size", "(3, side, side)", quoted(size), "write the steps as a Recipe")
    if not isinstance(share, int | float) or not 0 < share <= 1:
        raise InputValueError("crop_pct", "a number above 0, up to 1", quoted(share), "check the config")
    _require(config, "interpolation", method in _METHODS.values(), "bilinear, bicubic or lanczos")
    _require(config, "crop_mode", config.get("crop_mode") == "center", '"center"')
    side = int(size[1])
    mean, std = _read_numbers(config, "mean"), _read_numbers(config, "std")
    return Preprocess(math.floor(side / share), (side, side), str(method), mean, std, rounds_center=True)


def _read_numbers(config: Mapping[str, object], key: str) -> tuple[float, ...]:
    numbers = config.get(key)
    if not isinstance(numbers, list | tuple) or len(numbers) != 3:
        raise InputValueError(key, "three numbers", quoted(numbers), "check the config")
    return tuple(map(float, numbers))


def _refuse_others(config: Mapping[str, object], known: frozenset[str]) -> None:
    for key in sorted(set(config) - known):
        if config[key] is not None:
            raise InputValueError(key, "a key that is understood", quoted(config[key]), "write the steps as a Recipe")


def _require(config: Mapping[str, object], key: str, holds: bool, expected: str) -> None:
    if not holds:
        raise InputValueError(key, expected, quoted(config.get(key)), "write the steps as a Recipe")
