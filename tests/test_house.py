"""The rules of the house that a machine can check."""

import ast
import doctest
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest

import aikit
from aikit._deprecated import MOVED

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "aikit"

SURFACE = """
AikitError AikitWarning DeviceError FileAccessError FileFormatError InputTypeError InputValueError LimitError Limits
MissingDependencyError Recipe Sample WorkerError blur color_to_alpha composite convert_color convert_folder convert_profile crop describe difference draw_boxes draw_keypoints draw_masks draw_text
encode fit flatten flip free_memory has_alpha hsv_to_rgb lab_to_rgb make_transparent map_supervised merge_alpha new_mesh new_psd new_svg
normalize open_catalog open_mesh open_psd open_svg operation pad pick_device picture_hash premultiply read_batch read_cv2 read_label_map read_numpy read_pil read_tensor render_svg resize
rgb_to_gray rgb_to_hsv rgb_to_lab rot90 rotate sharpen show split_alpha stack thumbnail to_cv2 to_numpy to_pil to_tensor trim unpremultiply unstack
upsample warp_affine warp_perspective write
""".split()

MODULES = """
alpha
batch
catalog
codec
color
convert
device
draw
errors
files
folders
fusion
geometry
isolation
limits
logs
memory
mesh
operations
paths
plugins
preprocess
profiles
psd
recipe
resample
sample
serve
settings
svg
transforms
types
ui
""".split()

# A module may import from the layers above its line here, and from the names before it on its own line.
LAYERS = [
    "errors types _deprecated _warnings _in_graph _foreign_names _check limits device memory isolation _io _fonts _card _metadata paths plugins logs",
    "_pixels _adapters",
    "convert color alpha resample geometry",
    "_raster",
    "svg psd mesh",
    "profiles files",
    "operations fusion batch show",
    "codec draw sample recipe transforms preprocess",
    "folders catalog",
    "settings",
    "serve ui",
    "cli __main__",
]
# The adapters describe an image by the Spec of _pixels, which calls them: two halves of one thing.
MUTUAL = {("_pixels", "_adapters")}
# Two files of a folder that import each other, still.
KNOWN_CIRCLES: list[set[str]] = []


def run_python(code):
    """Run code in a new interpreter, outside the checkout, and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(SRC.parent)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# Names


DEPRECATED = "# Deprecated here:"


def names_in(text):
    return [alias.name for node in ast.parse(text).body if isinstance(node, ast.ImportFrom) for alias in node.names]


def stub():
    """The names that the stub shows, and those under its second heading, which are deprecated."""
    shown, deprecated = (SRC / "__init__.pyi").read_text().split(DEPRECATED)
    return names_in(shown), names_in(f"# {deprecated}")


def test_the_surface_is_the_stored_list():
    assert sorted(aikit.__all__) == sorted(SURFACE + MODULES)


def test_all_and_dir_are_what_the_stub_shows():
    assert sorted(aikit.__all__) == sorted(stub()[0])
    assert sorted(dir(aikit)) == sorted(stub()[0])


def test_the_deprecated_names_of_the_stub_are_those_that_moved():
    assert sorted(stub()[1]) == sorted(MOVED)


def test_the_stub_is_a_list_of_names_and_nothing_else():
    # A __getattr__ in it would make type checkers accept aikit.premultiplie.
    *imports, version = ast.parse((SRC / "__init__.pyi").read_text()).body
    assert all(isinstance(node, ast.ImportFrom) and node.level == 1 for node in imports)
    assert all(alias.asname == alias.name for node in imports for alias in node.names)
    assert ast.unparse(version) == "__version__: str"


def public_modules():
    """The rooms with public names, show too: `aikit.show` itself is the function of that name."""
    rooms = {room(path) for path in modules()}
    return sorted(name for name in rooms if not name.startswith("_") and name not in ("cli", "__main__"))


def test_every_public_module_is_an_attribute():
    assert sorted([*MODULES, "show"]) == public_modules()


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_there_before_anything_was_used(name):
    assert run_python(f"import aikit; print(aikit.{name}.__name__, aikit.{name}.__all__ != [])") == f"aikit.{name} True"


@pytest.mark.parametrize("name", SURFACE)
def test_every_name_loads_and_its_module_lists_it(name):
    value = getattr(aikit, name)
    assert name in importlib.import_module(value.__module__.removesuffix(f".{name}")).__all__


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_all_that_it_lists(name):
    module = getattr(aikit, name)
    assert module.__name__ == f"aikit.{name}"
    assert all(hasattr(module, each) for each in module.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="premultiplie"):
        _ = aikit.premultiplie


# Tests


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/**/*.py")), ids=lambda path: path.name)
def test_every_raises_tells_the_message(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    raising = [call for call in calls if ast.unparse(call.func) in ("pytest.raises", "raises")]
    bare = [call.lineno for call in raising if not any(keyword.arg == "match" for keyword in call.keywords)]
    assert not bare


# Docstrings


def find(path):
    """What stands at "color.rgb_to_luv"; a name alone stands at the top."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(f"aikit.{module}".rstrip(".")), name)


