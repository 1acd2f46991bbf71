"""All pictures of a folder at one look."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .._check import integer, one_of
from .._foreign_names import explain_calls
from .._io import read_bytes
from .._warnings import keep_warnings
from ..errors import AikitError, InputTypeError, InputValueError
from ..isolation import guarded, processors, register_record
from ..limits import Limits
from .planning import check_sources, find_files
from .reporting import Failure, Notice

if TYPE_CHECKING:
    from PIL import Image

    from ..show.sheet import Cell

__all__ = ["contact_sheet"]

_log = logging.getLogger("aikit")

Sources = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

# Cells smaller than this have no room for a word.
_LEAST = 32
# The background of a picture that is not there.
_NOTHING, _CROSS = "#e8e8e8", "#949494"


@dataclass(frozen=True, slots=True)
class _Small:
    """A picture as its cell shows it: RGB, and what has to be known beside it."""

    rgb: bytes
    width: int
    height: int
    what: str
    notes: tuple[str, ...]


register_record(_Small)


@explain_calls
def contact_sheet(
    src: Sources,
    *,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    side: int = 240,
    limits: Limits | None = None,
    workers: int | None = None,
    on_error: Literal["mark", "raise"] = "mark",
    failures: list[Failure] | None = None,
) -> Image.Image:
    """Lay the pictures of a folder, or of any list of files, out on one labelled sheet.

    Every cell has the file's name, its size as (width x height) and its format. Pictures are upright, transparency is over a
    checkerboard, dark 16-bit data and masks are stretched as by `show`, of an animation the first frame is shown.

    Args:
        src: a folder, with all pictures in it and in the folders in it; a file; or a list of these, in their order.
        titles: one line for each picture; by default its name.
        columns: pictures in a row; by default a sheet a little wider than high.
        side: the longest side of a picture on the sheet, 32 pixels or more.
        limits: what a file may cost, `Limits()` for files from strangers, which child processes read then.
        workers: pictures at a time; one a processor where left out.
        on_error: "mark" leaves a gray cell that says why for a file that cannot be read; "raise" raises its error.
        failures: a list that receives a `Failure` for each such file; without one, the logger "aikit" is told.

    Returns:
        The sheet, a PIL image of mode RGB. `sheet.info["alt"]` describes it for those who cannot see it.

    Raises:
        InputTypeError: not a path, or an option of the wrong type.
        InputValueError: no picture, another number of titles than of pictures, or more than fit on a sheet of 100 million pixels.
        AikitError: with `on_error="raise"`, what is wrong with a file.

    Example:
        >>> import pathlib, tempfile
        >>> from PIL import Image
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> Image.new("RGB", (60, 40), "red").save(folder / "red.png")
        >>> contact_sheet(folder).info["alt"]
        'Sheet of 1 picture. 1: red.png, 60x40 png.'
    """
    from ..show.sheet import check_titles, lay_out

    one_of("on_error", on_error, ("mark", "raise"))
    side = integer("side", side, _LEAST, remedy=f"pass {_LEAST} or more")
    columns = None if columns is None else integer("columns", columns, remedy="pass for instance 4")
    count = processors() if workers is None else integer("workers", workers, remedy="pass for instance 2")
    if failures is not None and not isinstance(failures, list):
        raise InputTypeError(
            "failures", "a list or None", type(failures).__name__, "pass an empty list, which is added to"
        )
    sources = [src] if isinstance(src, str | os.PathLike) else src
    if not isinstance(sources, Iterable):
        raise InputTypeError("src", "a path or a list of paths", type(src).__name__, "pass a folder")
    paths = list(_find_pictures(check_sources(sources)))
    _check_count(len(paths), side)
    names = [path.name for path in paths] if titles is None else check_titles(titles, len(paths))
    told: list[Failure] = []
    with ThreadPoolExecutor(count, thread_name_prefix="aikit-sheet") as pool:
        looks = pool.map(partial(_look, side=side, limits=limits), paths)
        cells = [_make_cell(*each, side, told) for each in zip(paths, names, looks, strict=True)]
    if told and on_error == "raise":
        assert told[0].error is not None
        raise told[0].error
    for failure in told if failures is None else ():
        _log.warning("%s", failure.message)
    if failures is not None:
        failures += told
    return lay_out(cells, columns, side=side)


def _find_pictures(sources: Iterable[Path]) -> Iterator[Path]:
    """The files; those in folders that bear the name of a picture and are none are among them."""
    for found in find_files(sources, None):
        if isinstance(found, Notice):
            _log.info("%s", found.message)
        else:
            yield Path(found.path) if isinstance(found, Failure) else found[0]


def _check_count(count: int, side: int) -> None:
    from ..show.sheet import MOST_PIXELS, area_of_cell

    if not count:
        raise InputValueError("src", "at least one picture", "none", "name a folder that has some")
    most = MOST_PIXELS // area_of_cell(side)
    if count > most:
        expected = f"at most {most:,} pictures of {side} pixels on a sheet"
        raise InputValueError("src", expected, f"{count:,}", "name fewer, or pass a smaller side", option="side")


def _look(path: Path, *, side: int, limits: Limits | None) -> _Small | AikitError:
    try:
        data = read_bytes(path, limits=limits)
        task = data, str(path), side, limits
        return guarded(_draw, *task, subject=str(path), limits=limits, isolate=limits is not None, expect=_Small)
    except AikitError as error:
        return error


def _draw(data: bytes, name: str, side: int, limits: Limits | None) -> _Small:
    from ..convert import to_numpy
    from ..files import probe_any, read_with_info
    from ..show.visible import make_visible, on_screen

    file = io.BytesIO(data)
    file.name = name
    with keep_warnings():  # of a profile that is damaged: the picture is seen all the same
        picture, _ = read_with_info(file, on_bad_profile="warn", limits=limits, at_least=(2 * side, 2 * side))
    header, _ = probe_any(data, name, limits)
    visible = make_visible(to_numpy(picture))
    small = on_screen(visible, side=side)
    width, height = header.width, header.height
    if header.orientation > 4:  # Exif 3.0, tag 274: 5 to 8 lie on their side
        width, height = height, width
    what = f"{width}x{height} {header.format}" + (f", {header.frames} frames" if header.frames > 1 else "")
    return _Small(small.tobytes(), small.width, small.height, what, visible.notes)


def _make_cell(path: Path, name: str, look: _Small | AikitError, side: int, told: list[Failure]) -> Cell:
    from PIL import Image

    from ..show.sheet import Cell

    if isinstance(look, AikitError):
        told.append(Failure.of(str(path), look))
        return Cell(_draw_nothing(side), name, (look.code,), f"{name}, not shown: {look.code}")
    picture = Image.frombytes("RGB", (look.width, look.height), look.rgb)
    notes = (look.what, *look.notes)
    return Cell(picture, name, notes, ", ".join([name, *notes]))


def _draw_nothing(side: int) -> Image.Image:
    """A gray place with a cross, for a file that cannot be shown."""
    from PIL import Image, ImageDraw

    size = side, round(side * 0.75)
    picture = Image.new("RGB", size, _NOTHING)
    draw = ImageDraw.Draw(picture)
    draw.line((0, 0, size[0] - 1, size[1] - 1), fill=_CROSS)
    draw.line((0, size[1] - 1, size[0] - 1, 0), fill=_CROSS)
    return picture
