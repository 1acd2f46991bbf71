"""Meshes as documents: read, looked into, edited, and written again with nothing changed that nobody touched."""

import base64
import io
import json
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aikit import FileAccessError, FileFormatError, InputTypeError, InputValueError, new_mesh, open_mesh
from aikit.mesh.document import FileData
from mesh_files import Builder, everything, glb, picture
from pictures import codes

SAMPLES = Path(os.environ.get("AIKIT_SAMPLES", Path(__file__).parents[2] / "shared" / "samples")) / "mesh"
# The file with one of everything, and real ones where they are there.
GLBS = {"everything": everything(), **{path.name: path.read_bytes() for path in sorted(SAMPLES.glob("*.glb"))}}
each_glb = pytest.mark.parametrize("data", GLBS.values(), ids=GLBS)

SQUARE = [(0, 0, 0), (2, 0, 0), (2, 1, 0), (0, 1, 0)]
FACES = [(0, 1, 2), (0, 2, 3)]
UV = [(0, 1), (1, 1), (1, 0), (0, 0)]


def glb_json(data):
    """The JSON of a GLB, read without aikit."""
    length = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + length])


def glb_binary(data):
    start = 20 + struct.unpack_from("<I", data, 12)[0]
    return data[start + 8 :] if start < len(data) else b""


