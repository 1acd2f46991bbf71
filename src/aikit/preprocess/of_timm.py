"""The `pretrained_cfg` of timm."""

from __future__ import annotations

import math

from ..errors import InputValueError, quoted
from .reading import Config, Fields, is_side, read_number, read_numbers, refuse_others, require
from .sizes import Pair

__all__ = ["read_timm"]

_KEYS = frozenset({"input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std"})
# Where weights come from, and what timm asks for beside its `input_size` only where it is told to.
_NOTES = frozenset({
    "url", "file", "hf_hub_id", "hf_hub_filename", "architecture", "tag", "custom_load", "num_classes", "pool_size",
    "first_conv", "classifier", "license", "origin_url", "paper_name", "paper_ids", "notes", "source", "state_dict",
    "fixed_input_size", "min_input_size", "test_input_size", "test_crop_pct", "label_names", "label_descriptions",
})  # fmt: skip


def read_timm(config: Config) -> Fields:
    """Read what create_transform of timm makes of a config, for evaluation."""
    refuse_others(config, _KEYS | _NOTES)
    size = _read_size(config)
    share, method = read_number(config, "crop_pct", 0, 1), config.get("interpolation")
    require(config, "interpolation", method in ("bilinear", "bicubic", "lanczos"), "bilinear, bicubic or lanczos")
    mode = config.get("crop_mode") or "center"
    require(config, "crop_mode", mode in ("center", "squash", "border"), '"center", "squash" or "border"')
    mean, std = read_numbers(config, "mean"), read_numbers(config, "std")
    fields: Fields = {
        "resize": (math.floor(size[0] / share), math.floor(size[1] / share)),
        "crop": size,
        "center": "half_even",
        "method": str(method),
        "mean": mean,
        "std": std,
        "remarks": _remarks(config),
    }
    if mode == "squash":
        return fields | {"how": "stretch"}
    if mode == "border":
        red, green, blue = (round(255 * value) for value in mean)
        return fields | {"how": "contain", "rounding": "half_even", "fill": (red, green, blue)}
    # Squares by torchvision's Resize, which rounds down; others by timm's ResizeKeepRatio.
    return fields | {"how": "cover", "rounding": "down" if size[0] == size[1] else "half_even"}


def _read_size(config: Config) -> Pair:
    size = config.get("input_size")
    whole = isinstance(size, list | tuple) and [side for side in size if is_side(side)]
    if not whole or len(whole) != 3 or whole[0] != 3:
        raise InputValueError("input_size", "(3, height, width)", quoted(size), "write the steps as a Recipe")
    return whole[1], whole[2]


def _remarks(config: Config) -> tuple[str, ...]:
    said = []
    if config.get("crop_mode") is None:
        said.append('The config does not say crop_mode; timm takes "center".')
    asked = [key for key in ("test_input_size", "test_crop_pct") if config.get(key) is not None]
    if asked:
        said.append(f"The config has {' and '.join(asked)} for tests too, which timm takes only where it is asked to.")
    return tuple(said)
