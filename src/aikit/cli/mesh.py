"""`aikit mesh`: look into meshes, convert, draw and slim them."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ..errors import AikitError, InputValueError, printable, quoted
from ..limits import Limits
from .mesh_folders import REMEDIES, add_in_and_out, convert_meshes, meshes_below, open_one
from .mesh_pictures import add_actions
from .untrusted import add_untrusted, limits_of
from .wording import in_words, to_json

if TYPE_CHECKING:
    from ..mesh import Mesh, MeshInfo


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "mesh",
        help="meshes: what they hold, other formats, pictures, fewer bytes",
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
    add_in_and_out(convert, "glb, gltf, obj, stl or ply")
    convert.set_defaults(run=run_convert)
    for action in (info, convert):
        add_untrusted(action)
    add_actions(actions)


# ---------------------------------------------------------------- info


def run_info(options: argparse.Namespace) -> int:
    """Print what each mesh holds; those that cannot be read are listed with their reason and make the status 1."""
    limits = limits_of(options)
    paths = [str(path) for each in options.files for path in meshes_below(each)]
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
        return {"file": path, **_plain(open_one(path, limits, untrusted=untrusted).info())}
    except AikitError as error:
        return {"file": path, "error": str(in_words(error, remedies=REMEDIES)), "code": error.code}


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
    from ..mesh.writing import FORMATS

    if options.to is not None and not os.path.isdir(options.source):
        raise InputValueError("--to", "a folder as IN", quoted(options.source), "give OUT a suffix instead")
    return convert_meshes(options, tuple(FORMATS), _convert)


def _convert(mesh: Mesh, out: str) -> None:
    mesh.write(out)
    info = mesh.info()
    lost = [*info.lost_in(os.path.splitext(out)[1].lower().removeprefix(".")), *info.left_out]
    print(printable(out) + (f": without {', '.join(lost)}" if lost else ""))