def open_picture(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def view_bytes(data, index):
    gltf, binary = glb_json(data), glb_binary(data)
    view = gltf["bufferViews"][index]
    start = view.get("byteOffset", 0)
    return binary[start : start + view["byteLength"]]


# ---------------------------------------------------------------- untouched


@each_glb
def test_what_was_not_touched_is_the_same_bytes(data, tmp_path):
    mesh = open_mesh(data)
    mesh.info(), mesh.textures, mesh.materials, mesh.arrays(), mesh.scene(), repr(mesh)
    assert mesh.encode() == data
    mesh.write(tmp_path / "out.glb")
    assert (tmp_path / "out.glb").read_bytes() == data


@each_glb
def test_an_edit_leaves_all_else_as_it_was(data):
    mesh = open_mesh(data)
    next(iter(mesh.materials.values())).roughness = 0.125
    before, after = glb_json(data), glb_json(mesh.encode())
    assert after["materials"][0]["pbrMetallicRoughness"].pop("roughnessFactor") == 0.125
    before["materials"][0].get("pbrMetallicRoughness", {}).pop("roughnessFactor", None)
    assert after == before
    assert glb_binary(mesh.encode()) == glb_binary(data)


@each_glb
def test_a_replaced_texture_leaves_the_bytes_of_all_others(data):
    mesh = open_mesh(data)
    views = [each["bufferView"] for each in glb_json(data).get("images", [])]
    alone = [name for name, view in zip(mesh.textures, views, strict=True) if views.count(view) == 1]
    if not alone:
        pytest.skip("no texture with a place of its own")
    image = codes(5, 7, 3)
    mesh.textures[alone[0]].replace(image, format="png")
    written = mesh.encode()
    assert np.array_equal(open_mesh(written).textures[alone[0]].read("numpy"), image)
    changed = views[mesh.textures[alone[0]].index]
    for index in range(len(glb_json(data)["bufferViews"])):
        if index != changed:
            assert view_bytes(written, index) == view_bytes(data, index), index
    # The old picture is gone, not left behind.
    grown = len(view_bytes(written, changed)) - len(view_bytes(data, changed))
    assert len(glb_binary(written)) <= len(glb_binary(data)) + grown + 4


def test_pictures_of_any_size_take_the_place_of_others_again_and_again():
    data = everything()
    mesh = open_mesh(data)
    for side in (40, 1, 9):
        mesh.textures["webp-img"].replace(codes(side, side, 4), format="webp", lossless=True)
        mesh.textures["base-img"].replace(codes(side, 2, 3))
        written = open_mesh(mesh.encode())
        assert np.array_equal(written.textures["webp-img"].read("numpy"), codes(side, side, 4))
        assert np.array_equal(written.textures["base-img"].read("numpy"), codes(side, 2, 3))
        assert np.array_equal(written.arrays(time=1).positions, open_mesh(data).arrays(time=1).positions)


def test_images_that_share_a_view_are_told_apart_when_one_is_replaced():
    b = Builder()
    view = b.view(picture("PNG"))
    for name in "ab":
        b.add("images", bufferView=view, mimeType="image/png", name=name)
    mesh = open_mesh(b.glb())
    before = mesh.textures["b"].read("numpy")
    mesh.textures["a"].replace(codes(3, 4, 3))
    again = open_mesh(mesh.encode())
    assert np.array_equal(again.textures["a"].read("numpy"), codes(3, 4, 3))
    assert np.array_equal(again.textures["b"].read("numpy"), before)


def test_chunks_that_nobody_understands_stay_behind_an_edit():
    b = Builder()
    b.add("materials", name="m")
    view = b.view(b"1234")
    assert view == 0
    data = glb({**b.json, "buffers": [{"byteLength": 4}]}, b.data, others=[(b"ABCD", b"kept")])
    mesh = open_mesh(data)
    mesh.materials["m"].metallic = 0
    assert mesh.encode().endswith(struct.pack("<I4s", 4, b"ABCD") + b"kept")


def test_a_large_file_is_not_read_before_it_is_asked_for(tmp_path, monkeypatch):
    b = Builder()
    b.add("images", bufferView=b.view(picture("PNG")), mimeType="image/png", name="small")
    b.view(bytes(20_000_000))
    path = tmp_path / "large.glb"
    path.write_bytes(b.glb())
    read = []
    whole = FileData.__getitem__
    monkeypatch.setattr(FileData, "__getitem__", lambda self, part: read.append(data := whole(self, part)) or data)
    mesh = open_mesh(path)
    assert sum(map(len, read)) < 5000
    assert mesh.textures["small"].data == picture("PNG")
    assert sum(map(len, read)) < 10_000
    # It may be written over itself, also edited.
    mesh.textures["small"].replace(codes(2, 3, 3))
    mesh.write(path)
    assert np.array_equal(open_mesh(path).textures["small"].read("numpy"), codes(2, 3, 3))
    assert np.array_equal(pickle.loads(pickle.dumps(mesh)).textures["small"].read("numpy"), codes(2, 3, 3))


def test_a_large_file_that_is_written_over_meanwhile_is_an_error(tmp_path):
    b = Builder()
    b.view(bytes(20_000_000))
    path = tmp_path / "large.glb"
    path.write_bytes(b.glb())
    mesh = open_mesh(path)
    with path.open("r+b") as file:
        file.write(b"else")
    os.utime(path, (1, 1))
    with pytest.raises(
        FileAccessError, match=r"expected the file as it was opened, got one that was written over; open it anew\.$"
    ):
        mesh.encode()


# ---------------------------------------------------------------- what it holds


def test_info_counts_and_names():
    info = open_mesh(everything()).info()
    assert (info.format, info.scenes, info.nodes, info.meshes, info.skins, info.cameras) == ("glb", 2, 9, 3, 1, 1)
    assert (info.triangles, info.vertices, info.lines, info.points, info.morph_targets, info.lights) == (
        4,
        6,
        1,
        1,
        1,
        1,
    )
    assert info.materials == ("Lack ☂ blau", "unlit")
    assert info.textures[0].roles == ("normal", "base_color")
    assert [(each.name, each.format, each.width, each.bytes) for each in info.textures] == [
        ("base-img", "png", 16, len(picture("PNG"))),
        ("webp-img", "webp", 16, len(picture("WEBP", seed=1))),
    ]
    assert [(each.name, each.seconds, each.channels) for each in info.animations] == [("spin", 2.0, 2)]
    assert info.not_understood == ("KHR_materials_clearcoat", "KHR_materials_variants")
    assert info.bounds == ((0, 0, 0), (1, 3, 0.5))


def test_info_says_what_a_format_loses():
    info = open_mesh(everything()).info()
    assert info.lost_in("glb") == ()
    assert {"animations", "skins", "morph targets", "cameras", "lights", "extras"} <= set(info.lost_in("obj"))
    assert "materials" in info.lost_in("stl")
    with pytest.raises(InputValueError, match=r"^format: expected one of glb, gltf, obj, ply, stl, got 'fbx'; "):
        info.lost_in("fbx")


# ---------------------------------------------------------------- textures and materials


@pytest.mark.parametrize(
    ("format", "channels", "dtype"),
    [("png", 4, "uint8"), ("png", 3, "uint16"), ("png", 1, "uint16"), ("webp", 4, "uint8")],
)
def test_what_goes_into_a_texture_comes_out(format, channels, dtype):
    image = codes(6, 5, channels, dtype)
    if channels == 4:
        image[:3, :, 3] = 0  # colors under it are kept
    mesh = new_mesh(SQUARE, FACES, uv=UV, texture=codes(2, 2, 3))
    lossless = True if format == "webp" else None
    mesh.textures["texture"].replace(image, format=format, lossless=lossless)
    texture = open_mesh(mesh.encode()).textures["texture"]
    assert np.array_equal(texture.read("numpy"), image[..., 0] if channels == 1 else image)
    if dtype == "uint8":
        assert np.array_equal(np.asarray(texture.read("pil")), image)
        assert np.array_equal(texture.read("cv2"), image[..., [2, 1, 0, 3]])
    tensor = texture.read("tensor")
    assert tuple(tensor.shape) == (channels, 6, 5)
    assert np.allclose(tensor.permute(1, 2, 0), image / np.iinfo(dtype).max)


def test_a_texture_keeps_its_format_where_that_holds_the_image():
    mesh = new_mesh(SQUARE, FACES, uv=UV, texture=codes(8, 8, 3))
    texture = mesh.textures["texture"]
    texture.replace(codes(8, 8, 3), format="jpg", quality=80)
    assert texture.header().format == "jpeg"
    texture.replace(codes(9, 8, 3))
    assert texture.header().format == "jpeg"
    texture.replace(codes(9, 8, 4))
    assert texture.header().format == "png"
    texture.replace(codes(9, 8, 4), format="webp")
    gltf = glb_json(mesh.encode())
    assert gltf["textures"] == [{"extensions": {"EXT_texture_webp": {"source": 0}}}]
    assert gltf["extensionsUsed"] == gltf["extensionsRequired"] == ["EXT_texture_webp"]
    texture.replace(codes(9, 8, 4), format="png")
    assert glb_json(mesh.encode())["textures"] == [{"source": 0}]


def test_formats_that_gltf_has_not_are_refused():
    mesh = new_mesh(SQUARE, FACES, uv=UV, texture=codes(8, 8, 3))
    with pytest.raises(
        InputValueError, match=r"^format: expected one of png, jpeg, webp, got 'gif'; pass one of these\.$"
    ):
        mesh.textures["texture"].replace(codes(8, 8, 3), format="gif")


def test_names_of_textures_are_told_apart():
    b = Builder()
    for name in ("a", "a", None):
        b.add(
            "images",
            bufferView=b.view(picture("PNG")),
            mimeType="image/png",
            **({} if name is None else {"name": name}),
        )
    assert list(open_mesh(b.glb()).textures) == ["a", "a (2)", "image 2"]


VALUES = {
    "base_color": ((0.1, 0.2, 0.3, 0.4), "pbrMetallicRoughness", "baseColorFactor"),
    "metallic": (0.25, "pbrMetallicRoughness", "metallicFactor"),
    "roughness": (0.75, "pbrMetallicRoughness", "roughnessFactor"),
    "emissive": ((0.1, 0.2, 0.3), "emissiveFactor"),
    "emissive_strength": (3.5, "extensions", "KHR_materials_emissive_strength", "emissiveStrength"),
    "double_sided": (True, "doubleSided"),
    "alpha_mode": ("BLEND", "alphaMode"),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_of_materials_go_through_to_the_file(name):
    value, *path = VALUES[name]
    mesh = new_mesh(SQUARE, FACES)
    setattr(mesh.materials["mesh"], name, value)
    found = glb_json(mesh.encode())["materials"][0]
    for key in path:
        found = found[key]
    assert found == (list(value) if isinstance(value, tuple) else value)
    assert getattr(open_mesh(mesh.encode()).materials["mesh"], name) == value


def test_unlit_and_cutoff_are_set_and_taken_back():
    mesh = new_mesh(SQUARE, FACES)
    material = mesh.materials["mesh"]
    material.unlit = True
    assert glb_json(mesh.encode())["extensionsUsed"] == ["KHR_materials_unlit"]
    material.unlit = False
    assert "extensions" not in glb_json(mesh.encode())["materials"][0]
    with pytest.raises(
        InputValueError, match=r'^alpha_cutoff: expected alpha_mode "MASK", got .OPAQUE.; set alpha_mode first\.$'
    ):
        material.alpha_cutoff = 0.3
    material.alpha_mode = "MASK"
    material.alpha_cutoff = 0.3
    assert material.json["alphaCutoff"] == 0.3
    material.alpha_mode = "BLEND"
    assert "alphaCutoff" not in material.json


def test_a_texture_is_given_to_one_material_and_taken_away():
    mesh = new_mesh(SQUARE, FACES, uv=UV, texture=codes(8, 8, 3))
    material = mesh.materials["mesh"]
    material.set_texture("normal", codes(4, 4, 3))
    material.normal_scale = 0.5
    material.set_texture("emissive", mesh.textures["texture"])
    again = open_mesh(mesh.encode()).materials["mesh"]
    assert list(again.textures) == ["base_color", "normal", "emissive"]
    assert np.array_equal(again.textures["normal"].read("numpy"), codes(4, 4, 3))
    assert again.textures["emissive"].index == again.textures["base_color"].index
    assert (again.normal_scale, again.textures["normal"].role) == (0.5, "normal")
    material.set_texture("normal", None)
    assert list(material.textures) == ["base_color", "emissive"]
    bare = new_mesh(SQUARE, FACES)
    with pytest.raises(
        InputValueError,
        match=r"^image: expected texture coordinates in all that show this material, got none in mesh 0; ",
    ):
        bare.materials["mesh"].set_texture("base_color", codes(2, 2, 3))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("metallic", 2, r"^metallic: expected a number from 0 to 1, got 2; pass one in that range\.$"),
        ("roughness", "rough", r"^roughness: expected a number from 0 to 1, got 'rough'; pass one\.$"),
        ("base_color", (1, 2), r"^base_color: expected 4 numbers, got \(1, 2\); pass a tuple, linear, 0 to 1\.$"),
        ("base_color", "red", r"^base_color: expected 4 numbers, got 'red'; pass a tuple, linear, 0 to 1\.$"),
        ("emissive", (0, 0, 9), r"^emissive: expected a number from 0 to 1, got 9; pass one in that range\.$"),
        ("alpha_mode", "mask", r"^alpha_mode: expected one of OPAQUE, MASK, BLEND, got 'mask'; pass one of these\.$"),
        ("double_sided", 1, r"^double_sided: expected True or False, got 1; pass one of these\.$"),
        (
            "normal_scale",
            1,
            r"^normal_scale: expected a material with a texture for normal, got one without; set_texture first\.$",
        ),
    ],
)
def test_wrong_values_of_materials_are_refused(name, value, message):
    material = new_mesh(SQUARE, FACES).materials["mesh"]
    before = json.dumps(material.json)
    with pytest.raises((InputValueError, InputTypeError), match=message):
        setattr(material, name, value)
    assert json.dumps(material.json) == before


