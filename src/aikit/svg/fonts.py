"""Which installed fonts take the places of CSS's generic families, and the shorthand `font`.

resvg draws nothing, and says nothing, where a family is not installed and the generic ones lead nowhere.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from .._fonts import SANS, font_files
from .css import Node
from .css_numbers import significant

__all__ = ["families", "split_font", "with_generic"]

# File names, without suffix and in lower case, of what browsers use, then of what free systems have instead.
_SERIF = """
    times timesnewroman liberationserif-regular tinos-regular georgia dejavuserif notoserif-regular freeserif
    """
_MONOSPACE = """
    cour couriernew liberationmono-regular cousine-regular consola menlo dejavusansmono notosansmono-regular
    ubuntumono-r freemono
    """
_CURSIVE, _FANTASY = "comic comicsansms comicneue-regular", "impact anton-regular"


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
