"""Names that people bring from other libraries, and ours for them: of functions, and of their arguments."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import TypeVar, cast

from .errors import InputTypeError, printable, quoted, shortened

__all__ = ["NAMES", "Misfit", "explain_calls", "misfit", "nearest", "on_refusal", "unknown_name"]

# Names of functions and classes elsewhere, and what does the same here.
NAMES: Mapping[str, str] = {
    name: ours
    for ours, names in {
        "read_pil, read_numpy, read_cv2 or read_tensor": """
            imread imreads imdecode open load read read_image open_image load_image decode decode_image decode_jpeg
            decode_png
        """,
        "write": "imwrite imsave save save_image write_image write_png write_jpeg export",
        "encode": "imencode to_bytes tobytes encode_png encode_jpeg",
        "show": "imshow display plot view make_grid",
        "describe": "info inspect identify",
        "difference": "ssim psnr mse compare absdiff",
        "to_tensor": "to_torch ToTensor totensor pil_to_tensor image_to_tensor to_image",
        "to_tensor(image, device=...)": "to_cuda cuda to_gpu gpu to_device",
        "to_pil": "fromarray from_array to_pil_image ToPILImage pil numpy_to_pil",
        "to_numpy": "to_array asarray tensor_to_image",
        "to_cv2": "to_opencv to_bgr rgb_to_bgr rgb2bgr",
        "to_pil, to_numpy, to_cv2 or to_tensor, which take every kind of image": """
            from_numpy from_torch from_tensor from_pil from_cv2 from_image convert_image
        """,
        "to_numpy(image, bgr=True)": "bgr_to_rgb bgr2rgb swap_channels",
        "convert_color": "cvtColor cvt_color",
        "rgb_to_gray": "rgb2gray to_gray to_grayscale grayscale rgb_to_grayscale",
        "rgb_to_hsv": "rgb2hsv",
        "hsv_to_rgb": "hsv2rgb",
        "rgb_to_lab": "rgb2lab",
        "lab_to_rgb": "lab2rgb",
        "convert_profile": "profileToProfile profile_to_profile apply_profile apply_icc icc_transform to_srgb to_p3",
        "resize": "imresize rescale interpolate zoom Resize",
        "upsample": "upscale super_resolution",
        "crop": "center_crop CenterCrop imcrop crop_image",
        "pad": "copyMakeBorder copy_make_border Pad border add_border zero_pad",
        "read_label_map": "read_mask read_labels load_mask read_segmentation",
        "fit": "letterbox LetterBox letterbox_image contain cover resize_with_pad resize_and_pad pad_to_size",
        "flip": "hflip vflip fliplr flipud mirror horizontal_flip vertical_flip",
        "rot90": "rotate90 rotate_90",
        "rotate": "imrotate Rotate rotate_image",
        "warp_affine": "warpAffine affine affine_transform",
        "warp_perspective": "warpPerspective perspective perspective_transform warp",
        "draw_boxes": "draw_bounding_boxes draw_bboxes BoxAnnotator LabelAnnotator rectangle",
        "draw_masks": "draw_segmentation_masks MaskAnnotator",
        "draw_keypoints": "draw_skeleton drawKeypoints plot_keypoints",
        "draw_text": "putText put_text annotate",
        "sharpen": "unsharp_mask UnsharpMask adjust_sharpness",
        "blur": "GaussianBlur gaussian_blur gaussian gaussian_filter",
        "composite": "alpha_composite paste overlay blend alpha_blend addWeighted",
        "flatten": "remove_alpha drop_alpha",
        "merge_alpha": "add_alpha putalpha put_alpha",
        "split_alpha": "get_alpha getalpha extract_alpha",
        "make_transparent or color_to_alpha": "remove_background chroma_key chromakey",
        "trim": "autocrop crop_to_content",
        "stack": "collate to_batch make_batch",
        "render_svg": "svg2png svg_to_png rasterize",
        "open_svg": "read_svg load_svg parse_svg",
        "open_psd": "read_psd load_psd PSDImage",
        "pick_device": "get_device best_device",
        "free_memory": "empty_cache clear_cache clear_memory",
        "convert_folder": "convert_directory batch_convert",
        "aikit.folders.contact_sheet": "contact_sheet montage",
        "aikit.transforms.Apply": "Apply Compose Lambda",
        "aikit.psd.Psd": "Psd",
        "aikit.psd.Layer": "Layer",
        "aikit.svg.Svg": "Svg",
        "aikit.svg.SvgElement": "SvgElement Element",
        "aikit.svg.SvgInfo": "SvgInfo",
        "aikit.svg.SvgPath": "SvgPath",
        "aikit.types.AnyImage": "AnyImage",
        "aikit.types.ImageT": "ImageT",
    }.items()
    for name in names.split()
}

# Keywords elsewhere, and ours for them: of several those that the function has.
_KEYWORDS: Mapping[str, tuple[str, ...]] = {
    name: tuple(ours.split())
    for ours, names in {
        "height width": "size dsize output_size out_size target_size new_size shape output_shape resolution",
        "height": "h rows new_height",
        "width": "w cols new_width",
        "scale": "fx fy factor ratio scale_factor zoom",
        "method": "interpolation resample resampling interp mode filter order",
        "color background": "colour",
        "background": "bg bgcolor bg_color background_color fillcolor matte",
        "fill background": "fill",
        "fill": "fill_value pad_value padding_value border_value borderValue constant_values cval value color",
        "degrees": "angle theta rotation",
        "axis": "direction flip_code flipCode",
        "matrix": "M H homography transform",
        "how": "fit resize_mode strategy",
        "strength": "amount percent sharpness",
        "sigma": "ksize kernel_size radius sigmaX sigma_x std blur_radius",
        "tolerance threshold": "tol fuzz thresh similarity threshold tolerance",
        "format": "fmt ext extension file_format",
        "quality": "q jpeg_quality",
        "device": "gpu cuda",
        "layout": "data_format input_data_format channels_first channels_last channel_axis dataformats",
        "bgr": "is_bgr channel_order swapRB bgr2rgb",
        "value_range": "max_value data_range input_range drange",
        "dtype": "dtype_out out_dtype astype",
        "linear": "gamma gamma_correct linear_light",
        "left top": "offset position xy x y",
        "box left top": "bbox rect roi region box",
        "frame": "page index n_frame",
        "source path image": "filename file fp uri url",
        "image images": "img im picture pic input x array tensor frames",
        "src": "from_space source_space",
        "dst": "to_space target_space code",
        "kind": "output output_type return_type",
        "on_error": "errors handler ignore_errors skip_errors skip_invalid raise_error",
    }.items()
    for name in names.split()
}


def unknown_name(name: str, known: Iterable[str]) -> str:
    """What to say to somebody who asked aikit for a name that it does not have."""
    name = shortened(printable(name), 80)
    if name in NAMES:
        return f"aikit.{name}: expected a name of aikit, got one it does not have; use {NAMES[name]}."
    remedy = " or ".join(nearest(name, known)[:1]) or "one that dir(aikit) lists"
    return f"aikit.{name}: expected a name of aikit, got one it does not have; use {remedy}."


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Those of some words that look like a name, the nearest first."""
    from difflib import get_close_matches

    return get_close_matches(name, list(known), cutoff=0.7)


