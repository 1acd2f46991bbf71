"""Jobs: SVG, by each renderer called directly and through aikit, which sanitizes it and estimates its cost first."""

from __future__ import annotations

import colorsys
import io
import math
from typing import Any

from PIL import Image

import aikit

from ..timing import Contest, Goal, not_slower, sets_for
from .registry import job

# Opened, not decoded: what the renderer alone takes. Pillow's share is the next line's.
_PNG, _DECODED = "resvg_py, its PNG", "resvg_py and Pillow"
_CAIRO = "CairoSVG svg2png and Pillow"
_WITHIN = 1.35

_FIRST = "Ours sanitizes the drawing and estimates its cost first, which a small picture shows most."
_WHY = {_PNG: f"{_FIRST} And the peer stops at the PNG.", _DECODED: _FIRST, _CAIRO: _FIRST}


def icon() -> str:
    """A line drawing of a few strokes, as icon sets have by the hundred."""
    teeth = "".join(
        f"M{12 + 7 * math.cos(turn):.2f} {12 + 7 * math.sin(turn):.2f}L{12 + 10 * math.cos(turn):.2f} "
        f"{12 + 10 * math.sin(turn):.2f}"
        for turn in (step * math.pi / 4 for step in range(8))
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="#c06" '
        f'stroke-width="2" stroke-linecap="round"><circle cx="12" cy="12" r="3"/><circle cx="12" cy="12" r="7"/>'
        f'<path d="{teeth}"/></svg>'
    )


def illustration() -> str:
    """Two hundred filled curves, some with gradients and some from one symbol: about 30 kB."""
    shapes = []
    for number in range(200):
        x, y, turn = number % 20 * 32, number // 20 * 48, number * 0.7
        curve = " ".join(
            f"c{8 * math.cos(turn + k):.3f},{8 * math.sin(turn + k):.3f} {9 * math.sin(k):.3f},{7 * math.cos(k):.3f} "
            f"{11 * math.cos(turn - k):.3f},{11 * math.sin(turn - k):.3f}"
            for k in range(3)
        )
        # Codes, because CairoSVG reads no hsl().
        codes = (round(255 * part) for part in colorsys.hls_to_rgb(number * 37 % 360 / 360, 0.5, 0.7))
        fill = "url(#sky)" if number % 7 == 0 else "#{:02x}{:02x}{:02x}".format(*codes)
        shapes.append(f'<path d="M{x + 16},{y + 24} {curve}z" fill="{fill}" stroke="#222" stroke-width=".5"/>')
        if number % 10 == 0:
            shapes.append(f'<use href="#star" x="{x}" y="{y}"/>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 640"><defs><linearGradient id="sky"><stop '
        'stop-color="#08f"/><stop offset="1" stop-color="#fe0"/></linearGradient><path id="star" '
        f'd="M9 0l3 6 6 1-4 5 1 6-6-3-6 3 1-6-4-5 6-1z"/></defs><rect width="640" height="480" fill="#eef"/>'
        f"{''.join(shapes)}</svg>"
    )


_DRAWINGS = {"an icon": icon, "an illustration of 220 shapes": illustration}


def _why(*peers: str) -> dict[str, str]:
    return {peer: _WHY[peer] for peer in peers}


def _at_sizes(setup: Any) -> Any:
    for side in (2048, 512, 64):
        for name, draw in _DRAWINGS.items():
            resvg = f"SVG, {name}, {side}x{side}"
            goals = (Goal("aikit render_svg", _WITHIN, _PNG),) if side == 512 else ()
            job(resvg, *goals, why=_why(_PNG, _DECODED), threaded=False, text=draw(), side=side)(setup)
            goals = (not_slower("aikit render_svg(engine=)", _CAIRO),) if side >= 512 else ()
            job(
                f"{resvg}, CairoSVG",
                *goals,
                why=_why(_CAIRO),
                threaded=False,
                text=draw(),
                side=side,
                engine="cairosvg",
            )(setup)
    return setup


@_at_sizes
def render(scale: float, text: str, side: int, engine: str = "resvg") -> Contest:
    side = max(8, round(side * scale))
    moved = side * side * 4
    data = text.encode()
    if engine == "cairosvg":
        import cairosvg

        entries: dict[str, Any] = {
            "aikit render_svg(engine=)": lambda at: aikit.render_svg(data, width=side, engine="cairosvg"),
            _CAIRO: lambda at: _loaded(cairosvg.svg2png(data, output_width=side, output_height=side)),
        }
    else:
        import resvg_py

        def png() -> bytes:
            return bytes(resvg_py.svg_to_bytes(svg_string=text, width=side, dpi=96.0))

        entries = {
            "aikit render_svg": lambda at: aikit.render_svg(data, width=side),
            _PNG: lambda at: Image.open(io.BytesIO(png())),
            _DECODED: lambda at: _loaded(png()),
        }
    # One code: the renderers are told the same size in different words. CairoSVG's own PNG rounds once more.
    return Contest(entries, moved, sets_for(moved), tolerance=2)


def _loaded(png: bytes) -> Any:
    image = Image.open(io.BytesIO(png))
    image.load()
    return image
