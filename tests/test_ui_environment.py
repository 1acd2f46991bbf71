"""The pages need packages that the others do not go with: here they get an environment of their own, which sees this one's."""

import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

from servers import program

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
# Kept between runs, and ignored by git.
HOME = ROOT / ".venv-ui"
# Gradio wants Pillow below 13, Streamlit Pillow too: neither may change what the other tests run with.
PACKAGES = ["gradio>=6.31", "playwright", "streamlit>=1.50"]


def run(*command, seconds=600, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds, **options)


@pytest.fixture(scope="module")
def python():
    """The interpreter of an environment with Gradio, Streamlit and playwright, beside all that is here."""
    path = HOME / "bin" / "python"
    stamp = HOME / ".installed"
    if not stamp.exists():
        venv.create(HOME, with_pip=True, clear=True)
        paths = sysconfig.get_path("purelib", vars={"base": str(HOME)}), sysconfig.get_path("purelib")
        Path(paths[0], "zz_first.pth").write_text(f"{paths[1]}\n")
        done = run(str(path), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *PACKAGES)
        if done.returncode:
            shutil.rmtree(HOME)
            pytest.skip(f"the packages of the pages cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
        stamp.touch()
    return str(path)


@pytest.fixture(scope="module")
def axe():
    """The script of axe-core, from npm."""
    path = HOME / "node_modules" / "axe-core" / "axe.min.js"
    if not path.exists():
        npm = program("npm", "npm")
        done = run(npm, "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(HOME), "axe-core")
        if done.returncode:
            pytest.skip(f"axe-core cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
    return str(path)


def test_the_environment_has_both_worlds(python):
    code = "import gradio, PIL, playwright, pytest, streamlit, torch; print(PIL.__version__)"
    done = run(python, "-c", code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split(".")[0]) < 13


def test_the_pages_in_a_browser(python, axe):
    program("chromium", "chromium")
    command = [python, "-m", "pytest", "-q", "-m", "slow", "-p", "no:cacheprovider", "tests/test_ui_browser.py"]
    paths = os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "AXE": axe, "PYTHONPATH": paths, "PYTEST_ADDOPTS": ""}
    done = run(*command, cwd=ROOT, env=environment, seconds=1500)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_forms_and_code_are_tested_with_gradio_too(python):
    command = [python, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "tests/test_ui.py"]
    done = run(*command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
    assert done.returncode == 0, done.stdout[-5000:]
