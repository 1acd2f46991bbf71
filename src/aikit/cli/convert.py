"""`aikit convert`: files or folders into another format, in parallel."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import InputValueError, quoted
from ..folders import Recipe, Report
from ..folders.converting import Progress, convert_jobs
from ..folders.planning import Job, files_of, job_of
from ..folders.reporting import Failure
from .untrusted import add_untrusted, limits_of

# Seconds between the lines that tell of a long run where there is no terminal.
_EVERY = 30.0


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "convert",
        help="convert files or folders: format, size, transparency, margins",
        description="Convert pictures. The operations run in this order: make transparent, trim, resize, flatten, write. "
        "Pictures come out upright and in sRGB; 16-bit depth is kept where the new format can. Of an animation "
        "the first frame is converted, of a TIFF the first page. A folder remembers what is done in "
        ".aikit-manifest.sqlite: the same command again does the rest.",
    )
    parser.add_argument("sources", nargs="+", metavar="SRC", help="files, or folders with all that is in them")
    parser.add_argument("out", metavar="OUT", help="a file name with a suffix for one picture, else a folder")
    parser.add_argument("--to", metavar="EXT", help="the format, such as webp; by default what each file's suffix says")
    parser.add_argument("--make-transparent", metavar="COLOR", help="make this color transparent")
    parser.add_argument("--tolerance", type=float, metavar="T", help="how far off that color may be, 0 to 1")
    parser.add_argument("--feather", type=float, metavar="T", help="how soft its edge is, 0 to 1")
    parser.add_argument("--trim", action="store_true", help="cut off transparent margins")
    parser.add_argument("--resize", metavar="SIZE", help="1024 (width), x768 (height), 1024x768 or 50%%")
    parser.add_argument("--flatten", metavar="COLOR", help="lay over a color, or 'checker', and drop the alpha channel")
    parser.add_argument("--quality", type=int, metavar="N", help="1 to 100, for JPEG, WebP and AVIF")
    parser.add_argument("--lossless", action="store_true", default=None, help="for WebP")
    parser.add_argument("--allow-truncated", action="store_true", help="take what is there of a file that is cut off")
    add_untrusted(parser)
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    existing.add_argument("--skip-existing", action="store_true", help="leave files that are there already")
    parser.add_argument("--retry-failed", action="store_true", help="try again what failed in an earlier run")
    parser.add_argument("--digest", action="store_true", help="know files by their content, not by size and time")
    parser.add_argument("--report", metavar="FILE", help="write counts, and failures with their codes, as JSON")
    parser.add_argument("--jobs", type=int, metavar="N", help="pictures at a time; by default one a core")
    parser.add_argument("--engine", choices=["local", "ray"], default="local", help="where it runs (default: local)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Convert everything; what fails is listed at the end and makes the status 1."""
    with _named_as_options():
        recipe = Recipe(
            _steps(options),
            to=options.to,
            quality=options.quality,
            lossless=options.lossless,
            allow_truncated=options.allow_truncated,
        )
    to_file, existing = _names_a_file(options), "skip" if options.skip_existing else "refuse"
    with _progress() as progress, _named_as_options():
        report = convert_jobs(
            _jobs(options, to_file),
            None if to_file else Path(options.out),
            recipe,
            where=", ".join(options.sources),
            workers=options.jobs,
            limits=limits_of(options),
            existing="overwrite" if options.overwrite else existing,  # type: ignore[arg-type]
            retry_failed=options.retry_failed,
            by_digest=options.digest,
            engine=options.engine,
            progress=progress,
        )
    _tell(report)
    if options.report is not None:
        from .._io import write_bytes

        write_bytes(options.report, report.to_json().encode() + b"\n")
    return 1 if report.failures else 0


def _tell(report: Report) -> None:
    skipped = [f"{report.skipped} skipped"] if report.skipped else []
    print(", ".join([f"{report.done} converted", *skipped, f"{report.failed} failed"]))
    for failure in report.failures:
        message = _in_options(failure.message)
        print(f"  {message if failure.path in message else f'{failure.path}: {message}'}", file=sys.stderr)


# ---------------------------------------------------------------- what to do


def _steps(options: argparse.Namespace) -> list[tuple[str, dict[str, Any]]]:
    """The operations, in the order the help promises."""
    steps: list[tuple[str, dict[str, Any]]] = []
    shades = {"tolerance": options.tolerance, "feather": options.feather}
    given = {name: value for name, value in shades.items() if value is not None}
    if options.make_transparent is not None:
        steps.append(("make_transparent", {"color": options.make_transparent, **given}))
    elif given:
        raise InputValueError(
            "--tolerance, --feather", "beside --make-transparent", "them alone", "add --make-transparent COLOR"
        )
    if options.trim:
        steps.append(("trim", {}))
    if options.resize is not None:
        steps.append(("resize", _size(options.resize)))
    if options.flatten is not None:
        steps.append(("flatten", {"background": options.flatten}))
    return steps


