"""The results as Markdown: a summary, and a section a theme."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import gpu
from .timing import FLOOR, Goal, quartiles, ratio

MB = 1e6

# Beyond this share of the machine used by others, figures of the clock on the wall are noise.
QUIET = 0.05

# A peer that is ahead by less than this is not ahead.
NOISE = 1.05

THEMES = {
    "convert": "Conversions",
    "alpha": "Transparency",
    "color": "Colors",
    "resample": "Sizes",
    "geometry": "Geometry",
    "batch": "Batches",
    "files": "Reading and writing",
    "documents": "PSD",
    "svg": "SVG",
    "mesh": "Meshes",
    "folders": "Folders",
    "isolation": "In a child process",
    "import": "Import",
    "memory": "Peak memory",
    "device": "On CUDA",
}

HIT, MISS = "hit", "**MISS**"
NO_REASON = "**no reason given**"


def render(results: dict[str, Any]) -> str:
    parts = [summary(results)]
    parts += [f"## {THEMES[theme]}\n\n{text}" for theme, text in sections(results).items()]
    return "\n".join(parts)


def sections(results: dict[str, Any]) -> dict[str, str]:
    """The tables of each theme that has been measured."""
    lines = {theme: [*_jobs([job for job in results["jobs"] if job["theme"] == theme])] for theme in THEMES}
    lines["import"] = [*_imports(results)]
    lines["memory"] = [*_memory(results)]
    lines["device"] = [*lines["device"], *_cuda(results)]
    machine = results["machine"]
    head = [f"{machine['date']}, {machine['processor']}.", ""]
    return {theme: "\n".join([*head, *found]) + "\n" for theme, found in lines.items() if found}


# ---------------------------------------------------------------- what was lost, and why


@dataclass(frozen=True)
class Loss:
    """A job in which a peer is ahead, in the run where it is furthest ahead."""

    theme: str
    title: str
    peer: str
    ours: str
    label: str
    ratio: tuple[float, float, float]  # aikit / peer, quartiles
    why: str

    @property
    def measured(self) -> str:
        low, middle, high = self.ratio
        return f"{number(middle)}x ({number(low)}..{number(high)}), {self.label}"


def losses(job: dict[str, Any]) -> list[Loss]:
    """The peers that win a job."""
    worst: dict[str, Loss] = {}
    for label, run in _judged_runs(job):
        for peer, ours in run["rivals"].items():
            spread = ratio(run["entries"][ours], run["entries"][peer])
            if spread[1] > NOISE and (peer not in worst or spread[1] > worst[peer].ratio[1]):
                why = job["why"].get(peer, NO_REASON)
                worst[peer] = Loss(job["theme"], job["title"], peer, ours, label, spread, why)
    return [*worst.values()]


def _judged_runs(job: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((label, run) for label, run in job["runs"].items() if "skipped" not in run and not _noisy(run))


def _noisy(run: dict[str, Any]) -> bool:
    return run["wall"] and (run["others"] or 0) > QUIET


def verdicts(results: dict[str, Any]) -> list[tuple[str, str]]:
    """Every goal: the verdict, and what was promised and measured."""
    found = [(verdict, text) for job in results["jobs"] for verdict, text, _ in _goals(job)]
    if results.get("imports"):
        found += _import_goals(results["imports"])
    return found + [(_memory_verdict(row), row["title"]) for row in results["memory"] if row["ours"]]


# ---------------------------------------------------------------- the summary


def summary(results: dict[str, Any]) -> str:
    return "\n".join([*_head(results), *_lost(results), *_missed(results)])


def _head(results: dict[str, Any]) -> Iterator[str]:
    machine = results["machine"]
    found = [verdict for verdict, _ in verdicts(results)]
    hit, missed = (sum(verdict.startswith(kind) for verdict in found) for kind in (HIT, MISS))
    runs = [run for job in results["jobs"] for run in job["runs"].values() if "skipped" not in run]
    others = [run["others"] for run in runs if run["others"] is not None]
    yield f"{machine['date']}. {machine['processor']}. {machine['system']}."
    yield ""
    yield f"{machine['versions']}."
    yield ""
    unjudged = f" Not judged: {len(found) - hit - missed}." if hit + missed < len(found) else ""
    yield f"{len(results['jobs'])} jobs, {results['seconds'] / 60:.0f} minutes. Targets hit: {hit} of {hit + missed}.{unjudged}"
    if others:
        noisy = any(map(_noisy, runs))
        yield f"Other programs used {statistics.median(others):.0%} of the machine, {max(others):.0%} at worst" + (
            ": **not quiet**; figures of the clock are noise where they used much, and are not judged."
            if noisy
            else "."
        )
    if "device" not in sections(results):
        yield "No CUDA card here: the jobs on CUDA did not run."
    broken = sorted(
        {(job["title"], run["skipped"]) for job in results["jobs"] for run in job["runs"].values() if "skipped" in run}
    )
    yield from (f"\n- skipped, {title}: {reason}" for title, reason in broken)
    yield ""


def _lost(results: dict[str, Any]) -> Iterator[str]:
    lost = sorted((loss for job in results["jobs"] for loss in losses(job)), key=lambda loss: -loss.ratio[1])
    if not lost:
        return
    yield f"**Where a peer wins**, aikit's time over the peer's, worst first ({len(lost)}):"
    yield ""
    yield "| job | peer | aikit / peer | why |"
    yield "|---|---|--:|---|"
    for loss in lost:
        yield f"| {loss.title} | {_escaped(loss.peer)} | {loss.measured} | {loss.why} |"
    yield ""


def _missed(results: dict[str, Any]) -> Iterator[str]:
    """Targets missed although no peer is ahead: a promised lead that is smaller, or a distance to the floor."""
    rows = []
    for job in results["jobs"]:
        winners = {loss.peer for loss in losses(job)}
        for verdict, text, against in _goals(job):
            if verdict == MISS and against not in winners:
                rows.append(f"| {job['title']} | {_escaped(text)} | {job['why'].get(against, NO_REASON)} |")
    rows += [
        f"| peak memory | {row['title']}: {row['extra'] / MB:.1f} of {row['limit'] / MB:.1f} MB | {row['why'] or NO_REASON} |"
        for row in results["memory"]
        if row["ours"] and _memory_verdict(row) == MISS
    ]
    if rows:
        yield f"**Targets missed** beyond the noise though no peer is ahead ({len(rows)}):"
        yield ""
        yield "| job | target and measured | why |"
        yield "|---|---|---|"
        yield from rows
        yield ""


# ---------------------------------------------------------------- timed jobs


def _jobs(jobs: list[dict[str, Any]]) -> Iterator[str]:
    for job in jobs:
        yield f"### {job['title']}"
        yield ""
        skipped = [one["skipped"] for one in job["runs"].values() if "skipped" in one]
        if skipped:
            yield f"Skipped: {skipped[0]}."
            yield ""
            continue
        runs = list(job["runs"].values())
        if "moved" in runs[0]:
            yield f"{runs[0]['moved'] / MB:.1f} MB to read and write; {runs[0]['sets']} sets of buffers."
            yield ""
        yield "| | " + " | ".join(f"{label}, ms | p25..p75 | to floor | to aikit" for label in job["runs"]) + " |"
        yield "|---|" + "--:|" * (4 * len(runs))
        first = next(iter(runs[0]["entries"]))
        for name in runs[0]["entries"]:
            cells = [cell for run in runs for cell in _cells(run["entries"], name, first)]
            label = f"**{name}**" if name.startswith("aikit") else _escaped(name)
            yield f"| {label} | " + " | ".join(cells) + " |"
        yield ""
        remarks = [f"- {verdict}: {text}" for verdict, text, _ in _goals(job)]
        remarks += [f"- {loss.peer} wins, {loss.measured}: {loss.why}" for loss in losses(job)]
        remarks += [f"- {note}" for note in job.get("notes", [])]
        if remarks:
            yield from remarks
            yield ""


def _cells(entries: dict[str, Any], name: str, first: str) -> list[str]:
    low, middle, high = quartiles(list(entries[name].values()))
    return [
        number(middle * 1e3),
        f"{number(low * 1e3)}..{number(high * 1e3)}",
        number(ratio(entries[name], entries[FLOOR])[1]) if FLOOR in entries else "",
        number(ratio(entries[name], entries[first])[1]),
    ]


def _goals(job: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Verdict, text, and what the goal is held against."""
    found = []
    for label, run in job["runs"].items():
        for goal in (Goal(*parts) for parts in job["goals"] if "skipped" not in run):
            spread = ratio(run["entries"][goal.entry], run["entries"][goal.against])
            low, middle, high = (1 / value for value in reversed(spread)) if goal.is_lead else spread
            text = f"{goal}, {label}: {number(middle)}x ({number(low)}..{number(high)})"
            found.append((_verdict(goal, spread, _noisy(run)), text, goal.against))
    return found


