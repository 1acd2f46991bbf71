"""Every example runs as a user would run it, in an empty folder, and writes what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(example, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, str(example)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    written = re.search(r"wrote (\S+)", done.stdout)
    assert written is not None
    assert (tmp_path / written[1]).stat().st_size > 100


def test_a_blur_of_premultiplied_color_shows_no_hidden_green(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    example = ROOT / "examples" / "opencv_with_alpha.py"
    done = subprocess.run(
        [sys.executable, str(example)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "visible: 0.000" in done.stdout


def test_every_example_is_listed():
    page = (ROOT / "examples" / "README.md").read_text("utf-8")
    assert all(f"({example.name})" in page for example in EXAMPLES)
