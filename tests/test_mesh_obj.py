"""OBJ, STL and PLY: what comes in, what goes out, against trimesh where it is installed."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from aikit import AikitWarning, FileAccessError, FileFormatError, InputValueError, new_mesh, open_mesh
from aikit._raster import encode as encode_picture
from aikit.mesh.triangulation import triangulate
from mesh_files import everything, picture
from pictures import codes

SAMPLES = Path(os.environ.get("AIKIT_SAMPLES", Path(__file__).parents[2] / "shared" / "samples")) / "mesh"

CUBE = """# a cube, its sides in two groups
mtllib cube colors.mtl
o Cube one
v -1 -1 -1
v 1 -1 -1
v 1 1 -1
v -1 1 -1
v -1 -1 1
v 1 -1 1
v 1 1 1
v -1 1 1
vt 0 0
vt 1 0
vt 1 0.5
vt 0 0.25
vn 0 0 1
vn 0 0 -2
usemtl Lack rot
s 1
f 5/1/1 6/2/1 7/3/1 8/4/1
f 4/1/2 3/2/2 2/3/2 1/4/2
g Rest
usemtl glas
f 1// 2// 6// 5//
f -1 -2 -6 \\
  -5
f 1 5 8 4
f 2 3 7 6
"""
COLORS = """
newmtl Lack rot
Ka 1 1 1
Kd 0.8 0.2 0.5
Ns 200
map_Kd -s 2 3 1 -o 0.25 0.5 -clamp on my wood.png
norm -bm 0.5 n.png
illum 2
newmtl glas
\tKd 0 0 0
Tr 0.75
Ke 0 2 0
Pr 0.25
Pm 0.5
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "cube.obj").write_text(CUBE)
    (tmp_path / "cube colors.mtl").write_text(COLORS)
    (tmp_path / "my wood.png").write_bytes(picture("PNG"))
    (tmp_path / "n.png").write_bytes(picture("PNG", seed=2))
    return tmp_path


def test_faces_groups_and_numbers_from_the_end(folder):
    mesh = open_mesh(folder / "cube.obj", files=True)
    info, arrays = mesh.info(), mesh.arrays()
    assert (info.format, info.triangles, info.meshes, info.left_out) == ("obj", 12, 2, ())
    assert info.bounds == ((-1, -1, -1), (1, 1, 1))
    assert [node["name"] for node in mesh.json["nodes"]] == ["Cube one", "Rest"]
    assert arrays.materials.tolist() == [0] * 4 + [1] * 8
    # Closed, and seen from outside: the volume by the divergence theorem.
    one, two, three = (arrays.positions[arrays.faces[:, corner]].astype(float) for corner in range(3))
    assert np.einsum("fi,fi->", one, np.cross(two, three)) / 6 == pytest.approx(8)
    # The same corner with another texture coordinate or normal is another vertex, else it is one.
    assert len(arrays.positions) == 8 + 8
    assert np.allclose(arrays.uv[arrays.faces[0]], [(0, 1), (1, 1), (1, 0.5)])
    assert np.allclose(arrays.normals[arrays.faces[2, 0]], (0, 0, -1))


def test_materials_are_those_of_the_library(folder):
    mesh = open_mesh(folder / "cube.obj", files=True)
    paint, glass = mesh.materials["Lack rot"], mesh.materials["glas"]
    linear = [(code / 12.92 if code <= 0.04045 else ((code + 0.055) / 1.055) ** 2.4) for code in (0.8, 0.2, 0.5)]
    assert np.allclose(paint.base_color, [*linear, 1])
    assert (paint.metallic, paint.alpha_mode) == (0, "OPAQUE")
    assert paint.roughness == pytest.approx((2 / 202) ** 0.25)
    assert paint.textures["base_color"].data == picture("PNG")
    assert paint.textures["normal"].data == picture("PNG", seed=2)
    assert paint.normal_scale == 0.5
    assert (glass.alpha_mode, glass.base_color) == ("BLEND", (0, 0, 0, 0.25))
    assert (glass.roughness, glass.metallic, glass.emissive, glass.emissive_strength) == (0.25, 0.5, (0, 1, 0), 2)
    slot = paint.json["pbrMetallicRoughness"]["baseColorTexture"]["extensions"]["KHR_texture_transform"]
    # A point whose v was 0.1 from below: 3 * 0.1 + 0.5 from below, and so 0.2 from above.
    assert slot["scale"][1] * 0.9 + slot["offset"][1] == pytest.approx(0.2)
    assert (slot["scale"][0], slot["offset"][0]) == (2, 0.25)
    assert mesh.json["samplers"] == [{"wrapS": 33071, "wrapT": 33071}]