def _verdict(goal: Goal, spread: tuple[float, float, float], noisy: bool) -> str:
    if noisy:
        return "not judged"
    low, middle, high = spread
    verdict = HIT if middle <= goal.limit else MISS
    return f"{verdict}, within the noise" if low <= goal.limit < high else verdict


def _judged(hit: bool) -> str:
    return HIT if hit else MISS


def _escaped(name: str) -> str:
    return name.replace("|", "\\|")


# ---------------------------------------------------------------- import, memory, CUDA


def _imports(results: dict[str, Any]) -> Iterator[str]:
    if not results.get("imports"):
        return
    yield "| in a fresh interpreter | ms | p25..p75 | of these loads |"
    yield "|---|--:|--:|---|"
    for module, one in results["imports"].items():
        low, middle, high = (number(value * 1e3) for value in quartiles(one["seconds"]))
        label = f"**{module}**" if module == "aikit" else module
        yield f"| {label} | {middle} | {low}..{high} | {', '.join(one['loaded']) or 'none'} |"
    yield ""
    yield from (f"- {verdict}: {text}" for verdict, text in _import_goals(results["imports"]))
    yield ""


def _import_goals(imports: dict[str, Any]) -> list[tuple[str, str]]:
    from .imports import LIMIT

    seconds = quartiles(imports["aikit"]["seconds"])[1]
    return [
        (_judged(seconds < LIMIT), f"import aikit: under {LIMIT} s: {seconds:.3f} s"),
        (_judged(not imports["aikit"]["loaded"]), "import aikit: loads neither NumPy, PIL, OpenCV nor torch"),
    ]


