"""Fewer triangles: the vertices that stay keep all they carry, whoever picks them."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import aikit
from aikit import InputValueError, MissingDependencyError
from gltf_validator import errors_in


def sheet(side=12):
    """A wavy sheet with coordinates and colors of its own at every vertex."""
    rows, columns = np.mgrid[:side, :side]
    x, y = columns.ravel() / (side - 1), rows.ravel() / (side - 1)
    positions = np.stack([x, y, 0.02 * np.sin(9 * x) * np.cos(7 * y)], 1)
    at = (rows[:-1, :-1] * side + columns[:-1, :-1]).ravel()
    faces = np.concatenate([np.stack([at, at + 1, at + side], 1), np.stack([at + 1, at + side + 1, at + side], 1)])
    colors = np.stack([x, y, 1 - x, np.ones_like(x)], 1)
    texture = np.linspace(0, 255, 16 * 16 * 3).reshape(16, 16, 3).astype(np.uint8)
    return aikit.new_mesh(positions, faces, uv=np.stack([x, 1 - y], 1), colors=colors, texture=texture)


def vertices(mesh):
    """Every vertex with all it carries, as rows that can be compared."""
    arrays = mesh.arrays()
    return {tuple(np.round(row, 4)) for row in np.hstack([arrays.positions, arrays.uv, arrays.colors])}


def every_second(destination, indices, positions, *, target_index_count, target_error, result_error):
    """Stands for meshoptimizer: keeps triangles from the end."""
    destination[:target_index_count] = indices[-target_index_count:]
    result_error[0] = 0.5 * target_error
    return target_index_count


def test_vertices_that_stay_are_those_that_were(monkeypatch):
    monkeypatch.setitem(sys.modules, "meshoptimizer", SimpleNamespace(simplify=every_second))
    mesh = sheet()
    before, faces = vertices(mesh), mesh.arrays().positions[mesh.arrays().faces]
    done = mesh.simplify(0.25, max_error=0.1)
    assert (done.before, done.after, done.told) == (242, 60, ())
    assert done.error == pytest.approx(0.05)
    assert vertices(mesh) < before
    arrays = mesh.arrays()
    assert len(arrays.positions) == len(np.unique(arrays.faces)) < 100
    np.testing.assert_allclose(arrays.positions[arrays.faces], faces[-60:], atol=1e-6)
    again = aikit.open_mesh(mesh.encode())
    assert vertices(again) == vertices(mesh)


def test_what_cannot_be_simplified_stays_and_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "meshoptimizer", SimpleNamespace(simplify=every_second))
    mesh = sheet()
    mesh.json["meshes"][0]["primitives"][0]["extensions"] = {"ACME_weights": {"of": "vertices"}}
    mesh.json["extensionsUsed"] = ["ACME_weights"]
    before = mesh.encode()
    done = mesh.simplify(0.5)
    assert done.told == ("meshes[0].primitives[0]: data of ACME_weights would not fit any more",)
    assert (done.before, done.after) == (0, 0)
    assert mesh.encode() == before


@pytest.mark.parametrize(
    ("options", "match"),
    [({"ratio": 0}, "ratio"), ({"ratio": 1.5}, "ratio"), ({"ratio": 0.5, "max_error": 2}, "max_error")],
)
def test_shares_are_shares(options, match):
    with pytest.raises(InputValueError, match=f"{match}: expected a number from"):
        sheet().simplify(**options)


def test_the_package_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "meshoptimizer", None)
    with pytest.raises(
        MissingDependencyError,
        match="simplify: expected the package meshoptimizer, got none installed; run: pip install",
    ):
        sheet().simplify(0.5)


def test_a_surface_stays_where_it_is():
    pytest.importorskip("meshoptimizer")
    mesh = sheet(40)
    before, old = vertices(mesh), mesh.render(height=96, width=96, kind="numpy").astype(int)
    done = mesh.simplify(0.2, max_error=0.02)
    assert done.after <= 0.25 * done.before
    assert done.error <= 0.02
    assert vertices(mesh) < before
    assert abs(mesh.render(height=96, width=96, kind="numpy") - old).mean() < 4


@pytest.mark.slow
def test_files_of_simplified_meshes_are_valid(monkeypatch):
    monkeypatch.setitem(sys.modules, "meshoptimizer", SimpleNamespace(simplify=every_second))
    mesh = sheet()
    mesh.simplify(0.5)
    assert errors_in(mesh.encode()) == []
    mesh.optimize()
    assert errors_in(mesh.encode()) == []
