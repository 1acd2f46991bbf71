"""The benchmarks run, compare like with like, and name entries that exist. How fast they are is not a test."""

import importlib.util
import io
import json
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks import __main__ as runner, folder_runs, folders, gpu, imports, memory, plot, table, timing, worker
from benchmarks.jobs import JOBS, Job
from benchmarks.jobs.registry import wanted

if importlib.util.find_spec("diffusers"):
    # Before colour-science, which puts a matplotlib of its own into sys.modules that diffusers stumbles over.
    import diffusers.image_processor  # noqa: F401

TINY = 0.03


def plain(result):
    """Any result as an array that can be compared: files are decoded."""
    if isinstance(result, Path) and result.suffix == ".psd":
        from psd_tools import PSDImage

        return np.stack([np.asarray(layer.topil()) for layer in PSDImage.open(result)]).astype(float)
    if isinstance(result, bytes | Path):
        return np.asarray(Image.open(io.BytesIO(result) if isinstance(result, bytes) else result)).astype(float)
    if isinstance(result, Image.Image) and result.mode == "RGBa":
        return np.frombuffer(result.tobytes(), np.uint8).reshape(*result.size[::-1], 4).astype(float)
    if isinstance(result, list):
        return np.stack([plain(each) for each in result])
    return np.asarray(result).astype(float)


def needs_peers(job):
    for package, theme, word in (
        ("skimage", "alpha", "flatten"),
        ("pymatting", "alpha", "estimate_foreground"),
        ("kornia", "color", "RGB to "),
        ("colour", "color", "RGB to "),
        ("diffusers", "batch", "[-1, 1]"),
    ):
        if job.theme == theme and word in job.title and importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def missing(peer):
    return (
        plot.owner(peer) in ("pyvips", "diffusers", "pyrender") and importlib.util.find_spec(plot.owner(peer)) is None
    )


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.title)
def test_all_entries_of_a_job_give_the_same_result(job):
    needs_peers(job)
    contest = job.setup(TINY)
    known = {*contest.entries, timing.FLOOR}
    assert {name for goal in job.goals for name in (goal.entry, goal.against)} <= known
    assert all(name in known or missing(name) for name in (*contest.rivals, *contest.rivals.values(), *job.why))
    results = {name: plain(call(contest.sets - 1)) for name, call in contest.entries.items()}
    first = next(iter(results.values()))
    assert np.ptp(first) > 0
    for name, result in results.items():
        np.testing.assert_allclose(
            result, first, rtol=0, atol=contest.loose.get(name, contest.tolerance) + 1e-9, err_msg=name
        )


def test_titles_are_different():
    assert len({job.title for job in JOBS}) == len(JOBS)


@pytest.mark.parametrize("case", memory.CASES, ids=lambda case: case.title)
def test_a_memory_case_runs(case):
    image = case.given(8, 12)
    for call in case.entries.values():
        assert memory.size_of(call(image)) >= 4 * 6 * 3


def test_peak_memory_sees_a_large_temporary():
    def wasteful(image):
        return (image.astype(np.float64) + 1).astype(np.uint8)

    image = np.ones(8_000_000, np.uint8)
    result, peak = memory.peak_of(wasteful, image)
    assert result.nbytes == image.nbytes
    assert peak > 60_000_000


# ---------------------------------------------------------------- measuring


@pytest.mark.parametrize("wall", [False, True])
def test_rounds_are_measured(wall):
    contest = timing.Contest({"aikit fast": lambda at: None, "slow": lambda at: sum(range(20_000))}, moved=1000, sets=2)
    run = timing.measure(contest, rounds=8, wall=wall)
    assert {name: len(samples) for name, samples in run["entries"].items()} == dict.fromkeys(run["entries"], 8)
    assert timing.ratio(run["entries"]["aikit fast"], run["entries"]["slow"])[1] < 0.5
    assert run["wall"] is wall
    assert run["rivals"] == {"slow": "aikit fast"}


def test_ratios_are_taken_within_rounds():
    low, middle, high = timing.ratio({0: 1.0, 1: 10.0, 2: 4.0}, {0: 2.0, 1: 20.0, 3: 1.0})
    assert low == middle == high == 0.5


