"""`aikit convert`: files or folders into another format, in parallel; its options are the operations, and make a recipe."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from ..errors import InputValueError, quoted
from ..recipe import Recipe
from ..recipe.options import ChannelKind, Metadata, OnBadProfile, Profile, Subsampling
from ..recipe.text import parse_keywords, parse_value
from .many import Words, add_folder_options, add_sources, convert_all, named_as_options

if TYPE_CHECKING:
    from ..operations import Operation

# The operations run in this order, whatever that of the options is; those of one's own between the two halves.
_FIRST = (
    "make_transparent", "color_to_alpha", "estimate_foreground", "trim", "crop", "flip", "rot90", "rotate", "warp_affine",
    "warp_perspective", "resize", "fit", "thumbnail", "upsample", "blur", "sharpen", "pad",
)  # fmt: skip
_LAST = ("unpremultiply", "premultiply", "flatten", "gray_to_rgb", "rgb_to_gray", "convert_color")

# What an option is called in the help, and operations that have one though nothing is required.
_METAVARS = {
    "resize": "SIZE", "flatten": "COLOR", "make_transparent": "COLOR", "color_to_alpha": "COLOR", "crop": "BOX",
    "flip": "AXIS", "rot90": "K", "fit": "SIZE", "thumbnail": "SIDE", "sharpen": "STRENGTH", "pad": "MARGIN",
}  # fmt: skip
# What a value alone is for, where it is not the first parameter.
_MAIN = {"crop": "box"}
_HELP = {
    "make_transparent": "make this color transparent",
    "trim": "cut off transparent margins",
    "resize": "1024 (width), x768 (height), 1024x768 or 50%%",
    "crop": "[left,top,right,bottom], or a middle by 'width=640 height=480'",
    "flip": "horizontal swaps left and right, vertical top and bottom",
    "rot90": "turn by so many quarter turns, counter-clockwise",
    "rotate": "turn by so many degrees, counter-clockwise",
    "fit": "640x480 (width x height) to fit within; 'width=640 height=480 how=cover' and its like",
    "thumbnail": "make the longer side no longer than this",
    "pad": "so many pixels on each side, or 'left=10 fill=white' and its like",
    "flatten": "lay over a color, or 'checker', and drop the alpha channel",
}
# Keywords with options of their own.
_KEYWORDS = {"tolerance": "how far off that color may be, 0 to 1", "feather": "how soft its edge is, 0 to 1"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], *, with_operations: bool = True) -> None:
    """Add the subcommand to the parser; the operations only where they are asked for, for they load NumPy."""
    parser = commands.add_parser(
        "convert",
        help="convert files or folders: format, size, transparency, margins",
        description="Convert pictures. The operations run in this order: make transparent, trim, crop, turn, resize, blur, pad, "
        "flatten, write; aikit run takes them in any order. "
        "Pictures come out upright and in sRGB; 16-bit depth is kept where the new format can. All frames of an "
        "animation are converted, or a line says how many are left. A folder remembers what is done in "
        ".aikit-manifest.sqlite: the same command again does the rest.",
    )
    add_sources(parser)
    parser.add_argument("--to", metavar="EXT", help="the format, such as webp; by default what each file's suffix says")
    if with_operations:
        _add_operations(parser)
    parser.add_argument("--quality", type=int, metavar="N", help="1 to 100, for JPEG, WebP, AVIF and JPEG XL")
    parser.add_argument("--lossless", action="store_true", default=None, help="for WebP")
    parser.add_argument(
        "--subsampling",
        choices=get_args(Subsampling),
        help="how JPEG and AVIF store color; JPEG: 4:4:4 from quality 90",
    )
    parser.add_argument("--progressive", action="store_true", default=None, help="JPEG in several passes")
    parser.add_argument(
        "--effort",
        type=int,
        metavar="N",
        help="time for a smaller file: PNG 0 to 9, WebP 0 to 6, AVIF 0 to 10, JXL 1 to 9",
    )
    parser.add_argument("--optimize", action="store_true", default=None, help="smaller JPEG and PNG of the same pixels")
    parser.add_argument("--palette", type=int, metavar="N", help="PNG of that many colors at most, 2 to 256")
    parser.add_argument(
        "--metadata", choices=get_args(Metadata), default="keep",
        help="what stands beside the pixels: public leaves out places, owners and serial numbers, strip all but the profile",
    )  # fmt: skip
    parser.add_argument(
        "--profile", choices=get_args(Profile), default="srgb",
        help="ignore takes the codes as they are, display-p3 writes in that space",
    )  # fmt: skip
    parser.add_argument(
        "--on-bad-profile", choices=get_args(OnBadProfile), default="raise",
        help="warn takes the codes of a file for sRGB whose profile is damaged",
    )  # fmt: skip
    parser.add_argument("--frame", type=int, metavar="N", help="the frame of an animation, or the page, counted from 0")
    parser.add_argument(
        "--channels", choices=get_args(ChannelKind), default="color",
        help="data takes the numbers of TIFF and PNG files as they are, any number of planes",
    )  # fmt: skip
    parser.add_argument("--allow-truncated", action="store_true", help="take what is there of a file that is cut off")
    add_folder_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Convert everything; what fails is listed at the end and makes the status 1."""
    words = _make_words()
    with named_as_options(words):
        recipe = Recipe(
            list(_make_steps(options)),
            to=options.to,
            quality=options.quality,
            lossless=options.lossless,
            allow_truncated=options.allow_truncated,
            metadata=options.metadata,
            profile=options.profile,
            on_bad_profile=options.on_bad_profile,
            frame=options.frame,
            subsampling=options.subsampling,
            progressive=options.progressive,
            effort=options.effort,
            optimize=options.optimize,
            palette=options.palette,
            channels=options.channels,
        )
    return convert_all(options, recipe, words)