def _memory(results: dict[str, Any]) -> Iterator[str]:
    if not results["memory"]:
        return
    plane, band = 3840 * 2160, 1 << 17
    yield (
        "Pictures of 3840x2160. How far resident memory rises above where it stood before one call in a fresh process, "
        f"less the result. Allowed are one plane of 8-bit codes ({plane / MB:.1f} MB) for integers, two or three float "
        f"copies where floats come in or go out. A band of {band} pixels is {band * 16 / MB:.1f} MB with four float32 planes."
    )
    yield ""
    yield "| | result, MB | beyond it, MB | in 8-bit planes | in bands | allowed, MB | |"
    yield "|---|--:|--:|--:|--:|--:|---|"
    for row in results["memory"]:
        label = f"{row['title']}: " + (f"**{row['entry']}**" if row["ours"] else row["entry"])
        verdict = _memory_verdict(row) if row["ours"] else ""
        if verdict == MISS:
            verdict = f"{MISS}: {row['why'] or NO_REASON}"
        figures = [row["result"] / MB, row["extra"] / MB, row["extra"] / plane, row["extra"] / (band * 16)]
        cells = [*(f"{value:.1f}" for value in figures), f"{row['limit'] / MB:.1f}" if row["ours"] else ""]
        yield f"| {label} | " + " | ".join([*cells, verdict]) + " |"
    yield ""


def _memory_verdict(row: dict[str, Any]) -> str:
    return _judged(row["extra"] <= row["limit"])


def _cuda(results: dict[str, Any]) -> Iterator[str]:
    if results.get("cuda"):
        yield gpu.render(results["cuda"])


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


# ---------------------------------------------------------------- then and now


def compare(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Then and now, in units of each run's own floor, so that a slower day of the machine does not count."""
    lines = ["### Then and now", "", f"Then: {old['machine']['date']}. {old['machine']['versions']}.", ""]
    lines += ["| | | ms then | now | to floor then | now | change |", "|---|---|--:|--:|--:|--:|---|"]
    before = {job["title"]: job for job in old["jobs"]}
    for job in new["jobs"]:
        for label, run in job["runs"].items():
            past = before.get(job["title"], {"runs": {}})["runs"].get(label, {})
            for name in run.get("entries", {}):
                if name.startswith("aikit") and name in past.get("entries", {}) and FLOOR in run["entries"]:
                    lines.append(f"| {job['title']}: {name} | {label} | " + " | ".join(_change(past, run, name)) + " |")
    return "\n".join(lines) + "\n"


def _change(past: dict[str, Any], run: dict[str, Any], name: str) -> list[str]:
    pair = [one["entries"] for one in (past, run)]
    milliseconds = [number(quartiles(list(one[name].values()))[1] * 1e3) for one in pair]
    then, now = (ratio(one[name], one[FLOOR]) for one in pair)
    # Beyond both spreads and by more than 5 %: a change; the rest is noise.
    changed = (now[0] > then[2] or now[2] < then[0]) and abs(now[1] / then[1] - 1) > 0.05
    return [*milliseconds, number(then[1]), number(now[1]), f"{now[1] / then[1] - 1:+.0%}" if changed else ""]
