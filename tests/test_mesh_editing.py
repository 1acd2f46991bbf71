"""Meshes moved, animated, colored, added to each other and merged, and to trimesh and back."""

import json
import math
import sys

import numpy as np
import pytest

from aikit import InputTypeError, InputValueError, MissingDependencyError, new_mesh, open_mesh
from aikit.mesh import from_trimesh
from aikit.mesh.accessors import read_accessor
from mesh_files import Builder, everything
from pictures import codes

SQUARE = [(0, 0, 0), (2, 0, 0), (2, 1, 0), (0, 1, 0)]
FACES = [(0, 1, 2), (0, 2, 3)]
UV = [(0, 1), (1, 1), (1, 0), (0, 0)]
SHEAR = [[1, 0.5, 0, 4], [0, 1, 0, 5], [0, 0, 1, 6], [0, 0, 0, 1]]


def square(**options):
    return new_mesh(SQUARE, FACES, **options)


def points(mesh, **when):
    return open_mesh(mesh.encode()).arrays(**when).positions


def moved(matrix, positions):
    return positions @ np.array(matrix, float)[:3, :3].T + np.array(matrix, float)[:3, 3]


# ---------------------------------------------------------------- moving


@pytest.mark.parametrize(
    ("move", "matrix"),
    [
        (lambda mesh: mesh.translate((1, 2, 3)), [[1, 0, 0, 1], [0, 1, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]]),
        (lambda mesh: mesh.scale(2), np.diag([2, 2, 2, 1])),
        (lambda mesh: mesh.scale((1, -2, 3)), np.diag([1, -2, 3, 1])),
        (lambda mesh: mesh.rotate(90, axis="z"), [[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
        (lambda mesh: mesh.rotate(90), [[0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]]),
        (lambda mesh: mesh.rotate(120, axis=(1, 1, 1)), [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]),
        (lambda mesh: mesh.transform(SHEAR), SHEAR),
    ],
    ids=["translate", "scale", "mirror", "rotate z", "rotate", "rotate around a diagonal", "shear"],
)
@pytest.mark.parametrize("make", [square, lambda: open_mesh(everything())], ids=["one node", "everything"])
def test_all_that_is_shown_is_moved(move, matrix, make):
    mesh = make()
    before = mesh.arrays(time=1).positions
    move(mesh)
    assert np.allclose(points(mesh, time=1), moved(matrix, before), atol=1e-5)
    move(mesh)
    assert np.allclose(points(mesh, time=1), moved(matrix, moved(matrix, before)), atol=1e-5)


def test_no_vertex_is_written_anew():
    mesh = open_mesh(everything())
    before = json.dumps(mesh.json["accessors"])
    mesh.rotate(30)
    mesh.translate((1, 2, 3))
    assert json.dumps(mesh.json["accessors"]) == before
    assert open_mesh(mesh.encode()).info().bytes == open_mesh(everything()).info().bytes


def test_all_scenes_are_moved():
    mesh = open_mesh(everything())
    mesh.translate((0, 0, 7))
    mesh.json["scene"] = 1
    only = open_mesh(mesh.encode())
    assert only.json["nodes"][8]["translation"] == [0, 0, 7]


def test_nodes_are_moved_in_the_space_of_their_parents():
    mesh = square(name="sheet")
    mesh.rotate(90, axis="z")
    mesh.translate((1, 0, 0), node="sheet")
    assert np.allclose(points(mesh)[0], (1, 0, 0))
    other = open_mesh(everything())
    before = other.arrays().positions
    other.translate((5, 0, 0), node=["hip", 3])  # the knee too: twice as far
    share = np.array([0, 0, 1, 1, 0.5, 0.25])[:, None]
    assert np.allclose(points(other), before + (5, 0, 0) + share * (5, 0, 0), atol=1e-5)


def test_nodes_that_are_animated_keep_moving_within():
    mesh = square()
    mesh.animate("mesh", "translation", times=[0, 1], values=[(0, 0, 0), (1, 0, 0)])
    mesh.scale(10, node="mesh")
    assert points(mesh, time=1)[0].tolist() == [10, 0, 0]
    mesh.translate((0, 5, 0))
    assert points(mesh, time=1)[0].tolist() == [10, 5, 0]


@pytest.mark.parametrize(
    ("move", "message"),
    [
        (lambda mesh: mesh.translate((1, 2)), r"^offset: expected three numbers x, y, z, got \(1, 2\); pass a tuple\.$"),
        (lambda mesh: mesh.scale(0), r"^factor: expected numbers that are not 0, got 0; pass others\.$"),
        (lambda mesh: mesh.rotate(3, axis="w"), r"^axis: expected one of x, y, z, got 'w'; pass one of these\.$"),
        (lambda mesh: mesh.rotate(3, axis=(0, 0, 0)), r"^axis: expected a direction, got \(0, 0, 0\); pass "),
        (lambda mesh: mesh.rotate("far"), r"^degrees: expected a number"),
        (lambda mesh: mesh.transform(np.eye(3)), r"^matrix: expected shape \(4, 4\), got \(3, 3\); pass "),
        (lambda mesh: mesh.transform(np.zeros((4, 4))), r"^matrix: expected finite numbers and a last row of 0, 0, 0, 1, got "),
        (lambda mesh: mesh.transform(np.diag([1, 1, 0, 1])), r"^matrix: expected one that keeps a volume, got "),
        (lambda mesh: mesh.translate((1, 2, 3), node="leg"), r"^node: expected one of 'mesh', got 'leg'; pass one of these, or a number\.$"),
        (lambda mesh: mesh.translate((1, 2, 3), node=7), r"^node: expected a number below 1, got 7; pass one\.$"),
        (lambda mesh: mesh.translate((1, 2, 3), node=1.5), r"^node: expected a name, a number or a list of these, got 1\.5; pass one\.$"),
    ],
)  # fmt: skip
def test_moves_that_are_none_are_refused(move, message):
    mesh = square()
    before = mesh.encode()
    with pytest.raises((InputValueError, InputTypeError), match=message):
        move(mesh)
    assert mesh.encode() == before


def test_a_root_that_is_animated_keeps_its_values_and_moves_with_all():
    mesh = square()
    mesh.animate("mesh", "translation", times=[0, 1], values=[(0, 0, 0), (1, 0, 0)])
    mesh.rotate(90, axis="z")
    assert np.allclose(points(mesh, time=1)[0], (0, 1, 0), atol=1e-6)


def test_a_skinned_node_is_left_alone_where_its_skeleton_is_moved():
    mesh = open_mesh(everything())
    before = mesh.arrays().positions
    mesh.translate((1, 2, 3), node=["root", "body"])
    assert np.allclose(points(mesh), before + np.array([1, 2, 3]), atol=1e-5)
    assert mesh.json["nodes"][1] == {"name": "body", "mesh": 0, "skin": 0}


def test_quaternions_that_are_nearly_of_length_1_are_written_as_such():
    mesh = square()
    mesh.animate("mesh", "rotation", times=[0, 1], values=[(0, 0, 0.0006, 1.0005)] * 2)
    index = mesh.json["animations"][0]["samplers"][0]["output"]
    assert np.allclose(np.linalg.norm(read_accessor(open_mesh(mesh.encode())._document, index), axis=1), 1, atol=1e-6)


def test_nodes_that_only_their_skin_moves_are_refused():
    mesh = open_mesh(everything())
    with pytest.raises(
        InputValueError, match=r"^node: expected one that its own matrix moves, got node 1, whose skin moves it; "
    ):
        mesh.translate((1, 2, 3), node="body")


# ---------------------------------------------------------------- animation


@pytest.mark.parametrize(
    ("path", "values", "interpolation"),
    [
        ("translation", [(0, 0, 0), (2, 0, 0)], "linear"),
        ("scale", [(1, 1, 1), (3, 1, 1)], "step"),
        ("rotation", [(0, 0, 0, 1), (0, 0, 1, 0)], "linear"),
        ("translation", [[(0, 0, 0), (0, 0, 0), (1, 0, 0)], [(0, 0, 0), (2, 0, 0), (0, 0, 0)]], "cubic"),
    ],
)
def test_keys_come_back_as_they_were_given(path, values, interpolation):
    mesh = square()
    mesh.animate(0, path, times=[0.5, 1.5], values=values, interpolation=interpolation, name="go")
    again = open_mesh(mesh.encode())
    assert again.info().animations[0].name == "go"
    (channel,) = again.scene(time=1.5, animation="go").primitives
    expected = {"translation": (2, 0, 0), "scale": (0, 0, 0), "rotation": (0, 0, 0)}[path]
    assert np.allclose(channel.positions[0], expected, atol=1e-6)
    accessor = again.json["accessors"][again.json["animations"][0]["samplers"][0]["input"]]
    assert (accessor["min"], accessor["max"]) == ([0.5], [1.5])


def test_a_matrix_becomes_what_can_be_animated():
    b = Builder()
    b.add("meshes", primitives=[{"attributes": {"POSITION": b.accessor("f", SQUARE, bounds=True)}}])
    b.add("nodes", mesh=0, matrix=[0, 2, 0, 0, -2, 0, 0, 0, 0, 0, 2, 0, 5, 0, 0, 1])
    mesh = open_mesh(b.glb(scene=0, scenes=[{"nodes": [0]}]))
    mesh.animate(0, "translation", times=[0, 1], values=[(5, 0, 0), (9, 0, 0)])
    (node,) = open_mesh(mesh.encode()).json["nodes"]
    assert "matrix" not in node
    assert np.allclose(points(mesh, time=1)[1], (9, 4, 0), atol=1e-6)


def test_shear_of_a_file_is_not_animated():
    b = Builder()
    b.add("nodes", matrix=np.array(SHEAR, float).T.reshape(-1).tolist())
    mesh = open_mesh(b.glb())
    with pytest.raises(
        InputValueError,
        match=r"^node: expected one without shear, got node 0, whose matrix has some; animate a node around it\.$",
    ):
        mesh.animate(0, "scale", times=[0], values=[(1, 1, 1)])


def test_shear_is_said_in_parts_that_gltf_has():
    mesh = square(name="sheet")
    mesh.transform(SHEAR)
    nodes = mesh.json["nodes"]
    assert not any("matrix" in node for node in nodes)
    assert [node.get("name") for node in nodes] == ["sheet", None]
    assert np.allclose(points(mesh), moved(SHEAR, np.array(SQUARE, float)), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": [1, 0]}, r"^times: expected rising numbers of 0 or more, got \[1\.0, 0\.0\]; sort them, each once\.$"),
        ({"times": [1, 1 + 1e-9]}, r"^times: expected rising numbers"),
        ({"times": [-1, 0]}, r"^times: expected rising numbers"),
        ({"values": [(0, 0, math.pi / 2, 1)] * 2}, r"^values: expected quaternions x, y, z, w of length 1, got one of length 1\.862 at key 0; for an angle a around y pass \(0, sin\(a/2\), 0, cos\(a/2\)\)\.$"),
        ({"values": [(0, 0, 1)] * 2}, r"^values: expected shape \(2, 4\), got \(2, 3\); pass one row a key\.$"),
        ({"values": [(0, 0, 0, math.nan)] * 2}, r"^values: expected finite numbers, got NaN or infinity; leave them out\.$"),
        ({"values": "fast"}, r"^values: expected numbers, got 'fast'; pass a list or an array\.$"),
        ({"path": "color"}, r"^path: expected one of translation, rotation, scale, weights, got 'color'; pass one of these\.$"),
        ({"path": "weights"}, r"^path: expected translation, rotation or scale, got 'weights' of a node without morph targets; "),
        ({"interpolation": "ease"}, r"^interpolation: expected one of linear, step, cubic, got 'ease'; pass one of these\.$"),
    ],
)  # fmt: skip
def test_keys_that_are_none_are_refused(change, message):
    mesh = square()
    before = mesh.encode()
    keys = {"path": "rotation", "times": [0, 1], "values": [(0, 0, 0, 1)] * 2, **change}
    with pytest.raises((InputValueError, InputTypeError), match=message):
        mesh.animate("mesh", keys.pop("path"), **keys)
    assert mesh.encode() == before


def test_a_value_is_moved_once_in_an_animation():
    mesh = square()
    turn = {"times": [0, 1], "values": [(0, 0, 0, 1)] * 2}
    mesh.animate("mesh", "rotation", **turn)
    mesh.animate("mesh", "rotation", **turn, name="other")
    with pytest.raises(
        InputValueError,
        match=r"^path: expected a value of node 0 that stands still, got one that 'other' moves already; pass another name=\.$",
    ):
        mesh.animate("mesh", "rotation", **turn, name="other")


def test_weights_of_morph_targets_are_animated():
    mesh = open_mesh(everything())
    mesh.animate("body", "weights", times=[0, 1], values=[0, 1], name="puff")
    z = points(mesh, time=0.5, animation="puff")[0, 2]
    assert z == pytest.approx(0.25)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_a_mesh_spins_around_its_middle(axis):
    mesh = square()
    mesh.translate((10, 20, 30))
    middle = np.array([11, 20.5, 30])
    before = mesh.arrays().positions - middle
    mesh.spin(seconds=8, axis=axis)
    number = "xyz".index(axis)
    one, two = (number + 1) % 3, (number + 2) % 3
    for time in (0, 1, 3.5, 8):
        angle = time / 8 * 2 * math.pi
        turned = before.copy()
        turned[:, one] = math.cos(angle) * before[:, one] - math.sin(angle) * before[:, two]
        turned[:, two] = math.sin(angle) * before[:, one] + math.cos(angle) * before[:, two]
        assert np.allclose(points(mesh, time=time), turned + middle, atol=1e-4)


def test_a_node_spins_around_its_own_origin():
    mesh = square(name="wheel")
    mesh.translate((3, 0, 0), node="wheel")
    mesh.rotate(90, axis="z", node="wheel")
    before = mesh.arrays().positions
    mesh.spin(seconds=4, axis="y", node="wheel")
    found = points(mesh, time=2)
    assert np.allclose(points(mesh), before, atol=1e-5)
    # Half a turn around the place where the node stands now.
    place = np.array([0, 3, 0])
    assert np.allclose(found, (before - place) * (-1, 1, -1) + place, atol=1e-5)


# ---------------------------------------------------------------- putting together


def test_another_mesh_is_added_with_all_that_it_has():
    mesh, other = square(uv=UV, texture=codes(3, 4, 3)), open_mesh(everything())
    before = other.encode()
    roots = mesh.add(other)
    assert other.encode() == before
    mesh.translate((5, 0, 0), node=roots)
    again = open_mesh(mesh.encode())
    arrays, theirs = again.arrays(time=1), other.arrays(time=1)
    assert np.allclose(
        arrays.positions, np.concatenate([np.array(SQUARE, float), theirs.positions + np.array([5, 0, 0])]), atol=1e-6
    )
    assert list(again.materials) == ["mesh", "Lack ☂ blau", "unlit"]
    assert np.array_equal(again.textures["texture"].read("numpy"), codes(3, 4, 3))
    for name in ("base-img", "webp-img"):
        assert again.textures[name].data == other.textures[name].data
        assert again.textures[name].roles == other.textures[name].roles
    info, before = again.info(), other.info()
    assert (info.scenes, info.skins, info.cameras, info.lights) == (2, 1, 1, 1)
    assert info.extensions == before.extensions
    assert again.json["extensions"] == other.json["extensions"]
    assert again.json["scenes"][1] == {"name": "B", "nodes": [8 + 1]}


def test_a_mesh_is_added_to_itself_and_again():
    mesh = open_mesh(everything())
    mesh.add(mesh.copy())
    mesh.add(mesh)
    again = open_mesh(mesh.encode())
    assert again.info().triangles == 16
    assert again.json["extensions"]["KHR_lights_punctual"]["lights"][3]["name"] == "lamp"
    lights = [
        node["extensions"]["KHR_lights_punctual"]["light"] for node in again.json["nodes"] if "extensions" in node
    ]
    assert lights == [0, 1, 2, 3]


def test_references_that_nobody_knows_are_not_guessed():
    b = Builder()
    b.json |= {"extensionsUsed": ["EXT_structural_metadata"], "extensions": {"EXT_structural_metadata": {"values": 0}}}
    with pytest.raises(
        InputValueError, match=r"^other: expected a mesh whose extensions are known, got 'EXT_structural_metadata'; "
    ):
        square().add(open_mesh(b.glb()))
    with pytest.raises(InputTypeError, match=r"^other: expected a Mesh, got bytes; open it with open_mesh\.$"):
        square().add(b"")


def test_merging_keeps_what_is_seen():
    mesh = open_mesh(everything())
    mesh.add(square(uv=UV, texture=codes(3, 4, 3), colors=codes(1, 4, 3, "float32")[0]))
    mesh.add(square(name="other"))
    one = open_mesh(mesh.merge(time=1).encode())
    assert (len(one.json["meshes"]), len(one.json["nodes"]), one.info().animations, one.info().skins) == (1, 1, (), 0)
    assert [each["material"] for each in one.json["meshes"][0]["primitives"]] == [0, 2, 3]
    merged, whole = one.arrays(), mesh.arrays(time=1)
    assert np.allclose(merged.positions[merged.faces], whole.positions[whole.faces], atol=1e-6)
    assert np.allclose(merged.uv[merged.faces], whole.uv[whole.faces], atol=1e-6)
    assert np.allclose(merged.colors[merged.faces], whole.colors[whole.faces], atol=1e-6)
    assert np.array_equal(merged.materials, whole.materials)
    assert one.textures["webp-img"].data == mesh.textures["webp-img"].data
    assert one.json["extensionsUsed"] == [
        "EXT_texture_webp",
        "KHR_texture_transform",
        "KHR_materials_clearcoat",
        "KHR_materials_emissive_strength",
        "KHR_materials_unlit",
    ]


def test_vertices_are_colored():
    mesh = square()
    colors = codes(1, 4, 4, "float32")[0]
    mesh.set_vertex_colors(colors)
    assert np.array_equal(open_mesh(mesh.encode()).arrays().colors, colors)
    with pytest.raises(
        InputValueError, match=r"^colors: expected 4 rows, one a vertex, got 3; pass one for each of arrays\(\)\.$"
    ):
        mesh.set_vertex_colors(colors[:3])
    with pytest.raises(InputValueError, match=r"^colors: expected floats in \[0, 1\], got others; "):
        mesh.set_vertex_colors(colors * 255)


# ---------------------------------------------------------------- trimesh


def test_trimesh_gets_what_is_seen_and_gives_it_back():
    pytest.importorskip("trimesh")
    texture = codes(3, 4, 3)
    mesh = square(uv=UV, texture=texture, normals=[(0, 0, 1)] * 4)
    mesh.translate((1, 2, 3))
    theirs = mesh.to_trimesh()
    assert theirs.area == pytest.approx(2)
    assert np.array_equal(np.asarray(theirs.visual.material.image), texture)
    assert np.allclose(theirs.visual.uv[0], (0, 0))  # v upwards
    back = open_mesh(from_trimesh(theirs).encode())
    ours, whole = back.arrays(), mesh.arrays()
    for name in ("positions", "uv", "normals", "faces"):
        assert np.allclose(getattr(ours, name), getattr(whole, name), atol=1e-6)
    assert np.array_equal(back.textures["texture"].read("numpy"), texture)
    colored = square(colors=codes(1, 4, 3, "float32")[0])
    back = from_trimesh(colored.to_trimesh())
    assert np.allclose(back.arrays().colors, colored.arrays().colors, atol=0.01)  # through 8 bits
    with pytest.raises(
        InputTypeError,
        match=r"^mesh: expected a trimesh\.Trimesh or a trimesh\.Scene, got builtins\.str; pass one of these\.$",
    ):
        from_trimesh("box")


def test_without_trimesh_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(
        MissingDependencyError,
        match=r"^to_trimesh: expected the package trimesh, got none; run: pip install trimesh\.$",
    ):
        square().to_trimesh()
