"""Everything that is written is held against Khronos' own validator, where node and its package are there."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from aikit import new_mesh, open_mesh
from mesh_files import everything
from pictures import codes

SAMPLES = Path(os.environ.get("AIKIT_SAMPLES", Path(__file__).parents[2] / "shared" / "samples")) / "mesh"
FILES = {"everything": everything(), **{path.name: path.read_bytes() for path in sorted(SAMPLES.glob("*.glb"))}}
SCRIPT = """
const validator = require("gltf-validator"), fs = require("fs"), path = require("path");
(async () => {
  const found = {};
  for (const name of process.argv.slice(1)) {
    const read = (uri) => Promise.resolve(new Uint8Array(fs.readFileSync(path.join(path.dirname(name), decodeURIComponent(uri)))));
    const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(name)), {externalResourceFunction: read});
    found[path.basename(name)] = report.issues.messages.filter((each) => each.severity === 0);
  }
  console.log(JSON.stringify(found));
})();
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def errors_of(tmp_path_factory):
    """Errors of the validator in files by their names; `npm install gltf-validator` into AIKIT_NODE_MODULES, or anywhere."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("no node, or no npm")
    modules = os.environ.get("AIKIT_NODE_MODULES")
    if modules is None:
        folder = tmp_path_factory.mktemp("node")
        done = subprocess.run(
            [npm, "install", "--silent", "gltf-validator@2"], cwd=folder, check=False, capture_output=True
        )
        modules = str(folder / "node_modules")
        if done.returncode:
            pytest.skip("gltf-validator cannot be installed")

    def validate(*paths):
        environment = {**os.environ, "NODE_PATH": modules}
        command = [node, "-e", SCRIPT, *map(str, paths)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300)
        return json.loads(done.stdout)

    return validate


def spun(mesh):
    mesh.spin(axis="x")
    return mesh


def animated(mesh):
    node = next(index for index, each in enumerate(mesh.json["nodes"]) if "skin" not in each)
    mesh.animate(node, "translation", times=[0, 1], values=[(0, 0, 0), (1, 0, 0)])
    mesh.animate(node, "scale", times=[0, 2], values=np.ones((2, 3, 3)), interpolation="cubic")
    return mesh


def moved(mesh):
    mesh.rotate(30)
    mesh.transform([[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    return mesh


def added(mesh):
    mesh.translate((5, 0, 0), node=mesh.add(open_mesh(everything())))
    return mesh


def colored(mesh):
    one = mesh.merge()
    one.set_vertex_colors(np.full((len(one.arrays().positions), 3), 0.5))
    return one


def repainted(mesh):
    for texture in mesh.textures.values():
        texture.replace(codes(8, 8, 4), format="webp")
    for material in mesh.materials.values():
        if material.textures:
            material.set_texture("emissive", codes(4, 4, 3))
        material.emissive, material.emissive_strength, material.unlit = (1, 1, 1), 2, True
    return mesh


EDITS = {
    "read": lambda mesh: mesh,
    "spun": spun,
    "animated": animated,
    "moved": moved,
    "added": added,
    "colored": colored,
    "repainted": repainted,
}


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_what_is_written_has_no_errors(data, errors_of, tmp_path):
    paths = [tmp_path / "original.glb"]
    paths[0].write_bytes(data)
    for name, edit in EDITS.items():
        paths.append(tmp_path / f"{name}.glb")
        # As if the JSON had been touched: untouched files would be compared with themselves.
        mesh = open_mesh(data)
        mesh.json["asset"]["generator"] = "aikit"
        edit(mesh).write(paths[-1])
        edit(open_mesh(data)).write(tmp_path / f"{name}.gltf")
        paths.append(tmp_path / f"{name}.gltf")
    open_mesh(data).write(tmp_path / "plain.obj")
    open_mesh(tmp_path / "plain.obj", files=True).write(tmp_path / "from-obj.glb")
    paths.append(tmp_path / "from-obj.glb")
    (tmp_path / "embedded.gltf").write_bytes(open_mesh(data).encode("gltf"))
    paths.append(tmp_path / "embedded.gltf")
    assert errors_of(*paths) == {path.name: [] for path in paths}


def test_a_new_mesh_has_no_errors(errors_of, tmp_path):
    points = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
    options = {"uv": [(0, 0), (1, 0), (0, 1)], "normals": [(0, 0, 3)] * 3, "colors": [(1, 0, 0, 0.5)] * 3}
    new_mesh(points, [(0, 1, 2)], texture=codes(4, 4, 3), **options).write(tmp_path / "new.glb")
    assert errors_of(tmp_path / "new.glb") == {"new.glb": []}


def test_the_validator_sees_errors(errors_of, tmp_path):
    mesh = open_mesh(everything())
    mesh.json["accessors"][0]["max"] = [0, 0, 0]
    mesh.write(tmp_path / "wrong.glb")
    assert {each["code"] for each in errors_of(tmp_path / "wrong.glb")["wrong.glb"]} == {
        "ACCESSOR_MAX_MISMATCH",
        "ACCESSOR_ELEMENT_OUT_OF_MAX_BOUND",
    }