def test_a_contest_may_count_the_processor_time_of_others():
    ticks = iter(range(1000))
    contest = timing.Contest({"aikit": lambda at: None}, moved=1000, sets=1, clock=lambda: float(next(ticks)))
    run = timing.measure(contest, rounds=3, wall=False)
    assert run["entries"]["aikit"] == {0: 1.0, 1: 1.0, 2: 1.0}


def test_the_import_of_a_module_is_timed_and_looked_through():
    seconds, loaded = imports.once("numpy")
    assert seconds > 0
    assert loaded == ["numpy"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModuleNotFoundError(name="peer"), "peer is not installed"),
        (ValueError("x"), r"\*\*it broke\*\*: ValueError: x"),
    ],
)
def test_a_job_that_does_not_run_says_why(error, said, capsys):
    def setup(scale):
        raise error

    answer = worker.attempt(Job("nothing", "convert", (), {}, True, setup), 2, wall=False)
    assert re.fullmatch(said, answer["skipped"])


def test_folders_are_measured_by_both_clocks(monkeypatch):
    monkeypatch.setattr(folders, "_PIXELS", (30, 40))
    monkeypatch.setattr(folders, "_WAYS", {way: folders._WAYS[way] for way in ("aikit", "Pillow")})
    job = folder_runs.measure("jpg", 2, rounds=1)
    assert job["title"] == folder_runs.title("jpg", 2)
    for run in job["runs"].values():
        assert run["rivals"] == {"Pillow": "aikit"}
        assert all(0 < samples[0] < 60 for samples in run["entries"].values())
    assert [run["wall"] for run in job["runs"].values()] == [True, False]
    assert re.fullmatch(r"Peak memory of the process: aikit \d+ MB, Pillow \d+ MB\.", job["notes"][0])


@pytest.mark.parametrize(
    ("pattern", "theme", "title", "found"),
    [
        ("", "alpha", "flatten", True),
        ("alpha", "alpha", "flatten", True),
        ("lph", "alpha", "flatten", False),
        ("^FLAT", "alpha", "flatten", True),
        ("svg", "alpha", "flatten", False),
    ],
)
def test_only_is_a_theme_or_a_pattern(pattern, theme, title, found):
    assert wanted(pattern, theme, title) is found


# ---------------------------------------------------------------- tables


def job_of(title="one", theme="convert", *, ours=1.0, peer=2.0, goals=(), why=None, floor=0.5, wall=False, others=0.0):
    """A job as it is after a way through JSON, whose keys are strings. All samples of an entry are alike."""
    entries = {"aikit ours": ours, "Pillow theirs": peer, timing.FLOOR: floor}
    run = {
        "moved": 1000,
        "sets": 2,
        "entries": {name: {str(number): value for number in range(4)} for name, value in entries.items()},
        "rivals": {"Pillow theirs": "aikit ours"},
        "wall": wall,
        "others": others,
    }
    goals = [list(goal) for goal in goals]
    return {"title": title, "theme": theme, "goals": goals, "why": why or {}, "runs": {"1 thread": run}}


def results_of(*jobs, memory=(), imports=None):
    machine = {"date": "today", "processor": "some", "system": "any", "versions": "none"}
    return {
        "machine": machine,
        "jobs": [*jobs],
        "imports": imports,
        "memory": [*memory],
        "cuda": None,
        "seconds": 60.0,
    }


def test_the_table_tells_hits_from_misses():
    goals = [("aikit ours", 0.5, "Pillow theirs"), ("aikit ours", 0.25, "Pillow theirs")]
    text = table.render(results_of(job_of(goals=goals)))
    assert "Targets hit: 1 of 2." in text
    assert "- hit: aikit ours: at least 2x faster than Pillow theirs, 1 thread: 2.00x (2.00..2.00)\n" in text
    assert "- **MISS**: aikit ours: at least 4x faster than Pillow theirs, 1 thread: 2.00x (2.00..2.00)\n" in text
    assert "| **aikit ours** | 1000 | 1000..1000 | 2.00 | 1.00 |" in text


