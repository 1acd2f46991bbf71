"""Meshes made to hurt their reader: files by name, or folders with one, and what each must come to."""

import json
import os
import struct

import numpy as np

from attacks import _png_claiming, _zeros
from mesh_files import Builder, glb

TRIANGLE = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]


def _mesh(change=None, **primitive):
    """A triangle as a GLB, whose JSON `change` has been at."""
    b = Builder()
    attributes = {"POSITION": b.accessor("f", TRIANGLE, bounds=True)}
    b.add("meshes", primitives=[{"attributes": attributes, **primitive}])
    b.add("nodes", mesh=0)
    b.json |= {"scene": 0, "scenes": [{"nodes": [0]}], "buffers": [{"byteLength": len(b.data)}]}
    if change is not None:
        change(b)
    return glb(b.json, b.data)


def _with(**entries):
    """A triangle with other entries in its JSON."""
    return lambda: _mesh(lambda b: b.json.update(entries))


def _accessor(**entries):
    """A triangle whose positions say something else."""

    def change(b):
        b.json["accessors"][0].update(entries)
        for key in [key for key, value in entries.items() if value is None]:
            del b.json["accessors"][0][key]

    return lambda: _mesh(change)


def _text(text):
    return lambda: glb(text)


def _chain(count):
    return [{"children": [index + 1]} for index in range(count - 1)] + [{"mesh": 0}]


def _doubled(depth):
    """Nodes that each show the next one twice: two to the power of `depth` of the last."""
    return [{"children": [index + 1, index + 1]} for index in range(depth)] + [{"mesh": 0}]


def _two_parents(depth):
    nodes = [{"children": [2 * index + 2, 2 * index + 3]} for index in range(depth) for _ in range(2)]
    return [*nodes, {"mesh": 0}, {"mesh": 0}]


def _indices(values):
    def change(b):
        b.json["meshes"][0]["primitives"][0]["indices"] = b.accessor("H", values)
        b.json["buffers"][0]["byteLength"] = len(b.data)

    return lambda: _mesh(change)


def _sparse(count, places):
    def change(b):
        indices = b.view(np.array(places, "<u4").tobytes())
        values = b.view(np.zeros((len(places), 3), "<f4").tobytes())
        del b.json["accessors"][0]["bufferView"]
        b.json["accessors"][0] |= {
            "count": count,
            "sparse": {
                "count": len(places),
                "indices": {"bufferView": indices, "componentType": 5125},
                "values": {"bufferView": values},
            },
        }
        b.json["buffers"][0]["byteLength"] = len(b.data)

    return lambda: _mesh(change)


def _same_elements():
    b = Builder()
    view = b.view(bytes(1 << 20))
    b.json["accessors"] = [{"bufferView": view, "componentType": 5126, "count": 1 << 18, "type": "SCALAR"}] * 200
    return b.glb()


def _with_nan():
    b = Builder()
    b.accessor("f", [*TRIANGLE[:2], (0, float("nan"), 0)])
    b.add("meshes", primitives=[{"attributes": {"POSITION": 0}}])
    b.add("nodes", mesh=0)
    return b.glb(scene=0, scenes=[{"nodes": [0]}])


def _chunks(length, *, total=None):
    data = bytearray(_mesh())
    struct.pack_into("<I", data, 12, length)
    if total is not None:
        struct.pack_into("<I", data, 8, total)
    return bytes(data)


def _texture(image):
    def make():
        b = Builder()
        b.add("images", bufferView=b.view(image()), mimeType="image/png", name="bomb")
        return b.glb()

    return make


def _animated(**sampler):
    def change(b):
        times = b.accessor("f", [0, 1, 2], bounds=True)
        moves = b.accessor("f", [(0, 0, 0)] * 2)
        b.add(
            "animations",
            samplers=[{"input": times, "output": moves, **sampler}],
            channels=[{"sampler": 0, "target": {"node": 0, "path": "translation"}}],
        )
        b.json["buffers"][0]["byteLength"] = len(b.data)

    return lambda: _mesh(change)


def _obj(*lines):
    return "\n".join(("v 0 0 0", "v 1 0 0", "v 0 1 0", *lines)).encode()


def _polygon(count):
    return b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf " + b"1 2 3 " * (count // 3)


def _crossing_polygon(count):
    rng = np.random.default_rng(count)
    points = "\n".join(f"v {x} {y} 0" for x, y in rng.random((count, 2)))
    return (points + "\nf " + " ".join(map(str, range(1, count + 1)))).encode()


