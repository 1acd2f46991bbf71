"""The triangles of meshes: read in every form that glTF has, posed as its specification says, with gradients."""

import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from aikit import FileFormatError, InputTypeError, InputValueError, Limits, MissingDependencyError, new_mesh, open_mesh
from aikit.mesh.accessors import ARRAY_BUFFER, add_accessor, read_accessor
from aikit.mesh.tree import decompose, from_parts
from mesh_files import POINTS, SHARES, TRIANGLES, Builder, everything
from pictures import codes

TRIANGLE = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 2.0, 0.0)]


def of(b, attributes, node=None, **primitive):
    """The mesh of one primitive that one node shows."""
    b.add("meshes", primitives=[{"attributes": attributes, **primitive}])
    b.add("nodes", mesh=0, **(node or {}))
    return open_mesh(b.glb(scene=0, scenes=[{"nodes": [0]}]))


# ---------------------------------------------------------------- forms


@pytest.mark.parametrize(
    ("mode", "faces"),
    [
        (4, [(0, 1, 2), (3, 4, 5)]),
        (5, [(0, 1, 2), (1, 3, 2), (2, 3, 4), (3, 5, 4)]),
        (6, [(1, 2, 0), (2, 3, 0), (3, 4, 0), (4, 5, 0)]),
    ],
)
@pytest.mark.parametrize("indexed", [False, True])
def test_triangles_strips_and_fans_are_those_of_the_specification(mode, faces, indexed):
    b = Builder()
    attributes = {"POSITION": b.accessor("f", POINTS, bounds=True)}
    more = {"indices": b.accessor("B", range(6))} if indexed else {}
    assert of(b, attributes, mode=mode, **more).arrays().faces.tolist() == [list(face) for face in faces]


def test_corners_that_are_left_over_make_no_triangle():
    b = Builder()
    mesh = of(b, {"POSITION": b.accessor("f", POINTS[:5], bounds=True)})
    assert mesh.arrays().faces.tolist() == [[0, 1, 2]]