# ---------------------------------------------------------------- new meshes


def test_a_new_mesh_comes_back_as_it_was_given():
    colors = codes(1, 4, 3, "float32")[0]
    mesh = open_mesh(new_mesh(SQUARE, FACES, uv=UV, normals=[(0, 0, 2)] * 4, colors=colors, name="sheet").encode())
    arrays = mesh.arrays()
    assert arrays.positions.tolist() == [list(map(float, each)) for each in SQUARE]
    assert arrays.faces.tolist() == [list(each) for each in FACES]
    assert arrays.uv.tolist() == [list(map(float, each)) for each in UV]
    assert arrays.normals.tolist() == [[0, 0, 1]] * 4
    assert np.array_equal(arrays.colors[:, :3], colors)
    assert mesh.info().bounds == ((0, 0, 0), (2, 1, 0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vertices": [(0, 0)] * 4}, r"^vertices: expected shape \(V, 3\), got \(4, 2\); pass one row a vertex\.$"),
        ({"vertices": [(0, 0, float("nan"))] * 4}, r"^vertices: expected finite numbers, got NaN, infinity or larger"),
        ({"vertices": "abc"}, r"^vertices: expected numbers \(V, 3\), got 'abc'; pass an array\.$"),
        ({"faces": [(0, 1, 4)]}, r"^faces: expected numbers from 0 to 3, got 4; count vertices from 0\.$"),
        ({"faces": [(0, 1, -1)]}, r"^faces: expected numbers from 0 to 3, got -1; count vertices from 0\.$"),
        (
            {"faces": [(0.0, 1.0, 2.0)]},
            r"^faces: expected whole numbers \(F, 3\), got float64 \(1, 3\); pass three a triangle\.$",
        ),
        ({"uv": UV[:3]}, r"^uv: expected 4 rows, one a vertex, got 3; pass as many\.$"),
        (
            {"normals": [(0, 0, 0)] * 4},
            r"^normals: expected directions, got a row without length, number 0; leave normals out\.$",
        ),
        (
            {"colors": [(0, 0, 255)] * 4},
            r"^colors: expected floats in \[0, 1\], got others; divide codes by 255 and make them linear\.$",
        ),
        (
            {"texture": codes(2, 2, 3)},
            r"^texture: expected uv beside it, got none; pass uv=, where each vertex lies in the texture\.$",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_new_mesh_refuses_what_is_none(change, message):
    with pytest.raises((InputValueError, InputTypeError), match=message):
        new_mesh(**{"vertices": SQUARE, "faces": FACES, **change})


# ---------------------------------------------------------------- files


def test_gltf_goes_out_and_comes_back(tmp_path):
    mesh = open_mesh(everything())
    mesh.write(tmp_path / "a b.gltf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a b.bin", "a b.gltf"]
    assert json.loads((tmp_path / "a b.gltf").read_text())["buffers"][0]["uri"] == "a%20b.bin"
    again = open_mesh(tmp_path / "a b.gltf", files=True)
    assert glb_json(again.encode()) == glb_json(everything())
    assert glb_binary(again.encode()) == glb_binary(everything())
    with pytest.raises(
        FileFormatError,
        match=r"expected a file that holds all it needs, got one that refers to 'a%20b\.bin'; pass files=True",
    ) as caught:
        open_mesh(tmp_path / "a b.gltf")
    assert caught.value.code == "unsafe_content"


def gltf_folder(folder):
    """A .gltf with a buffer and a picture in files of their own."""
    b = Builder()
    b.add("materials", name="m", pbrMetallicRoughness={"baseColorTexture": {"index": 0}})
    b.add("textures", source=0)
    b.add("images", uri="textures/wood.png", name="wood")
    b.accessor("f", [1, 2], bounds=True)
    (folder / "textures").mkdir(parents=True)
    (folder / "textures" / "wood.png").write_bytes(picture("PNG"))
    (folder / "data.bin").write_bytes(b.data)
    path = folder / "scene.gltf"
    # In a form of its own, which nothing may change.
    path.write_text(json.dumps({**b.json, "buffers": [{"byteLength": len(b.data), "uri": "./data.bin"}]}, indent=3))
    return path


def test_an_untouched_gltf_is_written_with_all_its_files_as_they_were(tmp_path):
    path = gltf_folder(tmp_path / "in")
    (tmp_path / "out").mkdir()
    open_mesh(path, files=True).write(tmp_path / "out" / "scene.gltf")
    for name in ("scene.gltf", "data.bin", "textures/wood.png"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "in" / name).read_bytes()


def test_files_of_another_gltf_beside_it_are_not_taken(tmp_path):
    path = gltf_folder(tmp_path / "in")
    mesh = open_mesh(path, files=True)
    mesh.textures["wood"].replace(codes(3, 3, 3))
    other = gltf_folder(tmp_path / "other")
    (tmp_path / "other" / "data.bin").write_bytes(b"another")
    before = {each: each.read_bytes() for each in (tmp_path / "other").rglob("*") if each.is_file()}
    mesh.write(tmp_path / "other" / "new.gltf")
    assert {each: each.read_bytes() for each in before} == before
    assert other.exists()
    assert np.array_equal(
        open_mesh(tmp_path / "other" / "new.gltf", files=True).textures["wood"].read("numpy"), codes(3, 3, 3)
    )


def test_a_gltf_becomes_one_file(tmp_path):
    mesh = open_mesh(gltf_folder(tmp_path / "in"), files=True)
    for data in (mesh.encode(), mesh.encode("gltf")):
        again = open_mesh(data)
        assert again.textures["wood"].data == picture("PNG")
        assert again.json["materials"] == mesh.json["materials"]
    assert "uri" not in glb_json(mesh.encode())["buffers"][0]
    assert glb_json(mesh.encode())["images"][0] == {"name": "wood", "bufferView": 1, "mimeType": "image/png"}


def test_data_that_stand_in_the_json_are_read_and_stay_there():
    b = Builder()
    b.add("images", uri="data:image/png;base64," + base64.b64encode(picture("PNG")).decode(), name="inside")
    b.accessor("f", [1, 2, 3], bounds=True)
    uri = "data:application/octet-stream;base64," + base64.b64encode(b.data).decode()
    text = json.dumps({**b.json, "buffers": [{"byteLength": len(b.data), "uri": uri}]}).encode()
    mesh = open_mesh(text)
    assert mesh.encode("gltf") == text
    assert np.array_equal(mesh.textures["inside"].read("numpy"), open_picture(picture("PNG")))
    assert glb_json(mesh.encode())["images"] == b.json["images"]
    mesh.textures["inside"].replace(codes(2, 3, 3))
    again = open_mesh(mesh.encode("gltf"))
    assert np.array_equal(again.textures["inside"].read("numpy"), codes(2, 3, 3))
    assert again._document.view(0) == b.data


def test_json_that_was_edited_into_nonsense_is_not_written(tmp_path):
    mesh = open_mesh(everything())
    mesh.json["nodes"][0]["children"] = [99]
    with pytest.raises(FileFormatError, match=r"expected one of the 9 nodes, got 99 at nodes\[0\]\.children\[0\]; "):
        mesh.write(tmp_path / "out.glb")
    assert not (tmp_path / "out.glb").exists()


def test_other_suffixes_and_sources_are_refused(tmp_path):
    mesh = new_mesh(SQUARE, FACES)
    with pytest.raises(InputValueError, match=r"^path: expected a name that ends in one of \.glb, \.gltf"):
        mesh.write(tmp_path / "a.fbx")
    with pytest.raises(InputTypeError, match=r"^path: expected a path, got int; pass a str or a pathlib\.Path\.$"):
        mesh.write(3)
    with pytest.raises(
        FileFormatError,
        match=r"^source: expected a GLB, glTF or OBJ file, got bytes that begin with 89 50 4e 47; for pictures use read_pil",
    ):
        open_mesh(picture("PNG"))
    with pytest.raises(
        InputTypeError, match=r"^files: expected True or False, got 'yes'; pass True to read what lies beside it\.$"
    ):
        open_mesh(b"", files="yes")


def test_a_copy_is_another():
    mesh = new_mesh(SQUARE, FACES, uv=UV, texture=codes(2, 2, 3))
    other = mesh.copy()
    other.materials["mesh"].metallic = 1
    other.textures["texture"].replace(codes(3, 3, 3))
    assert mesh.materials["mesh"].metallic == 0
    assert np.array_equal(mesh.textures["texture"].read("numpy"), codes(2, 2, 3))