def test_without_files_materials_are_names_and_a_warning_says_so(folder):
    with pytest.warns(
        AikitWarning,
        match=r"cube\.obj: expected what a mesh of glTF can hold, got materials of 'cube colors\.mtl'; pass files=True for materials, the rest was left out\.$",
    ) as seen:
        mesh = open_mesh(folder / "cube.obj")
    assert seen[0].filename == __file__
    assert mesh.info().left_out == ("materials of 'cube colors.mtl'",)
    assert mesh.materials["Lack rot"].base_color == (1, 1, 1, 1)


def test_what_is_missing_is_an_error(folder):
    (folder / "n.png").unlink()
    with pytest.raises(
        FileAccessError, match=r"cube\.obj: expected the file 'n\.png' beside it, got 'No such file or directory'; "
    ):
        open_mesh(folder / "cube.obj", files=True)


@pytest.mark.parametrize(
    ("line", "file", "size"),
    [
        ("map_Kd wood.bmp", lambda: encode_picture(picture_of(codes(3, 4, 3)), "bmp"), (4, 3)),
        ("map_Kd sub\\wood.png", lambda: picture("PNG"), (16, 16)),
        ('map_Kd "my wood.png"', lambda: picture("PNG"), (16, 16)),
        ("map_Kd -mm 0 1 -blendu off my   wood.png", lambda: picture("PNG"), (16, 16)),
        ("map_Kd wood.webp", lambda: picture("WEBP"), (16, 16)),
    ],
)
def test_names_and_formats_of_maps(line, file, size, tmp_path):
    name = line.replace("\\", "/").split(" off ")[-1].removeprefix("map_Kd ").strip('"')
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(file())
    (tmp_path / "m.mtl").write_text(f"newmtl m\n{line}\n")
    (tmp_path / "m.obj").write_text("mtllib m.mtl\nusemtl m\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    mesh = open_mesh(open_mesh(tmp_path / "m.obj", files=True).encode())
    (texture,) = mesh.textures.values()
    assert texture.read("pil").size == size
    if name.endswith("bmp"):
        assert np.array_equal(texture.read("numpy"), codes(3, 4, 3))
        assert texture.header().format == "png"
    else:
        assert texture.data == file()


def picture_of(array):
    from PIL import Image

    return Image.fromarray(array)


@pytest.mark.parametrize(
    ("lines", "left_out"),
    [
        ("map_Ks a.png", "map_ks of materials"),
        ("map_d a.png", "opacity maps that are not the alpha of the color map"),
        ("bump gray.png", "bump maps of heights"),
        ("map_Kd film.mov", "the texture 'film.mov', whose format is not read"),
    ],
)
def test_what_gltf_has_no_place_for_is_told(lines, left_out, tmp_path):
    (tmp_path / "a.png").write_bytes(picture("PNG"))
    (tmp_path / "gray.png").write_bytes(encode_picture(picture_of(codes(3, 4)), "png"))
    (tmp_path / "film.mov").write_bytes(b"moov" * 9)
    (tmp_path / "m.mtl").write_text(f"newmtl m\n{lines}\n")
    (tmp_path / "m.obj").write_text("mtllib m.mtl\nusemtl m\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nl 1 2\n")
    with pytest.warns(AikitWarning, match="it was left out"):
        mesh = open_mesh(tmp_path / "m.obj", files=True)
    assert mesh.info().left_out == ("points and lines", left_out)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("newmtl a\nKd 1 x 0", r"expected a valid MTL file, got line 2 of its materials: 'Kd 1 x 0'; "),
        ("Kd 1 1 0", r"got line 1 of its materials: 'Kd 1 1 0'; "),
        ("newmtl a\nmap_Kd -s", r"got line 2 of its materials"),
        ("newmtl a\nd nan", r"got line 2 of its materials"),
    ],
)
def test_materials_that_are_none_are_refused(text, message, tmp_path):
    (tmp_path / "m.mtl").write_text(text)
    (tmp_path / "m.obj").write_text("mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(FileFormatError, match=message):
        open_mesh(tmp_path / "m.obj", files=True)


def test_colors_and_weights_of_vertices():
    mesh = open_mesh(b"v 0 0 0 1 0 0\nv 2 0 0 0 1 0\nv 0 1 0 0 0 0.5\nf 1 2 3\n")
    assert np.allclose(mesh.arrays().colors[:, :3], [(1, 0, 0), (0, 1, 0), (0, 0, 0.21404114)])
    mesh = open_mesh(b"v 2 4 6 2\nv 2 0 0\nv 0 1 0\nf 1 2 3\n")
    assert mesh.arrays().positions[0].tolist() == [1, 2, 3]


def test_text_in_other_forms(tmp_path):
    for text in (
        b"\xef\xbb\xbfv 0 0 0\r\nv 1 0 0\r\nv 0 1 0\r\nf 1 2 3\r\n",
        b"# M\xfcller\nv\t0 0  0\nv 1 0 0\nv 0 1 0 # third\nf 1 2 3",
    ):
        assert open_mesh(text).info().triangles == 1


# ---------------------------------------------------------------- polygons


def area(points, faces):
    return np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]]) / 2