@pytest.mark.parametrize(("why", "said"), [({"Pillow theirs": "it is C"}, "it is C"), ({}, "**no reason given**")])
def test_a_peer_that_wins_is_named_with_the_reason(why, said):
    text = table.render(results_of(job_of(ours=3.0, why=why), job_of("two", peer=0.96)))
    assert "worst first (1):" in text  # the second is within the noise
    assert f"| one | Pillow theirs | 1.50x (1.50..1.50), 1 thread | {said} |" in text
    assert f"- Pillow theirs wins, 1.50x (1.50..1.50), 1 thread: {said}\n" in text


def test_losses_are_sorted_and_the_worst_run_of_a_job_counts():
    job = job_of("first", ours=3.0)
    job["runs"]["2 threads"] = job_of(ours=8.0)["runs"]["1 thread"]
    lines = table.summary(results_of(job_of("last", ours=2.5), job)).splitlines()
    assert [line.split(" | ")[::2] for line in lines if "theirs | " in line] == [
        ["| first", "4.00x (4.00..4.00), 2 threads"],
        ["| last", "1.25x (1.25..1.25), 1 thread"],
    ]


@pytest.mark.parametrize(("why", "said"), [({timing.FLOOR: "pages"}, "pages"), ({}, "**no reason given**")])
def test_a_missed_target_without_a_winner_has_a_reason_too(why, said):
    text = table.summary(results_of(job_of(goals=[("aikit ours", 1.5, timing.FLOOR)], why=why)))
    assert f"1 thread: 2.00x (2.00..2.00) | {said} |" in text


def test_the_clock_of_a_busy_machine_is_not_judged():
    goals = [("aikit ours", 1.1, "Pillow theirs")]
    text = table.render(results_of(job_of(ours=9.0, goals=goals, wall=True, others=0.3)))
    assert "Not judged: 1." in text
    assert "**not quiet**" in text
    assert "wins" not in text


@pytest.mark.parametrize(("why", "said"), [("whole planes", "whole planes"), ("", "**no reason given**")])
def test_memory_beyond_the_limit_has_a_reason(why, said):
    row = {"title": "job", "entry": "aikit x", "ours": True, "why": why, "result": 1, "extra": 3_000_000, "limit": 2}
    results = results_of(memory=[row])
    assert f"| **MISS**: {said} |" in table.sections(results)["memory"]
    assert f"| peak memory | job: 3.0 of 0.0 MB | {said} |" in table.summary(results)


def test_what_was_skipped_is_named():
    job = {**job_of("one"), "runs": {"1 thread": {"skipped": "kornia is not installed"}}}
    text = table.render(results_of(job))
    assert "- skipped, one: kornia is not installed" in text
    assert "\nSkipped: kornia is not installed.\n" in text


def test_then_and_now_are_compared_in_units_of_the_floor():
    then = results_of(job_of("slower", ours=1.0), job_of("same", ours=1.0), job_of("gone"))
    now = results_of(job_of("slower", ours=1.5), job_of("same", ours=2.0, floor=1.0), job_of("new"))
    lines = table.compare(then, now).splitlines()
    assert "| slower: aikit ours | 1 thread | 1000 | 1500 | 2.00 | 3.00 | +50% |" in lines
    assert "| same: aikit ours | 1 thread | 1000 | 2000 | 2.00 | 2.00 |  |" in lines
    assert len([line for line in lines if "aikit ours" in line]) == 2


# ---------------------------------------------------------------- the page and the chart


def section(page, name):
    return page.split(f"<!-- {name}: start -->")[1].split(f"<!-- {name}: end -->")[0].strip()


def an_old_page():
    names = ["summary", *table.THEMES]
    return "".join(f"before {name}\n<!-- {name}: start -->\nold\n<!-- {name}: end -->\n" for name in names) + "after\n"


def test_a_run_of_one_theme_writes_its_section_and_leaves_the_rest(tmp_path, monkeypatch):
    page, chart = tmp_path / "page.md", tmp_path / "chart.svg"
    page.write_text(an_old_page())
    monkeypatch.setattr(runner, "JOBS", [Job(title, "convert", (), {}, True, None) for title in ("one", "two")])
    partial = results_of(job_of("one"))
    runner.write(partial, whole=False, page=page, chart=chart)
    assert page.read_text() == an_old_page()
    complete = results_of(job_of("one"), job_of("two"))
    runner.write(complete, whole=False, page=page, chart=chart)
    assert page.read_text() == runner.replace_between(an_old_page(), "convert", table.sections(complete)["convert"])
    assert section(page.read_text(), "convert").startswith("today, some.\n\n### one\n")
    assert not chart.exists()


