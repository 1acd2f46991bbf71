"""The `preprocessor_config.json` of Hugging Face."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..errors import InputValueError, quoted
from .reading import Config, Engine, Fields, is_side, read_number, read_numbers, read_switch, refuse_others, require
from .sizes import Center

__all__ = ["read_transformers"]

# transformers: PILImageResampling. 0, 4 and 5 are not taken: its two engines differ there by more than rounding.
_METHODS = {1: "lanczos", 2: "bilinear", 3: "bicubic"}


class _Family(NamedTuple):
    """What a class does with what its config does not say."""

    is_square: bool = True  # a size of one number is both sides; else the shorter edge
    crops: bool = False  # it knows do_center_crop
    pads: bool = False  # it knows do_pad
    capped: int | None = None  # the longer edge at most, where the size is one number


_DETECTOR = _Family(is_square=False, pads=True, capped=1333)
_FAMILIES = {
    "CLIP": _Family(is_square=False, crops=True),
    "ChineseCLIP": _Family(is_square=False, crops=True),
    "Bit": _Family(is_square=False, crops=True),
    "MobileNetV1": _Family(is_square=False, crops=True),
    "MobileNetV2": _Family(is_square=False, crops=True),
    "ConvNext": _Family(is_square=False),
    "DeiT": _Family(crops=True),
    "Beit": _Family(crops=True),
    "OwlViT": _Family(crops=True),
    "ViT": _Family(),
    "Siglip": _Family(is_square=False),
    "Blip": _Family(),
    "Segformer": _Family(),
    "Pvt": _Family(),
    "RTDetr": _Family(pads=True),
    "Detr": _DETECTOR,
    "ConditionalDetr": _DETECTOR,
    "DeformableDetr": _DETECTOR,
    "GroundingDino": _DETECTOR,
    "Sam": _Family(pads=True),
}
# What says nothing of the picture, or is about labels, masks and boxes beside it.
_NOTES = frozenset({
    "processor_class", "do_convert_rgb", "_processor_class", "auto_map", "image_processor_type",
    "feature_extractor_type", "format", "do_convert_annotations", "do_reduce_labels", "reduce_labels", "mask_size",
    "mask_pad_size",
})  # fmt: skip
_KEYS = _NOTES | {
    "do_resize", "size", "max_size", "resample", "do_center_crop", "crop_size", "crop_pct", "do_rescale",
    "rescale_factor", "do_normalize", "image_mean", "image_std", "do_pad", "pad_size",
}  # fmt: skip


def read_transformers(config: Config, engine: Engine | None) -> Fields:
    """Read the config of an image processor whose class is known here, as it works on that engine."""
    refuse_others(config, _KEYS)
    named = config.get("image_processor_type") or config.get("feature_extractor_type")
    name = str(named).removesuffix("FeatureExtractor").removesuffix("Fast").removesuffix("ImageProcessor")
    family = _FAMILIES.get(name)
    if family is None:
        known = ", ".join(f"{each}ImageProcessor" for each in _FAMILIES)
        raise InputValueError("image_processor_type", f"one of {known}", quoted(named), "write the steps as a Recipe")
    is_open = engine is None and not str(named).endswith("Fast")
    engine = engine or ("pillow" if is_open else "torchvision")
    center: Center = "down" if engine == "pillow" else "toward_zero"
    fields: Fields = {"engine": engine, "center": center, "remarks": _remarks(config, is_open)}
    if read_switch(config, "do_resize", None):
        fields |= _read_resize(config, name, family)
    if name != "ConvNext":
        require(config, "crop_pct", config.get("crop_pct") is None, "no value")
    fields |= _read_crop(config, family)
    fields |= _read_pad(config, family)
    return fields | _read_values(config)


def _read_resize(config: Config, name: str, family: _Family) -> Fields:
    method = config.get("resample")
    require(config, "resample", isinstance(method, int) and method in _METHODS, "1, 2 or 3")
    fields: Fields = {"method": _METHODS[int(str(method))]}
    sides = _read_sides(config, "size", is_square=family.is_square)
    names = set(sides)
    if name == "ConvNext":
        return fields | _read_convnext(config, sides)
    if names == {"height", "width"}:
        return fields | {"resize": (sides["height"], sides["width"])}
    if names == {"max_height", "max_width"} and name != "Sam":
        return fields | {"resize": (sides["max_height"], sides["max_width"]), "how": "contain"}
    if names == {"longest_edge"} and name == "Sam":
        # SamImageProcessor._get_preprocess_shape
        return fields | {"resize": sides["longest_edge"], "how": "contain", "rounding": "half_up"}
    if names <= {"shortest_edge", "longest_edge"} and "shortest_edge" in names and name != "Sam":
        longest = sides.get("longest_edge")
        if family.capped and not isinstance(config.get("size"), dict):
            longest = int(read_number(config, "max_size", 0, math.inf, family.capped))
        if family.capped and longest is None:
            raise InputValueError("size", "a longest_edge too", quoted(config.get("size")), "check the config")
        return fields | {"resize": sides["shortest_edge"], "how": "cover", "longest": longest}
    raise InputValueError(
        "size", f"sides that {name}ImageProcessor has", quoted(config.get("size")), "check the config"
    )


def _read_convnext(config: Config, sides: dict[str, int]) -> Fields:
    """Below 384 pixels the center of a larger picture, from there on all of it: ConvNextImageProcessor.resize."""
    if set(sides) != {"shortest_edge"}:
        raise InputValueError("size", "a shortest_edge", quoted(config.get("size")), "check the config")
    size = sides["shortest_edge"]
    if size >= 384:
        return {"resize": (size, size)}
    share = read_number(config, "crop_pct", 0, 1)
    return {"resize": int(size / share), "how": "cover", "crop": (size, size)}


def _read_crop(config: Config, family: _Family) -> Fields:
    if not family.crops:
        require(config, "do_center_crop", not config.get("do_center_crop"), "false, for its class does not cut")
        return {}
    if not read_switch(config, "do_center_crop", None):
        return {}
    sides = _read_sides(config, "crop_size", is_square=True)
    if set(sides) != {"height", "width"}:
        raise InputValueError("crop_size", "a height and a width", quoted(config.get("crop_size")), "check the config")
    return {"crop": (sides["height"], sides["width"])}


def _read_pad(config: Config, family: _Family) -> Fields:
    """Read what comes behind the normalizing, so that the bars are zeros there."""
    if not family.pads:
        require(config, "do_pad", not config.get("do_pad"), "false, for its class does not pad")
    if not config.get("do_pad") or config.get("pad_size") is None:
        return {}  # to the largest picture of a batch: stack(fit="pad") does
    sides = _read_sides(config, "pad_size", is_square=True)
    if set(sides) != {"height", "width"}:
        raise InputValueError("pad_size", "a height and a width", quoted(config.get("pad_size")), "check the config")
    return {"pad": (sides["height"], sides["width"]), "anchor": "top-left", "fill": None}


def _read_values(config: Config) -> Fields:
    fields: Fields = {}
    if read_switch(config, "do_rescale", True):
        fields["white"] = 255 * read_number(config, "rescale_factor", 0, math.inf, 1 / 255)
        fields["white"] = 1.0 if math.isclose(fields["white"], 1) else fields["white"]
    else:
        fields["white"] = 255.0
    if read_switch(config, "do_normalize", None):
        fields |= {"mean": read_numbers(config, "image_mean"), "std": read_numbers(config, "image_std")}
    return fields


def _read_sides(config: Config, key: str, *, is_square: bool) -> dict[str, int]:
    """Read whole pixels by the names of their sides."""
    size = config.get(key)
    sides = (
        size if isinstance(size, dict) else {"height": size, "width": size} if is_square else {"shortest_edge": size}
    )
    known = {name: side for name, side in sides.items() if side is not None or not isinstance(size, dict)}
    whole = {name: side for name, side in known.items() if is_side(side)}
    if not whole or whole != known:
        raise InputValueError(key, "whole pixels by the names of their sides", quoted(size), "check the config")
    return whole


def _remarks(config: Config, is_open: bool) -> tuple[str, ...]:
    """Say where the config leaves open what happens, or two versions of the code read it differently."""
    said = []
    if is_open:
        said.append(
            "Under this name transformers 4 resizes with Pillow, as is done here, and transformers 5 with torchvision, as"
            ' from_config(engine="torchvision") does: values are a code or two off there, edges in tall pictures more, and in'
            " a cut that is larger than the picture by an odd number it lies a pixel further left and above."
        )
    for key, default in (("do_rescale", "true"), ("rescale_factor", "1/255")):
        if config.get(key) is None and (key == "do_rescale" or config.get("do_rescale") is not False):
            said.append(f"The config does not say {key}; its class takes {default}.")
    numbers = [key for key in ("size", "crop_size") if isinstance(config.get(key), int)]
    said += [f"The config says {key} as one number; which sides that is, its class decides." for key in numbers]
    if config.get("do_pad") and config.get("pad_size") is None:
        said.append(
            'The config says do_pad without a size: pictures of a batch are padded to the largest, as stack(fit="pad") does.'
        )
    return tuple(said)