# ---------------------------------------------------------------- calls

_Function = TypeVar("_Function", bound=Callable[..., object])
# Given the wrapped function, the function, and what it was called with: whether it could be called otherwise, and its result.
_Retry = Callable[
    [Callable[..., object], Callable[..., object], tuple[object, ...], "dict[str, object]"], "tuple[bool, object]"
]

_RETRIES: list[_Retry] = []


def on_refusal(retry: _Retry) -> None:
    """Have calls tried in another way that a function has refused with a TypeError, as of arrays of other libraries."""
    _RETRIES.append(retry)


def explain_calls(function: _Function) -> _Function:
    """Let a function or a class answer calls that do not fit its parameters in our form, with our names for what was meant.

    A call that fits costs 0.1 to 0.3 microseconds more: nothing is looked at before Python has refused one.
    """
    if isinstance(function, type):
        creation: Callable[..., None] = vars(function)["__init__"]
        type.__setattr__(function, "__init__", explain_calls(creation))
        return function

    found_by_name = function.__qualname__ == function.__name__

    @functools.wraps(function)
    def call(*args: object, **options: object) -> object:
        if found_by_name and _is_compiled() and _has_tensors(args, options):
            from ._in_graph import call_in_graph

            return call_in_graph(function.__module__, function.__name__, *args, **options)
        try:
            return function(*args, **options)
        except TypeError as error:
            # What holds an image, such as a Sample, says itself what an operation makes of it. Images never get here.
            if args and hasattr(args[0], "__apply_operation__"):
                result = args[0].__apply_operation__(function.__name__, args[1:], options)
                if result is not NotImplemented:
                    return result
            for retry in _RETRIES:
                done, result = retry(call, function, args, options)
                if done:
                    return result
            # A deeper frame: the call did fit, and something in the function went wrong.
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise
            found = misfit(function, args, options)
            if found is None:
                raise
        raise InputTypeError(*found)

    # For whoever asks a function which options it has; `wraps` leaves these out.
    cast(FunctionType, call).__kwdefaults__ = function.__kwdefaults__
    return cast(_Function, call)


