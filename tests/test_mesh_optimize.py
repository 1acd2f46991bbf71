"""Meshes in fewer bytes: what is lost, what is not, and that every file stays valid."""

import io
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import aikit
from aikit.errors import FileFormatError, InputTypeError, InputValueError
from gltf_validator import errors_in
from mesh_files import Builder, everything, glb

SAMPLES = Path(os.environ.get("AIKIT_SAMPLES", Path(__file__).parents[2] / "shared" / "samples")) / "mesh"
SIDE = 24


def grid():
    """Positions, normals, coordinates and colors of a wavy net, all of them different."""
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1)
    z = np.sin(5 * x) * np.cos(4 * y) / 5
    normals = np.stack([-np.cos(5 * x) * np.cos(4 * y), np.sin(5 * x) * np.sin(4 * y) * 0.8, np.ones_like(x)], -1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    first = (np.arange(SIDE - 1)[:, None] * SIDE + np.arange(SIDE - 1)).reshape(-1)
    faces = np.concatenate(
        [np.stack([first, first + 1, first + SIDE + 1], 1), np.stack([first, first + SIDE + 1, first + SIDE], 1)]
    )
    flat = [
        np.stack(each, -1).reshape(SIDE * SIDE, -1).astype(np.float32)
        for each in (
            (x, y, z),
            (normals[..., 0], normals[..., 1], normals[..., 2]),
            (x, 1 - y),
            (x, y, x * y, 1 - x / 2),
        )
    ]
    return (*flat, faces.astype(np.uint32))


def smooth(side=128, channels=3, seed=0):
    """A picture as photographs are: soft, with some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    planes = [
        np.sin(3 * x + k) * np.cos(2 * y * (k + 1)) * 90 + 128 + rng.normal(0, 3, (side, side)) for k in range(channels)
    ]
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def as_file(pixels, kind="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def net(images, *, builder=None, **material):
    """A GLB of the net with images; `material` refers to textures by their number."""
    b = builder or Builder()
    positions, normals, uv, colors, faces = grid()
    attributes = {
        "POSITION": b.accessor("f", positions.tolist(), bounds=True, target=34962),
        "NORMAL": b.accessor("f", normals.tolist(), target=34962),
        "TEXCOORD_0": b.accessor("f", uv.tolist(), target=34962),
        "COLOR_0": b.accessor("f", colors.tolist(), target=34962),
    }
    indices = b.accessor("I", faces.reshape(-1).tolist(), target=34963)
    for number, data in enumerate(images):
        kind = "jpeg" if data[:2] == b"\xff\xd8" else "png"
        b.add(
            "textures",
            source=b.add("images", bufferView=b.view(data), mimeType=f"image/{kind}", name=f"image {number}"),
        )
    b.add("materials", **material)
    b.add("meshes", primitives=[{"attributes": attributes, "indices": indices, "material": 0}])
    b.add("nodes", mesh=0)
    return b.glb(scene=0, scenes=[{"nodes": [0]}])


def base(number=0):
    return {"pbrMetallicRoughness": {"baseColorTexture": {"index": number}}}


def json_of(data):
    return json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])


def dead_bytes(data):
    gltf = json_of(data)
    used = sum(view["byteLength"] for view in gltf["bufferViews"])
    return gltf["buffers"][0]["byteLength"] - used - 3 * len(gltf["bufferViews"])


# ---------------------------------------------------------------- textures


def test_colors_become_webp_and_the_error_is_told():
    pixels = smooth(256)
    mesh = aikit.open_mesh(net([as_file(pixels)], **base()))
    savings = mesh.optimize(quality=80)
    told = savings.textures[0]
    data = aikit.open_mesh(mesh.encode()).textures["image 0"].data
    held = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)
    assert Image.open(io.BytesIO(data)).format == "WEBP"
    assert (told.format, told.before, told.after) == ("webp", len(as_file(pixels)), len(data))
    # Alpha, which is the same, is counted among the codes.
    assert told.error == pytest.approx(np.sqrt(((held - pixels) ** 2).mean() * 3 / 4), rel=1e-3)
    assert told.largest_error == np.abs(held - pixels).max()
    assert 0 < told.error < 4
    assert told.after < told.before / 3
    assert savings.after == len(mesh.encode()) < savings.before
    assert str(savings).startswith(f"{savings.before:,} bytes became {savings.after:,}, ")


def test_the_picture_hardly_changes():
    data = net([as_file(smooth(256))], **base())
    mesh = aikit.open_mesh(data)
    mesh.optimize()
    first, second = (
        aikit.open_mesh(each).render(height=96, width=96, kind="numpy").astype(int) for each in (data, mesh.encode())
    )
    assert np.abs(first - second).mean() < 1
    assert first.std() > 20


@pytest.mark.parametrize("role", ["normal", "metallic_roughness", "occlusion"])
def test_data_keep_every_code_unless_asked_by_name(role):
    pixels = smooth(96, seed=1)
    slot = {"index": 0}
    material = {
        "normal": {"normalTexture": slot},
        "metallic_roughness": {"pbrMetallicRoughness": {"metallicRoughnessTexture": slot}},
        "occlusion": {"occlusionTexture": slot},
    }[role]
    mesh = aikit.open_mesh(net([as_file(pixels)], **material))
    told = mesh.optimize().textures[0]
    assert (told.format, told.error, told.largest_error, told.roles) == ("webp", 0, 0, (role,))
    assert told.after < told.before
    assert np.array_equal(mesh.textures["image 0"].read("numpy"), pixels)
    lossy = aikit.open_mesh(net([as_file(pixels)], **material))
    asked = lossy.optimize(data_quality=70).textures[0]
    assert asked.after < told.after / 2
    assert asked.error > 0.5


def test_jpegs_of_data_are_not_touched():
    photo = as_file(smooth(96, seed=2), "JPEG", quality=90)
    mesh = aikit.open_mesh(net([photo], normalTexture={"index": 0}))
    told = mesh.optimize().textures[0]
    assert (told.format, told.told) == ("jpeg", "without loss it would be larger")
    assert aikit.open_mesh(mesh.encode()).textures["image 0"].data == photo


def test_an_image_of_color_and_data_counts_as_data():
    pixels = smooth(96, seed=3)
    mesh = aikit.open_mesh(net([as_file(pixels)], normalTexture={"index": 0}, **base()))
    assert mesh.optimize().textures[0].error == 0
    assert np.array_equal(mesh.textures["image 0"].read("numpy"), pixels)


def test_palettes_keep_their_colors():
    pixels = np.random.default_rng(4).integers(0, 256, (16, 16, 3)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    mesh = aikit.open_mesh(net([as_file(pixels, compress_level=0)], **base()))
    told = mesh.optimize(quality=20).textures[0]
    assert (told.error, told.format) == (0, "webp")
    assert np.array_equal(mesh.textures["image 0"].read("numpy"), pixels)


def test_colors_under_alpha_0_are_kept():
    pixels = np.dstack([smooth(128, seed=5), np.zeros((128, 128), np.uint8)])
    pixels[:64, :, 3] = 255
    mesh = aikit.open_mesh(net([as_file(pixels)], **base()))
    mesh.optimize()
    held = mesh.textures["image 0"].read("numpy")
    assert np.array_equal(held[..., 3], pixels[..., 3])
    assert np.abs(held[64:, :, :3].astype(int) - pixels[64:, :, :3]).mean() < 4


def test_the_same_image_is_encoded_once():
    data = as_file(smooth(128, seed=6))
    b = Builder()
    mesh = aikit.open_mesh(net([data, data], builder=b, emissiveTexture={"index": 1}, **base()))
    savings = mesh.optimize()
    gltf = json_of(mesh.encode())
    assert [each["bufferView"] for each in gltf["images"]] == [gltf["images"][0]["bufferView"]] * 2
    assert [each["name"] for each in gltf["images"]] == ["image 0", "image 1"]
    assert savings.textures[0].after == savings.textures[1].after


def test_large_textures_are_reduced_in_light():
    pixels = smooth(200, seed=7)
    mesh = aikit.open_mesh(net([as_file(pixels)], **base()))
    told = mesh.optimize(max_side=50).textures[0]
    expected = aikit.resize(pixels, height=50, width=50, method="area", linear=True)
    held = mesh.textures["image 0"].read("numpy")
    assert held.shape == (50, 50, 3)
    assert np.array_equal(held, expected)  # up to 64 pixels there is no loss
    assert told.error == 0


def test_reduced_normals_have_length_1_and_other_data_are_means():
    rng = np.random.default_rng(8)
    normals = rng.normal(size=(64, 64, 3)) * [1, 1, 0.3]
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    codes = np.rint((normals + 1) / 2 * 255).astype(np.uint8)
    mesh = aikit.open_mesh(
        net([as_file(codes), as_file(codes[::-1].copy())], normalTexture={"index": 0}, occlusionTexture={"index": 1})
    )
    mesh.optimize(max_side=32)
    reduced = mesh.textures["image 0"].read("numpy") / 255 * 2 - 1
    assert reduced.shape == (32, 32, 3)
    assert np.abs(np.linalg.norm(reduced, axis=-1) - 1).max() < 0.015  # half a code in each of three
    means = codes[::-1].reshape(32, 2, 32, 2, 3).mean((1, 3))
    # 8 bits are rounded after each direction, as Pillow does.
    assert np.abs(mesh.textures["image 1"].read("numpy") - means).max() <= 1


def test_textures_may_keep_their_formats():
    pixels, photo = smooth(96, seed=9), as_file(smooth(96, seed=10), "JPEG", quality=90)
    mesh = aikit.open_mesh(net([as_file(pixels), photo], emissiveTexture={"index": 1}, **base()))
    savings = mesh.optimize(textures=None)
    assert [each.told for each in savings.textures] == ["textures stay as they are"] * 2
    assert mesh.textures["image 1"].data == photo
    mesh.optimize(textures=None, max_side=40)
    assert [mesh.textures[f"image {k}"].header().format for k in (0, 1)] == ["png", "jpeg"]
    assert mesh.textures["image 1"].read().size == (40, 40)


def test_16_bits_stay():
    pixels = np.random.default_rng(11).integers(0, 65536, (40, 40)).astype(np.uint16)
    data = aikit.encode(pixels, format="png")
    mesh = aikit.open_mesh(net([data], occlusionTexture={"index": 0}))
    assert mesh.optimize().textures[0].told == "WebP has 8 bits"
    assert np.array_equal(mesh.textures["image 0"].read("numpy"), pixels)


def test_what_is_not_read_is_left_and_told():
    unread = b"\xabKTX 20\xbb\r\n\x1a\n" + bytes(range(200))
    mesh = aikit.open_mesh(net([unread, as_file(smooth(96))], emissiveTexture={"index": 1}, **base()))
    told = mesh.optimize().textures[0]
    assert told.after == told.before == len(unread)
    assert "expected" in told.told
    assert mesh.textures["image 0"].data == unread


# ---------------------------------------------------------------- numbers


def test_numbers_are_as_near_as_16_bits_are():
    data = net([])
    mesh = aikit.open_mesh(data)
    savings = mesh.optimize()
    old, new = (aikit.open_mesh(each) for each in (data, mesh.encode()))
    first, second = (each.arrays() for each in (old, new))
    assert np.array_equal(first.positions, second.positions)
    assert np.array_equal(first.faces, second.faces)
    assert np.abs(first.normals - second.normals).max() < 1.2 / 32767  # they come back at length 1
    assert np.abs(first.uv - second.uv).max() <= 0.51 / 65535
    assert np.abs(first.colors - second.colors).max() <= 0.51 / 65535
    gltf = json_of(mesh.encode())
    kinds = {
        name: gltf["accessors"][at]["componentType"]
        for name, at in gltf["meshes"][0]["primitives"][0]["attributes"].items()
    }
    assert kinds == {"POSITION": 5126, "NORMAL": 5122, "TEXCOORD_0": 5123, "COLOR_0": 5123}
    assert gltf["accessors"][gltf["meshes"][0]["primitives"][0]["indices"]]["componentType"] == 5123
    assert gltf["extensionsRequired"] == ["KHR_mesh_quantization"]
    # 4 bytes less of normals and of coordinates, 8 of colors; half of the indices.
    assert savings.before - savings.after > SIDE * SIDE * 16 + first.faces.size * 2 - 500


def test_coordinates_beyond_the_picture_stay_floats():
    data = net([])
    gltf = json_of(data)
    view = gltf["bufferViews"][gltf["accessors"][2]["bufferView"]]
    start = 20 + struct.unpack_from("<I", data, 12)[0] + 8 + view["byteOffset"]
    data = data[:start] + struct.pack("<f", 1.5) + data[start + 4 :]
    mesh = aikit.open_mesh(data)
    mesh.optimize()
    assert mesh.arrays().uv[0, 0] == 1.5
    assert json_of(mesh.encode())["accessors"][2]["componentType"] == 5126


def test_quantizing_may_be_left():
    data = net([as_file(smooth(96))], **base())
    mesh = aikit.open_mesh(data)
    mesh.optimize(quantize=False)
    assert np.array_equal(mesh.arrays().normals, aikit.open_mesh(data).arrays().normals)
    assert json_of(mesh.encode())["extensionsRequired"] == ["EXT_texture_webp"]


def test_skins_animations_and_morphs_are_left_as_they_are():
    with_more = everything()
    # A texture that is worth it, or nothing is done.
    gltf = json_of(with_more)
    start = 20 + struct.unpack_from("<I", with_more, 12)[0] + 8
    binary = with_more[start : start + gltf["buffers"][0]["byteLength"]]
    view = {"buffer": 0, "byteOffset": len(binary), "byteLength": len(png := as_file(smooth(200)))}
    gltf["bufferViews"].append(view)
    gltf["images"][0]["bufferView"] = len(gltf["bufferViews"]) - 1
    gltf["images"][1]["bufferView"] = len(gltf["bufferViews"]) - 1
    gltf["images"][1]["mimeType"] = "image/png"
    gltf["textures"][0] = {"source": 1, "sampler": 0, "name": "tx"}
    gltf["buffers"][0]["byteLength"] += len(png)
    data = glb(gltf, binary + png)
    mesh = aikit.open_mesh(data)
    savings = mesh.optimize()
    assert savings.after < savings.before
    again = aikit.open_mesh(mesh.encode())
    for time in (0.0, 0.6, 1.5):
        first, second = (each.arrays(time=time) for each in (aikit.open_mesh(data), again))
        assert np.allclose(first.positions, second.positions, atol=1e-6)
        assert np.allclose(first.normals, second.normals, atol=1e-4)
    kept = json_of(again.encode())
    assert kept["materials"][0]["extras"] == {"sku": "A-1"}
    assert kept["extensions"] == gltf["extensions"]
    assert [each["name"] for each in kept["nodes"]] == [each["name"] for each in gltf["nodes"]]


# ---------------------------------------------------------------- what is not used


def test_what_nothing_uses_is_left_out():
    b = Builder()
    b.view(bytes(5000))
    b.accessor("f", [(k, k, k) for k in range(300)])
    data = net([as_file(smooth(64)), as_file(smooth(200, seed=1))], builder=b, **base())
    mesh = aikit.open_mesh(data)
    mesh.optimize(textures=None, quantize=False)
    kept = json_of(mesh.encode())
    assert [each["name"] for each in kept["images"]] == ["image 0"]
    assert len(kept["textures"]) == 1
    assert len(kept["accessors"]) == 5
    assert len(kept["bufferViews"]) == 6
    assert dead_bytes(mesh.encode()) <= 0 < dead_bytes(data) + 9000
    assert np.array_equal(mesh.arrays().positions, aikit.open_mesh(data).arrays().positions)
    assert np.array_equal(mesh.textures["image 0"].read("numpy"), smooth(64))


def test_pruning_may_be_left():
    data = net([as_file(smooth(96)), as_file(smooth(96, seed=1))], **base())
    mesh = aikit.open_mesh(data)
    mesh.optimize(prune=False)
    assert list(mesh.textures) == ["image 0", "image 1"]
    assert mesh.textures["image 1"].data == as_file(smooth(96, seed=1))


def test_vertices_that_shared_a_view_leave_no_gaps():
    positions, normals, uv, _, faces = grid()
    b = Builder()
    rows = np.concatenate([positions, normals, uv], 1).astype("<f4")
    view = b.view(rows.tobytes(), byteStride=32, target=34962)
    common = {"bufferView": view, "componentType": 5126, "count": len(rows)}
    bounds = {"min": positions.min(0).tolist(), "max": positions.max(0).tolist()}
    attributes = {
        "POSITION": b.add("accessors", type="VEC3", byteOffset=0, **common, **bounds),
        "NORMAL": b.add("accessors", type="VEC3", byteOffset=12, **common),
        "TEXCOORD_0": b.add("accessors", type="VEC2", byteOffset=24, **common),
    }
    indices = b.accessor("H", faces.reshape(-1).tolist(), target=34963)
    b.add("meshes", primitives=[{"attributes": attributes, "indices": indices}])
    b.add("nodes", mesh=0)
    data = b.glb(scene=0, scenes=[{"nodes": [0]}])
    mesh = aikit.open_mesh(data)
    savings = mesh.optimize()
    # 32 bytes a vertex become 12 + 8 + 4.
    assert savings.before - savings.after > len(rows) * 8 - 600
    assert dead_bytes(mesh.encode()) <= 0
    first, second = aikit.open_mesh(data).arrays(), aikit.open_mesh(mesh.encode()).arrays()
    assert np.array_equal(first.positions, second.positions)
    assert np.allclose(first.normals, second.normals, atol=1e-4)


def test_extensions_that_nobody_knows_keep_what_they_may_use():
    b = Builder()
    b.view(bytes(range(200)))
    data = net([as_file(smooth(96))], builder=b, **base())
    gltf = json_of(data)
    gltf["extensionsUsed"], gltf["extensions"] = ["ACME_data"], {"ACME_data": {"view": 0}}
    start = 20 + struct.unpack_from("<I", data, 12)[0] + 8
    mesh = aikit.open_mesh(glb(gltf, data[start : start + gltf["buffers"][0]["byteLength"]]))
    savings = mesh.optimize()
    assert savings.told == (
        "nothing was left out, for it may be used by ACME_data",
        "numbers stay as they are, for the old ones could not be left out",
    )
    assert savings.after < savings.before
    kept = json_of(mesh.encode())
    view = kept["bufferViews"][0]
    binary = mesh.encode()[20 + struct.unpack_from("<I", mesh.encode(), 12)[0] + 8 :]
    assert binary[view.get("byteOffset", 0) :][: view["byteLength"]] == bytes(range(200))


def test_data_of_meshopt_stay_and_that_is_told():
    data = net([as_file(smooth(96))], **base())
    gltf = json_of(data)
    start = 20 + struct.unpack_from("<I", data, 12)[0] + 8
    binary = data[start : start + gltf["buffers"][0]["byteLength"]]
    gltf["bufferViews"][1]["extensions"] = {
        "EXT_meshopt_compression": {
            "buffer": 0,
            "byteOffset": gltf["bufferViews"][1]["byteOffset"],
            "byteLength": 64,
            "byteStride": 12,
            "count": SIDE * SIDE,
            "mode": "ATTRIBUTES",
        }
    }
    gltf["extensionsUsed"] = ["EXT_meshopt_compression"]
    mesh = aikit.open_mesh(glb(gltf, binary))
    savings = mesh.optimize()
    assert savings.told[0] == "nothing was left out, for some data are compressed by meshopt"
    kept = json_of(mesh.encode())["bufferViews"][1]["extensions"]["EXT_meshopt_compression"]
    assert kept == gltf["bufferViews"][1]["extensions"]["EXT_meshopt_compression"]


def test_a_mesh_never_becomes_larger():
    data = aikit.new_mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)], normals=[(0, 0, 1)] * 3).encode()
    mesh = aikit.open_mesh(data)
    savings = mesh.optimize()
    assert savings.told[-1] == "nothing was changed, for it would not be smaller"
    assert savings.before == savings.after == len(data)
    assert mesh.encode() == data
    again = aikit.open_mesh(net([as_file(smooth(96))], **base()))
    again.optimize()
    once = again.encode()
    again.optimize()
    assert len(again.encode()) <= len(once)


def test_a_failure_changes_nothing():
    data = net([as_file(smooth(96))], **base())
    gltf = json_of(data)
    view = gltf["bufferViews"][1]
    start = 20 + struct.unpack_from("<I", data, 12)[0] + 8 + view["byteOffset"]
    data = data[:start] + struct.pack("<f", float("nan")) + data[start + 4 :]
    mesh = aikit.open_mesh(data)
    with pytest.raises(FileFormatError, match="expected finite numbers"):
        mesh.optimize()
    assert mesh.encode() == data


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["net", "shared", "AlphaBlendModeTest", "BoxTextured", "BoxVertexColors", "CesiumMilkTruck", "Duck"]
)
def test_the_validator_finds_no_error(name):
    if name == "net":
        data = net([as_file(smooth(96)), as_file(smooth(96, seed=1))], normalTexture={"index": 1}, **base())
    elif name == "shared":
        data = net([as_file(smooth(96)), as_file(smooth(96))], emissiveTexture={"index": 1}, **base())
    elif not (SAMPLES / f"{name}.glb").exists():
        pytest.skip("needs the samples")
    else:
        data = (SAMPLES / f"{name}.glb").read_bytes()
    assert errors_in(data) == []
    mesh = aikit.open_mesh(data)
    savings = mesh.optimize()
    assert savings.after < savings.before
    assert errors_in(mesh.encode()) == []
    assert errors_in(b"{}") != []


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"textures": "png"}, InputValueError, "textures: expected one of webp, got 'png'"),
        ({"quality": 0}, InputValueError, "quality: expected 1 or more, got 0"),
        ({"quality": 101}, InputValueError, "quality: expected 1 to 100, got 101"),
        ({"data_quality": 8.5}, InputTypeError, "data_quality: expected a whole number, got 8.5"),
        ({"max_side": 0}, InputValueError, "max_side: expected 1 or more, got 0"),
        ({"quantize": 1}, InputTypeError, "quantize: expected True or False, got 1"),
        ({"prune": "no"}, InputTypeError, "prune: expected True or False, got 'no'"),
    ],
)
def test_wrong_arguments_are_told(options, error, message):
    with pytest.raises(error, match=message):
        aikit.open_mesh(everything()).optimize(**options)
