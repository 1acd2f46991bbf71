"""Which installed fonts take the places of CSS's generic families, and the shorthand `font`.

resvg draws nothing, and says nothing, where a family is not installed and the generic ones lead nowhere.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .._fonts import SANS, SUFFIXES, font_files, missing_letters
from ..errors import FileAccessError, InputTypeError, InputValueError, quoted
from .css import Node
from .css_numbers import significant
from .source import SVG

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["FontSource", "check_fonts", "families", "files_in", "split_font", "unreadable", "with_generic"]

# File names, without suffix and in lower case, of what browsers use, then of what free systems have instead.
_SERIF = """
    times timesnewroman liberationserif-regular tinos-regular georgia dejavuserif notoserif-regular freeserif
    """
_MONOSPACE = """
    cour couriernew liberationmono-regular cousine-regular consola menlo dejavusansmono notosansmono-regular
    ubuntumono-r freemono
    """
_CURSIVE, _FANTASY = "comic comicsansms comicneue-regular", "impact anton-regular"


FontSource = str | os.PathLike[str]


def check_fonts(fonts: Sequence[FontSource] | None) -> tuple[str, ...]:
    """Files of fonts and folders that hold some, as absolute paths.

    Raises:
        InputTypeError: not a list of paths.
        FileAccessError: there is no such file.
        InputValueError: a folder holds no font, or a file is none.
    """
    if fonts is None:
        return ()
    if isinstance(fonts, (str, bytes, os.PathLike)) or not isinstance(fonts, Sequence):
        raise InputTypeError("fonts", "a list of files and folders", quoted(fonts), "put it in a list")
    return tuple(_check_font(each) for each in fonts)


def _check_font(font: object) -> str:
    if not isinstance(font, (str, os.PathLike)):
        raise InputTypeError("fonts", "paths", quoted(font), "pass a str or a pathlib.Path")
    path = Path(os.fsdecode(font)).absolute()
    if not path.exists():
        raise FileAccessError(
            str(path), "a font or a folder of fonts", "nothing there", "check the path", filename=str(path)
        )
    if not files_in([str(path)]):
        raise InputValueError(
            "fonts", ".ttf, .otf, .ttc or .otc files", quoted(str(path)), "pass such files, or a folder with some"
        )
    return str(path)


def files_in(fonts: Iterable[str]) -> list[str]:
    """The files that files and folders of fonts are."""
    found: list[str] = []
    for each in fonts:
        path = Path(each)
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [str(file) for file in inside if file.suffix.lower() in SUFFIXES]
    return found


@lru_cache(maxsize=1)
def families() -> dict[str, str] | None:
    """The family for each generic name, as resvg_py's arguments; None on a machine without fonts."""
    files = dict(font_files())
    serif = _family(files, _SERIF)
    sans = _family(files, SANS) or serif
    monospace = _family(files, _MONOSPACE) or sans
    serif = serif or sans or monospace or _any(files)
    if serif is None:
        return None
    sans = sans or serif
    return {
        # What a browser shows where nothing is asked for, or nothing that is installed.
        "font_family": serif,
        "serif_family": serif,
        "sans_serif_family": sans,
        "monospace_family": monospace or sans,
        "cursive_family": _family(files, _CURSIVE) or sans,
        "fantasy_family": _family(files, _FANTASY) or sans,
    }


_SHOWN = 8


def unreadable(root: _Element, fonts: Iterable[str] = ()) -> Counter[str]:
    """Letters of texts that no font at hand has, as a line: a renderer draws boxes, or nothing."""
    text = "".join(part for each in root.iter(f"{{{SVG}}}text") for part in each.itertext())
    if text.isascii():
        return Counter()
    missing = missing_letters("".join(letter for letter in text if not letter.isascii()), files_in(fonts))
    shown = " ".join(f"{letter} U+{ord(letter):04X}" for letter in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    return Counter([f"letters that no font at hand has: {shown}{more}"] if missing else [])


# Families that most files name and many machines lack; a browser knows what kind of letters they have.
_KNOWN_SANS = frozenset(
    """
    arial helvetica helveticaneue verdana tahoma trebuchetms segoeui calibri roboto opensans lato montserrat inter ubuntu
    notosans myriadpro futura gillsans geneva system-ui -apple-system blinkmacsystemfont ui-sans-serif
    """.split()
)
_KNOWN_MONOSPACE = frozenset(
    "couriernew courier consolas menlo monaco robotomono sourcecodepro firacode ui-monospace sfmono-regular".split()
)
_GENERIC = frozenset(["serif", "sans-serif", "monospace", "cursive", "fantasy"])


def with_generic(value: str) -> str:
    """A list of font families with the generic one behind it that the first known of them belongs to."""
    names = ["".join(name.split()).strip("\"'").lower() for name in value.split(",")]
    for name in names:
        if name in _GENERIC:
            return value
        if name in _KNOWN_SANS:
            return f"{value}, sans-serif"
        if name in _KNOWN_MONOSPACE:
            return f"{value}, monospace"
    return value


def _family(files: dict[str, Path], wanted: str) -> str | None:
    return next(filter(None, (_name_in(files[stem]) for stem in wanted.split() if stem in files)), None)


def _any(files: dict[str, Path]) -> str | None:
    return next(filter(None, (_name_in(files[stem]) for stem in sorted(files))), None)


def _name_in(path: Path) -> str | None:
    """The family that a font file says it is."""
    from PIL import ImageFont

    try:
        return ImageFont.truetype(str(path), 10).getname()[0]
    except OSError:
        return None


# ---------------------------------------------------------------- the shorthand

_FONT_WORDS = {
    "font-style": {"italic", "oblique"},
    "font-variant": {"small-caps"},
    "font-weight": {"bold", "bolder", "lighter"},
    "font-stretch": set(
        "ultra-condensed extra-condensed condensed semi-condensed semi-expanded expanded extra-expanded ultra-expanded".split()
    ),
}
_SIZES = set("xx-small x-small small medium large x-large xx-large xxx-large smaller larger".split())


def split_font(text: str) -> dict[str, str] | None:
    """`italic bold 12px/1.5 Arial, sans-serif` as properties (CSS Fonts 4, section 2.7); None for system fonts."""
    import tinycss2

    tokens = significant(tinycss2.parse_component_value_list(text))
    found = {"font-style": "normal", "font-variant": "normal", "font-weight": "normal", "font-stretch": "normal"}
    for at, token in enumerate(tokens):
        word = token.lower_value if token.type == "ident" else ""
        kind = next((name for name, words in _FONT_WORDS.items() if word in words), None)
        if kind is not None:
            found[kind] = word
        elif token.type == "number":
            found["font-weight"] = tinycss2.serialize([token])
        elif word == "normal":
            continue
        elif word in _SIZES or token.type in ("dimension", "percentage", "function"):
            rest = tokens[at + 1 :]
            if rest and rest[0].type == "literal" and rest[0].value == "/":
                rest = rest[2:]
            if not rest:
                return None
            family = "".join(_with_blank(one) for one in rest).strip()
            return {**found, "font-size": tinycss2.serialize([token]), "font-family": family}
        else:
            return None
    return None


def _with_blank(token: Node) -> str:
    import tinycss2

    return ", " if token.type == "literal" and token.value == "," else f" {tinycss2.serialize([token])}"
