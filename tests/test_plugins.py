"""Code by its path: registered before it runs, nothing left behind, nothing shadowed."""

import hashlib
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import aikit
from aikit import FileAccessError, FileFormatError, InputTypeError, InputValueError, MissingDependencyError
from aikit.plugins import found, load_file, load_package, path_of, require

DATACLASS = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Box:
    left: int
    right: list[int]
"""


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def ours():
    return {name for name in sys.modules if "plugin" in name}


def test_a_dataclass_with_postponed_annotations_works_and_pickles(write):
    module = load_file(write("my-boxes.py", DATACLASS))
    box = module.Box(1, [2])
    assert pickle.loads(pickle.dumps(box)) == box
    assert sys.modules[module.__name__] is module
    assert module.__name__.startswith("aikit_plugin_my_boxes_")
    assert path_of(module.__name__) == Path(module.__file__)


def test_the_same_file_is_loaded_once_and_named_alike_in_every_process(write):
    path = write("once.py", "VALUES = []")
    module = load_file(path)
    assert load_file(os.path.relpath(path)) is module
    code = f"from aikit.plugins import load_file; print(load_file({str(path)!r}).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == module.__name__


def test_two_files_of_one_name_are_two_modules(write):
    first, second = load_file(write("a/steps.py", "X = 1")), load_file(write("b/steps.py", "X = 2"))
    assert (first.X, second.X) == (1, 2)


def test_a_file_beside_it_shadows_nothing(write):
    write("json.py", "raise SystemExit('the wrong json')")
    module = load_file(
        write("reader.py", "import sys\nsys.path.insert(0, 'here')\nimport json\nVALUE = json.loads('[1]')")
    )
    assert (module.VALUE, json.loads("[1]")) == ([1], [1])
    assert "here" not in sys.path


@pytest.mark.parametrize(
    ("code", "got"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def f(:", "SyntaxError: invalid syntax"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("\0", "source code string cannot contain null bytes"),
    ],
)
def test_a_failure_leaves_nothing_behind_and_is_told(write, code, got):
    path = write("broken.py", f"import sys\nsys.path.append('left behind')\n{code}")
    before, search_path = ours(), list(sys.path)
    with pytest.raises(
        FileFormatError, match=f"broken.py: expected Python code that runs, got .*{re.escape(got)}.*; mend it"
    ) as caught:
        load_file(path)
    assert caught.value.__cause__ is not None
    assert (ours(), sys.path) == (before, search_path)
    path.write_text("VALUE = 1")
    assert load_file(path).VALUE == 1


def test_an_interrupt_passes(write):
    with pytest.raises(KeyboardInterrupt, match="now"):
        load_file(write("stop.py", "raise KeyboardInterrupt('now')"))


def test_a_digest_pins_the_bytes(write):
    path = write("pinned.py", "VALUE = 1")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert load_file(path, sha256=digest.upper()).VALUE == 1
    other = write("pinned2.py", "VALUE = 2")
    with pytest.raises(InputValueError, match=rf"pinned2\.py: expected the SHA-256 {digest}, got [0-9a-f]+; check who"):
        load_file(other, sha256=digest)
    with pytest.raises(InputValueError, match="sha256: expected 64 hexadecimal digits, got 'abc'"):
        load_file(other, sha256="abc")


def test_a_name_of_ones_own_must_be_free(write):
    path = write("named.py", "X = 1")
    assert load_file(path, name="aikit_test_named") is sys.modules["aikit_test_named"]
    assert load_file(path, name="aikit_test_named").X == 1
    with pytest.raises(InputValueError, match=r"name: expected a name that no module has, got json, taken by .*json"):
        load_file(path, name="json")
    with pytest.raises(InputValueError, match="name: expected a module's name, such as my_steps, got 'a-b'"):
        load_file(path, name="a-b")


def test_what_is_no_file_is_refused(write, tmp_path):
    with pytest.raises(FileAccessError, match=r"none\.py"):
        load_file(tmp_path / "none.py")
    with pytest.raises(FileFormatError, match=r"notes\.txt: expected a file that ends in \.py"):
        load_file(write("notes.txt", "X = 1"))
    with pytest.raises(InputTypeError, match="path: expected the path of a file or folder, got 5"):
        load_file(5)


# ---------------------------------------------------------------- packages


def test_a_package_imports_its_own_modules(write, tmp_path):
    write("tools/__init__.py", "from .inner import VALUE\nfrom . import json")
    write("tools/inner.py", "VALUE = 7")
    write("tools/json.py", "MINE = True")
    package = load_package(tmp_path / "tools")
    assert (package.VALUE, package.json.MINE, json.loads("1")) == (7, True, 1)
    assert load_package(tmp_path / "tools") is package
    assert path_of(f"{package.__name__}.inner") == tmp_path / "tools"
    assert path_of("json") is None


def test_a_package_that_fails_leaves_none_of_its_modules(write, tmp_path):
    write("half/__init__.py", "from . import inner\n1 / 0")
    write("half/inner.py", "VALUE = 7")
    before = ours()
    with pytest.raises(FileFormatError, match="half: expected Python code that runs, got ZeroDivisionError"):
        load_package(tmp_path / "half")
    assert ours() == before
    with pytest.raises(FileAccessError, match=r"expected a folder with an __init__\.py, got none"):
        load_package(tmp_path)


# ---------------------------------------------------------------- operations from a file

OPERATION = """
import aikit
from PIL import Image

