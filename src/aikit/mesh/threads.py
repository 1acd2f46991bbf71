"""Work of torch in the thread that calls: for small pictures waiting for other threads takes longer than the work.

On a machine that is busy each of some thousand small calls waits until every thread of torch has had its turn: that took
ten times as long where it was measured. `torch.set_num_threads` would hold for the whole process, and for threads that
begin meanwhile; OpenMP keeps the number for each thread, and torch asks OpenMP.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch work in this thread alone, for its calls from here; nothing changes for other threads.

    Where torch was built without OpenMP, or its library is not found, all stays as it is.
    """
    import torch

    before = torch.get_num_threads()  # which also makes torch set what it wants for a new thread, and not later
    library = _find_library() if before > 1 else None
    if library is None:
        yield
        return
    # MKL, which torch asks for exp and log, has a number of its own once somebody called torch.set_num_threads.
    mkl = _find_mkl()
    of_mkl = mkl.MKL_Set_Num_Threads_Local(1) if mkl is not None else 0
    library.omp_set_num_threads(1)
    try:
        yield
    finally:
        library.omp_set_num_threads(before)
        if mkl is not None:
            mkl.MKL_Set_Num_Threads_Local(of_mkl)


@lru_cache(maxsize=1)
def _find_mkl() -> ctypes.CDLL | None:
    """The library of torch that has MKL within; its function sets the number for this thread and returns the last one."""
    import torch

    for path in sorted((Path(torch.__file__).parent / "lib").glob("*torch_cpu*")):
        try:
            library = ctypes.CDLL(str(path))
            library.MKL_Set_Num_Threads_Local  # noqa: B018 - whether it is there
        except (OSError, AttributeError):
            continue
        return library
    return None


@lru_cache(maxsize=1)
def _find_library() -> ctypes.CDLL | None:
    """The OpenMP library that torch uses: the one whose number torch gives."""
    import torch

    before = torch.get_num_threads()
    beside = Path(torch.__file__).parent / "lib"
    # Where a library is loaded already, this gives the same one again.
    names = [None] * (sys.platform != "win32") + [str(path) for path in sorted(beside.glob("*omp*"))]
    for name in names:
        try:
            library = ctypes.CDLL(name)
            library.omp_set_num_threads(1)
            found = torch.get_num_threads() == 1
            library.omp_set_num_threads(before)
        except (OSError, AttributeError):  # none that can be loaded, none of OpenMP
            continue
        if found:
            return library
    return None