@pytest.mark.parametrize(("code", "top"), [("b", 127), ("B", 255), ("h", 32767), ("H", 65535)])
def test_normalized_integers_are_shares_of_their_range(code, top):
    b = Builder()
    low = -top if code in "bh" else 0
    rows = [(low, 0, top), (top, top, low), (0, top // 2, top)]
    mesh = of(b, {"POSITION": b.accessor(code, rows, bounds=True, normalized=True)})
    assert np.allclose(mesh.arrays().positions, np.array(rows) / top, atol=1e-7)
    # One below the range, which two's complement has, is -1 too.
    if low:
        b = Builder()
        mesh = of(b, {"POSITION": b.accessor(code, [(low - 1, 0, 0)] * 3, bounds=True, normalized=True)})
        assert mesh.arrays().positions[0, 0] == -1


def test_plain_integers_are_numbers():
    b = Builder()
    mesh = of(b, {"POSITION": b.accessor("h", [(300, -2, 5), (7, 8, 9), (0, 1, 0)], bounds=True)})
    assert mesh.arrays().positions.tolist() == [[300, -2, 5], [7, 8, 9], [0, 1, 0]]


def test_strides_and_offsets_are_followed():
    b = Builder()
    rows = [(x, y, z, 10 + x, 20 + y) for x, y, z in TRIANGLE]
    view = b.view(b"".join(np.array(row, "<f4").tobytes() for row in rows), byteStride=20)
    position = b.add(
        "accessors", bufferView=view, componentType=5126, count=3, type="VEC3", min=[0, 0, 0], max=[1, 2, 0]
    )
    uv = b.add("accessors", bufferView=view, byteOffset=12, componentType=5126, count=3, type="VEC2")
    arrays = of(b, {"POSITION": position, "TEXCOORD_0": uv}).arrays()
    assert arrays.positions.tolist() == [list(row[:3]) for row in rows]
    assert arrays.uv.tolist() == [list(row[3:]) for row in rows]


@pytest.mark.parametrize("based", [False, True])
def test_sparse_values_replace_those_below(based):
    b = Builder()
    places = b.view(np.array([0, 2], "<u2").tobytes())
    values = b.view(np.array([[5, 6, 7], [8, 9, 10]], "<f4").tobytes())
    sparse = {"count": 2, "indices": {"bufferView": places, "componentType": 5123}, "values": {"bufferView": values}}
    below = {"bufferView": b.view(np.array(TRIANGLE, "<f4").tobytes())} if based else {}
    accessor = b.add(
        "accessors", componentType=5126, count=3, type="VEC3", sparse=sparse, min=[0, 0, 0], max=[8, 9, 10], **below
    )
    found = of(b, {"POSITION": accessor}).arrays().positions
    assert found.tolist() == [[5, 6, 7], [1, 0, 0] if based else [0, 0, 0], [8, 9, 10]]


@pytest.mark.parametrize(
    ("dtype", "width", "stride"), [("int8", 3, 4), ("uint16", 3, 8), ("uint8", 4, None), ("float32", 2, None)]
)
def test_elements_that_are_written_begin_at_multiples_of_four(dtype, width, stride):
    document = open_mesh(everything())._document
    values = codes(1, 5, width, "uint8")[0].astype(dtype)
    index = add_accessor(document, values, target=ARRAY_BUFFER, bounds=True)
    assert document.entries("bufferViews")[-1].get("byteStride") == stride
    again = open_mesh(document.encode_glb())
    assert np.array_equal(read_accessor(again._document, index), values)
    entry = again.json["accessors"][index]
    assert (entry["min"], entry["max"]) == (values.min(axis=0).tolist(), values.max(axis=0).tolist())


# ---------------------------------------------------------------- places


def test_a_matrix_is_read_column_by_column_and_parents_count():
    b = Builder()
    attributes = {"POSITION": b.accessor("f", TRIANGLE, bounds=True)}
    b.add("meshes", primitives=[{"attributes": attributes}])
    # A quarter turn around z, and then 5 to the right.
    b.add("nodes", mesh=0, matrix=[0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 5, 0, 0, 1])
    b.add("nodes", children=[0], translation=[0, 0, 7], scale=[1, 1, 2])
    found = open_mesh(b.glb(scene=0, scenes=[{"nodes": [1]}])).arrays().positions
    assert found.tolist() == [[5, 0, 7], [5, 1, 7], [3, 0, 7]]


def test_a_mirror_turns_faces_around_and_normals_to_the_same_side():
    b = Builder()
    attributes = {"POSITION": b.accessor("f", TRIANGLE, bounds=True), "NORMAL": b.accessor("f", [(0, 0, 1)] * 3)}
    arrays = of(b, attributes, node={"scale": [-2, 1, 1]}).arrays()
    one, two, three = arrays.positions[arrays.faces[0]]
    assert np.cross(two - one, three - one)[2] > 0
    assert arrays.normals.tolist() == [[0, 0, 1]] * 3


def test_normals_stand_upright_under_uneven_scales():
    b = Builder()
    slanted = [(0, 0, 0), (1, 0, 1), (0, 1, 0)]
    normal = np.array([-1, 0, 1]) / math.sqrt(2)
    attributes = {"POSITION": b.accessor("f", slanted, bounds=True), "NORMAL": b.accessor("f", [tuple(normal)] * 3)}
    arrays = of(b, attributes, node={"scale": [3, 1, 0.5], "rotation": [0, math.sin(0.4), 0, math.cos(0.4)]}).arrays()
    one, two, three = arrays.positions[arrays.faces[0]]
    face = np.cross(two - one, three - one)
    assert np.allclose(arrays.normals, face / np.linalg.norm(face), atol=1e-6)


def test_normals_that_the_file_lacks_are_those_of_the_faces_around():
    corner = new_mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], [(0, 1, 2), (0, 3, 1)])
    normals = corner.arrays().normals
    assert np.allclose(normals[2], (0, 0, 1))
    assert np.allclose(normals[3], (0, 1, 0))
    assert np.allclose(normals[0], np.array([0, 1, 1]) / math.sqrt(2))
    assert np.allclose(corner.arrays(kind="tensor").normals, normals, atol=1e-6)