@aikit.operation
def plugin_paler(image, *, amount: float = 0.5):
    "Make a picture paler."
    return Image.eval(image, lambda code: round(code * (1 - amount) + 255 * amount))
"""


def test_an_operation_of_a_file_works_in_child_processes_and_folders(write, tmp_path):
    load_file(write("paler.py", OPERATION))
    recipe = aikit.Recipe([("plugin_paler", {"amount": 0.5}), ("resize", {"width": 2, "height": 2})], to="png")
    source = tmp_path / "in"
    source.mkdir()
    aikit.write(np.zeros((4, 4, 3), np.float32), source / "a.png")
    report = aikit.convert_folder(source, tmp_path / "out", recipe, limits=aikit.Limits())
    assert report.done == 1, report
    assert set(aikit.read_numpy(tmp_path / "out" / "a.png").ravel()) == {128}


def test_the_command_takes_a_file_of_operations(write, tmp_path, capsys):
    from aikit.cli import main

    path = write("command_paler.py", OPERATION.replace("plugin_paler", "command_paler"))
    aikit.write(np.zeros((4, 4, 3), np.uint8), tmp_path / "a.png")
    code = main(
        [
            "run",
            "command_paler amount=0.5; to=png",
            str(tmp_path / "a.png"),
            str(tmp_path / "b.png"),
            "--operations",
            str(path),
        ]
    )
    assert code == 0, capsys.readouterr()
    assert set(aikit.read_numpy(tmp_path / "b.png").ravel()) == {128}


# ---------------------------------------------------------------- installed packages


def install(folder, name, version, entry_points=""):
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(entry_points)
    return folder


def test_entry_points_are_found_and_load(write, tmp_path, monkeypatch):
    write("site/aikit_test_offer.py", "def pale(image): return image")
    install(
        tmp_path / "site", "offer", "1.0", "[aikit.test]\nsepia = aikit_test_offer:pale\nblue = aikit_test_offer:pale\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    offers = found("aikit.test")
    assert list(offers) == ["blue", "sepia"]
    assert offers["sepia"].load()(3) == 3


def test_two_packages_that_offer_one_name_are_named(tmp_path, monkeypatch):
    for name in ("one", "two"):
        monkeypatch.syspath_prepend(install(tmp_path / name, name, "1.0", f"[aikit.test]\nsepia = {name}:pale\n"))
    with pytest.raises(
        InputValueError, match=r"aikit\.test: sepia: expected one package that offers it, got one 1\.0 and two 1\.0"
    ):
        found("aikit.test")
    with pytest.raises(InputTypeError, match="group: expected the name of a group, got 3"):
        found(3)


PAGE = Path(__file__).parents[1] / "docs" / "api" / "plugins.md"


def files_of_the_page():
    """The files that the how-to shows, by their names."""
    return dict(re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', PAGE.read_text(), re.DOTALL))


def python(code, *paths):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


USE_SEPIA = """
import sys, aikit, PIL.Image
print("sepia" in aikit.operations.names(), "aikit_sepia" in sys.modules)
print(aikit.Recipe.parse("sepia strength=0.5; resize width=2")(PIL.Image.new("RGB", (4, 4), "blue")).size)
"""


def test_an_installed_package_offers_its_operation(write, tmp_path):
    for name, text in files_of_the_page().items():
        write(name, text)
    install(tmp_path / "src", "aikit-sepia", "1.0", "[aikit.operations]\nsepia = aikit_sepia\n")
    source = Path(aikit.__file__).parents[1]
    assert python(USE_SEPIA, source, tmp_path / "src") == ["True", "False", "(2,", "2)"]
    assert python("import aikit; print('sepia' in aikit.operations.names())", source) == ["False"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 / 0", "an operation that its package can load, got ZeroDivisionError"),
        ("", "registers, got none of that name"),
    ],
)
def test_a_package_that_does_not_give_its_operation_is_named(write, tmp_path, monkeypatch, code, message):
    write("site/aikit_test_broken.py", code)
    monkeypatch.delitem(sys.modules, "aikit_test_broken", raising=False)
    install(tmp_path / "site", "broken", "1.0", "[aikit.operations]\nbroken_one = aikit_test_broken\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(InputValueError, match=f"broken_one: expected .*{message}"):
        aikit.operations.get("broken_one")


@pytest.mark.slow
def test_the_package_of_the_page_builds_and_installs(write, tmp_path):
    for name, text in files_of_the_page().items():
        write(name, text)
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    (site,) = venv.glob("lib/*/site-packages")
    (site / "parent.pth").write_text("\n".join(path for path in sys.path if path.endswith(("site-packages", "src"))))
    for arguments in (["install", "-q", "--no-deps", "-e", "."], ["wheel", "-q", "--no-deps", "-w", "dist", "."]):
        subprocess.run([str(venv / "bin/python"), "-m", "pip", *arguments], check=True, cwd=tmp_path)
    done = subprocess.run([str(venv / "bin/python"), "-c", USE_SEPIA], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "False", "(2,", "2)"], done.stderr
    (wheel,) = (tmp_path / "dist").glob("aikit_sepia-1.0-*.whl")
    assert python(USE_SEPIA, Path(aikit.__file__).parents[1], wheel) == ["True", "False", "(2,", "2)"]


def test_require_says_which_of_two_copies_was_taken(tmp_path, monkeypatch):
    old, new = install(tmp_path / "old", "Some_Tool", "1.2"), install(tmp_path / "new", "some-tool", "2.0rc1")
    monkeypatch.setattr(sys, "path", [str(old), str(new), *sys.path])
    copy = require("some.tool", ">=1,<2")
    assert (copy.version, copy.folder, copy.others) == ("1.2", old, {new: "2.0rc1"})
    assert (
        str(copy)
        == f"some.tool 1.2 in {old}, the first on Python's search path; not 2.0rc1 in {new}, which comes later"
    )
    with pytest.raises(
        MissingDependencyError, match=r"some-tool: expected version >=2\.0rc1, got .*1\.2 in .*not 2\.0rc1 in"
    ):
        require("some-tool", ">=2.0rc1")


def test_require_of_what_is_not_there(tmp_path):
    with pytest.raises(MissingDependencyError, match='got none; run: pip install "no-such-tool>=1"'):
        require("no-such-tool", ">=1")
    with pytest.raises(InputValueError, match="version: expected a specifier such as"):
        require("numpy", "two")
    with pytest.raises(InputTypeError, match="name: expected a package and a version as text"):
        require("numpy", 2)