def _size(text: str) -> dict[str, Any]:
    """What --resize says."""
    if match := re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", text):
        return {"scale": float(match[1]) / 100}
    match = re.fullmatch(r"([0-9]+)?(?:x([0-9]+))?", text)
    if not text or match is None:
        raise InputValueError("--resize", "a size", quoted(text), "pass 1024, x768, 1024x768 or 50%")
    sides = {"width": match[1], "height": match[2]}
    return {name: int(side) for name, side in sides.items() if side is not None}


def _jobs(options: argparse.Namespace, to_file: bool) -> Iterator[Job | Failure]:
    """The files to convert and where each goes."""
    out, suffix = Path(options.out), None if options.to is None else "." + options.to.lower().lstrip(".")
    for found in files_of(map(Path, options.sources), out):
        if isinstance(found, Failure):
            yield found
        else:
            source, place = found
            yield job_of(source, out if to_file else out / (place if suffix is None else place.with_suffix(suffix)))


def _names_a_file(options: argparse.Namespace) -> bool:
    """Whether OUT is the new name of the one picture; else it is a folder."""
    from .._raster import capabilities, format_of_suffix

    out, suffix = options.out, os.path.splitext(options.out)[1]
    if os.path.isdir(out) or not suffix:  # "out.png/" has none
        return False
    named = format_of_suffix(suffix)
    if len(options.sources) > 1 or os.path.isdir(options.sources[0]):
        if named is not None:
            raise InputValueError(
                "OUT", "a folder for several pictures", quoted(out), f"name a folder and pass --to {named}"
            )
        return False
    if options.to is None:
        with _named_as_options(format="OUT"):
            capabilities(suffix)
        return True
    if named is not None and named != capabilities(options.to).name:
        raise InputValueError("--to", f"{named}, as {out} says", options.to, "leave it out, or rename OUT")
    return named is not None


# ---------------------------------------------------------------- mistakes in the options

_OPTIONS = {
    "color": "--make-transparent", "tolerance": "--tolerance", "feather": "--feather", "background": "--flatten",
    "quality": "--quality", "lossless": "--lossless", "format": "--to", "to": "--to", "workers": "--jobs",
    "height": "--resize", "width": "--resize", "scale": "--resize", "engine": "--engine", "src": "SRC",
}  # fmt: skip

# Where the library names its arguments the command names its options.
_ADVICE = {
    'call flatten(image, background="white")': "pass --flatten white",
    "pass allow_truncated=True": "pass --allow-truncated",
    "pass overwrite=True to replace it": "pass --overwrite or --skip-existing",
    "pass workers=1": "pass --jobs 1",
    "name one with Recipe(to=...)": "pass --to",
}


@contextlib.contextmanager
def _named_as_options(**names: str) -> Iterator[None]:
    """Errors name the option where the library names its argument."""
    try:
        yield
    except InputValueError as error:
        subject, colon, rest = str(error).partition(":")
        raise InputValueError(f"{({**_OPTIONS, **names}).get(subject, subject)}{colon}{rest}") from error


def _in_options(message: str) -> str:
    for theirs, ours in _ADVICE.items():
        message = message.replace(theirs, ours)
    return message


# ---------------------------------------------------------------- progress


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A progress bar on a terminal's error stream; elsewhere a line now and then."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bar, TextColumn

    columns = TextColumn("converting"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[state]}")
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        started = time.monotonic()
        task = bar.add_task("", total=None, state="")

        def show(report: Report, total: int) -> None:
            ready, rate, left = _speed(report, total, started)
            failed = f", {report.failed} failed" if report.failed else ""
            state = f"{rate:.{0 if rate >= 10 else 1}f}/s, {dt.timedelta(seconds=round(left))} left{failed}"
            bar.update(task, total=total, completed=ready, state=state)

        yield show


def _lines() -> Progress:
    started = last = time.monotonic()

    def show(report: Report, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _EVERY:
            return
        last = now
        ready, rate, left = _speed(report, total, started)
        line = f"{ready}/{total}, {report.failed} failed, {rate:.1f} a second, {left:.0f} seconds left"
        print(f"aikit convert: {line}", file=sys.stderr)

    return show


def _speed(report: Report, total: int, started: float) -> tuple[int, float, float]:
    """How many files are ready, how many were worked on in a second, and the seconds left at that rate."""
    ready, worked = report.done + report.failed + report.skipped, report.done + report.failed
    rate = worked / max(time.monotonic() - started, 1e-9)
    return ready, rate, (total - ready) / rate
