"""Code from files and packages by their path, entry points by their group, and which copy of a package was taken.

A plug-in runs with all the rights of the program that loads it: load no path that comes from a request.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ._io import read_whole
from .errors import FileAccessError, FileFormatError, InputTypeError, InputValueError, MissingDependencyError, quoted

if TYPE_CHECKING:
    from importlib import metadata

__all__ = ["Installed", "found", "load_file", "load_package", "path_of", "require"]

_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_lock = threading.RLock()
# The files that were loaded, by the names of their modules.
_loaded: dict[str, Path] = {}


# ---------------------------------------------------------------- by path


def load_file(path: str | Path, *, name: str | None = None, sha256: str | None = None) -> ModuleType:
    """Load one Python file as a module, without touching where Python looks for others.

    The module stands in `sys.modules` before its code runs, so that dataclasses, pickle and multiprocessing within one
    program work; a file beside it shadows nothing. The same file is loaded once: start anew to see its changes.

    Args:
        path: the file.
        name: what the module is called; None makes a name of the path, the same in every process.
        sha256: the digest its bytes must have, in hexadecimal digits: exactly these bytes run.

    Returns:
        The module.

    Raises:
        InputTypeError, InputValueError: no path, another digest, or a name that is taken or cannot be one.
        FileAccessError: the file cannot be read.
        FileFormatError: no Python, or its code failed; the reason is the `__cause__`, and nothing is left behind.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "my-steps.py")
        >>> _ = path.write_text("SIZE = 512")
        >>> load_file(path).SIZE
        512
    """
    file = _absolute(path)
    data = read_whole(file)
    _check_digest(file, data, sha256)
    with _lock:
        return _load_once(file, data, name, None)


def load_package(path: str | Path, *, name: str | None = None) -> ModuleType:
    """Load a folder with an `__init__.py` as a package: relative imports within it work, and no other finds it.

    Args:
        path: the folder.
        name: what the package is called; None makes a name of the path, the same in every process.

    Returns:
        The package.

    Raises:
        InputTypeError, InputValueError: no path, or a name that is taken or cannot be one.
        FileAccessError: the folder has no `__init__.py` that can be read.
        FileFormatError: no Python, or its code failed; the reason is the `__cause__`, and nothing is left behind.
    """
    folder = _absolute(path)
    file = folder / "__init__.py"
    if not file.is_file():
        raise FileAccessError(
            str(folder), "a folder with an __init__.py", "none", "load a single file by load_file", filename=str(folder)
        )
    with _lock:
        return _load_once(file, read_whole(file), name, folder)


def path_of(module: str) -> Path | None:
    """The file or the package that a module was loaded from by `load_file` or `load_package`; else None.

    Args:
        module: the name of the module, such as a function's `__module__`, or of one within a package.
    """
    return _loaded.get(module) or _loaded.get(module.partition(".")[0])


def _absolute(path: object) -> Path:
    if not isinstance(path, (str, Path)) or not str(path):
        raise InputTypeError("path", "the path of a file or folder", quoted(path), "pass a str or a pathlib.Path")
    return Path(path).resolve()


def _check_digest(file: Path, data: bytes, sha256: object) -> None:
    if sha256 is None:
        return
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InputValueError("sha256", "64 hexadecimal digits", quoted(sha256), "pass the output of sha256sum")
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256.lower():
        raise InputValueError(str(file), f"the SHA-256 {sha256.lower()}", digest, "check who changed it")


def _load_once(file: Path, data: bytes, name: object, folder: Path | None) -> ModuleType:
    source = folder or file
    name = _name_of(source) if name is None else name
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputValueError("name", "a module's name, such as my_steps", quoted(name), "use letters, digits and _")
    if name in sys.modules:
        if _loaded.get(name) == source:
            return sys.modules[name]
        place = getattr(sys.modules[name], "__file__", None)
        raise InputValueError("name", "a name that no module has", f"{name}, taken by {place}", "pass another")
    spec = spec_from_file_location(name, file, submodule_search_locations=None if folder is None else [str(folder)])
    if spec is None:
        raise FileFormatError(str(file), "a file that ends in .py", quoted(file.name), "rename it")
    return _run(spec, data, source)


def _name_of(source: Path) -> str:
    """A name for a path: told by its own, and no other's."""
    stem = re.sub(r"\W", "_", source.stem, flags=re.ASCII)
    return f"aikit_plugin_{stem}_{hashlib.sha256(bytes(source)).hexdigest()[:12]}"


