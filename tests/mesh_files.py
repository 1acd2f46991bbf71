"""glTF files made by hand, without aikit: one of everything, and the parts that others are made of."""

import io
import json
import struct

import numpy as np
from PIL import Image

COMPONENTS = {"b": 5120, "B": 5121, "h": 5122, "H": 5123, "I": 5125, "f": 5126}
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


def picture(kind, side=16, channels=3, seed=0):
    """A picture whose pixels all differ, as a file."""
    rng = np.random.default_rng([seed, channels])
    file = io.BytesIO()
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    Image.fromarray(rng.integers(0, 256, (side, side, channels), np.uint8)).save(file, kind, **options)
    return file.getvalue()


class Builder:
    """A glTF that grows: bytes become views, numbers become accessors."""

    def __init__(self):
        self.json = {"asset": {"version": "2.0"}}
        self.data = b""

    def add(self, collection, **entry):
        self.json.setdefault(collection, []).append(entry)
        return len(self.json[collection]) - 1

    def view(self, data, **more):
        self.data += bytes(-len(self.data) % 4)
        start = len(self.data)
        self.data += data
        return self.add("bufferViews", buffer=0, byteOffset=start, byteLength=len(data), **more)

    def accessor(self, code, rows, *, bounds=False, target=None, **more):
        rows = [row if isinstance(row, (tuple, list)) else (row,) for row in rows]
        packed = b"".join(struct.pack(f"<{len(row)}{code}", *row) for row in rows)
        if bounds:
            kind = float if code == "f" else int
            table = np.array(rows, np.float32 if code == "f" else np.int64)
            more |= {"min": [kind(each) for each in table.min(0)], "max": [kind(each) for each in table.max(0)]}
        target = {} if target is None else {"target": target}
        return self.add(
            "accessors", bufferView=self.view(packed, **target), componentType=COMPONENTS[code], count=len(rows),
            type=TYPES[len(rows[0])], **more,
        )  # fmt: skip

    def glb(self, **more):
        gltf = {**self.json, **more}
        if self.data:
            gltf["buffers"] = [{"byteLength": len(self.data)}]
        return glb(gltf, self.data)


