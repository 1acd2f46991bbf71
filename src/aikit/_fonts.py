"""The fonts that are installed, and one that has the letters of a text."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from PIL import ImageFont

    Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

__all__ = ["SANS", "SUFFIXES", "find_font", "font_files", "missing_letters"]

# File names, without suffix and in lower case, of the sans-serif fonts that browsers use, then of what free systems have.
SANS = """
    arial helvetica helveticaneue liberationsans-regular arimo-regular segoeui dejavusans notosans-regular
    opensans-regular roboto-regular ubuntu-r freesans
    """

SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")

# No letter is assigned here (Unicode 16, section 23.7): every font shows what it shows for letters that it has not.
_NO_LETTER = "\uffff"


def font_files() -> Iterator[tuple[str, Path]]:
    """The files of fonts, each with its name without suffix and in lower case."""
    for folder in _folders():
        for place, _, names in os.walk(folder):
            for name in names:
                stem, suffix = os.path.splitext(name)
                if suffix.lower() in SUFFIXES:
                    yield stem.lower().replace(" ", ""), Path(place, name)


def _folders() -> list[Path]:
    """Where resvg looks for fonts too."""
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", str(home))
        return [Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "Fonts"), Path(local, "Microsoft/Windows/Fonts")]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    return [
        *(Path(place, "fonts") for place in ("/usr/share", "/usr/local/share", home / ".local/share")),
        home / ".fonts",
    ]


def find_font(text: str, size: float) -> Font:
    """The font that has the most letters of a text: Pillow's own where it has all of them, else an installed one."""
    from PIL import ImageFont

    letters = frozenset(text) - frozenset(" \n\t")
    own = ImageFont.load_default(size)
    if _count_missing(None, letters) == 0:
        return own
    path = _find_file(letters)
    return own if path is None else ImageFont.truetype(path, size)


def missing_letters(text: str, others: Iterable[str] = ()) -> list[str]:
    """The letters of a text that no installed font has, nor any of the other files, in their order.

    Marks, blanks and controls have no shape of their own and are not among them.
    """
    missing = [letter for letter in dict.fromkeys(text) if _has_shape(letter)]
    for path in (*others, *_ordered_files()):
        if not missing:
            break
        missing = [letter for letter in missing if _lacks(path, letter)]
    return missing


def _has_shape(letter: str) -> bool:
    kind = unicodedata.category(letter)
    return kind[0] not in "CZM" or kind == "Co"  # letters for private use are icons


def _lacks(path: str, letter: str) -> bool:
    try:
        return _is_missing(path, letter)
    except OSError:  # a damaged font has none
        return True


@lru_cache(maxsize=256)
def _find_file(letters: frozenset[str]) -> str | None:
    """The installed font without which fewest of these letters are missing; None where that is Pillow's own."""
    best, fewest = None, _count_missing(None, letters)
    for path in _ordered_files():
        missing = _count_missing(path, letters)
        if missing < fewest:
            best, fewest = path, missing
        if fewest == 0:
            break
    return best


@lru_cache(maxsize=1)
def _ordered_files() -> tuple[str, ...]:
    """Sans-serif fonts that are known first, then others without a style in their name."""
    known = {name: rank for rank, name in enumerate(SANS.split())}
    styled = ("bold", "italic", "oblique", "light", "condensed", "mono", "serif")

    def rank(item: tuple[str, Path]) -> tuple[int, int, str]:
        return known.get(item[0], len(known)), sum(word in item[0] for word in styled), item[0]

    return tuple(str(path) for _, path in sorted(font_files(), key=rank))


def _count_missing(path: str | None, letters: frozenset[str]) -> int:
    """How many of these letters a font shows as it shows one that it has not."""
    try:
        return sum(_is_missing(path, letter) for letter in letters)
    except OSError:  # a damaged font has none of them
        return len(letters)


@lru_cache(maxsize=4096)
def _is_missing(path: str | None, letter: str) -> bool:
    return _shape(path, letter) == _shape(path, _NO_LETTER)


@lru_cache(maxsize=4096)
def _shape(path: str | None, letter: str) -> tuple[tuple[int, ...], bytes]:
    from PIL import ImageFont

    font = ImageFont.load_default(24) if path is None else _open(path)
    mask = font.getmask(letter)
    return tuple(mask.size), bytes(mask)


def _open(path: str) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    try:
        return ImageFont.truetype(path, 24)
    except OSError:  # pictures of one size, as in fonts of emoji
        return ImageFont.truetype(path, 109)