# By name: what makes the bytes, the code it must come to ("ok" for none), and words of the message.
ATTACKS = {
    # The container
    "nothing but a magic number": (lambda: b"glTF", "truncated", ""),
    "a head alone": (lambda: b"glTF" + struct.pack("<II", 2, 12), "corrupt", "does not begin with its JSON"),
    "version 1": (lambda: b"glTF" + struct.pack("<II", 1, 20) + bytes(8), "unsupported_format", "version 1"),
    "a chunk of 4 GB": (lambda: _chunks(0xFFFFFFF0), "truncated", "4294967280"),
    "a file of 4 GB": (lambda: _chunks(20, total=0xFFFFFFFF), "truncated", "of 4294967295 bytes"),
    "bytes behind its end": (lambda: _mesh() + bytes(100), "corrupt", "100 bytes behind its end"),
    "cut in the middle": (lambda: _mesh()[:-20], "truncated", ""),
    "two thousand chunks": (lambda: glb({}, others=[(b"ABCD", b"")] * 2000), "corrupt", "more than 1000 chunks"),
    # JSON
    "JSON of 200000 lists": (_text(b"[" * 200_000), "corrupt", ""),
    "JSON of 200000 objects": (_text(b'{"a":' * 200_000 + b"1" + b"}" * 200_000), "corrupt", "nested too deep"),
    "JSON with NaN": (_text(b'{"asset":{"version":"2.0"},"x":NaN}'), "corrupt", "NaN"),
    "JSON with a number beyond doubles": (_text(b'{"asset":{"version":"2.0"},"x":1e999}'), "corrupt", "1e999"),
    "JSON with a number of a million digits": (_text(b'{"asset":{"version":"2.0"},"x":' + b"1" * 1_000_000 + b"}"), "corrupt", ""),
    "JSON with a key twice": (_text(b'{"asset":{"version":"2.0","version":"1.0"}}'), "corrupt", "twice"),
    "JSON that is a list": (_text(b"[]"), "corrupt", "a list"),
    "JSON that is no text": (_text(b"{\xff\xfe}"), "corrupt", ""),
    "JSON of 17 MB": (_text(b'{"asset":{"version":"2.0"},"x":"' + b"x" * 17_000_000 + b'"}'), "limit_exceeded", "max_json_bytes"),
    "JSON without a version": (_text(b"{}"), "unsupported_format", "without a version"),
    "JSON of the next version": (_text(b'{"asset":{"version":"3.0"}}'), "unsupported_format", "'3.0'"),
    # The tree
    "a node in itself": (_with(nodes=[{"children": [0]}]), "corrupt", "a tree of nodes"),
    "nodes in a circle": (_with(nodes=[{"mesh": 0}, {"children": [2]}, {"children": [1]}]), "corrupt", "in a circle"),
    "a child twice": (_with(nodes=_doubled(26)), "corrupt", "entries that differ"),
    "two parents": (_with(nodes=_two_parents(26)), "corrupt", "lies in two others"),
    "100000 nodes one in the other": (_with(nodes=_chain(100_000)), "limit_exceeded", "max_depth"),
    "a million nodes": (_with(nodes=[{}] * 1_000_000), "limit_exceeded", "max_nodes"),
    "a scene of a node's child": (_with(nodes=[{"children": [1]}, {"mesh": 0}], scenes=[{"nodes": [1]}]), "corrupt", "lie in no other"),
    "a node that is a list": (_with(nodes=[[]]), "corrupt", "an object, got []"),
    "nodes that are a number": (_with(nodes=5), "corrupt", "the 0 nodes"),
    "a node that is no number": (_with(scenes=[{"nodes": [True]}]), "corrupt", "got True"),
    "a node below 0": (_with(scenes=[{"nodes": [-1]}]), "corrupt", "got -1"),
    # Numbers
    "two billion zeros": (_accessor(bufferView=None, count=2_000_000_000), "limit_exceeded", "max_elements"),
    "two billion zeros, some of them replaced": (_sparse(2_000_000_000, [1, 5]), "limit_exceeded", "max_elements"),
    "two billion elements in 36 bytes": (_accessor(count=2_000_000_000), "corrupt", "bytes for accessors[0]"),
    "more digits than integers have": (_accessor(count=2**70), "corrupt", "bytes for accessors[0]"),
    "an offset beyond all": (_accessor(byteOffset=2**63), "corrupt", "bytes for accessors[0]"),
    "an offset below 0": (_accessor(byteOffset=-12), "corrupt", "of 0 or more, got -12"),
    "a count of 0": (_accessor(count=0), "corrupt", "got 0"),
    "a count that is a fraction": (_accessor(count=2.5), "corrupt", "got 2.5"),
    "a type that is none": (_accessor(type="VEC9"), "corrupt", "VEC9"),
    "a type that is a list": (_accessor(type=["VEC3"]), "corrupt", "VEC3"),
    "positions of two numbers": (_accessor(type="VEC2", min=[0, 0], max=[1, 1]), "corrupt", "VEC3 as POSITION"),
    "bounds of another size": (_accessor(min=[0]), "corrupt", "3 values in accessors[0].min"),
    "sparse places beyond the end": (_sparse(3, [1, 9]), "corrupt", "rising sparse indices below 3"),
    "sparse places that fall": (_sparse(3, [2, 1]), "corrupt", "rising sparse indices"),
    "a view beyond its buffer": (_with(bufferViews=[{"buffer": 0, "byteLength": 999}]), "corrupt", "ends at byte 999"),
    "a view of a buffer that is not there": (_with(bufferViews=[{"buffer": 7, "byteLength": 36}]), "corrupt", "got 7"),
    "a buffer longer than its data": (_with(buffers=[{"byteLength": 1 << 40}]), "corrupt", "1099511627776 bytes in buffer 0"),
    "indices out of range": (_indices([0, 1, 60_000]), "corrupt", "indices below 3, got 60000"),
    "positions that are NaN": (_with_nan, "corrupt", "finite numbers"),
    "the same elements again and again": (_same_elements, "limit_exceeded", "max_elements"),
    "values for other times": (_animated(), "corrupt", "values for 3 times"),
    "interpolation that is none": (_animated(interpolation="MAGIC"), "corrupt", "MAGIC"),
    "a material that is not there": (lambda: _mesh(material=3), "corrupt", "got 3"),
    "an image in two places": (_with(images=[{"uri": "a.png", "bufferView": 0}]), "unsafe_content", "a.png"),
    "data that are no base64": (_with(buffers=[{"byteLength": 36, "uri": "data:;base64,####"}]), "corrupt", "base64"),
    # Textures
    "a png that claims 40000 pixels a side": (_texture(lambda: _png_claiming(40_000, 40_000)), "limit_exceeded", "40000"),
    "a png that inflates to 5 GB": (_texture(lambda: _png_claiming(8, 8, body=_zeros(1 << 28))), None, ""),
    "a texture that is none": (_texture(lambda: b"MZ" * 50), "unsupported_format", ""),
    # OBJ
    "obj: a polygon of 600000 corners": (lambda: _polygon(600_000), "limit_exceeded", "corners"),
    "obj: a polygon that crosses itself": (lambda: _crossing_polygon(900), "ok", ""),
    "obj: corner 0": (lambda: _obj("f 0 1 2"), "corrupt", "line 4"),
    "obj: a corner beyond the end": (lambda: _obj("f 1 2 4"), "corrupt", "line 4"),
    "obj: a corner before the beginning": (lambda: _obj("f -1 -2 -4"), "corrupt", "line 4"),
    "obj: a corner of a million digits": (lambda: _obj("f 1 2 " + "9" * 1_000_000), "corrupt", "line 4"),
    "obj: a place that is NaN": (lambda: _obj("v nan 0 0", "f 1 2 4"), "corrupt", "finite numbers"),
    "obj: a place of two numbers": (lambda: _obj("v 0 0"), "corrupt", "line 4"),
    "obj: no faces": (lambda: _obj(), "corrupt", "faces"),
    "obj: words of nobody": (lambda: _obj("call /etc/passwd", "hack me"), "corrupt", "hack me"),
    "obj: a line of 40 MB": (lambda: _obj("# " + "x" * 40_000_000, "f 1 2 3"), "ok", ""),
    "obj: nothing but a word": (lambda: b"f 1 2 3", "corrupt", "line 1"),
}  # fmt: skip