def glb(gltf, data=b"", others=()):
    """A GLB of JSON, given as a dict or as bytes, and data."""
    text = gltf if isinstance(gltf, bytes) else json.dumps(gltf, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text
    if data:
        data += bytes(-len(data) % 4)
        body += struct.pack("<I4s", len(data), b"BIN\0") + data
    for kind, more in others:
        body += struct.pack("<I4s", len(more), kind) + more
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


POINTS = [(0, 0, 0), (1, 0, 0), (1, 2, 0), (0, 2, 0), (0.5, 3, 0.25), (0.25, 1, 0.5)]
TRIANGLES = [0, 1, 2, 0, 2, 3, 3, 2, 4, 0, 3, 5]
# How far each corner follows the second joint.
SHARES = [0, 0, 1, 1, 0.5, 0.25]


def everything():
    """A file with one of everything that glTF 2.0 has, and extensions that aikit knows and does not know."""
    b = Builder()
    attributes = {
        "POSITION": b.accessor("f", POINTS, bounds=True, target=34962),
        "NORMAL": b.accessor("f", [(0, 0, 1)] * 6, target=34962),
        "TEXCOORD_0": b.accessor("f", [(x / 8, y / 8) for x, y, _ in POINTS], target=34962),
        "TEXCOORD_1": b.accessor("f", [(y / 8, x / 8) for x, y, _ in POINTS], target=34962),
        "COLOR_0": b.accessor("H", [(9000 * n, 65535, 5 * n, 65535) for n in range(6)], target=34962, normalized=True),
        "TANGENT": b.accessor("f", [(1, 0, 0, -1)] * 6, target=34962),
        "_TEMPERATURE": b.accessor("f", [20.5, 21, 22, 23, 24, 25], target=34962),
        "JOINTS_0": b.accessor("B", [(0, 1, 0, 0)] * 6, target=34962),
        "WEIGHTS_0": b.accessor("f", [(1 - share, share, 0, 0) for share in SHARES], target=34962),
    }
    puff = b.accessor(
        "f", [(0, 0, 0.5), (0, 0, 0.25), (0, 0.5, 0), (0, 0, 0), (0, 0, 0), (1, 0, 0)], bounds=True, target=34962
    )
    indices = b.accessor("H", TRIANGLES, target=34963)
    down = (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, -1, 0, 1)
    inverse = b.accessor("f", [np.eye(4).reshape(-1).tolist(), down])
    times = b.accessor("f", [0, 1, 2], bounds=True)
    turns = b.accessor("f", [(0, 0, 0, 1), (0, 0, 0.5**0.5, 0.5**0.5), (0, 0, 1, 0)])
    puffs = b.accessor("f", [0, 1, 0.5])
    png = b.add(
        "images", bufferView=b.view(picture("PNG")), mimeType="image/png", name="base-img", extras={"src": "camera 3"}
    )
    webp = b.add("images", bufferView=b.view(picture("WEBP", seed=1)), mimeType="image/webp", name="webp-img")
    b.add("samplers", magFilter=9728, minFilter=9728, wrapS=33071, wrapT=33648, name="smp")
    b.add("textures", source=png, sampler=0, name="tx", extensions={"EXT_texture_webp": {"source": webp}})
    b.add("textures", source=png)
    b.add(
        "materials",
        name="Lack ☂ blau",
        pbrMetallicRoughness={
            "baseColorTexture": {
                "index": 0, "texCoord": 1,
                "extensions": {"KHR_texture_transform": {"offset": [0.1, 0.2], "scale": [2, 2], "rotation": 0.5}},
            },
            "baseColorFactor": [0.5, 0.6, 0.7, 0.8], "metallicFactor": 0.25, "roughnessFactor": 0.75,
        },
        normalTexture={"index": 1, "scale": 0.5},
        alphaMode="MASK", alphaCutoff=0.3, doubleSided=True, emissiveFactor=[0.1, 0.2, 0.3],
        extensions={"KHR_materials_clearcoat": {"clearcoatFactor": 0.5}, "KHR_materials_emissive_strength": {"emissiveStrength": 4}},
        extras={"sku": "A-1"},
    )  # fmt: skip
    b.add(
        "materials",
        name="unlit",
        pbrMetallicRoughness={"baseColorFactor": [1, 0, 0, 1]},
        extensions={"KHR_materials_unlit": {}},
    )
    variants = {"KHR_materials_variants": {"mappings": [{"material": 1, "variants": [0]}]}}
    body = {"attributes": attributes, "indices": indices, "material": 0, "targets": [{"POSITION": puff}]}
    b.add("meshes", name="Körper", primitives=[{**body, "extensions": variants, "extras": {"prim": 1}}], weights=[0.0])
    b.add(
        "meshes",
        name="wire",
        primitives=[{"attributes": {"POSITION": attributes["POSITION"]}, "mode": 1, "material": 1}],
    )
    points = {name: attributes[name] for name in ("POSITION", "COLOR_0")}
    b.add("meshes", name="pts", primitives=[{"attributes": points, "mode": 0, "material": 1}])
    nodes = [
        {"name": "root", "children": [2, 4, 5, 6, 7], "extras": {"layer": "L1"}},
        {"name": "body", "mesh": 0, "skin": 0},
        {"name": "hip", "children": [3]},
        {"name": "knee", "translation": [0, 1, 0]},
        {"name": "cam", "camera": 0, "translation": [0, 1, 5]},
        {"name": "lamp", "extensions": {"KHR_lights_punctual": {"light": 0}}},
        {"name": "wire", "mesh": 1},
        {"name": "pts", "mesh": 2, "scale": [1, 2, 3]},
        {"name": "only in B", "mesh": 2},
    ]
    for node in nodes:
        b.add("nodes", **node)
    b.add("skins", name="rig", joints=[2, 3], inverseBindMatrices=inverse)
    b.add("cameras", type="perspective", perspective={"yfov": 0.7, "znear": 0.1, "zfar": 100}, name="cam")
    b.add(
        "animations",
        name="spin",
        samplers=[{"input": times, "output": turns}, {"input": times, "output": puffs, "interpolation": "STEP"}],
        channels=[
            {"sampler": 0, "target": {"node": 3, "path": "rotation"}},
            {"sampler": 1, "target": {"node": 1, "path": "weights"}},
        ],
        extras={"fps": 24},
    )
    return b.glb(
        scene=0,
        scenes=[{"name": "A", "nodes": [0, 1]}, {"name": "B", "nodes": [8]}],
        extensions={
            "KHR_lights_punctual": {"lights": [{"type": "point", "name": "lamp", "color": [1, 0.9, 0.8], "intensity": 5}]},
            "KHR_materials_variants": {"variants": [{"name": "red"}]},
        },
        extensionsUsed=[
            "EXT_texture_webp", "KHR_texture_transform", "KHR_materials_clearcoat", "KHR_materials_emissive_strength",
            "KHR_materials_unlit", "KHR_lights_punctual", "KHR_materials_variants",
        ],
    )  # fmt: skip