def test_a_whole_run_writes_the_summary_and_the_chart(tmp_path):
    page, chart = tmp_path / "page.md", tmp_path / "chart.svg"
    page.write_text(an_old_page())
    results = results_of(job_of("one"), job_of("two", "svg"))
    runner.write(results, whole=True, page=page, chart=chart)
    new = page.read_text()
    assert section(new, "summary") == table.summary(results).strip()
    assert [name for name in table.THEMES if section(new, name) == "old"] == [
        name for name in table.THEMES if name not in ("convert", "svg")
    ]
    assert new.startswith("before summary\n")
    assert new.endswith("\nafter\n")
    assert chart.read_text() == plot.draw(results)


def test_a_page_without_its_marker_is_refused():
    with pytest.raises(SystemExit, match=r"expected <!-- svg: start --> and <!-- svg: end --> once each; put them"):
        runner.replace_between("a page", "svg", "text")


def test_the_page_has_every_marker_in_the_order_of_the_themes():
    markers = re.findall(r"<!-- (\w+): (?:start|end) -->", runner.PAGE.read_text())
    assert markers == [name for name in ["summary", *table.THEMES] for _ in range(2)]


def test_every_job_has_a_theme():
    assert {job.theme for job in JOBS} <= {*table.THEMES}


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("Image.fromarray(cv2.cvtColor(array, BGR2RGB))", "Pillow"),
        ("cv2.cvtColor(np.asarray(img), RGB2BGR)", "OpenCV"),
        ("torchvision to_tensor, torch.stack", "torchvision"),
        ("NumPy (x * 255).round().astype, as in diffusers", "NumPy"),
        ("one after the other", "one after the other"),
    ],
)
def test_the_owner_of_an_entry(entry, name):
    assert plot.owner(entry) == name


def test_the_chart_has_a_row_a_job_with_dots_where_they_belong():
    jobs = [job_of("ahead", ours=0.1, peer=1.0), job_of("behind", "svg", ours=10.0, peer=1.0), job_of("even", peer=1.0)]
    root = ET.fromstring(plot.draw(results_of(*jobs)))
    dots = [each for each in root.findall(".//{*}circle") if float(each.get("cy")) > plot._TOP]
    ones = {float(each.get("x1")) for each in root.findall(".//{*}line") if each.get("class") == "even"}
    assert [dot.get("class") for dot in dots] == ["ahead", "ahead", "behind"]  # by theme: ahead, even, behind
    left, middle, right = (float(dot.get("cx")) for dot in dots)
    assert ones == {middle}
    assert right - middle == pytest.approx(middle - left, abs=0.2)  # logarithmic
    assert plot._LEFT < left < right < plot._RIGHT
    words = [each.text for each in root.findall(".//{*}text")]
    assert words[-10:-3] == ["ahead", "0.10", "Pillow", "even", "1.00", "Pillow", "SVG"]


def test_the_chart_prefers_processor_time():
    job = job_of(ours=9.0, wall=True)
    job["runs"]["processor time"] = job_of(ours=3.0)["runs"]["1 thread"]
    assert plot.ratios(job) == [(1.5, "Pillow")]


def test_the_names_of_all_jobs_fit_into_the_chart():
    jobs = [job_of(job.title, job.theme) for job in JOBS]
    root = ET.fromstring(plot.draw(results_of(*jobs)))
    places = [(float(each.get("y")), each.get("x"), each.text) for each in root.findall(".//{*}text")]
    titles = {job.title for job in JOBS}
    for y, x, text in places:
        # Half of the 11 pixels a letter, and a little more.
        assert text not in titles or len(text) * 5.6 < float(x) - 16, text
        assert y < float(root.get("height"))
    rows = sorted({y for y, _, _ in places if y > plot._TOP})
    assert min(np.diff(rows)) >= 12


