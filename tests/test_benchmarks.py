"""The benchmarks run, compare like with like, and name entries that exist. How fast they are is not a test."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks import gpu, imports, isolation, memory, table, timing
from benchmarks.__main__ import replace_between
from benchmarks.jobs import JOBS

TINY = 0.03


def plain(result):
    """Any result as an array that can be compared."""
    if isinstance(result, Image.Image) and result.mode == "RGBa":
        return np.frombuffer(result.tobytes(), np.uint8).reshape(*result.size[::-1], 4).astype(float)
    return np.asarray(result).astype(float)


def needs_peers(title):
    for package, word in (
        ("skimage", "flatten"),
        ("pymatting", "estimate_foreground"),
        ("kornia", "RGB to "),
        ("colour", "RGB to "),
    ):
        if word in title and importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.title)
def test_all_entries_of_a_job_give_the_same_result(job):
    needs_peers(job.title)
    contest = job.setup(TINY)
    assert {name for goal in job.goals for name in (goal.entry, goal.against)} <= {*contest.entries, timing.FLOOR}
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


def test_rounds_are_measured_and_the_table_tells_hits_from_misses():
    contest = timing.Contest({"aikit fast": lambda at: None, "slow": lambda at: sum(range(20_000))}, moved=1000, sets=2)
    run = timing.measure(contest, rounds=8, threads=1)
    assert {name: len(samples) for name, samples in run["entries"].items()} == dict.fromkeys(run["entries"], 8)
    # In a real run the samples have been through JSON, whose keys are strings.
    job = {
        "title": "nothing",
        "goals": [["aikit fast", 0.5, "slow"], ["aikit fast", 1e-9, "slow"]],
        "threads": {"1": {"moved": 1000, "sets": 2, **run}},
    }
    machine = {"date": "today", "processor": "some", "system": "any", "versions": "none"}
    text = table.render({"machine": machine, "jobs": [job], "imports": None, "memory": []})
    assert "Targets hit: 1 of 2" in text
    assert "- hit: aikit fast: at least 2x faster than slow, 1 thread: " in text
    assert "- **MISS**: aikit fast: at least 1e+09x faster than slow, 1 thread: " in text


def test_ratios_are_taken_within_rounds():
    low, middle, high = timing.ratio({0: 1.0, 1: 10.0, 2: 4.0}, {0: 2.0, 1: 20.0, 3: 1.0})
    assert low == middle == high == 0.5


def test_the_import_of_a_module_is_timed_and_looked_through():
    seconds, loaded = imports.once("numpy")
    assert seconds > 0
    assert loaded == ["numpy"]


def test_the_table_replaces_the_last_one(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- last table: start -->\nold\n<!-- last table: end -->\nafter\n")
    replace_between(page, "new\n")
    assert page.read_text() == "before\n<!-- last table: start -->\n\nnew\n\n<!-- last table: end -->\nafter\n"


def test_isolated_readers_are_compared_with_plain_ones():
    import aikit

    plain, (low, middle, high), _ = isolation.compare(aikit.read_pil, isolation.encoded(32, "JPEG"), rounds=2)
    assert plain > 0
    assert 0 < low <= middle <= high


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
