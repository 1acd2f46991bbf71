"""A bounded run of the fuzz suite; `make fuzz` goes on for as long as you like."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aikit import Limits, map_supervised, read_pil

from .files import FILES, FORMATS
from .judge import judge
from .mutations import mutated

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_whole(name):
    if name == "heic":
        pytest.importorskip("pi_heif")
    assert min(read_pil(FILES[name], limits=Limits()).size) > 1


def test_every_format_is_there():
    assert set(FORMATS) >= set("png jpeg webp avif gif tiff bmp ico ppm heic jxl".split())


def test_mutations_are_the_same_every_time_and_different_from_each_other():
    made = [mutated(5, number) for number in range(300)]
    assert made == [mutated(5, number) for number in range(300)]
    assert len({data for _, data in made}) > 290
    assert sum(data == FILES[name] for name, data in made) < 10


def test_no_mutated_file_does_harm():
    numbers = 20 * len(FILES)
    findings = [
        (outcome.item, outcome.error or outcome.value)
        for outcome in map_supervised(judge, ((20261121, number) for number in range(numbers)), workers=2, timeout=120)
        if outcome.error or outcome.value
    ]
    assert findings == []


def test_a_finding_is_printed_with_its_seed_and_saved(tmp_path):
    # A judge that finds fault with every PNG, of which there are some among the first files.
    (tmp_path / "sitecustomize.py").write_text(
        "import fuzz.judge\nfuzz.judge.complaints = lambda data: ['found wanting'] if data[1:4] == b'PNG' else []\n"
    )
    command = [sys.executable, "-m", "fuzz", "--seconds", "0.2", "--seed", "7", "--save", str(tmp_path / "found")]
    path = os.pathsep.join([str(tmp_path), str(TESTS), str(TESTS.parent / "src")])
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "seed 7: " in done.stdout
    saved = list((tmp_path / "found").iterdir())
    assert saved
    for file in saved:
        number = int(file.name.rpartition("-")[2])
        assert file.read_bytes() == mutated(7, number)[1]
        assert f"seed 7, number {number} (" in done.stdout
