"""Every example runs as a user would run it, in an empty folder, and writes the picture that is shown in the repository."""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import cv2
import nbformat
import numpy as np
import psd_tools
import pytest
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "examples"
# These run until they are ended: test_examples_web.py, and test_ui_browser.py for the pages.
SERVERS = {"web_fastapi.py", "web_flask.py", "web_models.py", "gradio_model.py", "streamlit_app.py"}
FILES = sorted([*FOLDER.glob("*.py"), *FOLDER.glob("*.ipynb")])
SCRIPTS = [path.stem for path in FILES if path.suffix == ".py" and path.name not in SERVERS]
PICTURES = (".png", ".jpg")
# One thread: a network this small takes twice the processor time when several wait for each other.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Runs an example, once for all tests; gives what it printed and the folder it ran in."""

    @cache
    def run(name, *arguments):
        folder = tmp_path_factory.mktemp(name)
        command = [sys.executable, str(FOLDER / f"{name}.py"), *arguments]
        done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        return done.stdout, folder

    return run


def assert_alike(drawn, shown):
    """The same picture, but for another release's fonts, JPEG rounding and threads: swapped channels are far more."""
    first, second = (np.asarray(Image.open(path).convert("RGBA"), np.float32) for path in (drawn, shown))
    assert first.shape == second.shape
    assert abs(first - second).mean() < 2


# ---------------------------------------------------------------- scripts


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_writes_what_it_says_and_what_is_shown(ran, name):
    printed, folder = ran(name)
    written = re.search(r"wrote (\S+)", printed)
    assert written is not None
    assert (folder / written[1]).stat().st_size > 100
    if written[1].endswith(PICTURES):
        assert_alike(folder / written[1], FOLDER / "output" / written[1])


def test_a_blur_of_premultiplied_color_shows_no_hidden_green(ran):
    assert "visible: 0.000" in ran("opencv_with_alpha")[0]


def test_training_learns_from_the_files(ran):
    printed, _ = ran("training_inputs")
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", printed)]
    assert len(losses) == 12
    assert losses[0] > 0.5  # ln 2 is a guess
    assert losses[-1] < 0.2
    right, of = map(int, re.search(r"right in the last batch: (\d+) of (\d+)", printed).groups())
    assert right >= of - 2


@pytest.mark.slow
def test_training_reads_in_a_worker_too(ran):
    assert ran("training_inputs", "sheet.jpg", "1")[0].count("loss") == 12


def test_the_layered_document_is_what_another_reader_sees(ran):
    printed, folder = ran("layered_psd")
    assert "code for code: none" in printed
    document = psd_tools.PSDImage.open(folder / "layers.psd")
    layers = {layer.name: layer for layer in document.descendants()}
    assert list(layers) == ["Sky", "Sun", "Land", "Far hills", "Mist", "Near hills", "Warm light"]
    assert layers["Sun"].blend_mode.name == "SCREEN"
    assert layers["Warm light"].blend_mode.name == "SOFT_LIGHT"
    assert layers["Mist"].opacity == 204
    assert layers["Mist"].parent.name == "Land"
    ours = np.asarray(Image.open(folder / "layered_psd.png").convert("RGB"), np.int16)
    theirs = np.asarray(document.composite(force=True).convert("RGB"), np.int16)
    assert abs(ours - theirs).max() <= 2


def test_every_coin_is_found_and_boxed_where_it_is(ran):
    printed, folder = ran("detection")
    # There are 24 on the photograph; the first from above is the one at the right, by hand 306, 16, 364, 72.
    assert "24 coins" in printed
    box = list(map(int, re.search(r"first at \[(.*)\]", printed)[1].split(", ")))
    np.testing.assert_allclose(box, [306, 16, 364, 72], atol=3)
    drawn = np.asarray(Image.open(folder / "detection.jpg")).astype(int)
    orange = drawn[..., 0] - drawn[..., 2] > 60
    assert orange[18:70, 304:307].any(1).mean() > 0.9  # its left edge, of which a JPEG blurs the color


def test_the_lane_mask_covers_the_line_and_nothing_else(ran):
    printed, folder = ran("lane_mask")
    # The line is 0.09 of half the road's width, 12 + 210 t pixels for t from 0 to 1 over 144 of 240 rows.
    area = 0.09 * (12 + 210 / 2) * 144 / (240 * 400)
    assert float(re.search(r"([\d.]+)% of", printed)[1]) / 100 == pytest.approx(area, rel=0.05)

    sheet = cv2.imread(str(folder / "lane_mask.jpg"))
    camera, mask, overlay = (sheet[34:178, left : left + 240].astype(np.int16) for left in (12, 264, 516))
    changed = abs(overlay - camera).max(axis=-1) > 60
    line = mask[..., 0] > 128
    assert line.sum() > 300
    assert (changed & line).sum() > 0.9 * line.sum()
    near = cv2.dilate(line.astype(np.uint8), np.ones((5, 5))) > 0  # a JPEG blurs color
    assert not (changed & ~near).any()


def test_the_pool_holds_one_network_at_a_time(ran):
    printed, _ = ran("model_pool")
    assert re.findall(r"loading (\w+)", printed) == ["soften", "sharpen", "soften"]
    assert re.findall(r"loaded: (.+)", printed) == ["soften", "sharpen", "sharpen", "soften"]
    assert "loaded at the end: nothing" in printed


def test_the_client_gets_a_picture_and_hostile_uploads_a_refusal(ran):
    printed, _ = ran("web_client")
    assert "by a form the same picture: True" in printed
    refusals = dict(re.findall(r"(.+): (4\d\d \w+)", printed))
    assert refusals == {
        "a bomb": "413 limit_exceeded",
        "half a picture": "422 truncated",
        "a text": "415 unsupported_format",
        "a document that asks for a file": "415 unsupported_format",
    }


# ---------------------------------------------------------------- the notebook


def texts(notebook):
    """What the cells print, each as one text: how it comes in pieces is chance."""
    return ["".join(output.get("text", "") for output in cell.get("outputs", [])) for cell in notebook.cells]


def shown(notebook, kind):
    """How many cells show something of this kind."""
    return sum(kind in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", []))


def described(notebook):
    """What the cards say."""
    data = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    return [each["text/plain"] for each in data if "text/html" in each]


def test_the_notebook_runs_and_prints_what_is_stored_in_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    stored = nbformat.read(FOLDER / "tour.ipynb", as_version=4)
    fresh = nbformat.read(FOLDER / "tour.ipynb", as_version=4)
    NotebookClient(fresh, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert texts(fresh) == texts(stored)
    assert shown(fresh, "image/png") == shown(stored, "image/png") == 6
    assert described(fresh) == described(stored)
    assert "pass value_range=(0, 255)" in described(stored)[0]
    assert_alike(tmp_path / "tour.png", FOLDER / "output" / "tour.png")


# ---------------------------------------------------------------- the page


def test_every_example_is_listed_with_a_sentence():
    page = (FOLDER / "README.md").read_text("utf-8")
    for path in FILES:
        assert re.search(rf"^\| \[{path.name}\]\({path.name}\) \| .{{20,}} \|", page, re.MULTILINE), path.name


def test_every_link_of_the_page_leads_to_a_small_file():
    targets = re.findall(r"\]\(([^)]+)\)", (FOLDER / "README.md").read_text("utf-8"))
    assert {(FOLDER / target).name for target in targets} >= {path.name for path in FOLDER.glob("output/*")}
    for target in targets:
        assert 0 < (FOLDER / target).stat().st_size < 100_000, target