@given(
    st.lists(st.floats(-3, 3), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1),
    st.lists(st.floats(0.1, 5), min_size=3, max_size=3),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_matrices_fall_into_parts_and_come_together_again(quaternion, scale, mirrored):
    scale = [-scale[0] if mirrored else scale[0], *scale[1:]]
    matrix = from_parts((1, 2, 3), quaternion, scale)
    assert np.allclose(from_parts(*decompose(matrix)), matrix, atol=1e-6)


# ---------------------------------------------------------------- motion


def at(time):
    """The mesh with one of everything, posed by hand at a time: morphed, then skinned by two joints."""
    puff = np.array([(0, 0, 0.5), (0, 0, 0.25), (0, 0.5, 0), (0, 0, 0), (0, 0, 0), (1, 0, 0)])
    points = np.array(POINTS, float) + (0, 1, 0.5)[int(time)] * puff
    angle = min(time, 2) * math.pi / 2
    turned = np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    # The knee stands at (0, 1, 0), which is where its inverse matrix takes it to the origin.
    knee = (points - (0, 1, 0)) @ turned.T + (0, 1, 0)
    share = np.array(SHARES)[:, None]
    return (1 - share) * points + share * knee


@pytest.mark.parametrize("time", [0, 0.5, 1, 1.25, 2, 9])
def test_skins_morphs_and_animations_are_those_worked_out_by_hand(time):
    arrays = open_mesh(everything()).arrays(time=time)
    assert np.allclose(arrays.positions, at(min(time, 2)), atol=1e-6)
    assert arrays.faces.reshape(-1).tolist() == TRIANGLES
    tensors = open_mesh(everything()).arrays(time=time, kind="tensor")
    assert np.allclose(tensors.positions.numpy(), arrays.positions, atol=1e-6)
    assert np.allclose(tensors.normals.numpy(), arrays.normals, atol=1e-6)
    assert tensors.faces.dtype == torch.int64


def animated(interpolation, values, path="translation", times=(1, 3)):
    b = Builder()
    attributes = {"POSITION": b.accessor("f", TRIANGLE, bounds=True)}
    b.add("meshes", primitives=[{"attributes": attributes}])
    b.add("nodes", mesh=0)
    sampler = {
        "input": b.accessor("f", times, bounds=True),
        "output": b.accessor("f", values),
        "interpolation": interpolation,
    }
    b.add("animations", name="a", samplers=[sampler], channels=[{"sampler": 0, "target": {"node": 0, "path": path}}])
    return open_mesh(b.glb(scene=0, scenes=[{"nodes": [0]}]))


@pytest.mark.parametrize(("time", "x"), [(0, 2), (1, 2), (1.5, 3), (2, 4), (3, 6), (8, 6)])
def test_linear_keys(time, x):
    mesh = animated("LINEAR", [(2, 0, 0), (6, 0, 0)])
    assert mesh.arrays(time=time).positions[0].tolist() == [x, 0, 0]


@pytest.mark.parametrize(("time", "x"), [(0, 2), (2.9, 2), (3, 6), (8, 6)])
def test_stepped_keys(time, x):
    assert animated("STEP", [(2, 0, 0), (6, 0, 0)]).arrays(time=time).positions[0, 0] == x


def test_cubic_keys_follow_hermite():
    # Of x**3 from 0 to 2 the tangents are 0 and 12: a cubic spline is the curve itself.
    mesh = animated("CUBICSPLINE", [(9, 9, 9), (0, 0, 0), (0, 0, 0), (12, 0, 0), (8, 0, 0), (9, 9, 9)])
    for time in (1, 1.3, 2, 2.75, 3):
        assert mesh.arrays(time=time).positions[0, 0] == pytest.approx((time - 1) ** 3, abs=1e-6)


def test_turns_take_the_shorter_way_at_even_speed():
    half = math.radians(100) / 2
    # The second has the other sign: the same turn, which must not be reached the long way around.
    mesh = animated("LINEAR", [(0, 0, 0, 1), (0, 0, -math.sin(half), -math.cos(half))], path="rotation")
    x, y, _ = mesh.arrays(time=1.5).positions[1]
    assert math.degrees(math.atan2(y, x)) == pytest.approx(25, abs=1e-4)


def test_animations_are_found_by_name_and_number():
    mesh = animated("LINEAR", [(2, 0, 0), (6, 0, 0)])
    assert mesh.arrays(time=3, animation="a").positions[0, 0] == mesh.arrays(time=3, animation=0).positions[0, 0] == 6
    with pytest.raises(InputValueError, match=r"^animation: expected one of 'a', got 'b'; pass one of these\.$"):
        mesh.arrays(animation="b")
    with pytest.raises(InputTypeError, match=r"^animation: expected a name or a number, got 1\.5; pass one\.$"):
        mesh.arrays(animation=1.5)
    with pytest.raises(
        InputValueError, match=r"^time: expected a number of 0 or more, got -1; pass one in that range\.$"
    ):
        mesh.arrays(time=-1)


# ---------------------------------------------------------------- gradients


def test_gradients_pass_through_morph_skin_and_nodes():
    mesh = open_mesh(everything())
    vertices = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda points: mesh.arrays(time=0.7, vertices=points).positions, (vertices,))
    assert np.allclose(
        mesh.arrays(time=0.7, vertices=vertices.detach()).positions, mesh.arrays(time=0.7).positions, atol=1e-6
    )


