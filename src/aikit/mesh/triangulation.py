"""Polygons as triangles: fans of those that bulge everywhere, ears cut off one by one of the others.

Sources: Sutherland, Sproull and Schumacker, "A Characterization of Ten Hidden-Surface Algorithms", 1974, for Newell's
normal; Meisters, "Polygons Have Ears", American Mathematical Monthly 82, 1975.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .accessors import Array

__all__ = ["triangulate"]

# How many corners are looked at, for each corner of a polygon; ordinary ones need two or three.
_TRIES = 5


def triangulate(points: Array, ends: Sequence[int]) -> Array:
    """Cut polygons into triangles that run the same way around.

    Args:
        points: (C, 3), the corners of all polygons one behind the other.
        ends: where each polygon ends; three corners each at least.

    Returns:
        Faces (F, 3) as numbers of corners, in the order of the polygons.
    """
    stops = np.asarray(ends, np.int64)
    starts = np.concatenate([[0], stops[:-1]]) if len(stops) else stops
    sizes = stops - starts
    # Each polygon of n corners gives n - 2 triangles, at a place of its own.
    places = np.concatenate([[0], np.cumsum(sizes - 2)])
    faces = np.empty((places[-1], 3), np.int64)
    for size in np.unique(sizes):
        which = np.flatnonzero(sizes == size)
        corners = starts[which, None] + np.arange(size)
        fan = np.stack([np.zeros(size - 2, np.int64), np.arange(1, size - 1), np.arange(2, size)], axis=1)
        cut = np.broadcast_to(fan, (len(which), *fan.shape)).copy()
        if size > 3:
            normals, convex = _look_at(points[corners])
            for number in np.flatnonzero(~convex):
                cut[number] = _cut_ears(points[corners[number]], normals[number])
        rows = places[which, None] + np.arange(size - 2)
        faces[rows.reshape(-1)] = np.take_along_axis(corners, cut.reshape(len(which), -1), axis=1).reshape(-1, 3)
    return faces


def _look_at(polygons: Array) -> tuple[Array, Array]:
    """The normal of each polygon (K, n, 3), and whether it bulges at every corner."""
    following, before = np.roll(polygons, -1, axis=1), np.roll(polygons, 1, axis=1)
    normals = np.cross(polygons, following).sum(axis=1)
    turns = np.einsum("kni,ki->kn", np.cross(polygons - before, following - polygons), normals)
    reach = np.abs(turns).max(axis=1, keepdims=True)
    return normals, (turns >= -1e-9 * reach).all(axis=1)


def _cut_ears(polygon: Array, normal: Array) -> Array:
    """Triangles (n - 2, 3) of one polygon (n, 3)."""
    # Seen along the axis in which it is flattest.
    axis = int(np.abs(normal).argmax())
    flat = np.delete(polygon, axis, axis=1)
    if (normal[axis] < 0) != (axis == 1):
        flat = flat[:, ::-1]
    left, faces = np.arange(len(flat)), []
    at = failed = 0
    tries = _TRIES * len(flat)
    while len(left) > 3:
        count = len(left)
        before, corner, after = left[(at - 1) % count], left[at % count], left[(at + 1) % count]
        tries -= 1
        # A polygon that crosses itself may have no ear: then any corner goes.
        if failed > count or tries < 0 or _is_ear(flat, before, corner, after, left):
            faces.append((before, corner, after))
            left = np.delete(left, at % count)
            at, failed = at % count, 0
        else:
            at, failed = at + 1, failed + 1
    faces.append((left[0], left[1], left[2]))
    return np.array(faces, np.int64)


def _is_ear(flat: Array, before: int, corner: int, after: int, left: Array) -> bool:
    one, two, three = flat[before], flat[corner], flat[after]
    if _turn(one, two, three) <= 0:
        return False
    others = flat[left]
    inside = (_turn(one, two, others) >= 0) & (_turn(two, three, others) >= 0) & (_turn(three, one, others) >= 0)
    if not inside.any():
        return True
    # Corners at the same place as one of the ear's, and these themselves, do not lie in it.
    others = others[inside]
    same = (others == one).all(axis=1) | (others == two).all(axis=1) | (others == three).all(axis=1)
    return bool(same.all())


def _turn(one: Array, two: Array, three: Array) -> Array:
    """Twice the area of a triangle, above 0 where it runs counter-clockwise."""
    found: Array = (two[0] - one[0]) * (three[..., 1] - one[1]) - (two[1] - one[1]) * (three[..., 0] - one[0])
    return found