# At the top, and in a module only.
PUBLIC = [*SURFACE, *sorted(set(MOVED.values()) - {"svg.open_svg"})]
FUNCTIONS = [path for path in PUBLIC if path.rpartition(".")[-1][0].islower()]
CLASSES = [path for path in PUBLIC if path not in FUNCTIONS]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_an_example(name):
    text = inspect.getdoc(find(name)) or ""
    assert "\nExample:\n" in text
    # pytest runs it: --doctest-modules and "src" in testpaths see to that.
    assert doctest.DocTestParser().get_examples(text)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_takes_at_most_two_positional_arguments(name):
    kinds = [p.kind for p in inspect.signature(find(name)).parameters.values()]
    # From where to where reads better in place than by name.
    at_most = 3 if name in ("convert_color", "convert_folder") else 2
    assert len([k for k in kinds if k is inspect.Parameter.POSITIONAL_OR_KEYWORD]) <= at_most
    assert inspect.Parameter.VAR_KEYWORD not in kinds


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_has_a_docstring(name):
    assert find(name).__doc__


def test_doctests_in_src_are_collected():
    with (ROOT / "pyproject.toml").open("rb") as file:
        options = tomllib.load(file)["tool"]["pytest"]["ini_options"]
    assert "--doctest-modules" in options["addopts"]
    assert "src" in options["testpaths"]


# Imports


HEAVY = {
    "numpy", "PIL", "cv2", "torch", "torchvision", "lxml", "rich", "psd_tools", "importlib.metadata", "sqlalchemy", "pandas",
    "pyarrow",
}  # fmt: skip


def test_import_loads_nothing_heavy():
    found = run_python("import sys, aikit; print(*sys.modules)").split()
    assert not HEAVY & set(found)


def test_import_takes_less_than_a_tenth_of_a_second():
    code = "import time; start = time.perf_counter(); import aikit; print(time.perf_counter() - start)"
    # 0.01 s on an idle machine; the best of five, because a busy one says nothing about us.
    assert min(float(run_python(code)) for _ in range(5)) < 0.1


def test_pil_and_numpy_work_never_loads_torch():
    code = """
import sys, numpy as np, aikit
image = aikit.to_pil(np.full((4, 5, 4), 128, np.uint8))
aikit.to_cv2(aikit.flatten(image, background="white"))
aikit.to_numpy(aikit.premultiply(image), dtype="float32")
aikit.read_numpy(aikit.encode(image, "png"))
print("torch" in sys.modules, "torchvision" in sys.modules)
"""
    assert run_python(code) == "False False"


def modules():
    return sorted(path for path in SRC.rglob("*.py") if path != SRC / "__init__.py")


def room(path):
    """The name under aikit/ that a file belongs to."""
    return path.relative_to(SRC).with_suffix("").parts[0]


def imported_paths(nodes, package):
    """Every (dotted path as a list, line) that import statements name."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else [])]
            targets = [[*base, alias.name] for alias in node.names]
        elif isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        else:
            continue
        yield from ((target, node.lineno) for target in targets)


def imported_rooms(tree, package):
    """Every (room of aikit, line) that the code imports from, wherever in it the import stands."""
    for target, line in imported_paths(ast.walk(tree), package):
        if target[0] == "aikit":
            yield target[1] if len(target) > 1 else "", line


def may_import(importer, imported):
    if importer == imported or imported == "__version__" or {(importer, imported), (imported, importer)} & MUTUAL:
        return True
    order = " ".join(LAYERS).split()
    return imported in order and order.index(imported) < order.index(importer)


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(SRC).as_posix())
def test_imports_point_down(path):
    package = ["aikit", *path.relative_to(SRC).parent.parts]
    wrong = [
        f"line {line}: {room(path)} imports {target or 'the whole of aikit'}"
        for target, line in imported_rooms(ast.parse(path.read_text()), package)
        if not may_import(room(path), target)
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from . import errors, __version__", ["errors", "__version__"]),
        ("from .color.lab import f", ["color"]),
        ("def f():\n    from aikit._pixels import run", ["_pixels"]),
        ("import aikit.files", ["files"]),
        ("import aikit", [""]),
        ("import numpy.linalg\nfrom os import path", []),
    ],
)
def test_the_import_reader_sees_every_form(code, expected):
    assert [target for target, _ in imported_rooms(ast.parse(code), ["aikit"])] == expected


def test_the_import_reader_resolves_folders():
    tree = ast.parse("from ..errors import InputTypeError\nfrom .numpy import DTYPES")
    assert [target for target, _ in imported_rooms(tree, ["aikit", "_adapters"])] == ["errors", "_adapters"]


def running(node):
    """All nodes below one, but for what is imported for type checkers alone."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield from running(child)