@given(st.integers(4, 40), st.integers(0, 10_000), st.booleans())
@settings(max_examples=60, deadline=None)
def test_polygons_are_covered_once(count, seed, mirrored):
    # Seen from its middle no side hides another, so that it does not cross itself; then put into space at a slant.
    rng = np.random.default_rng(seed)
    angles = (np.arange(count) + rng.random(count) * 0.9) / count * 2 * np.pi
    reach = rng.random(count) + 0.05
    flat = np.stack([reach * np.cos(angles), reach * np.sin(angles), 0 * reach], axis=1)
    if mirrored:
        flat = flat[::-1]
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    x, y = flat[:, 0], flat[:, 1]
    whole = (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2
    parts = area(flat @ turn.T, triangulate(flat @ turn.T, [count])) @ turn[:, 2] * np.linalg.det(turn)
    assert parts.sum() == pytest.approx(whole * np.linalg.det(turn), rel=1e-6)
    # No triangle lies the other way around: together with the sum that means that none overlap.
    assert (parts * np.sign(whole) * np.linalg.det(turn) >= -1e-9).all()


def test_polygons_keep_their_order():
    points = np.array(
        [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (2, 0, 1), (2, 2, 1), (0, 2, 1), (5, 5, 5), (6, 5, 5), (5, 6, 5)],
        float,
    )
    assert triangulate(points, [3, 7, 10]).tolist() == [[0, 1, 2], [3, 4, 5], [3, 5, 6], [7, 8, 9]]


# ---------------------------------------------------------------- out


def test_obj_goes_out_and_comes_back(tmp_path):
    mesh = open_mesh(everything())
    mesh.materials["Lack ☂ blau"].base_color = (0.25, 0.5, 0.75, 0.5)
    mesh.materials["Lack ☂ blau"].alpha_mode = "BLEND"
    mesh.write(tmp_path / "my mesh.obj")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "my mesh-0.webp",
        "my mesh-1.png",
        "my mesh.mtl",
        "my mesh.obj",
    ]
    # Textures are copied, not encoded anew.
    assert (tmp_path / "my mesh-0.webp").read_bytes() == picture("WEBP", seed=1)
    again = open_mesh(tmp_path / "my mesh.obj", files=True)
    ours, theirs = mesh.arrays(), again.arrays()
    for name in ("positions", "uv", "normals"):
        one, other = getattr(ours, name), getattr(theirs, name)
        assert np.allclose(one[ours.faces], other[theirs.faces], atol=1e-6), name
    assert np.allclose(ours.colors[ours.faces][..., :3], theirs.colors[theirs.faces][..., :3], atol=1e-5)
    material = again.materials["Lack ☂ blau"]
    assert np.allclose(material.base_color, (0.25, 0.5, 0.75, 0.5), atol=1e-6)
    assert (material.roughness, material.metallic, material.alpha_mode) == (0.75, 0.25, "BLEND")
    assert np.allclose(np.array(material.emissive) * material.emissive_strength, (0.4, 0.8, 1.2), atol=1e-6)
    assert material.normal_scale == 0.5


def test_alpha_of_a_see_through_texture_is_named_and_numbers_go_on_behind_what_has_none(tmp_path):
    corners, faces = [(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)]
    mesh = new_mesh(corners, faces)
    mesh.add(new_mesh(corners, faces, uv=[(0, 0), (1, 0), (0, 1)], texture=codes(2, 2, 4), name="glass"))
    mesh.materials["glass"].alpha_mode = "BLEND"
    mesh.write(tmp_path / "a.obj")
    assert "map_Kd a-0.png\nmap_d a-0.png\n" in (tmp_path / "a.mtl").read_text()
    assert (tmp_path / "a.obj").read_text().splitlines()[-1] == "f 4/1 5/2 6/3"
    assert open_mesh(tmp_path / "a.obj", files=True).materials["glass"].alpha_mode == "BLEND"


