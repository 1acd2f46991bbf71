"""Which installed fonts take the places of CSS's generic families.

resvg draws nothing, and says nothing, where a family is not installed and the generic ones lead nowhere.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from .._fonts import SANS, font_files

__all__ = ["families", "with_generic"]

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