def test_gradients_pass_through_normals_that_are_worked_out():
    mesh = new_mesh([(0, 0, 0), (1, 0, 0.2), (0, 1, 0), (0, 0.3, 1)], [(0, 1, 2), (0, 3, 1)])
    mesh.rotate(30, axis=(1, 2, 3))
    vertices = torch.tensor(mesh.arrays().positions, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda points: mesh.arrays(vertices=points).normals, (vertices,))


def test_vertices_of_another_count_or_kind_are_refused():
    mesh = new_mesh(TRIANGLE, [(0, 1, 2)])
    with pytest.raises(
        InputValueError,
        match=r"^vertices: expected floats of shape \(3, 3\), got float64 \(2, 3\); pass one for each that arrays\(\) gives\.$",
    ):
        mesh.arrays(vertices=np.zeros((2, 3)))
    with pytest.raises(
        InputTypeError, match=r"^vertices: expected an array or a tensor \(V, 3\), got \[\[0\]\]; pass one\.$"
    ):
        mesh.arrays(vertices=[[0]])


# ---------------------------------------------------------------- scene


def test_the_scene_says_how_everything_looks():
    scene = open_mesh(everything()).scene(time=1)
    (primitive,) = scene.primitives
    surface = primitive.surface
    assert np.allclose(primitive.positions, at(1), atol=1e-6)
    assert len(primitive.uvs) == 2
    assert primitive.colors.shape == (6, 4)
    assert primitive.tangents[0, 3] == -1
    assert (surface.base_color, surface.metallic, surface.roughness) == ((0.5, 0.6, 0.7, 0.8), 0.25, 0.75)
    assert np.allclose(surface.emissive, (0.4, 0.8, 1.2))
    assert (surface.alpha_mode, surface.alpha_cutoff, surface.double_sided, surface.unlit) == ("MASK", 0.3, True, False)
    use = surface.base_color_map
    assert (use.uv_set, use.offset, use.scale, use.rotation) == (1, (0.1, 0.2), (2, 2), 0.5)
    assert (use.sampler.wrap_u, use.sampler.wrap_v, use.sampler.magnify, use.sampler.mipmap) == (
        "clamp",
        "mirror",
        "nearest",
        None,
    )
    # WebP comes before the image for programs that do not know it.
    assert np.array_equal(use.picture.read(), open_mesh(everything()).textures["webp-img"].read("numpy"))
    assert surface.normal_scale == 0.5
    assert surface.normal_map.sampler.minify == "linear"
    (camera,), (light,) = scene.cameras, scene.lights
    assert camera.matrix[:3, 3].tolist() == [0, 1, 5]
    assert (round(math.radians(camera.fov), 6), camera.near) == (0.7, 0.1)
    assert (light.kind, light.color, light.intensity) == ("point", (1, 0.9, 0.8), 5)


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_positions_that_are_no_numbers_are_refused(number):
    b = Builder()
    accessor = b.accessor("f", [*TRIANGLE[:2], (0, number, 0)])
    mesh = of(b, {"POSITION": accessor})
    with pytest.raises(
        FileFormatError,
        match=r"^source: expected finite numbers in accessors\[0\], got NaN or infinity; export the file again\.$",
    ):
        mesh.arrays()


def test_large_numbers_are_finite():
    b = Builder()
    mesh = of(b, {"POSITION": b.accessor("f", [(3e38, 0, 0), (3e38, 1, 0), (0, 0, 0)], bounds=True)})
    assert mesh.arrays().positions[0, 0] == np.float32(3e38)


def test_indices_and_joints_beyond_the_end_are_refused():
    b = Builder()
    mesh = of(b, {"POSITION": b.accessor("f", TRIANGLE, bounds=True)}, indices=b.accessor("H", [0, 1, 3]))
    with pytest.raises(FileFormatError, match=r"^source: expected indices below 3, got 3; export the file again\.$"):
        mesh.arrays()
    b = Builder()
    attributes = {
        "POSITION": b.accessor("f", TRIANGLE, bounds=True),
        "JOINTS_0": b.accessor("B", [(0, 9, 0, 0)] * 3),
        "WEIGHTS_0": b.accessor("f", [(1, 0, 0, 0)] * 3),
    }
    b.add("skins", joints=[0])
    with pytest.raises(FileFormatError, match=r"^source: expected joints below 1, got 9; export the file again\.$"):
        of(b, attributes, node={"skin": 0}).arrays()


