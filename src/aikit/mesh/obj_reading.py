"""OBJ and MTL: text to a glTF document, every vertex once, polygons as triangles, materials as metallic-roughness.

Sources: Wavefront Technologies, "Advanced Visualizer Manual", appendix B1 (Object Files) and the MTL specification,
with the fields for physical materials that Clara.io proposed and exporters write (Pr, Pm, norm, map_Pr).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from ..color import rgb_to_linear_rgb
from ..errors import AikitError, FileFormatError, LimitError, quoted
from ..limits import Limits
from .accessors import Array
from .container import Data
from .creation import add_primitive, empty_document
from .document import Document
from .mtl_reading import Library, ReadSibling, add_materials, read_libraries
from .triangulation import triangulate

__all__ = ["looks_like_obj", "read_obj"]

# What lines of an OBJ begin with; free-form curves are told apart from geometry below.
_IGNORED = frozenset("s mg lod bevel c_interp d_interp shadow_obj trace_obj maplib usemap".split())
_FREEFORM = frozenset(
    "vp cstype deg bmat step curv curv2 surf parm trim hole scrv sp end con ctech stech call csh".split()
)
_WORDS = frozenset("v vn vt f fo l p o g mtllib usemtl".split()) | _IGNORED | _FREEFORM
# A polygon of more corners is not cut in a moment, and is no polygon.
_CORNERS = 2000


def looks_like_obj(head: bytes) -> bool:
    """Whether a file begins as an OBJ does: text whose first line that says something begins with a word of it."""
    if b"\0" in head:
        return False
    for line in head.removeprefix(b"\xef\xbb\xbf").splitlines():
        words = line.split()
        if words and not words[0].startswith(b"#"):
            return words[0].decode("latin-1") in _WORDS
    return False


@dataclass(slots=True)
class _Group:
    """The faces of one object that show one material."""

    name: str
    material: str | None
    # For each corner its vertex, texture coordinates and normal, -1 for none; and where each polygon ends.
    corners: list[tuple[int, int, int]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)


class _Reader:
    """Goes through the lines of an OBJ once."""

    def __init__(self, name: str, limits: Limits | None) -> None:
        self._name, self._limits = name, limits
        self.points: list[list[float]] = []
        self.colors: list[list[float]] = []
        self.uvs: list[list[float]] = []
        self.normals: list[list[float]] = []
        self.groups: dict[tuple[str, str | None], _Group] = {}
        self.libraries: list[str] = []
        self.left_out: dict[str, None] = {}
        self._object = ""
        self._material: str | None = None
        self._group: _Group | None = None
        self._corners = 0
        # Corners that were read, which come again; what counts from the end means another one each time.
        self._known: dict[str, tuple[int, int, int]] = {}

    def read(self, text: str) -> None:
        """Read all lines."""
        handlers = {"v": self._vertex, "vt": self._uv, "vn": self._normal, "f": self._face, "fo": self._face}
        for number, line in enumerate(_lines(text), 1):
            word, _, rest = line.partition(" ")
            handle = handlers.get(word)
            if handle is not None:
                try:
                    handle(rest)
                except (ValueError, IndexError) as error:
                    if isinstance(error, AikitError):
                        raise
                    raise self._corrupt(f"line {number}: {quoted(line[:60])}") from error
            elif word in ("o", "g"):
                self._object, self._group = rest.strip(), None
            elif word == "usemtl":
                self._material, self._group = rest.strip(), None
            elif word == "mtllib":
                self.libraries.append(rest.strip())
            elif word in ("l", "p") or word in _FREEFORM:
                self.left_out["points and lines" if word in "lp" else "curves and free-form surfaces"] = None
            elif word and word not in _IGNORED:
                raise self._corrupt(f"line {number}: {quoted(line[:60])}")

    def _vertex(self, rest: str) -> None:
        values = [float(each) for each in rest.split()]
        if len(values) not in (3, 4, 6, 7):
            raise ValueError("a vertex of x, y and z")
        weighted = len(values) in (4, 7)
        scale = 1 / values[3] if weighted and values[3] else 1.0
        self.points.append([each * scale for each in values[:3]])
        if len(values) > 4:
            # Colors behind the place, as many programs write them.
            self.colors.extend([[1.0, 1.0, 1.0]] * (len(self.points) - 1 - len(self.colors)))
            self.colors.append(values[-3:])

    def _uv(self, rest: str) -> None:
        values = [float(each) for each in rest.split()]
        # From the lower edge up; glTF counts from the upper one down.
        self.uvs.append([values[0], 1.0 - (values[1] if len(values) > 1 else 0.0)])

    def _normal(self, rest: str) -> None:
        x, y, z = (float(each) for each in rest.split())
        self.normals.append([x, y, z])

    def _face(self, rest: str) -> None:
        known = self._known
        corners = [known.get(each) or self._corner(each) for each in rest.split()]
        if len(corners) < 3:
            raise ValueError("a face of three corners")
        self._corners += len(corners)
        if self._limits is not None:
            self._limits.check(self._name, "corners of faces", "max_elements", self._corners)
        if len(corners) > _CORNERS:
            raise LimitError(
                self._name,
                f"polygons of at most {_CORNERS} corners",
                str(len(corners)),
                "cut it into triangles where it comes from",
                limit="corners",
                allowed=_CORNERS,
                found=len(corners),
            )
        if self._group is None:
            key = (self._object, self._material)
            self._group = self.groups.setdefault(key, _Group(*key))
        self._group.corners += corners
        self._group.ends.append(len(self._group.corners))

    def _corner(self, text: str) -> tuple[int, int, int]:
        point, uv, normal = (*text.split("/"), "", "")[:3]
        corner = (
            _index(point, len(self.points)),
            _index(uv, len(self.uvs)) if uv else -1,
            _index(normal, len(self.normals)) if normal else -1,
        )
        if "-" not in text:
            self._known[text] = corner
        return corner

    def _corrupt(self, got: str) -> FileFormatError:
        return FileFormatError(self._name, "a whole, valid OBJ file", got, "export the file again")


def _index(text: str, count: int) -> int:
    """A number of OBJ, from 1 on, or from -1 for the last one before, as one from 0 on."""
    number = int(text)
    found = number - 1 if number > 0 else count + number
    if number == 0 or not 0 <= found < count:
        raise IndexError(text)
    return found


_COMMENT = re.compile(r"#[^\r\n]*")
_CONTINUED = re.compile(r"\\[ \t]*\r?\n")


def _lines(text: str) -> list[str]:
    """Lines without comments, put together where they are continued, one blank between words at their beginning."""
    if "\\" in text:
        text = _CONTINUED.sub(" ", text)
    if "#" in text:
        text = _COMMENT.sub("", text)
    return [line.strip() for line in text.replace("\t", " ").splitlines()]


def read_obj(data: Data, name: str, read: ReadSibling | None, limits: Limits | None) -> Document:
    """Read an OBJ and its materials; without `read` these have their names alone.

    Raises:
        FileFormatError: a line that is none of OBJ, or a number that points to nothing.
        LimitError: more corners than allowed, or a polygon of too many.
    """
    reader = _Reader(name, limits)
    reader.read(_decode(data[:]))
    points = _table(reader.points, 3, name)
    if not reader.groups:
        raise FileFormatError(name, "an OBJ with faces", "one without", "points, lines and curves alone are not read")
    document = empty_document(name, "obj")
    document.limits = limits
    library = Library()
    if read is not None:
        library = read_libraries(reader.libraries, name, read)
    elif reader.libraries:
        library.left_out[f"materials of {quoted(reader.libraries[0])}"] = None
    used = [group.material for group in reader.groups.values()]
    numbers = add_materials(document, library, used, read)
    colors = (
        _table(reader.colors + [[1.0, 1.0, 1.0]] * (len(points) - len(reader.colors)), 3, name)
        if reader.colors
        else None
    )
    tables = points, _table(reader.uvs, 2, name), _table(reader.normals, 3, name), colors
    meshes: dict[str, list[dict[str, object]]] = {}
    for group in reader.groups.values():
        primitive = _primitive(document, group, tables, None if group.material is None else numbers[group.material])
        if primitive is not None:
            meshes.setdefault(group.name, []).append(primitive)
    for title, primitives in meshes.items():
        named = {"name": title} if title else {}
        mesh = document.append("meshes", {**named, "primitives": primitives})
        document.gltf["scenes"][0]["nodes"].append(document.append("nodes", {**named, "mesh": mesh}))
    document.left_out = (*reader.left_out, *library.left_out)
    return document


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:  # names in some 8-bit encoding; numbers are the same in all of them
        return data.decode("latin-1")


def _table(rows: list[list[float]], width: int, name: str) -> Array:
    table = np.array(rows, np.float64).reshape(-1, width)
    if not np.isfinite(table).all() or (np.abs(table) > np.finfo(np.float32).max).any():
        raise FileFormatError(name, "finite numbers", "NaN, infinity or beyond float32", "export the file again")
    return table


def _primitive(
    document: Document, group: _Group, tables: tuple[Array, Array, Array, Array | None], material: int | None
) -> dict[str, object] | None:
    points, uvs, normals, colors = tables
    corners = np.array(group.corners, np.int64)
    faces = triangulate(points[corners[:, 0]], group.ends)
    if not len(faces):
        return None
    # Each combination of place, texture coordinates and normal is a vertex, in the order of their first use.
    unique, first, inverse = np.unique(corners, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    vertices = unique[order]
    attributes = {"POSITION": points[vertices[:, 0]].astype(np.float32)}
    if (vertices[:, 2] >= 0).all() and len(normals):
        chosen = normals[vertices[:, 2]]
        lengths = np.linalg.norm(chosen, axis=1, keepdims=True)
        if (lengths > 0).all():
            attributes["NORMAL"] = (chosen / lengths).astype(np.float32)
    if (vertices[:, 1] >= 0).any():
        padded = np.concatenate([uvs, np.zeros((1, 2))])  # -1 is the last: corners without a place in the texture
        attributes["TEXCOORD_0"] = padded[vertices[:, 1]].astype(np.float32)
    if colors is not None:
        attributes["COLOR_0"] = _linear(colors[vertices[:, 0]]).astype(np.float32)
    return add_primitive(document, rank[inverse.reshape(-1)][faces], attributes, material)


def _linear(codes: Array) -> Array:
    """Vertex colors as programs write them, sRGB, in linear light."""
    found: Array = rgb_to_linear_rgb(codes.clip(0, 1)[None])[0]
    return found
