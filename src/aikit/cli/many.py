"""Many files by one recipe: what `aikit convert` and `aikit run` share."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import AikitError, InputValueError, printable, quoted
from ..folders import Failure, Notice, Recipe, Report
from ..folders.converting import Existing, Progress, convert_jobs
from ..folders.planning import Job, check_out, check_sources, find_files, make_job
from ..folders.reporting import Cataloguer
from .streams import check_stream, convert_stream, is_stream
from .untrusted import add_untrusted, limits_of
from .wording import in_words

__all__ = ["Words", "add_folder_options", "add_sources", "convert_all", "import_operations", "named_as_options"]

# So many files that are no pictures, or lost frames, are named.
_MOST_NOTICES = 20

# Seconds between the lines that tell of a long run where there is no terminal.
_EVERY = 30.0

# What a command calls arguments of the library, and what to do in it, by the `option` of an error.
Words = tuple[Mapping[str, str], Mapping[str, str]]

_SUBJECTS = {"workers": "--jobs", "engine": "--engine", "src": "SRC", "out": "OUT"}
_REMEDIES = {"overwrite": "pass --overwrite or --skip-existing", "workers": "pass --jobs 1"}


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Add what is read and where it goes."""
    parser.add_argument(
        "sources", nargs="+", metavar="SRC", help="files, or folders with all that is in them; - for a pipe"
    )
    parser.add_argument(
        "out", metavar="OUT", help="a file name with a suffix for one picture, - for a pipe, else a folder"
    )


