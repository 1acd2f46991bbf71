"""`aikit convert`: files or folders into another format, in parallel."""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import AikitError, FileAccessError, InputValueError

# How long Ctrl-C waits for a picture in work before it leaves: its file is either whole or not there.
_PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class Job:
    """One file to convert."""

    source: Path
    target: Path


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "convert",
        help="convert files or folders: format, transparency, margins",
        description="Convert pictures. The operations run in this order: make transparent, trim, flatten, write. "
        "Pictures come out upright and in sRGB; 16-bit depth is kept where the new format can.",
    )
    parser.add_argument("sources", nargs="+", metavar="SRC", help="files, or folders with all that is in them")
    parser.add_argument("out", metavar="OUT", help="a file name with a suffix for one picture, else a folder")
    parser.add_argument("--to", metavar="EXT", help="the format, such as webp; by default what each file's suffix says")
    parser.add_argument("--make-transparent", metavar="COLOR", help="make this color transparent")
    parser.add_argument("--tolerance", type=float, default=0.0, metavar="T", help="how far off a color may be, 0 to 1")
    parser.add_argument("--feather", type=float, default=0.0, metavar="T", help="how soft the edge is, 0 to 1")
    parser.add_argument("--trim", action="store_true", help="cut off transparent margins")
    parser.add_argument("--flatten", metavar="COLOR", help="lay over a color, or 'checker', and drop the alpha channel")
    parser.add_argument("--quality", type=int, metavar="N", help="1 to 100, for JPEG, WebP and AVIF")
    parser.add_argument("--lossless", action="store_true", default=None, help="for WebP")
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    existing.add_argument("--skip-existing", action="store_true", help="leave files that are there already")
    parser.add_argument("--jobs", type=int, metavar="N", help="pictures at a time; by default one a core")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Convert everything; what fails is listed at the end and makes the status 1."""
    if options.jobs is not None and options.jobs < 1:
        raise InputValueError(f"--jobs: expected a positive number, got {options.jobs}; leave it out for one a core.")
    suffix = _suffix(options.to)
    jobs, failures = _plan(options.sources, Path(options.out), suffix)
    if not jobs and not failures:
        raise InputValueError(
            f"SRC: expected pictures, got none in {', '.join(options.sources)}; name files or folders."
        )
    skipped = [job for job in jobs if options.skip_existing and job.target.exists()]
    todo = [job for job in jobs if job not in set(skipped)]
    done = 0
    with _progress(len(todo)) as advance:
        for job, error in _convert_all(todo, options):
            advance()
            if error is None:
                done += 1
            else:
                failures.append((job.source, error))
    print(
        ", ".join([f"{done} converted", *([f"{len(skipped)} skipped"] if skipped else []), f"{len(failures)} failed"])
    )
    for source, error in failures:
        message = str(error)
        print(f"  {message if str(source) in message else f'{source}: {message}'}", file=sys.stderr)
    return 1 if failures else 0


# ---------------------------------------------------------------- what to do


def _suffix(to: str | None) -> str | None:
    """The suffix of the new files; a format that cannot be written is refused here, before any work."""
    from .._raster import capabilities

    if to is None:
        return None
    capabilities(to)
    return "." + to.lower().lstrip(".")


def _plan(sources: list[str], out: Path, suffix: str | None) -> tuple[list[Job], list[tuple[Path, AikitError]]]:
    """The files to convert and where each goes; two that would meet in one place are refused."""
    jobs: list[Job] = []
    failures: list[tuple[Path, AikitError]] = []
    to_file = len(sources) == 1 and bool(out.suffix) and not out.is_dir() and not Path(sources[0]).is_dir()
    taken: dict[Path, Path] = {}
    for source, place in _found(sources):
        if to_file:
            target = out if suffix is None else out.with_suffix(suffix)
        else:
            target = out / (place if suffix is None else place.with_suffix(suffix))
        if not source.exists():
            failures.append((source, FileAccessError(f"{source}: expected a file, got nothing there; check the path.")))
        elif target in taken:
            failures.append(
                (
                    source,
                    InputValueError(
                        f"{source}: expected a place of its own, got {target}, where {taken[target]} goes; rename one of them."
                    ),
                )
            )
        else:
            taken[target] = source
            jobs.append(Job(source, target))
    return jobs, failures


def _found(sources: list[str]) -> Iterator[tuple[Path, Path]]:
    """Every file named, and every picture in a folder, with its place below the output folder."""
    for source in map(Path, sources):
        if not source.is_dir():
            yield source, Path(source.name)
            continue
        for path in sorted(source.rglob("*")):
            if path.is_file() and not path.name.startswith(".") and _looks_like_a_picture(path):
                yield path, path.relative_to(source)


def _looks_like_a_picture(path: Path) -> bool:
    """By the suffix or the first bytes: a damaged picture has to be reported, a text file has not."""
    from .._raster import format_of_suffix, identify

    if format_of_suffix(path.suffix.lower()):
        return True
    try:
        with open(path, "rb") as file:
            return identify(file.read(4096)) is not None
    except OSError:
        return True


# ---------------------------------------------------------------- doing it


def _convert_all(jobs: list[Job], options: argparse.Namespace) -> Iterator[tuple[Job, AikitError | None]]:
    """Convert in threads (decoders and encoders release the GIL) and yield each as it ends.

    The threads are daemons, so that Ctrl-C need not wait for the queue; a write that has begun is let finish.
    """
    todo: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Job, BaseException | None]] = queue.SimpleQueue()
    stop = threading.Event()

    def work() -> None:
        while (job := todo.get()) is not None and not stop.is_set():
            try:
                _convert(job, options, stop)
            except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises what is not ours
                done.put((job, error))
            else:
                done.put((job, None))

    count = min(options.jobs or os.cpu_count() or 1, max(1, len(jobs)))
    for job in [*jobs, *[None] * count]:
        todo.put(job)
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        for _ in jobs:
            job, error = done.get()
            if error is not None and not isinstance(error, AikitError):
                raise error
            yield job, error
    finally:
        stop.set()
        for thread in threads:
            thread.join(_PATIENCE)


def _convert(job: Job, options: argparse.Namespace, stop: threading.Event) -> None:
    from .. import alpha
    from ..files import encode, read_any

    if job.target.exists() and not options.overwrite:
        raise FileAccessError(
            f"{job.target}: expected no file there, got one; pass --overwrite or --skip-existing.",
            filename=str(job.target),
        )
    image = read_any(job.source)
    if options.make_transparent is not None:
        image = alpha.make_transparent(
            image, color=options.make_transparent, tolerance=options.tolerance, feather=options.feather
        )
    if options.trim:
        image = alpha.trim(image)
    if options.flatten is not None:
        image = alpha.flatten(image, background=options.flatten)
    try:
        data = encode(image, job.target.suffix, quality=options.quality, lossless=options.lossless)
    except InputValueError as error:
        # The library names its functions; the command names its options.
        raise InputValueError(
            str(error).replace('call flatten(image, background="white")', "pass --flatten white")
        ) from error
    if not stop.is_set():
        _write(job.target, data)


def _write(target: Path, data: bytes) -> None:
    from .._bytes import write_bytes

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileAccessError(
            f"{target.parent}: expected a folder that can be made, got {error.strerror!r}; check the path.",
            errno=error.errno,
            filename=str(target.parent),
        ) from error
    write_bytes(target, data)


# ---------------------------------------------------------------- progress


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on the terminal's error stream; nothing where there is no terminal."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("converting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)