def test_obj_as_bytes_has_no_library():
    mesh = new_mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)], name="a # b\nc")
    assert mesh.encode("obj") == b"o a _ b c\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl a _ b c\nf 1 2 3\n"


@pytest.mark.parametrize("format", ["obj", "stl", "ply"])
def test_a_mesh_without_triangles_is_refused(format):
    mesh = open_mesh(everything())
    mesh.json["scene"] = 1
    with pytest.raises(
        InputValueError, match=r"^mesh: expected triangles in its scene, got none in source; write it as GLB\.$"
    ):
        mesh.encode(format)


def test_stl_is_what_its_specification_says():
    mesh = new_mesh([(0, 0, 0), (2, 0, 0), (0, 2, 0), (0, 0, 3)], [(0, 1, 2), (0, 3, 1)])
    data = mesh.encode("stl")
    assert len(data) == 84 + 2 * 50
    assert not data.startswith(b"solid")
    assert int.from_bytes(data[80:84], "little") == 2
    assert np.frombuffer(data[84:132], "<f4").reshape(4, 3).tolist() == [[0, 0, 1], [0, 0, 0], [2, 0, 0], [0, 2, 0]]
    assert np.frombuffer(data[134:146], "<f4").tolist() == [0, 1, 0]


def test_ply_is_what_its_head_says():
    uv, colors = [(0, 1), (1, 1), (0, 0)], [(1, 0, 0), (0, 1, 0), (0, 0, 0.21404114)]
    data = new_mesh([(0, 0, 0), (2, 0, 0), (0, 2, 0)], [(0, 1, 2)], uv=uv, colors=colors).encode("ply")
    head, _, body = data.partition(b"end_header\n")
    assert head.decode().split("\n")[:3] == ["ply", "format binary_little_endian 1.0", "element vertex 3"]
    rows = np.frombuffer(body[: 3 * 36], np.dtype([("floats", "<8f4"), ("codes", "4u1")]))
    assert rows["floats"].tolist() == [[0, 0, 0, 0, 0, 1, 0, 0], [2, 0, 0, 0, 0, 1, 1, 0], [0, 2, 0, 0, 0, 1, 0, 1]]
    assert rows["codes"].tolist() == [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 128, 255]]
    assert body[3 * 36 :] == b"\3" + np.array([0, 1, 2], "<i4").tobytes()


# ---------------------------------------------------------------- against trimesh


def same_surface(ours, theirs):
    """Whether two sets of triangles are the same, in whatever order."""
    tables = []
    for points, faces in (ours, theirs):
        corners = np.asarray(points, np.float64)[faces].round(4)
        tables.append(sorted(tuple(sorted(map(tuple, triangle))) for triangle in corners.tolist()))
    return len(tables[0]) == len(tables[1]) and np.allclose(*tables, atol=1e-3)


@pytest.mark.parametrize("format", ["obj", "stl", "ply"])
@pytest.mark.parametrize("name", ["everything", "Duck.glb", "CesiumMilkTruck.glb"])
def test_trimesh_reads_what_is_written(name, format, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    if name != "everything" and not (SAMPLES / name).exists():
        pytest.skip("no samples")
    mesh = open_mesh(everything() if name == "everything" else SAMPLES / name)
    mesh.write(tmp_path / f"out.{format}")
    theirs = trimesh.load(tmp_path / f"out.{format}", process=False, force="mesh")
    arrays = mesh.arrays()
    assert same_surface((arrays.positions, arrays.faces), (theirs.vertices, theirs.faces))


def test_trimesh_reads_the_same_obj(folder):
    trimesh = pytest.importorskip("trimesh")
    theirs = trimesh.load(folder / "cube.obj", process=False, force="mesh", skip_materials=True)
    arrays = open_mesh(folder / "cube.obj", files=True).arrays()
    assert same_surface((arrays.positions, arrays.faces), (theirs.vertices, theirs.faces))


@pytest.mark.skipif(not (SAMPLES / "box.obj").exists(), reason="no samples")
def test_trimesh_reads_the_same_real_obj():
    trimesh = pytest.importorskip("trimesh")
    theirs = trimesh.load(SAMPLES / "box.obj", process=False, force="mesh")
    arrays = open_mesh(SAMPLES / "box.obj", files=True).arrays()
    assert same_surface((arrays.positions, arrays.faces), (theirs.vertices, theirs.faces))
    assert theirs.volume == pytest.approx(8)