def add_folder_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that do not say what is done to a picture."""
    add_untrusted(parser)
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    existing.add_argument("--skip-existing", action="store_true", help="leave files that are there already")
    parser.add_argument("--retry-failed", action="store_true", help="try again what failed in an earlier run")
    parser.add_argument("--digest", action="store_true", help="know files by their content, not by size and time")
    parser.add_argument(
        "--keep-times", action="store_true", help="preserve the times of the last access and change of each source"
    )
    parser.add_argument("--report", metavar="FILE", help="write counts, and failures with their codes, as JSON")
    parser.add_argument(
        "--catalog", metavar="CATALOG", help="keep what became of each file: a file, or mysql://user@host/photos"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="pictures at a time; by default one a core")
    parser.add_argument("--engine", choices=["local", "ray"], default="local", help="where it runs (default: local)")
    _add_operations(parser)


def _add_operations(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--operations", action="append", metavar="MODULE", help="import a module that registers operations of your own"
    )


def import_operations(arguments: Sequence[str]) -> None:
    """Import the modules that --operations names, before the options that they bring are known."""
    from ..operations.registry import import_modules

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    _add_operations(parser)
    import_modules(parser.parse_known_args(arguments)[0].operations or [])


def convert_all(options: argparse.Namespace, recipe: Recipe, words: Words) -> int:
    """Convert everything; what fails is listed at the end and makes the status 1."""
    if is_stream(options):
        return _convert_one(options, recipe, words)
    existing: Existing = "overwrite" if options.overwrite else "skip" if options.skip_existing else "refuse"
    with _show_progress(options.command) as progress, named_as_options(words), _opened(options.catalog) as catalog:
        to_file = _names_a_file(options, recipe.to)
        report = convert_jobs(
            _find_jobs(options, recipe.to, to_file),
            None if to_file else Path(options.out),
            recipe,
            where=", ".join(options.sources),
            workers=options.jobs,
            limits=limits_of(options),
            existing=existing,
            retry_failed=options.retry_failed,
            by_digest=options.digest,
            keep_times=options.keep_times,
            engine=options.engine,
            progress=progress,
            catalog=catalog,
        )
    _tell(report, words)
    if options.report is not None:
        from .._io import write_bytes

        write_bytes(options.report, report.to_json().encode() + b"\n")
    return 1 if report.failures else 0


@contextlib.contextmanager
def _opened(address: str | None) -> Iterator[Cataloguer | None]:
    """The catalogue of a run, where one is named."""
    if address is None:
        yield None
        return
    from ..catalog import open_catalog

    with named_as_options(({"source": "--catalog"}, {})):
        catalog = open_catalog(address)
    with catalog:
        yield catalog


def _convert_one(options: argparse.Namespace, recipe: Recipe, words: Words) -> int:
    """Convert the picture that comes or goes through a pipe; nothing but it is printed there."""
    with named_as_options(words):
        check_stream(options)
        to = None
        if options.out != "-":
            if not _names_a_file(options, recipe.to):
                raise InputValueError(
                    "OUT", "a file name with a suffix", quoted(options.out), "name a file, or - for a pipe"
                )
            to = recipe.to or os.path.splitext(options.out)[1]
    try:
        remarks = convert_stream(options, recipe, to)
    except AikitError as error:
        print(f"aikit {options.command}: {_in_words(error, words)}", file=sys.stderr)
        return 1
    for remark in remarks:
        print(f"aikit {options.command}: {remark}", file=sys.stderr)
    return 0


@contextlib.contextmanager
def named_as_options(words: Words) -> Iterator[None]:
    """Errors name the option where the library names its argument."""
    try:
        yield
    except AikitError as error:
        raise _in_words(error, words) from error


def _in_words(error: AikitError, words: Words) -> AikitError:
    subjects, remedies = words
    return in_words(error, subjects={**_SUBJECTS, **subjects}, remedies={**_REMEDIES, **remedies})


def _tell(report: Report, words: Words) -> None:
    some = {"skipped": report.skipped, "left out": report.left}
    others = [f"{count} {what}" for what, count in some.items() if count]
    frames = f" ({report.frames} frames)" if report.frames else ""
    print(", ".join([f"{report.done} converted{frames}", *others, f"{report.failed} failed"]))
    for notice in report.notices[:_MOST_NOTICES]:
        print(f"  {notice.message}", file=sys.stderr)
    more = max(report.left, len(report.notices)) - _MOST_NOTICES
    if more > 0:
        print(f"  and {more} more like these; --report FILE names them", file=sys.stderr)
    for failure in report.failures:
        print(f"  {_format_failure(failure, words)}", file=sys.stderr)


def _format_failure(failure: Failure, words: Words) -> str:
    """Write a failure on one line, which names the file once."""
    if failure.error is None:  # of a manifest that has its message alone
        path = printable(failure.path)
        return failure.message if path in failure.message else f"{path}: {failure.message}"
    # Of a picture the subject is an argument of the library, not of the command.
    error = in_words(failure.error, remedies={**_REMEDIES, **words[1]})
    path = error.with_subject(failure.path).subject
    return str(error) if path == error.subject else f"{path}: {error}"


# ---------------------------------------------------------------- what goes where


def _find_jobs(options: argparse.Namespace, to: str | None, to_file: bool) -> Iterator[Job | Failure | Notice]:
    """Find the files to convert and where each goes."""
    out = check_out(options.out)
    for found in find_files(check_sources(options.sources), out):
        if isinstance(found, (Failure, Notice)):
            yield found
        else:
            source, place = found
            yield make_job(source, out if to_file else out / (place if to is None else place.with_suffix(f".{to}")))


def _names_a_file(options: argparse.Namespace, to: str | None) -> bool:
    """Whether OUT is the new name of the one picture; else it is a folder."""
    from .._raster import capabilities, format_of_suffix

    out, suffix = options.out, os.path.splitext(options.out)[1]
    if os.path.isdir(out) or not suffix:  # "out.png/" has none
        return False
    named = format_of_suffix(suffix)
    if len(options.sources) > 1 or os.path.isdir(options.sources[0]):
        if named is not None:
            raise InputValueError(
                "OUT", "a folder for several pictures", quoted(out), f"name a folder and say that it is to be {named}"
            )
        return False
    if to is None:
        with named_as_options(({"format": "OUT"}, {})):
            capabilities(suffix)
        return True
    if named is not None and named != capabilities(to).name:
        raise InputValueError("to", f"{named}, as {out} says", to, "leave it out, or rename OUT")
    return named is not None


# ---------------------------------------------------------------- progress


@contextlib.contextmanager
def _show_progress(command: str) -> Iterator[Progress]:
    """A progress bar on a terminal's error stream; elsewhere a line now and then."""
    if not sys.stderr.isatty():
        yield _print_lines(command)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bar, TextColumn

    columns = TextColumn("converting"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[state]}")
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        started = time.monotonic()
        task = bar.add_task("", total=None, state="")

        def show(report: Report, total: int) -> None:
            ready, rate, left = _measure_speed(report, total, started)
            failed = f", {report.failed} failed" if report.failed else ""
            state = f"{rate:.{0 if rate >= 10 else 1}f}/s, {dt.timedelta(seconds=round(left))} left{failed}"
            bar.update(task, total=total, completed=ready, state=state)

        yield show


def _print_lines(command: str) -> Progress:
    started = last = time.monotonic()

    def show(report: Report, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _EVERY:
            return
        last = now
        ready, rate, left = _measure_speed(report, total, started)
        line = f"{ready}/{total}, {report.failed} failed, {rate:.1f} a second, {left:.0f} seconds left"
        print(f"aikit {command}: {line}", file=sys.stderr)

    return show


def _measure_speed(report: Report, total: int, started: float) -> tuple[int, float, float]:
    """How many files are ready, how many were worked on in a second, and the seconds left at that rate."""
    ready, worked = report.done + report.failed + report.skipped, report.done + report.failed
    rate = worked / max(time.monotonic() - started, 1e-9)
    return ready, rate, (total - ready) / rate