# Files outside of the folder, or that are no files, as buffers of a .gltf: all come to "unsafe_content", or "no_access".
URIS = {
    "../secret.bin": "unsafe_content",
    "a/../../secret.bin": "unsafe_content",
    "%2e%2e/secret.bin": "unsafe_content",
    "..%2fsecret.bin": "unsafe_content",
    "..\\secret.bin": "unsafe_content",
    "/etc/passwd": "unsafe_content",
    "//host/secret.bin": "unsafe_content",
    "file:///etc/passwd": "unsafe_content",
    "http://127.0.0.1:9/secret.bin": "unsafe_content",
    "C:/secret.bin": "unsafe_content",
    "nul": "unsafe_content",
    "secret.bin%00.png": "unsafe_content",
    "%ff%fe": "unsafe_content",
    "": "unsafe_content",
    ".": "unsafe_content",
    "link.bin": "no_access",
    "folder-link/secret.bin": "no_access",
    "pipe": "no_access",
    "folder": "no_access",
    "missing.bin": "no_access",
}


def hostile_folder(base, uri, kind):
    """A folder with a mesh that refers to `uri`, beside a file that it must not open; returns the path of the mesh."""
    folder = base / "in"
    (folder / "folder").mkdir(parents=True)
    (base / "secret.bin").write_bytes(bytes(36))
    (base / "secrets").mkdir()
    (base / "secrets" / "secret.bin").write_bytes(bytes(36))
    (folder / "link.bin").symlink_to(base / "secret.bin")
    (folder / "folder-link").symlink_to(base / "secrets")
    os.mkfifo(folder / "pipe")
    if kind == "obj":
        (folder / "mesh.obj").write_bytes(_obj(f"mtllib {uri}", "f 1 2 3"))
        return folder / "mesh.obj"
    if kind == "mtl":
        (folder / "mesh.mtl").write_text(f"newmtl m\nmap_Kd {uri}\n")
        (folder / "mesh.obj").write_bytes(_obj("mtllib mesh.mtl", "usemtl m", "f 1 2 3"))
        return folder / "mesh.obj"
    entry = {"buffers": [{"byteLength": 36, "uri": uri}]} if kind == "buffer" else {"images": [{"uri": uri}]}
    (folder / "mesh.gltf").write_text(json.dumps({"asset": {"version": "2.0"}, **entry}))
    return folder / "mesh.gltf"
