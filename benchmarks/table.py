"""The results as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from .timing import FLOOR, Goal, quartiles, ratio

MB = 1e6

# Beyond this share of the machine used by others, figures are marked.
QUIET = 0.05


def render(results: dict[str, Any]) -> str:
    return "\n".join([*_head(results), *_jobs(results), *_imports(results), *_memory(results)]) + "\n"


HIT, MISS = "hit", "**MISS**"


def verdicts(results: dict[str, Any]) -> list[tuple[str, str]]:
    """Every goal: the verdict, and what was promised and measured."""
    found = [one for job in results["jobs"] for one in _goals(job)]
    if results.get("imports"):
        found += _import_goals(results["imports"])
    return found + [(_memory_verdict(row), row["title"]) for row in results["memory"] if row["ours"]]


def _head(results: dict[str, Any]) -> Iterator[str]:
    machine = results["machine"]
    found = [verdict for verdict, _ in verdicts(results)]
    hit, missed = (sum(verdict.startswith(kind) for verdict in found) for kind in (HIT, MISS))
    others = [run["others"] for job in results["jobs"] for run in job["threads"].values() if run.get("others")]
    yield f"{machine['date']}. {machine['processor']}. {machine['system']}."
    yield ""
    yield f"{machine['versions']}."
    yield ""
    unjudged = f" Not judged: {len(found) - hit - missed}." if hit + missed < len(found) else ""
    yield f"Targets hit: {hit} of {hit + missed}.{unjudged}"
    if others:
        noisy = max(others) > QUIET
        yield f"Other programs used {statistics.median(others):.0%} of the machine, {max(others):.0%} at worst" + (
            ": **not quiet**; with more than one thread the figures are noise and are not judged." if noisy else "."
        )
    yield ""
    yield (
        "Median, and p25..p75, of interleaved rounds (A B C floor, B C floor A, ...), each job in its own process. One "
        "thread: processor time; more: wall clock. **Floor**: torch copies as many bytes as the job must read and "
        "write, with the same threads. Everybody rotates over enough buffers that none is still in the last-level "
        "cache at its next turn, so the floor is the memory's. Results are fresh memory unless `out=` is named, and "
        'the last one lives until the next is there. "To aikit" is the time relative to the first line.'
    )
    yield ""


def _jobs(results: dict[str, Any]) -> Iterator[str]:
    for job in results["jobs"]:
        yield f"### {job['title']}"
        yield ""
        skipped = [one["skipped"] for one in job["threads"].values() if "skipped" in one]
        if skipped:
            yield f"Skipped: {skipped[0]}."
            yield ""
            continue
        runs = list(job["threads"].values())
        yield f"{runs[0]['moved'] / MB:.1f} MB to read and write; {runs[0]['sets']} sets of buffers."
        yield ""
        columns = [
            f"{'1 thread' if count == '1' else count + ' threads'}, ms | p25..p75 | to floor | to aikit"
            for count in job["threads"]
        ]
        yield "| | " + " | ".join(columns) + " |"
        yield "|---|" + "--:|" * (4 * len(columns))
        first = next(iter(runs[0]["entries"]))
        for name in runs[0]["entries"]:
            cells = [cell for run in runs for cell in _cells(run["entries"], name, first)]
            label = f"**{name}**" if name.startswith("aikit") else name.replace("|", "\\|")
            yield f"| {label} | " + " | ".join(cells) + " |"
        yield ""
        yield from (f"- {verdict}: {text}" for verdict, text in _goals(job))
        if job["goals"]:
            yield ""


def _cells(entries: dict[str, Any], name: str, first: str) -> list[str]:
    low, middle, high = quartiles(list(entries[name].values()))
    return [
        number(middle * 1e3),
        f"{number(low * 1e3)}..{number(high * 1e3)}",
        number(ratio(entries[name], entries[FLOOR])[1]),
        number(ratio(entries[name], entries[first])[1]),
    ]


def _goals(job: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    for count, run in job["threads"].items():
        for goal in (Goal(*parts) for parts in job["goals"] if "skipped" not in run):
            spread = ratio(run["entries"][goal.entry], run["entries"][goal.against])
            low, middle, high = (1 / value for value in reversed(spread)) if goal.is_lead else spread
            measured = f"{number(middle)}x ({number(low)}..{number(high)})"
            text = f"{goal}, {count} thread{'s' * (count != '1')}: {measured}"
            found.append((_verdict(goal, spread, noisy=count != "1" and (run.get("others") or 0) > QUIET), text))
    return found


def _verdict(goal: Goal, spread: tuple[float, float, float], noisy: bool) -> str:
    if noisy:
        return "not judged"
    low, middle, high = spread
    verdict = HIT if middle <= goal.limit else MISS
    return f"{verdict}, within the noise" if low <= goal.limit < high else verdict


def _judged(hit: bool) -> str:
    return HIT if hit else MISS


def _imports(results: dict[str, Any]) -> Iterator[str]:
    if not results.get("imports"):
        return
    yield "### import, in a fresh interpreter"
    yield ""
    yield "| | ms | p25..p75 | of these loads |"
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
    yield "### Peak memory, 3840x2160"
    yield ""
    yield (
        "How far resident memory rises above where it stood before one call in a fresh process, less the result. Allowed "
        f"are one plane of 8-bit codes ({plane / MB:.1f} MB) for integers, two float copies where floats come in or go "
        f"out. A band of {band} pixels is {band * 16 / MB:.1f} MB with four float32 planes."
    )
    yield ""
    yield "| | result, MB | beyond it, MB | in 8-bit planes | in bands | allowed, MB | |"
    yield "|---|--:|--:|--:|--:|--:|---|"
    for row in results["memory"]:
        label = f"{row['title']}: " + (f"**{row['entry']}**" if row["ours"] else row["entry"])
        verdict = _memory_verdict(row) if row["ours"] else ""
        figures = [row["result"] / MB, row["extra"] / MB, row["extra"] / plane, row["extra"] / (band * 16)]
        cells = [*(f"{value:.1f}" for value in figures), f"{row['limit'] / MB:.1f}" if row["ours"] else ""]
        yield f"| {label} | " + " | ".join([*cells, verdict]) + " |"
    yield ""


def _memory_verdict(row: dict[str, Any]) -> str:
    return _judged(row["extra"] <= row["limit"])


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def compare(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Then and now, in units of each run's own floor, so that a slower day of the machine does not count."""
    lines = ["### Then and now", "", f"Then: {old['machine']['date']}. {old['machine']['versions']}.", ""]
    lines += ["| | threads | ms then | now | to floor then | now | change |", "|---|--:|--:|--:|--:|--:|---|"]
    before = {job["title"]: job for job in old["jobs"]}
    for job in new["jobs"]:
        for count, run in job["threads"].items():
            past = before.get(job["title"], {"threads": {}})["threads"].get(count, {})
            for name in run.get("entries", {}).keys() & past.get("entries", {}).keys() - {FLOOR}:
                if not name.startswith("aikit"):
                    continue
                pair = [one["entries"] for one in (past, run)]
                milliseconds = [number(quartiles(list(one[name].values()))[1] * 1e3) for one in pair]
                then, now = (ratio(one[name], one[FLOOR]) for one in pair)
                # Beyond both spreads and by more than 5 %: a change; the rest is noise.
                changed = (now[0] > then[2] or now[2] < then[0]) and abs(now[1] / then[1] - 1) > 0.05
                change = f"{now[1] / then[1] - 1:+.0%}" if changed else ""
                cells = [f"{job['title']}: {name}", count, *milliseconds, number(then[1]), number(now[1]), change]
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
