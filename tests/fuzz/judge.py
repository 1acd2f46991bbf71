"""Reads a file in every way under Limits(), in a child process, and says what it did that no file may do."""

import contextlib
import os
import re
import sys
import tempfile
import time
import warnings

import numpy as np

from aikit import AikitError, Limits, read_numpy, read_pil
from aikit.files import read_frames

from .mutations import mutated

SECONDS = 5.0
MEMORY = 512 * 1024**2
# The default limits but for what a grandchild may take, which we cannot measure: to it goes what would take more than
# MEMORY here. The clock runs on a busy machine too.
LIMITS = Limits(max_seconds=4 * SECONDS, max_memory=2 * MEMORY)
# The last two: integers of 32 bits, whose range no array can tell, and HEIC without its package.
CODES = {"unsupported_format", "corrupt", "truncated", "limit_exceeded", "timeout", "unsafe_content", "worker_crashed"}
CODES |= {"invalid_value", "missing_dependency"}
_MESSAGE = re.compile(r"^source: expected .*, got .*; .*\.$", re.DOTALL)


def judge(case):
    """What is wrong with the reading of one mutated file: a list of sentences, empty when all is well."""
    seed, number = case
    return complaints(mutated(seed, number)[1])


def complaints(data):
    """The same for the bytes of a file."""
    return [
        f"{read.__name__}: {complaint}"
        for read in (_pil, _part, _numpy, _frames)
        for complaint in _complaints(read, data)
    ]


def _pil(data):
    picture = read_pil(data, limits=LIMITS)
    assert picture.width * picture.height <= LIMITS.max_pixels
    picture.getpixel((0, 0))


def _part(data):
    picture = read_pil(data, limits=LIMITS, allow_truncated=True)
    assert picture.width * picture.height <= LIMITS.max_pixels


def _numpy(data):
    pixels = read_numpy(data, limits=LIMITS)
    assert pixels.dtype in (np.uint8, np.uint16, np.float32)
    assert pixels.shape[0] * pixels.shape[1] <= LIMITS.max_pixels


def _frames(data):
    assert sum(frame.width * frame.height for frame in read_frames(data, limits=LIMITS)) <= LIMITS.max_total_pixels


def _complaints(read, data):
    warnings.simplefilter("always")
    before = _peak_reset()
    start = time.process_time()
    with _printed() as printed:
        try:
            read(data)
            outcome = None
        except AikitError as error:
            outcome = _fault_of(error)
        except Exception as error:  # noqa: BLE001 - that is what we are looking for
            outcome = f"{type(error).__name__} escaped: {error}"
    seconds, memory = time.process_time() - start, _peak() - before
    if outcome:
        yield outcome
    if printed:
        yield f"printed {printed[0][:300]!r}"
    if seconds > SECONDS:
        yield f"took {seconds:.1f} s of processor time"
    # An array is a copy of what was decoded, and frames are many.
    if memory > MEMORY and read in (_pil, _part):
        yield f"took {memory >> 20} MiB"


def _fault_of(error):
    code = error.code
    if code in ("timeout", "worker_crashed") or "bytes of memory" in str(error):
        return str(error)
    if code not in CODES:
        return f"{type(error).__name__} with the code {code!r}"
    return None if _MESSAGE.match(str(error)) else f"{type(error).__name__} says {str(error)!r}"


@contextlib.contextmanager
def _printed():
    """What is written to descriptors 1 and 2, of which this process has only copies."""
    texts, kept = [], [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile() as file:
        sys.stdout.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield texts
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for target, handle in enumerate(kept, 1):
                os.dup2(handle, target)
                os.close(handle)
            file.seek(0)
            texts.extend([text] if (text := file.read()) else [])


def _status(name):
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        for line in file:
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return 0


def _peak_reset():
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return _status("VmRSS:")


def _peak():
    return _status("VmHWM:")