def test_one_job_through_the_command(tmp_path, monkeypatch, capsys):
    files = [tmp_path / name for name in ("now.json", "now.md", "now.svg")]
    arguments = ["--only", "^SVG, an icon, 64x64$", "--threads", "1", "--rounds", "2"]
    for option, file in zip(("--json", "--markdown", "--plot"), files, strict=True):
        arguments += [option, str(file)]
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    assert runner.main() == 0
    printed = capsys.readouterr().out
    assert "## SVG" in printed
    assert "resvg_py and Pillow" in printed
    results = json.loads(files[0].read_text())
    assert [job["title"] for job in results["jobs"]] == ["SVG, an icon, 64x64"]
    assert "numpy" in results["machine"]["versions"]
    assert files[1].read_text().strip() in printed
    assert "SVG, an icon, 64x64" in files[2].read_text()

    monkeypatch.setattr(sys, "argv", ["benchmarks", "--load", str(files[0]), "--compare", str(files[0])])
    assert runner.main() == 0
    again = capsys.readouterr().out
    assert again.startswith(files[1].read_text())
    assert "| SVG, an icon, 64x64: aikit render_svg | 1 thread |" in again


# ---------------------------------------------------------------- on CUDA


GPU_ARGUMENTS = ["--device", "cpu", "--size", "2", "12", "16", "--rounds", "2"]


def test_the_batch_path_is_checked_and_timed(tmp_path, capsys):
    assert gpu.main([*GPU_ARGUMENTS, "--eager", "--json", str(tmp_path / "now.json")]) == 0
    report = json.loads((tmp_path / "now.json").read_text())
    rows = [row for job in report["jobs"] for row in job["entries"]]
    ours = [row for row in rows if row["name"].startswith("aikit")]
    assert len(report["jobs"]) == len(gpu.JOBS) == len(ours)
    assert all(row["ms"] > 0 and row["error"] <= 1 for row in ours)
    if importlib.util.find_spec("kornia"):
        assert not [row for row in rows if "failed" in row]
    printed = capsys.readouterr().out
    assert all(job["title"] in printed for job in report["jobs"])
    assert "a copy of the bytes" in printed
    device = table.sections({**results_of(), "cuda": report})["device"]
    assert gpu.render(report) in device


def test_an_entry_that_is_wrong_or_breaks_leaves_the_others_their_turn(monkeypatch, capsys):
    right, wrong, broken = (
        gpu.Entry("right", lambda stage: lambda at: stage.rgb[at]),
        gpu.Entry("wrong", lambda stage: lambda at: stage.rgb[at] + 1, goal=0.5),
        gpu.Entry("broken", lambda stage: 1 // 0),
    )
    job = gpu.Job("nothing", 24, gpu.Stage.picture, (wrong, broken, right))
    impossible = gpu.Job("impossible", 24, lambda stage: 1 // 0, (right,))
    monkeypatch.setattr(gpu, "JOBS", (impossible, job))
    assert gpu.main(GPU_ARGUMENTS) == 0
    printed = capsys.readouterr()
    assert "impossible: ZeroDivisionError" in printed.err
    assert "- wrong: off by 1, more than 1e-05" in printed.out
    assert "- broken: ZeroDivisionError" in printed.out
    assert "Goals hit: 0 of 1" in printed.out
    assert "| right | 0." in printed.out
    assert gpu.main([*GPU_ARGUMENTS, "--seconds", "0"]) == 0
    assert "- right: no time left" in capsys.readouterr().out


def test_duplicates_are_counted_beside_imagehash(tmp_path, monkeypatch):
    from benchmarks import duplicates

    monkeypatch.setattr(duplicates, "PHOTOGRAPHS", ("chelsea", "coffee"))
    folder = tmp_path / "photographs"
    folder.mkdir()
    duplicates.make(folder, duplicates.CUT)
    found = dict(duplicates.measure(folder, turned=False))
    assert found["aikit"][0] == "1.000 / 1.000"
    assert found["imagehash.phash"][0] == "1.000 / 0.000"


@pytest.mark.parametrize("name", ["Sqlite", "DuckDb"])
def test_ways_to_write_rows_write_them(name, tmp_path, monkeypatch, capsys):
    from benchmarks import tables

    monkeypatch.setattr(tables, "COUNTS", (7, 12))
    tables.run(getattr(tables, name)(tmp_path))  # which counts the rows
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "`write_table`" in line and line.count(" / ") == 2]
    assert [line for line in lines if "reading: aikit `read_table`" in line]