def imports_of_modules(sources):
    """For each module of {dotted name: code}, the modules of these that it imports, in functions too."""
    graph = {}
    for name, (code, is_package) in sources.items():
        package = name.split(".") if is_package else name.split(".")[:-1]
        paths = [".".join(target) for target, _ in imported_paths(running(ast.parse(code)), package)]
        # What is no module is a name in one.
        named = {path if path in sources else path.rpartition(".")[0] for path in paths}
        graph[name] = {each for each in named if each in sources and each != name}
    return graph


def circles(graph):
    """The sets of modules that reach each other."""
    reached = {}
    for start in graph:
        seen, waiting = set(), [start]
        while waiting:
            waiting.extend(new := graph[waiting.pop()] - seen)
            seen |= new
        reached[start] = seen
    found = {frozenset({name} | {other for other in reached[name] if name in reached[other]}) for name in graph}
    return [set(group) for group in found if len(group) > 1]


def test_no_modules_import_each_other():
    sources = {}
    for path in modules():
        *folders, name = path.relative_to(SRC).with_suffix("").parts
        dotted = ".".join(["aikit", *folders, *([] if name == "__init__" else [name])])
        sources[dotted] = path.read_text(), name == "__init__"
    found = [{name.removeprefix("aikit.") for name in group} for group in circles(imports_of_modules(sources))]
    assert [group for group in found if group not in KNOWN_CIRCLES] == []


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ({"a": "from . import b", "b": "from . import c", "c": "def f():\n    from .a import g"}, [{"a", "b", "c"}]),
        ({"a": "from .b import f", "b": "if TYPE_CHECKING:\n    from .a import g"}, []),
        ({"a": "import aikit.b", "b": "from .c import f", "c": "from ..z import a"}, []),
    ],
)
def test_circles_are_seen_in_functions_and_not_for_type_checkers(codes, expected):
    graph = imports_of_modules({f"aikit.{name}": (code, False) for name, code in codes.items()})
    assert [{name.removeprefix("aikit.") for name in group} for group in circles(graph)] == expected


def test_every_room_has_a_layer():
    assert {room(path) for path in modules()} <= set(" ".join(LAYERS).split())


def test_no_module_has_a_name_that_says_nothing():
    names = {
        part
        for path in modules()
        if path != SRC / "serve" / "core.py"
        for part in path.relative_to(SRC).with_suffix("").parts
    }
    assert not {name.strip("_") for name in names} & {"utils", "util", "helpers", "helper", "common", "core", "misc"}


# The package


def test_own_warnings_fail_and_foreign_ones_do_not():
    for module in ("aikit", "aikit.alpha"):
        with pytest.raises(DeprecationWarning, match="ours"):
            exec("import warnings; warnings.warn('ours', DeprecationWarning)", {"__name__": module})
    with warnings.catch_warnings(record=True) as seen:
        exec("import warnings; warnings.warn('theirs', DeprecationWarning)", {"__name__": "aikitten"})
    assert [str(warning.message) for warning in seen] == ["theirs"]


def project():
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]


def test_the_extra_all_is_the_extras_for_everyone():
    extras = project()["optional-dependencies"]
    assert sorted(extras["all"]) == sorted(
        each for name in "heif jxl mesh paths sr ray trace".split() for each in extras[name]
    )


def test_no_dependency_has_an_upper_bound():
    groups = [project()["dependencies"], *project()["optional-dependencies"].values()]
    assert all(re.fullmatch(r"[\w.\-]+(\[[\w,]+\])?>=[\w.]+", line) for group in groups for line in group)


def repository_files():
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file() and path.stat().st_size < 1_000_000]


# On the public index our name is another project's: nobody may be told to install that.
FROM_INDEX = re.compile(rb"pip3?\s+install\s+(-\S+\s+)*[\"'`]?aikit\b")


def test_nobody_is_told_to_install_the_other_aikit():
    assert not [path for path in repository_files() if FROM_INDEX.search(path.read_bytes())]


@pytest.mark.parametrize("line", ["pip install {}", "pip install -U {}", "pip3 install '{}[ray]'", "uv pip install {}"])
def test_the_search_for_it_finds_it(line):
    assert FROM_INDEX.search(line.format("aikit").encode())


# What runs in parallel must be called the same everywhere, or xdist gives up.


@pytest.mark.slow
def test_ids_of_tests_are_the_same_in_every_process():
    def collected(seed):
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        ids = [line for line in done.stdout.splitlines() if "::" in line]
        assert len(ids) > 10_000, done.stdout[-2000:]
        return ids

    assert collected("1") == collected("2")
