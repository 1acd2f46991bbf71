"""A whole folder by one recipe, with a memory of what is done."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

from .._check import integer, switch
from .._foreign_names import explain_calls
from .._io import name_of
from ..errors import AikitError, FileAccessError, InputTypeError, InputValueError, quoted
from ..limits import Limits
from ..recipe import Recipe
from .manifest import Manifest, Row, is_in_place
from .planning import Job, check_out, check_sources, find_files, make_job
from .reporting import PASSING, Cataloguer, Failure, Notice, Report
from .work import Run, Work

__all__ = ["convert_folder", "convert_jobs"]

Engine = Literal["local", "ray"]
Existing = Literal["refuse", "overwrite", "skip"]
Progress = Callable[[Report, int], object]

# What codes were called in manifests before every error had one.
_EARLIER = {"access": "no_access", "dependency": "missing_dependency", "invalid": "invalid_value"}


@explain_calls
def convert_folder(
    src: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    recipe: Recipe,
    *,
    workers: int | None = None,
    limits: Limits | None = None,
    overwrite: bool = False,
    retry_failed: bool = False,
    by_digest: bool = False,
    keep_times: bool = False,
    engine: Engine = "local",
    progress: Progress | None = None,
    catalog: Cataloguer | None = None,
) -> Report:
    """Convert any number of pictures; killed at any point and called again, it does the rest.

    What is done is noted in `out/.aikit-manifest.sqlite`. A file is made again when its source or the recipe has
    changed, and never when it would replace one that this manifest did not make. Memory does not grow with the number
    of files.

    A JPEG whose first step is a smooth resize to a quarter or less is decoded at a half, a quarter or an eighth of its
    size, but no smaller than twice what is wanted: on photographs that is 47 dB (PSNR) and more from resizing all of its
    pixels.

    Args:
        src: a folder, with all pictures in it and in the folders in it (hidden ones left out, and links to folders not
            followed); a file; or a list of these.
        out: the folder for the results, under the names they have below `src`.
        recipe: what is done to each.
        workers: pictures at a time; one a processor where left out.
        limits: what a file may cost, `Limits()` for files from strangers. Each is then read, worked on and encoded in a
            child process, all of it within `max_seconds` and `max_memory`; `max_output_pixels` is for resized pictures.
        overwrite: replace what is there, and make again what was made in an earlier run that came to its end.
        retry_failed: try files again that failed in an earlier run for a reason that lies in them.
        by_digest: know a source by the SHA-256 of its bytes, not by its size and time.
        keep_times: give every file that is made the times of its source, of the last access and the last change.
        engine: "local" for threads here, "ray" for Ray Data on the cluster that Ray is connected to, or one of this
            machine's processors; all must see the same files under the same names.
        progress: called after each file with the `Report` so far and the number of files.
        catalog: what `open_catalog` gives: the status of every file, the code and message of its error, the recipe and the output
            are kept in it. What a killed run has not written yet, the next one writes.

    Returns:
        What became of every file: the counts of those done, failed, skipped (made earlier) and left (no pictures, or
        links to folders), why files failed, and which animations lost frames.

    Raises:
        InputTypeError: no path, `Recipe`, `Limits`, or number of workers.
        InputValueError: no pictures in `src`, an unknown engine, or a recipe that a format does not take.
        FileAccessError: `out` cannot be used, or another run is using it.
        MissingDependencyError: `engine="ray"` without the package ray.

    Example:
        >>> import pathlib, tempfile
        >>> from PIL import Image
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> (folder / "in").mkdir()
        >>> Image.new("RGB", (64, 32), "red").save(folder / "in" / "red.png")
        >>> recipe = Recipe([("resize", {"width": 16})], to="webp")
        >>> convert_folder(folder / "in", folder / "out", recipe).done
        1
        >>> convert_folder(folder / "in", folder / "out", recipe).skipped
        1
    """
    sources = [src] if isinstance(src, (str, os.PathLike)) else src
    if not isinstance(sources, Iterable):
        raise InputTypeError("src", "a path or a list of paths", type(src).__name__, "pass a folder")
    paths, folder = check_sources(sources), check_out(out)
    if folder.exists() and not folder.is_dir():
        raise InputValueError("out", "a folder", f"the file {quoted(name_of(out))}", "name a folder")
    if not isinstance(recipe, Recipe):
        raise InputTypeError("recipe", "a Recipe", type(recipe).__name__, "pass Recipe([...], to=...)")
    suffix = None if recipe.to is None else f".{recipe.to}"

    def jobs() -> Iterator[Job | Failure | Notice]:
        for found in find_files(paths, folder):
            if isinstance(found, (Failure, Notice)):
                yield found
            else:
                source, place = found
                yield make_job(source, folder / (place if suffix is None else place.with_suffix(suffix)))

    return convert_jobs(
        jobs(), folder, recipe, where=", ".join(map(str, paths)), workers=workers, limits=limits, existing="overwrite" if overwrite else "refuse",
        retry_failed=retry_failed, by_digest=by_digest, keep_times=keep_times, engine=engine, progress=progress, catalog=catalog,
    )  # fmt: skip


def convert_jobs(
    found: Iterator[Job | Failure | Notice],
    folder: Path | None,
    recipe: Recipe,
    *,
    where: str,
    workers: int | None,
    limits: Limits | None,
    existing: Existing,
    retry_failed: bool,
    by_digest: bool,
    keep_times: bool,
    engine: Engine,
    progress: Progress | None,
    catalog: Cataloguer | None = None,
) -> Report:
    """Do the jobs found, with a manifest in the folder, or none where there is no folder; `where` is for messages."""
    _check_options(workers, limits, engine)
    switch("keep_times", keep_times)
    if limits is not None or engine == "ray":
        _ = recipe.modules  # other processes have to know its operations
    run = _load_engine(engine)
    report = Report()
    with contextlib.closing(Manifest()) as manifest, _taking_notes(catalog, recipe) as note:
        suffixes: set[str] = set()
        manifest.plan(_pick_jobs(found, report, suffixes, note))
        total = manifest.count()
        if not total and not report.failures:
            raise InputValueError("src", "pictures", f"none in {where}", "name files or folders")
        recipe.check(suffixes)
        total += report.failed
        overwrite = existing == "overwrite"
        manifest.open(folder, recipe=recipe.digest, overwrite=overwrite, by_digest=by_digest)
        todo = _pick_undone(manifest, report, existing, retry_failed, note)
        # Closed here and now: Ctrl-C may come between two results.
        results = run(Work(recipe, limits, keep_times), todo, workers=workers, announce=manifest.announce)
        with contextlib.closing(results):
            for job, verdict in results:
                if verdict.failure is None:
                    manifest.done(job)
                    report.done += 1
                    report.frames += verdict.frames if verdict.frames > 1 else 0
                else:
                    manifest.failed(job, verdict.failure)
                    report.add(verdict.failure)
                note(str(job.source), verdict.failure or "done", str(job.target))
                for what, code in verdict.notices:
                    report.note(Notice.of(str(job.source), what, code))
                if progress is not None:
                    progress(report, total)
        manifest.finish()
    report.failures.sort()
    report.notices.sort()
    return report


# Called with a source, why it failed or what became of it, and its output.
Note = Callable[[str, "Failure | str", "str | None"], None]


@contextlib.contextmanager
def _taking_notes(catalog: Cataloguer | None, recipe: Recipe) -> Iterator[Note]:
    """What notes the fate of files in a catalogue, or nothing where there is none."""
    if catalog is None:
        yield lambda path, fate, output: None
        return
    line = str(recipe)
    with contextlib.closing(catalog.recorder("convert")) as recorder:

        def note(path: str, fate: Failure | str, output: str | None) -> None:
            if isinstance(fate, Failure):
                recorder.record(path, status="failed", code=fate.code, error=fate.message, recipe=line)
            else:
                recorder.record(path, status=fate, recipe=line, output=output)

        yield note


def _check_options(workers: object, limits: object, engine: object) -> None:
    if workers is not None:
        integer("workers", workers, expected="a whole number or None", remedy="leave it out for one a core")
    if limits is not None and not isinstance(limits, Limits):
        raise InputTypeError("limits", "Limits or None", quoted(limits), "pass Limits() for untrusted files")
    if engine not in ("local", "ray"):
        raise InputValueError("engine", '"local" or "ray"', quoted(engine), "pass one of them")


def _load_engine(name: Engine) -> Run:
    if name == "local":
        from . import local

        return local.run
    from . import on_ray

    return on_ray.run


def _pick_jobs(
    found: Iterator[Job | Failure | Notice], report: Report, suffixes: set[str], note: Note
) -> Iterator[Job]:
    for each in found:
        if isinstance(each, Failure):
            report.add(each)
            note(each.path, each, None)
        elif isinstance(each, Notice):
            report.note(each)
        else:
            suffixes.add(each.target.suffix.lower())
            yield each


# ---------------------------------------------------------------- what is left to do


def _pick_undone(
    manifest: Manifest, report: Report, existing: Existing, retry_failed: bool, note: Note
) -> Iterator[Job]:
    """Pick the jobs to do; the others are counted."""
    for job in manifest.jobs():
        try:
            verdict = _judge(manifest, job, existing, retry_failed)
            if verdict == "do":
                manifest.begin(job)
        except OSError as error:  # the source has gone, or the name of the target is too long
            path = str(job.source)
            blamed = path if error.filename is None else os.fsdecode(error.filename)
            expected = "a readable file" if blamed == path else "a path that can be written"
            fields = blamed, expected, quoted(error.strerror or str(error)), "check the path"
            verdict = Failure.of(path, FileAccessError(*fields, errno=error.errno, filename=blamed))
        if verdict == "do":
            yield job
        elif isinstance(verdict, Failure):
            report.add(verdict)
            note(str(job.source), verdict, None)
        else:
            report.skipped += 1
            note(str(job.source), "skipped" if existing == "skip" else "done", str(job.target))


def _judge(manifest: Manifest, job: Job, existing: Existing, retry_failed: bool) -> Failure | Literal["do", "leave"]:
    size = job.target.stat().st_size if job.target.exists() else None
    if existing == "skip" and size is not None:
        manifest.skipped(job)
        return "leave"
    if (rival := manifest.rival(job)) is not None:
        got = f"{job.target}, which {rival} claims too"
        clash = AikitError(str(job.source), "a place of its own", got, "rename one of them", code="clash")
        return Failure.of(str(job.source), clash)
    row = manifest.row(job)
    ours = False
    if row is not None:
        if row.status == "pending" and manifest.is_there(row, job):
            manifest.done(job)
            return "leave"
        ours = size is not None and (row.size == size or (row.status == "pending" and row.digest == "*"))
        if existing != "overwrite" or manifest.of_this_run(row):
            known = _recall(manifest, row, job, ours, retry_failed)
            if known is not None:
                return known
    if size is not None and existing != "overwrite" and (not ours or is_in_place(job)):
        target, remedy = str(job.target), "pass overwrite=True to replace it"
        there = FileAccessError(
            target, "no file there", "one", remedy, code="exists", option="overwrite", filename=target
        )
        return Failure.of(str(job.source), there)
    return "do"


def _recall(
    manifest: Manifest, row: Row, job: Job, ours: bool, retry_failed: bool
) -> Failure | Literal["leave"] | None:
    """Repeat what an earlier run has found, if it still holds."""
    if row.status == "done" and ours and manifest.is_same(row, job):
        return "leave"
    code = _EARLIER.get(str(row.code), str(row.code))
    if row.status != "failed" or retry_failed or code in PASSING or not manifest.is_same(row, job):
        return None
    if row.error:
        return Failure.from_row(str(job.source), row.error)
    return Failure(str(job.source), os.fsdecode(row.message or b""), code)
