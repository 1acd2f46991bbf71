"""The Khronos validator of glTF files, for tests marked slow: `npm install gltf-validator` in a folder that
AIKIT_GLTF_VALIDATOR names, or `npm install -g gltf-validator`."""

import json
import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

_SCRIPT = """
const validator = require(process.argv[1]), fs = require("fs");
validator.validateBytes(new Uint8Array(fs.readFileSync(0))).then(
  report => console.log(JSON.stringify(report.issues.messages)), error => { console.error(String(error)); process.exit(1); });
"""


@lru_cache(maxsize=1)
def _package():
    """Where the package lies; None where it is not installed."""
    folders = [os.environ.get("AIKIT_GLTF_VALIDATOR", ""), str(Path(__file__).parents[1])]
    npm = shutil.which("npm")
    if npm:
        done = subprocess.run([npm, "root", "-g"], capture_output=True, text=True, check=False)
        folders.append(str(Path(done.stdout.strip()).parent))
    found = (Path(folder) / "node_modules" / "gltf-validator" for folder in folders if folder)
    return next((path for path in found if path.is_dir()), None)


def errors_in(data):
    """What the validator calls an error in a GLB or glTF file, as lines of text; the test is skipped without it."""
    node, package = shutil.which("node"), _package()
    if node is None or package is None:
        pytest.skip("needs node and the npm package gltf-validator (AIKIT_GLTF_VALIDATOR names its folder)")
    done = subprocess.run([node, "-e", _SCRIPT, str(package)], input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [
        f"{each['code']} {each.get('pointer')}: {each['message']}"
        for each in json.loads(done.stdout)
        if each["severity"] == 0
    ]