def _is_compiled() -> bool:
    """Whether torch.compile reads this call. Torch may not be there, or be loading in another thread."""
    ask = getattr(sys.modules.get("torch.compiler"), "is_dynamo_compiling", None)
    return ask is not None and bool(ask())


def _has_tensors(args: tuple[object, ...], options: Mapping[str, object]) -> bool:
    from torch import Tensor

    return any(isinstance(each, Tensor) for each in (*args, *options.values()))


Misfit = tuple[str, str, str, str]
"""The subject of a message, what was expected, what came, and what to do."""


def misfit(function: Callable[..., object], args: tuple[object, ...], options: Mapping[str, object]) -> Misfit | None:
    """Why a function cannot be called like this; None where it can, or where nobody knows its parameters."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # of builtins
        return None
    subject = _name_of(function)
    kinds = inspect.Parameter
    named = [name for name, p in parameters.items() if p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)]
    placed = [name for name, p in parameters.items() if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    open_ended = {p.kind for p in parameters.values()}
    if kinds.VAR_KEYWORD not in open_ended:
        for name, value in options.items():
            if name not in named:
                return subject, *_explain_keyword(name, value, named, placed[: len(args)])
    if kinds.VAR_POSITIONAL not in open_ended and len(args) > len(placed):
        return subject, *_explain_surplus(args[len(placed) :], placed, named)
    for name in placed[: len(args)]:
        if name in options:
            return subject, f"{name} once", "it twice", "pass it once"
    given = {*placed[: len(args)], *options}
    missing = [
        name
        for name, p in parameters.items()
        if p.default is p.empty and p.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD) and name not in given
    ]
    if missing:
        return subject, _join_keywords(missing), "none", f"pass {_join_keywords(missing)}"
    return None


def _name_of(function: Callable[..., object]) -> str:
    name = getattr(function, "__name__", None) or repr(function)
    # A class is called by its own name.
    return function.__qualname__.split(".")[-2] if name == "__init__" else name


def _explain_keyword(name: str, value: object, named: list[str], taken: list[str]) -> tuple[str, str, str]:
    got = f"{shortened(printable(name), 80)}={quoted(value)}"
    ours = [each for each in _KEYWORDS.get(name, ()) if each in named and each not in taken]
    # A size is all of its sides; of other words for one thing a function has one.
    ours = ours if ours[:1] in (["height"], ["left"]) else ours[:1]
    if ours:
        return _join_keywords(ours), got, f"pass {_join_keywords(ours)}"
    near = nearest(name, named)
    free = [each for each in named if each not in near and each not in taken]
    if not [*near, *free]:
        return "no keywords", got, "leave it out"
    return (
        f"one of {', '.join(f'{each}=' for each in [*near, *free])}",
        got,
        f"pass {near[0]}=" if near else "pass these",
    )


def _explain_surplus(extra: tuple[object, ...], placed: list[str], named: list[str]) -> tuple[str, str, str]:
    pair = extra[0] if isinstance(extra[0], (tuple, list)) else extra
    if {"height", "width"} <= {*named} and len(pair) == 2 and all(isinstance(side, (int, float)) for side in pair):
        return "height= and width=", f"{quoted(pair)} without names", "pass height= and width="
    own = [name for name in placed if name != "self"]
    most = f"only {' and '.join(own)} without a name" if own else "no argument without a name"
    others = [f"{name}=" for name in named if name not in placed]
    remedy = f"pass it as {', '.join(others)}" if len(others) < 2 else f"pass it as one of {', '.join(others)}"
    return most, f"{quoted(extra[0])} too" if own else quoted(extra[0]), remedy if others else "leave it out"


def _join_keywords(names: list[str]) -> str:
    return " and ".join(f"{name}=" for name in names)
