"""Layered documents beside psd-tools, on which they stand: build and save many layers, take one of many, all of them."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from psd_tools import PSDImage

import aikit

from ..pictures import cut_out
from ..timing import Contest, not_slower
from .registry import job, scratch_folder, size_at

_LAYERS, _SIDE = 6, 1500


def _layers(scale: float) -> list[np.ndarray[Any, Any]]:
    """Smooth colors with the alpha of a cut-out: what layers are made of, and what PackBits is slowest on."""
    side, _ = size_at(scale, _SIDE, _SIDE)
    rows, columns = np.mgrid[0:side, 0:side] / side
    pictures = []
    for number in range(_LAYERS):
        picture = cut_out(side, side, number)
        picture[..., 0], picture[..., 1], picture[..., 2] = rows * 255, columns * 255, (rows + columns) * 100
        pictures.append(picture)
    return pictures


def _built_with_aikit(pictures: list[np.ndarray[Any, Any]], path: Path) -> Path:
    document = aikit.new_psd(height=pictures[0].shape[0], width=pictures[0].shape[1])
    for number, picture in enumerate(pictures):
        document.add(picture, name=f"Layer {number}")
    document.write(path)
    return path


def _built_with_psd_tools(pictures: list[np.ndarray[Any, Any]], path: Path) -> Path:
    document = PSDImage.new("RGB", pictures[0].shape[1::-1])
    for number, picture in enumerate(pictures):
        document.create_pixel_layer_from_array(picture, name=f"Layer {number}")
    document.save(path)
    return path


@cache
def _document(scale: float) -> bytes:
    return _built_with_aikit(_layers(scale), scratch_folder() / "document.psd").read_bytes()


def _rgba(layer: Any) -> Any:
    return np.asarray(layer.topil().convert("RGBA"))


@job(
    "PSD, 6 layers built and saved, 1500x1500",
    not_slower("aikit new_psd, add, save", "psd-tools"),
    why={
        "psd-tools": "The same compositor takes most of both; by the clock ours also syncs the file, of half the size."
    },
)
def build(scale: float) -> Contest:
    pictures, folder = _layers(scale), scratch_folder()
    moved = sum(picture.nbytes for picture in pictures) * 2
    return Contest(
        {
            "aikit new_psd, add, save": lambda at: _built_with_aikit(pictures, folder / "aikit.psd"),
            "psd-tools": lambda at: _built_with_psd_tools(pictures, folder / "psd-tools.psd"),
        },
        moved,
        1,
    )


@job(
    "PSD, one of 6 layers, 1500x1500",
    not_slower("aikit layer.render", "psd-tools topil"),
    why={"psd-tools topil": "The same unpacking; which of both is ahead changes from run to run."},
)
def one_layer(scale: float) -> Contest:
    data = _document(scale)
    moved = 2 * 4 * size_at(scale, _SIDE, _SIDE)[0] ** 2
    return Contest(
        {
            "aikit layer.render": lambda at: np.asarray(aikit.open_psd(data).layers[3].render()),
            "psd-tools topil": lambda at: _rgba(PSDImage.open(io.BytesIO(data))[3]),
        },
        moved,
        1,
    )


@job("PSD, all of 6 layers, 1500x1500", not_slower("aikit layer.render", "psd-tools topil"))
def all_layers(scale: float) -> Contest:
    data = _document(scale)
    moved = 2 * 4 * _LAYERS * size_at(scale, _SIDE, _SIDE)[0] ** 2
    return Contest(
        {
            "aikit layer.render": lambda at: np.stack([layer.render() for layer in aikit.open_psd(data).layers]),
            "psd-tools topil": lambda at: np.stack([_rgba(layer) for layer in PSDImage.open(io.BytesIO(data))]),
        },
        moved,
        1,
    )


def _seen(rgba: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Without the color of transparent pixels, which the two fill differently."""
    return rgba * (rgba[..., 3:] > 0)


@job(
    "PSD, 6 layers composited, 1500x1500",
    not_slower("aikit composite", "psd-tools composite"),
    why={"psd-tools composite": "The same compositor; ours unpacks every channel once more, to see that it is whole."},
)
def composite(scale: float) -> Contest:
    data = _document(scale)
    moved = 4 * (_LAYERS + 1) * size_at(scale, _SIDE, _SIDE)[0] ** 2

    def ours(at: int) -> Any:
        document = aikit.open_psd(data)
        document.raw.mark_updated()  # else the merged image in the file would do
        return _seen(np.asarray(document.render()))

    def psd_tools(at: int) -> Any:
        return _seen(np.asarray(PSDImage.open(io.BytesIO(data)).composite(force=True)))

    return Contest(
        {"aikit composite": ours, "psd-tools composite": psd_tools}, moved, 1, loose={"psd-tools composite": 2}
    )