def _run(spec: ModuleSpec, data: bytes, source: Path) -> ModuleType:
    module = module_from_spec(spec)
    before, search_path = set(sys.modules), list(sys.path)
    sys.modules[spec.name] = module
    _loaded[spec.name] = source
    try:
        # These bytes, which were checked: not what the file holds a moment later.
        exec(compile(data, str(spec.origin), "exec", dont_inherit=True), module.__dict__)  # noqa: S102
    except BaseException as error:
        for added in [each for each in sys.modules if each not in before and (each + ".").startswith(f"{spec.name}.")]:
            del sys.modules[added]
        del _loaded[spec.name]
        # SystemExit too: a plug-in that calls sys.exit() does not end the program.
        if isinstance(error, (KeyboardInterrupt, MemoryError)):
            raise
        got = f"{type(error).__name__}: {error}"
        raise FileFormatError(str(source), "Python code that runs", got, "mend it and start anew") from error
    finally:
        sys.path[:] = search_path
    return sys.modules[spec.name]


# ---------------------------------------------------------------- installed


def found(group: str) -> dict[str, metadata.EntryPoint]:
    """The entry points of a group, by their names: what installed packages offer. None is loaded.

    Args:
        group: such as "aikit.operations", as the packages' pyproject.toml says in `[project.entry-points."…"]`.

    Returns:
        Entry points in the order of their names; `each.load()` imports one.

    Raises:
        InputTypeError: no text.
        InputValueError: two packages offer the same name for different things; they are named.

    Example:
        >>> found("aikit.no_such_group")
        {}
    """
    if not isinstance(group, str):
        raise InputTypeError("group", "the name of a group", quoted(group), 'pass a str such as "aikit.operations"')
    from importlib import metadata

    offers: dict[str, metadata.EntryPoint] = {}
    for each in sorted(metadata.entry_points(group=group), key=lambda each: each.name):
        other = offers.setdefault(each.name, each)
        if other.value != each.value:
            packages = " and ".join(sorted(_package_of(entry) for entry in (other, each)))
            raise InputValueError(
                f"{group}: {each.name}", "one package that offers it", packages, "uninstall one of them"
            )
    return offers


def _package_of(entry: metadata.EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value


@dataclass(frozen=True)
class Installed:
    """A distribution that is installed, and where.

    Attributes:
        name: the distribution's name.
        version: its version.
        folder: where it lies.
        others: versions of other copies on Python's search path, which are not taken, by their folders.
    """

    name: str
    version: str
    folder: Path
    others: Mapping[Path, str]

    def __str__(self) -> str:
        hidden = "".join(f"; not {version} in {folder}, which comes later" for folder, version in self.others.items())
        return f"{self.name} {self.version} in {self.folder}, the first on Python's search path{hidden}"


def require(name: str, version: str = "") -> Installed:
    """Say which installed copy of a package Python takes, and refuse one of another version.

    Args:
        name: the distribution's name, as pip writes it.
        version: what it must satisfy, such as ">=2.6,<3" (PEP 440); "" takes any.

    Returns:
        The copy that is imported, and the others that it hides.

    Raises:
        InputValueError: not a version specifier.
        MissingDependencyError: not installed, or of another version; copies that would do and are hidden are named.

    Example:
        >>> require("numpy", ">=2").name
        'numpy'

    Source: PEP 440 (versions), PEP 503 (names).
    """
    if not (isinstance(name, str) and isinstance(version, str)):  # type: ignore[redundant-expr]
        raise InputTypeError("name", "a package and a version as text", quoted((name, version)), 'pass "numpy", ">=2"')
    copies = list(_copies(name))
    if not copies:
        raise MissingDependencyError(name, f"the package {name}", "none", f'run: pip install "{name}{version}"')
    (folder, taken), *others = copies
    result = Installed(name, taken, folder, dict(others))
    if not _satisfies(taken, version):
        raise MissingDependencyError(name, f"version {version}", str(result), f'run: pip install "{name}{version}"')
    return result


def _copies(name: str) -> Iterator[tuple[Path, str]]:
    """Folders and versions of all copies, in the order in which Python looks."""
    from importlib import metadata

    wanted, seen = _normalized(name), set()
    for place in dict.fromkeys(sys.path):
        # Of one folder after the other: metadata itself does not say which copy is hidden.
        for each in metadata.distributions(path=[place or "."]):
            folder = Path(str(each.locate_file(""))).resolve()
            with contextlib.suppress(KeyError, TypeError):  # a folder of metadata without any in it
                if _normalized(each.metadata["Name"]) == wanted and folder not in seen:
                    seen.add(folder)
                    yield folder, each.version


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _satisfies(version: str, specifier: str) -> bool:
    if not specifier:
        return True
    from packaging import specifiers

    try:
        allowed = specifiers.SpecifierSet(specifier, prereleases=True)
    except specifiers.InvalidSpecifier as error:
        raise InputValueError("version", 'a specifier such as ">=2.6"', quoted(specifier), "see PEP 440") from error
    return bool(allowed.contains(version))
