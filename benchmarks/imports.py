"""How long `import aikit` takes in a fresh interpreter, beside its peers, and what it loads."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ("numpy", "PIL", "cv2", "torch", "torchvision")
MODULES = ("aikit", "numpy", "PIL.Image", "cv2", "torchvision")
LIMIT = 0.1

_CODE = """
import sys, time
start = time.perf_counter()
import {module}
seconds = time.perf_counter() - start
import json
print(json.dumps([seconds, [name for name in {heavy} if name in sys.modules]]))
"""


def once(module: str) -> tuple[float, list[str]]:
    """Seconds that the import took, without the interpreter's own start, and the heavy packages it brought."""
    command = [sys.executable, "-c", _CODE.format(module=module, heavy=HEAVY)]
    seconds, loaded = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return seconds, loaded


def measure(rounds: int) -> dict[str, dict[str, object]]:
    """Interleaved rounds after one that warms the file cache: {module: {"seconds": [...], "loaded": [...]}}."""
    loaded = {module: once(module)[1] for module in MODULES}
    seconds: dict[str, list[float]] = {module: [] for module in MODULES}
    for _ in range(rounds):
        for module in MODULES:
            seconds[module].append(once(module)[0])
    return {module: {"seconds": seconds[module], "loaded": loaded[module]} for module in MODULES}