def draco(**change):
    """A triangle and its texture coordinates as Draco has them; glTF knows them by numbers of Draco's own."""
    DracoPy = pytest.importorskip("DracoPy")
    points, uv = np.array(TRIANGLE, np.float32), np.array([(0, 0), (1, 0), (0, 1)], np.float64)
    data = DracoPy.encode(
        points, np.array([(0, 1, 2)], np.uint32), tex_coord=uv, preserve_order=True, quantization_bits=16
    )
    numbers = {each["num_components"]: each["unique_id"] for each in DracoPy.decode(data).attributes}
    b = Builder()
    view = b.view(change.pop("data", data))
    kinds = {"POSITION": ("VEC3", {"min": [0, 0, 0], "max": [1, 2, 0]}), "TEXCOORD_0": ("VEC2", {})}
    count = change.pop("count", 3)
    attributes = {
        name: b.add("accessors", componentType=5126, count=count, type=kind, **more)
        for name, (kind, more) in kinds.items()
    }
    indices = b.add("accessors", componentType=5123, count=3, type="SCALAR")
    extension = {"bufferView": view, "attributes": {"POSITION": numbers[3], "TEXCOORD_0": numbers[2]}}
    b.json |= {"extensionsUsed": ["KHR_draco_mesh_compression"], "extensionsRequired": ["KHR_draco_mesh_compression"]}
    return of(b, attributes, indices=indices, extensions={"KHR_draco_mesh_compression": extension})


def test_draco_is_read_and_stays_as_it_is():
    mesh = draco()
    arrays = mesh.arrays()
    assert np.allclose(arrays.positions, TRIANGLE, atol=1e-3)
    assert np.allclose(arrays.uv, [(0, 0), (1, 0), (0, 1)], atol=1e-3)
    assert arrays.faces.tolist() == [[0, 1, 2]]
    assert mesh.info().not_understood == ()
    before = mesh.json["bufferViews"]
    mesh.translate((1, 0, 0))
    assert open_mesh(mesh.encode()).json["bufferViews"] == before
    again = open_mesh(mesh.encode(), limits=Limits())
    assert np.allclose(again.arrays().positions, np.array(TRIANGLE) + np.array([1, 0, 0]), atol=1e-3)


def test_draco_that_is_damaged_is_refused():
    with pytest.raises(
        FileFormatError, match=r"^source: expected whole data of Draco, got 'Input mesh is not draco encoded'; "
    ):
        draco(data=b"DRACO" * 9).arrays()
    with pytest.raises(
        FileFormatError, match=r"^source: expected 4 finite values in compressed accessors\[0\], got 3; "
    ):
        draco(count=4).arrays()


def test_draco_without_its_package_is_told(monkeypatch):
    mesh = draco()
    monkeypatch.setitem(sys.modules, "DracoPy", None)
    assert mesh.info().bounds == ((0, 0, 0), (1, 2, 0))
    with pytest.raises(
        MissingDependencyError,
        match=r"^source: expected the package DracoPy, for geometry compressed by Draco, got none; run: pip install DracoPy\.$",
    ):
        mesh.arrays()


def test_meshopt_is_kept_and_said_to_be_unread():
    b = Builder()
    view = b.view(
        bytes(36),
        extensions={
            "EXT_meshopt_compression": {
                "buffer": 0,
                "byteLength": 36,
                "byteStride": 12,
                "count": 3,
                "mode": "ATTRIBUTES",
            }
        },
    )
    accessor = b.add(
        "accessors", bufferView=view, componentType=5126, count=3, type="VEC3", min=[0, 0, 0], max=[1, 2, 3]
    )
    b.json |= {"extensionsUsed": ["EXT_meshopt_compression"], "extensionsRequired": ["EXT_meshopt_compression"]}
    mesh = of(b, {"POSITION": accessor})
    assert mesh.info().not_understood == ("EXT_meshopt_compression",)
    assert mesh.info().bounds == ((0, 0, 0), (1, 2, 3))
    with pytest.raises(
        FileFormatError, match=r"expected data that are not compressed, got data compressed by meshopt; "
    ) as caught:
        mesh.arrays()
    assert caught.value.code == "unsupported_format"
    mesh.translate((1, 0, 0))
    assert open_mesh(mesh.encode()).json["bufferViews"] == mesh.json["bufferViews"]
