"""`aikit mesh`: look into meshes, and convert them to other formats."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._io import make_folder
from ..errors import AikitError, FileAccessError, InputValueError, printable, quoted
from ..limits import Limits
from .untrusted import add_untrusted, limits_of
from .wording import in_words, to_json

if TYPE_CHECKING:
    from ..mesh import Mesh, MeshInfo

_SUFFIXES = (".glb", ".gltf", ".obj")
_REMEDIES = {"files": "put what it needs beside it, or leave --untrusted out if you trust it"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "mesh",
        help="meshes: what they hold, and other formats of them",
        description="Work on GLB, glTF and OBJ files. What lies beside them, buffers, materials and textures, is read from "
        "their folder and those below it, and with --untrusted not at all.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    info = actions.add_parser("info", help="say what meshes hold", description="Say what meshes hold.")
    info.add_argument("files", nargs="+", metavar="FILE", help="a mesh, or a folder with some below it")
    info.add_argument("--json", action="store_true", help="print a JSON list, for programs")
    info.set_defaults(run=run_info)
    convert = actions.add_parser(
        "convert",
        help="write meshes as GLB, glTF, OBJ, STL or PLY",
        description="Write a mesh in the format of OUT, or all meshes below a folder in that of --to, and say what the "
        "format cannot hold of them.",
    )
    convert.add_argument("source", metavar="IN", help="a mesh, or a folder with some below it")
    convert.add_argument("out", metavar="OUT", help="a file name with a suffix, or a folder")
    convert.add_argument("--to", metavar="FORMAT", help="for folders: glb, gltf, obj, stl or ply")
    convert.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    convert.set_defaults(run=run_convert)
    for action in (info, convert):
        add_untrusted(action)


def _open(path: str, limits: Limits | None, *, untrusted: bool) -> Mesh:
    from .._warnings import keep_warnings
    from ..mesh import open_mesh

    with keep_warnings():  # of what is left out, which is printed
        return open_mesh(path, limits=limits, files=not untrusted)


def _meshes_below(path: str) -> Iterator[Path]:
    """The file itself, or all meshes below a folder; links to folders are not followed."""
    if not os.path.isdir(path):
        yield Path(path)
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        yield from (Path(folder, name) for name in sorted(names) if name.lower().endswith(_SUFFIXES))


# ---------------------------------------------------------------- info


def run_info(options: argparse.Namespace) -> int:
    """Print what each mesh holds; those that cannot be read are listed with their reason and make the status 1."""
    limits = limits_of(options)
    paths = [str(path) for each in options.files for path in _meshes_below(each)]
    rows = [_look(path, limits, untrusted=options.untrusted) for path in paths]
    failed = [row for row in rows if "error" in row]
    if options.json:
        print(to_json(rows))
    else:
        for row in rows:
            if "error" not in row:
                print(_described(row))
        for row in failed:
            print(f"aikit mesh: {row['error']}", file=sys.stderr)
    return 1 if failed else 0


def _look(path: str, limits: Limits | None, *, untrusted: bool) -> dict[str, Any]:
    try:
        return {"file": path, **_plain(_open(path, limits, untrusted=untrusted).info())}
    except AikitError as error:
        return {"file": path, "error": str(in_words(error, remedies=_REMEDIES)), "code": error.code}


def _plain(info: MeshInfo) -> dict[str, Any]:
    """The fields of an info as plain data, those of its textures and animations too."""
    found: dict[str, Any] = {}
    for field in fields(info):
        value = getattr(info, field.name)
        if not field.name.startswith("_"):
            found[field.name] = [_plain(each) for each in value] if field.name in _LISTED else value
    return found


_LISTED = ("textures", "animations")


_COUNTED = {
    "meshes": "mesh",
    "nodes": "node",
    "skins": "skin",
    "morph_targets": "morph target",
    "cameras": "camera",
    "lights": "light",
    "lines": "set of lines",
    "points": "set of points",
}


def _count(count: int, word: str) -> str:
    """A number with its word, in the plural where it is not 1."""
    first, _, rest = word.partition(" of ")
    plural = f"{first}{'es' if first.endswith('sh') else 's'}"
    return f"{count:,} {first if count == 1 else plural}{f' of {rest}' if rest else ''}"


def _described(row: dict[str, Any]) -> str:
    """One mesh in a few lines."""
    parts = [f"{_count(row['triangles'], 'triangle')}, {row['vertices']:,} vertices"]
    parts += [_count(row[name], word) for name, word in _COUNTED.items() if row[name]]
    if row["bounds"]:
        sizes = (high - low for low, high in zip(*row["bounds"], strict=True))
        parts.append(" x ".join(f"{size:.3g}" for size in sizes) + " m")
    lines = [f"{row['file']}: {row['format']}; " + "; ".join(parts)]
    if row["materials"]:
        lines.append("  materials: " + ", ".join(row["materials"]))
    for each in row["textures"]:
        size = f"{each['width']}x{each['height']} {each['format']}" if each["format"] else "unread format"
        lines.append(
            f"  texture {each['name']}: {size}, {each['bytes']:,} bytes, {', '.join(each['roles']) or 'unused'}"
        )
    lines += [
        f"  animation {each['name']}: {each['seconds']:g} s, {_count(each['channels'], 'channel')}"
        for each in row["animations"]
    ]
    for name, words in (("not_understood", "not understood"), ("left_out", "left out")):
        if row[name]:
            lines.append(f"  {words}: " + ", ".join(row[name]))
    return "\n".join(map(printable, lines))


# ---------------------------------------------------------------- convert


def run_convert(options: argparse.Namespace) -> int:
    """Convert one mesh, or all below a folder; those that cannot be are listed and make the status 1."""
    limits = limits_of(options)
    if not os.path.isdir(options.source):
        if options.to is not None:
            raise InputValueError("--to", "a folder as IN", quoted(options.source), "give OUT a suffix instead")
        try:
            _convert(options.source, options.out, options, limits)
        except AikitError as error:
            raise in_words(error, subjects={"path": "OUT"}, remedies=_REMEDIES) from error
        return 0
    return _convert_folder(options, limits)


def _convert_folder(options: argparse.Namespace, limits: Limits | None) -> int:
    from ..mesh.writing import FORMATS

    to = (options.to or "").lower().removeprefix(".")
    if to not in FORMATS:
        got = quoted(options.to) if to else "none"
        raise InputValueError(
            "--to", f"one of {', '.join(FORMATS)} for the meshes of a folder", got, "pass one of these"
        )
    failed, written = 0, set()
    for path in _meshes_below(options.source):
        out = Path(options.out, path.relative_to(options.source)).with_suffix(f".{to}")
        try:
            if out in written:
                other = "another mesh there that becomes the same"
                raise FileAccessError(str(path), f"a place of its own, not {out}", other, "rename one", code="clash")
            make_folder(out.parent)
            _convert(str(path), str(out), options, limits)
            written.add(out)
        except AikitError as error:
            failed += 1
            print(f"aikit mesh: {in_words(error, remedies=_REMEDIES)}", file=sys.stderr)
    return 1 if failed else 0


def _convert(source: str, out: str, options: argparse.Namespace, limits: Limits | None) -> None:
    if os.path.exists(out) and not options.overwrite:
        raise FileAccessError(out, "no file there", "one", "pass --overwrite", code="exists", filename=out)
    mesh = _open(source, limits, untrusted=options.untrusted)
    mesh.write(out)
    info = mesh.info()
    lost = [*info.lost_in(os.path.splitext(out)[1].lower().removeprefix(".")), *info.left_out]
    print(printable(out) + (f": without {', '.join(lost)}" if lost else ""))
