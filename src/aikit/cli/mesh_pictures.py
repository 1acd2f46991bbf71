"""`aikit mesh render`, `turntable` and `optimize`: pictures of meshes, and meshes in fewer bytes."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from ..errors import InputValueError, printable, quoted
from .mesh_folders import add_in_and_out, convert_meshes
from .untrusted import add_untrusted

if TYPE_CHECKING:
    from ..mesh import Mesh

__all__ = ["add_actions"]

_PICTURES = ("png", "webp", "jpeg", "jpg", "avif", "tiff", "jxl")
_ANIMATIONS = ("webp", "gif", "png", "avif", "html")


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the actions to those of `aikit mesh`."""
    render = actions.add_parser(
        "render",
        help="draw meshes as pictures",
        description="Draw a mesh as a picture, transparent where there is nothing, or all meshes below a folder.",
    )
    add_in_and_out(render, "png, webp, jpeg, avif, tiff or jxl", "png")
    _add_view(render, 512)
    render.add_argument(
        "--yaw", type=float, default=35, metavar="DEGREES", help="0 is in front, 90 right (default: 35)"
    )
    render.add_argument("--camera", type=int, metavar="N", help="a camera of the file, counted from 0, instead")
    render.add_argument("--samples", type=int, default=2, metavar="N", help="a pixel, in each direction (default: 2)")
    render.set_defaults(run=run_render)
    turntable = actions.add_parser(
        "turntable",
        help="draw meshes from all around, as an animation or a page",
        description="Draw a mesh from all around: an animated picture, or a page of HTML to turn it by hand, which needs "
        "nothing else.",
    )
    add_in_and_out(turntable, "webp, gif, png, avif or html", "webp")
    _add_view(turntable, 384)
    turntable.add_argument("--views", type=int, default=24, metavar="N", help="how many pictures (default: 24)")
    turntable.add_argument(
        "--seconds", type=float, default=4, metavar="S", help="for one turn of an animation (default: 4)"
    )
    turntable.set_defaults(run=run_turntable)
    optimize = actions.add_parser(
        "optimize",
        help="make meshes smaller",
        description="Make a GLB or glTF smaller: color textures as WebP, other textures to the last bit, numbers in 16 bits, "
        "nothing that is not used.",
    )
    add_in_and_out(optimize, "glb or gltf", "glb")
    optimize.add_argument("--quality", type=int, default=85, metavar="N", help="of color textures (default: 85)")
    optimize.add_argument("--data-quality", type=int, metavar="N", help="of all others, which else lose nothing")
    optimize.add_argument("--max-side", type=int, metavar="PIXELS", help="reduce textures that are larger")
    optimize.add_argument("--keep-textures", action="store_true", help="leave textures in their formats")
    optimize.add_argument("--keep-numbers", action="store_true", help="leave numbers in 32 bits")
    optimize.add_argument("--keep-unused", action="store_true", help="leave in what nothing uses")
    optimize.set_defaults(run=run_optimize)
    for action in (render, turntable, optimize):
        add_untrusted(action)


def _add_view(action: argparse.ArgumentParser, side: int) -> None:
    """Add what pictures have in common."""
    for name in ("width", "height"):
        action.add_argument(f"--{name}", type=int, default=side, metavar="PIXELS", help=f"(default: {side})")
    action.add_argument("--pitch", type=float, default=20, metavar="DEGREES", help="above the horizon (default: 20)")
    action.add_argument("--fov", type=float, default=40, metavar="DEGREES", help="angle of view (default: 40)")
    action.add_argument("--time", type=float, default=0, metavar="S", help="a moment of its animation, in seconds")
    action.add_argument("--background", metavar="COLOR", help="a color behind it, instead of transparent")


def _view(options: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) for name in ("width", "height", "pitch", "fov", "time", "background")}


def run_render(options: argparse.Namespace) -> int:
    """Draw one mesh, or all below a folder."""
    from ..files import write

    def make(mesh: Mesh, out: str) -> None:
        how = {**_view(options), "samples": options.samples}
        how |= {"yaw": options.yaw} if options.camera is None else {"camera": options.camera}
        write(mesh.render(**how), out)
        print(printable(out))

    return convert_meshes(options, _PICTURES, make)


def run_turntable(options: argparse.Namespace) -> int:
    """Draw one mesh from all around, or all below a folder."""
    from ..files import write

    if not 0 < options.seconds < float("inf"):
        raise InputValueError("--seconds", "more than 0", quoted(options.seconds), "pass for instance 4")

    def make(mesh: Mesh, out: str) -> None:
        how = _view(options)
        if os.path.splitext(out)[1].lower() in (".html", ".htm"):
            mesh.show(views=options.views, **how).write(out)
        else:
            duration = max(1, round(1000 * options.seconds / max(1, options.views)))
            write(mesh.turntable(views=options.views, **how), out, duration=duration)
        print(printable(out))

    return convert_meshes(options, _ANIMATIONS, make)


def run_optimize(options: argparse.Namespace) -> int:
    """Make one mesh smaller, or all below a folder."""

    def make(mesh: Mesh, out: str) -> None:
        if os.path.splitext(out)[1].lower() not in (".glb", ".gltf"):
            raise InputValueError("OUT", "a name that ends in .glb or .gltf", quoted(out), "rename it")
        savings = mesh.optimize(
            textures=None if options.keep_textures else "webp",
            quality=options.quality,
            data_quality=options.data_quality,
            max_side=options.max_side,
            quantize=not options.keep_numbers,
            prune=not options.keep_unused,
        )
        mesh.write(out)
        print(f"{printable(out)}: {savings}")
        for line in savings.told:
            print(f"  {printable(line)}")

    return convert_meshes(options, ("glb", "gltf"), make)