# ---------------------------------------------------------------- options from operations


def _list_operations() -> list[Operation]:
    """All operations in the order in which they run."""
    from .. import operations

    own = [name for name in operations.names() if name not in (*_FIRST, *_LAST)]
    return [operations.get(name) for name in (*_FIRST, *own, *_LAST)]


def _add_operations(parser: argparse.ArgumentParser) -> None:
    """One option an operation: with its main parameter, or several as name=value; a flag where it needs none."""
    group = parser.add_argument_group(
        "operations", "An option that takes a value takes several as well, in quotes: --resize 'width=512 method=area'."
    )
    for operation in _list_operations():
        summary = _HELP.get(operation.name) or operation.summary.rstrip(".").replace("%", "%%")
        if _find_main(operation) is None:
            group.add_argument(
                _name_option(operation.name), dest=_name_place(operation), action="store_true", help=summary
            )
        else:
            metavar = _METAVARS.get(operation.name) or str(_find_main(operation)).upper()
            group.add_argument(_name_option(operation.name), dest=_name_place(operation), metavar=metavar, help=summary)
        if operation.name == "make_transparent":
            for name, text in _KEYWORDS.items():
                group.add_argument(_name_option(name), type=float, metavar="T", help=text)


def _find_main(operation: Operation) -> str | None:
    """The parameter that a value alone is for."""
    required = [each.name for each in operation.parameters if each.required]
    if operation.name in _MAIN:
        return _MAIN[operation.name]
    if required or operation.name in _METAVARS:
        return (required or [each.name for each in operation.parameters])[0]
    return None


def _name_option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _name_place(operation: Operation) -> str:
    return f"operation {operation.name}"  # no name of another option


def _make_steps(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, object]]]:
    """The operations asked for, in the order the help promises."""
    shades = {name: value for name in _KEYWORDS if (value := getattr(options, name)) is not None}
    for operation in _list_operations():
        given = getattr(options, _name_place(operation))
        if operation.name == "make_transparent" and given is None and shades:
            raise InputValueError(
                "--tolerance, --feather", "beside --make-transparent", "them alone", "add --make-transparent COLOR"
            )
        if given is True:
            yield operation.name, {}
        elif given not in (None, False):
            keywords = _read_keywords(operation, given)
            yield operation.name, {**keywords, **shades} if operation.name == "make_transparent" else keywords


def _read_keywords(operation: Operation, given: str) -> dict[str, object]:
    """Read what stands behind an option: name=value, or a value of the main parameter."""
    if re.match(r"\s*[A-Za-z_]\w*=", given):
        with named_as_options(({"recipe": _name_option(operation.name)}, {})):
            return parse_keywords(given)
    if operation.name in ("resize", "fit"):
        return _read_size(given, _name_option(operation.name))
    if operation.name == "pad":
        return dict.fromkeys(("left", "right", "top", "bottom"), parse_value(given))
    main = _find_main(operation)
    parameter = next(each for each in operation.parameters if each.name == main)
    # A word stays one where only words will do: the color "000" is no number.
    return {parameter.name: given if "string" in parameter.type and given[:1] != "[" else parse_value(given)}


def _read_size(text: str, option: str) -> dict[str, object]:
    """Read what --resize and --fit say."""
    if match := re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", text):
        return {"scale": float(match[1]) / 100}
    match = re.fullmatch(r"([0-9]+)?(?:x([0-9]+))?", text)
    if not text or match is None:
        raise InputValueError(option, "a size", quoted(text), "pass 1024, x768, 1024x768, 50% or width=1024")
    sides = {"width": match[1], "height": match[2]}
    return {name: int(side) for name, side in sides.items() if side is not None}


def _make_words() -> Words:
    """What the options are called, by what the library calls them."""
    same = ("quality", "lossless", "frame", "subsampling", "progressive", "effort", "optimize", "palette")
    subjects = {"format": "--to", "to": "--to"} | {name: f"--{name}" for name in same}
    for operation in _list_operations():
        option = _name_option(operation.name)
        subjects[operation.name] = option
        for each in operation.parameters:
            own = operation.name == "make_transparent" and each.name in _KEYWORDS
            subjects[f"{operation.name}.{each.name}"] = _name_option(each.name) if own else option
    remedies = {
        "allow_truncated": "fetch the file again, or pass --allow-truncated to read what is there",
        "flatten": "pass --flatten white first, or write PNG or WebP",
        "profile": "pass --profile ignore to take the codes as they are, or --on-bad-profile warn",
        "to": "pass --to",
    }
    return subjects, remedies
