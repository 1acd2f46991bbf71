"""`aikit convert`: files or folders into another format, in parallel."""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import AikitError, FileAccessError, InputValueError, LimitError

# How long Ctrl-C waits for the disk before it leaves; a picture that is not being written yet is dropped at once.
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """One file to convert."""

    source: Path
    target: Path


# What failed and why, as the list at the end says it.
Failure = tuple[Path, str]


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "convert",
        help="convert files or folders: format, transparency, margins",
        description="Convert pictures. The operations run in this order: make transparent, trim, flatten, write. "
        "Pictures come out upright and in sRGB; 16-bit depth is kept where the new format can. Of an animation "
        "the first frame is converted, of a TIFF the first page.",
    )
    parser.add_argument("sources", nargs="+", metavar="SRC", help="files, or folders with all that is in them")
    parser.add_argument("out", metavar="OUT", help="a file name with a suffix for one picture, else a folder")
    parser.add_argument("--to", metavar="EXT", help="the format, such as webp; by default what each file's suffix says")
    parser.add_argument("--make-transparent", metavar="COLOR", help="make this color transparent")
    parser.add_argument("--tolerance", type=float, metavar="T", help="how far off that color may be, 0 to 1")
    parser.add_argument("--feather", type=float, metavar="T", help="how soft its edge is, 0 to 1")
    parser.add_argument("--trim", action="store_true", help="cut off transparent margins")
    parser.add_argument("--flatten", metavar="COLOR", help="lay over a color, or 'checker', and drop the alpha channel")
    parser.add_argument("--quality", type=int, metavar="N", help="1 to 100, for JPEG, WebP and AVIF")
    parser.add_argument("--lossless", action="store_true", default=None, help="for WebP")
    parser.add_argument("--allow-truncated", action="store_true", help="take what is there of a file that is cut off")
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    existing.add_argument("--skip-existing", action="store_true", help="leave files that are there already")
    parser.add_argument("--jobs", type=int, metavar="N", help="pictures at a time; by default one a core")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Convert everything; what fails is listed at the end and makes the status 1."""
    planned, failures = _plan(options)
    if not planned and not failures:
        raise InputValueError(
            f"SRC: expected pictures, got none in {', '.join(options.sources)}; name files or folders."
        )
    _check_options(options, planned)
    todo = [job for job in planned if not (options.skip_existing and os.path.exists(job.target))]
    jobs = _apart(todo, failures)
    done = 0
    # Closed here and now: Ctrl-C may come between two results.
    with _progress(len(jobs)) as advance, contextlib.closing(_convert_all(jobs, options)) as results:
        for job, error in results:
            advance()
            if error is None:
                done += 1
            else:
                failures.append((job.source, error))
    _report(done, len(planned) - len(todo), failures)
    return 1 if failures else 0


def _report(done: int, skipped: int, failures: list[Failure]) -> None:
    print(", ".join([f"{done} converted", *([f"{skipped} skipped"] if skipped else []), f"{len(failures)} failed"]))
    for source, message in sorted(failures):
        print(f"  {message if str(source) in message else f'{source}: {message}'}", file=sys.stderr)


# ---------------------------------------------------------------- what to do


def _plan(options: argparse.Namespace) -> tuple[list[Job], list[Failure]]:
    """The files to convert and where each goes."""
    from .._raster import format_of_suffix

    suffix, to_file, out = _suffix(options.to), _names_a_file(options), Path(options.out)
    jobs: list[Job] = []
    failures: list[Failure] = []
    for source, place in _found(options, failures):
        target = out if to_file else out / (place if suffix is None else place.with_suffix(suffix))
        if not os.path.exists(source):
            failures.append((source, f"{source}: expected a file, got nothing there; check the path."))
        elif format_of_suffix(target.suffix) is None:
            failures.append(
                (source, f"{source}: expected a suffix that names a format to write, got {target.name!r}; pass --to.")
            )
        else:
            jobs.append(Job(source, target))
    return jobs, failures


def _suffix(to: str | None) -> str | None:
    """The suffix of the new files; a format that cannot be written is refused here, before any work."""
    from .._raster import capabilities

    if to is None:
        return None
    with _named_as_options():
        capabilities(to)
    return "." + to.lower().lstrip(".")


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
                f"OUT: expected a folder for several pictures, got {out!r}; name a folder and pass --to {named}."
            )
        return False
    if options.to is None:
        with _named_as_options(format="OUT"):
            capabilities(suffix)
        return True
    if named is not None and named != capabilities(options.to).name:
        raise InputValueError(f"--to: expected {named}, as {out} says, got {options.to}; leave it out, or rename OUT.")
    return named is not None


def _found(options: argparse.Namespace, failures: list[Failure]) -> Iterator[tuple[Path, Path]]:
    """Every file named, and every picture in a folder, with its place below the output folder."""
    for source in map(Path, options.sources):
        if not os.path.isdir(source):
            yield source, Path(source.name)
            continue
        for path in _files_in(source, Path(options.out), failures):
            if _looks_like_a_picture(path):
                yield path, path.relative_to(source)


def _files_in(source: Path, out: Path, failures: list[Failure]) -> Iterator[Path]:
    """Every file in a folder and the folders in it: not the hidden ones, and not what an earlier run put into OUT."""

    def refuse(error: OSError) -> None:
        path = Path(error.filename)
        failures.append((path, f"{path}: expected a readable folder, got {error.strerror!r}; check its permissions."))

    made = os.path.realpath(out)
    for folder, folders, names in os.walk(source, onerror=refuse):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(os.path.join(folder, name)) != made
        )
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _looks_like_a_picture(path: Path) -> bool:
    """By the suffix or the first bytes: a damaged picture has to be reported, a text file has not."""
    from .._raster import format_of_suffix, identify

    if format_of_suffix(path.suffix):
        return True
    if not path.is_file():
        return False
    try:
        with open(path, "rb") as file:
            return identify(file.read(4096)) is not None
    except OSError:
        return True


def _apart(jobs: list[Job], failures: list[Failure]) -> list[Job]:
    """The jobs whose target is theirs alone: of those that would meet in one place none is done."""
    # A file that was named twice is one job.
    places = {(os.path.realpath(job.source), os.path.realpath(job.target)): job for job in jobs}
    sources = {source: job.source for (source, _), job in places.items()}
    wanted: dict[str, set[str]] = {}
    for source, target in places:
        wanted.setdefault(target, set()).add(source)
    alone: list[Job] = []
    for (source, target), job in places.items():
        rivals = (wanted[target] | ({target} & sources.keys())) - {source}
        if rivals:
            place = f"got {job.target}, which {sources[min(rivals)]} claims too"
            failures.append((job.source, f"{job.source}: expected a place of its own, {place}; rename one of them."))
        else:
            alone.append(job)
    return alone


# ---------------------------------------------------------------- mistakes in the options

_OPTIONS = {
    "color": "--make-transparent", "tolerance": "--tolerance", "feather": "--feather", "background": "--flatten",
    "quality": "--quality", "lossless": "--lossless", "format": "--to",
}  # fmt: skip


def _check_options(options: argparse.Namespace, jobs: list[Job]) -> None:
    """Try the options on one pixel, so that a mistake in them is said once and before any work."""
    from PIL import Image

    from .. import alpha
    from .._raster import capabilities
    from ..files import encode

    if options.jobs is not None and options.jobs < 1:
        raise InputValueError(f"--jobs: expected a positive number, got {options.jobs}; leave it out for one a core.")
    if options.make_transparent is None and (options.tolerance, options.feather) != (None, None):
        raise InputValueError(
            "--tolerance, --feather: expected beside --make-transparent, got them alone; add --make-transparent COLOR."
        )
    formats = sorted({capabilities(job.target.suffix).name for job in jobs})
    # A folder may hold formats that know no quality beside those that do.
    takers = [name for name in formats if capabilities(name).quality is not None]
    pixel = Image.new("RGBA", (1, 1))
    with _named_as_options():
        _without_color(pixel, options)
        flat = alpha.flatten(pixel, background=options.flatten or "white")
        for name in takers or formats:
            encode(flat, name, quality=options.quality, lossless=options.lossless)
        for name in formats:
            encode(flat, name, lossless=options.lossless)


@contextlib.contextmanager
def _named_as_options(**names: str) -> Iterator[None]:
    """Errors name the option where the library names its argument."""
    try:
        yield
    except AikitError as error:
        subject, colon, rest = str(error).partition(":")
        raise InputValueError(f"{({**_OPTIONS, **names}).get(subject, subject)}{colon}{rest}") from error


# ---------------------------------------------------------------- doing it


def _convert_all(jobs: list[Job], options: argparse.Namespace) -> Generator[tuple[Job, str | None]]:
    """Convert in threads (decoders and encoders release the GIL) and yield each as it ends, with what went wrong.

    The threads are daemons, so that Ctrl-C need not wait for the queue; a write that has begun is let finish.
    """
    todo: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Job, str | BaseException | None]] = queue.SimpleQueue()
    stop = threading.Event()
    count = min(options.jobs or os.cpu_count() or 1, len(jobs))
    writes = threading.Semaphore(count)

    def work() -> None:
        while (job := todo.get()) is not None and not stop.is_set():
            try:
                data = _converted(job, options)
                with writes:
                    if not stop.is_set():
                        _write(job.target, data)
            except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises what is not ours
                done.put((job, _reason(error)))
            else:
                done.put((job, None))

    for job in [*jobs, *[None] * count]:
        todo.put(job)
    for _ in range(count):
        threading.Thread(target=work, daemon=True).start()
    try:
        for _ in jobs:
            job, error = done.get()
            if isinstance(error, BaseException):
                raise error
            yield job, error
    finally:
        stop.set()
        # Whoever holds every permit knows that no write is in work: each file is whole or not there.
        deadline = time.monotonic() + _PATIENCE
        for _ in range(count):
            writes.acquire(timeout=max(0.0, deadline - time.monotonic()))


# Where the library names its functions the command names its options.
_ADVICE = {
    'call flatten(image, background="white")': "pass --flatten white",
    "pass allow_truncated=True": "pass --allow-truncated",
}


def _reason(error: BaseException) -> str | BaseException:
    """What the list at the end says of a failure; what is no failure of one picture stays an exception."""
    if isinstance(error, MemoryError):
        error = LimitError("image: expected a picture that fits into memory, got a larger one; pass --jobs 1.")
    if not isinstance(error, AikitError):
        return error
    message = str(error)
    for theirs, ours in _ADVICE.items():
        message = message.replace(theirs, ours)
    return message


def _converted(job: Job, options: argparse.Namespace) -> bytes:
    """The bytes of the new file."""
    from .. import alpha
    from .._raster import capabilities
    from ..files import encode, read_any

    if os.path.exists(job.target) and not options.overwrite:
        raise FileAccessError(
            f"{job.target}: expected no file there, got one; pass --overwrite or --skip-existing.",
            filename=str(job.target),
        )
    image = read_any(job.source, allow_truncated=options.allow_truncated)
    image = _without_color(image, options)
    if options.trim:
        image = alpha.trim(image)
    if options.flatten is not None:
        image = alpha.flatten(image, background=options.flatten)
    target = capabilities(job.target.suffix)
    quality = None if target.quality is None else options.quality
    return encode(image, target.name, quality=quality, lossless=options.lossless)


def _without_color(image: Any, options: argparse.Namespace) -> Any:
    from ..alpha import make_transparent

    color, tolerance, feather = options.make_transparent, options.tolerance or 0.0, options.feather or 0.0
    return image if color is None else make_transparent(image, color=color, tolerance=tolerance, feather=feather)


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
