"""The letterbox of Ultralytics: the keywords of its LetterBox, or the `imgsz` and `stride` of an exported model."""

from __future__ import annotations

from ..errors import InputValueError, quoted
from .reading import Config, Fields, is_side, read_number, read_switch, refuse_others, require
from .sizes import Pair

__all__ = ["read_ultralytics"]

_KEYS = frozenset({
    "new_shape", "imgsz", "auto", "scale_fill", "scaleup", "center", "stride", "padding_value", "interpolation",
})  # fmt: skip
# Of the metadata of an exported model, what says nothing of the picture.
_NOTES = frozenset({
    "description", "author", "date", "version", "license", "docs", "task", "batch", "names", "args", "channels",
    "end2end", "kpt_shape", "kpt_names", "head", "model_name",
})  # fmt: skip
# cv2.INTER_LINEAR
_LINEAR = 1


def read_ultralytics(config: Config) -> Fields:
    """Read what LetterBox makes of its keywords, whose defaults they have."""
    refuse_others(config, _KEYS | _NOTES)
    require(config, "channels", config.get("channels", 3) == 3, "3")
    require(config, "interpolation", config.get("interpolation", _LINEAR) == _LINEAR, "1, which is cv2.INTER_LINEAR")
    size = _read_size(config, "new_shape" if "new_shape" in config else "imgsz")
    stride = int(read_number(config, "stride", 0, 1 << 16, 32))
    fill = config.get("padding_value", 114)
    require(config, "padding_value", isinstance(fill, int) and 0 <= fill <= 255, "0 to 255")
    minimal, stretched = read_switch(config, "auto", False), read_switch(config, "scale_fill", False)
    fields: Fields = {"resize": size, "method": "bilinear", "antialias": False}
    if stretched and not minimal:
        return fields | {"how": "stretch"}
    return fields | {
        "how": "contain",
        "rounding": "half_even",
        "upscale": read_switch(config, "scaleup", True),
        "pad": size,
        "stride": stride if minimal else None,
        "anchor": "center" if read_switch(config, "center", True) else "top-left",
        "fill": int(str(fill)),
        "remarks": (
            "Ultralytics takes B, G, R and turns the channels afterwards; here pictures are R, G, B, and so is the result.",
        ),
    }


def _read_size(config: Config, key: str) -> Pair:
    size = config.get(key)
    sides = [size, size] if isinstance(size, int) else size
    whole = isinstance(sides, list | tuple) and [side for side in sides if is_side(side)]
    if not whole or len(whole) != 2:
        raise InputValueError(key, "a side, or a height and a width, in pixels", quoted(size), "check the config")
    return whole[0], whole[1]
