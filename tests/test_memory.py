"""Memory: reports, peaks, what counts as out of memory, work in chunks.

What is asked of a GPU's allocator, and when, is proven with a fake one; what a process holds, by measuring it.
"""

import errno
import gc
import itertools
import os
import subprocess
import sys
import textwrap
import threading
import weakref
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

import aikit
from aikit import DeviceError, InputTypeError, InputValueError
from aikit.device import host
from aikit.memory import (
    allocator,
    chunks,
    find_batch_size,
    is_out_of_memory,
    memory_report,
    run_in_chunks,
    track_memory,
)

GiB, MiB = 1 << 30, 1 << 20


@pytest.fixture(autouse=True, scope="module")
def _only_our_garbage():
    """Every collection would walk through all that the test run has loaded, which takes most of the time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class FakeAllocator:
    """An allocator with a capacity, for tensors that are only counted."""

    def __init__(self, capacity=1000):
        self.capacity, self.live, self.cache, self.highest = capacity, 0, 0, 0

    def take(self, size):
        if self.live + size > self.capacity:
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {size} B")
        self.live += size
        self.cache = max(0, self.cache - size)
        self.highest = max(self.highest, self.live)

    def give(self, size):
        self.live -= size
        self.cache += size

    def used(self):
        return self.live

    def cached(self):
        return self.cache

    def peak(self):
        return self.highest

    def restart_peak(self):
        self.highest = self.live

    def fragmented(self):
        return self.cache // 10

    def free_and_total(self):
        return self.capacity - self.live - self.cache, self.capacity

    def empty_cache(self):
        self.cache = 0


@pytest.fixture
def fake(monkeypatch):
    """The allocator of every device."""
    one = FakeAllocator()
    monkeypatch.setattr(allocator, "of", lambda device: one)
    return one


# Reports


def test_a_report_of_the_cpu_is_about_this_process():
    block = np.ones(64 * MiB, np.uint8)
    report = memory_report("cpu")
    assert (report.device, report.cached, report.fragmented) == ("cpu", 0, 0)
    assert block.nbytes < report.used <= report.peak < report.total
    assert report.available == report.free <= report.total


def test_without_an_accelerator_the_report_is_the_cpus(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: None)
    assert memory_report().device == "cpu"


def test_a_report_counts_cache_and_fragments(fake):
    fake.take(300)
    fake.give(100)
    report = memory_report("cpu")
    assert (report.used, report.cached, report.fragmented, report.peak) == (200, 100, 10, 300)
    assert (report.free, report.total, report.available) == (700, 1000, 700 + 100 - 10)
    assert str(report) == "cpu: 200 B used + 100 B cached, peak 300 B, 700 B free of 1000 B"


def test_what_is_unknown_is_none(fake, monkeypatch):
    monkeypatch.setattr(fake, "free_and_total", lambda: (None, None))
    report = memory_report("cpu")
    assert (report.free, report.total, report.available) == (None, None, None)
    assert str(report) == "cpu: 0 B used, peak 0 B, ? free of ?"


def test_a_device_that_is_missing_has_no_report():
    with pytest.raises(DeviceError, match=r'device: expected one of .*cpu .*, got "cuda:99"; pass one of these'):
        memory_report("cuda:99")


# Tracking

# Linux can; gVisor and macOS cannot, and there a peak below an earlier one is not seen.
restartable = pytest.mark.skipif(not host.restart_peak(), reason="the system cannot restart a process's peak")


def of_a_process_of_its_own(code: str) -> tuple[int, int]:
    """The peak beyond the start and the difference of a block, in bytes: this process holds and gives back other memory."""
    code = f"import numpy as np\nfrom aikit.memory import track_memory\n{textwrap.dedent(code)}\n"
    code += "print(memory.peak - memory.start, memory.difference)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    peak, difference = map(int, printed.stdout.split())
    return peak, difference


@restartable
def test_the_peak_of_a_block_is_measured():
    # Above 32 MiB glibc maps fresh memory; less may come from what was given back.
    peak, difference = of_a_process_of_its_own("""
        with track_memory("cpu") as memory:
            block = np.ones(96 << 20, np.uint8)
            del block
            kept = np.ones(64 << 20, np.uint8)
    """)
    assert 90 * MiB < peak < 140 * MiB
    assert 60 * MiB < difference < 90 * MiB


@restartable
def test_an_earlier_peak_does_not_count():
    peak, _ = of_a_process_of_its_own("""
        with track_memory("cpu"):
            block = np.ones(128 << 20, np.uint8)
            del block
        with track_memory("cpu") as memory:
            pass
    """)
    assert peak < 16 * MiB


def test_nested_blocks_have_their_own_peaks(fake):
    fake.take(10)
    with track_memory("cpu") as outer:
        fake.take(500)
        fake.give(500)
        with track_memory("cpu") as inner:
            fake.take(100)
            fake.give(80)
        assert (inner.peak, inner.difference, inner.start) == (110, 20, 10)
        assert outer.peak == 510
        fake.give(30)
    assert (outer.peak, outer.difference) == (510, -10)


def test_blocks_that_overlap_have_their_own_peaks(fake):
    first, second = track_memory("cpu"), track_memory("cpu")
    one = first.__enter__()
    fake.take(300)
    fake.give(300)
    two = second.__enter__()
    fake.take(200)
    first.__exit__(None, None, None)
    fake.take(100)
    second.__exit__(None, None, None)
    assert (one.peak, one.difference) == (300, 200)
    assert (two.peak, two.difference) == (300, 300)


def test_figures_are_live_in_the_block_and_final_after_it(fake):
    with track_memory("cpu") as memory:
        fake.take(40)
        assert (memory.peak, memory.difference) == (40, 40)
        fake.take(2)
    fake.take(500)
    assert (memory.peak, memory.difference) == (42, 42)
    assert repr(memory) == "<cpu: peak 42 B (+42 B), difference 42 B>"


def test_where_the_peak_cannot_be_restarted_an_old_one_is_not_taken_for_new(fake, monkeypatch):
    monkeypatch.setattr(fake, "restart_peak", lambda: None)
    fake.take(400)
    fake.give(390)
    with track_memory("cpu") as memory:
        fake.take(100)
    assert (memory.start, memory.peak) == (10, 110)
    with track_memory("cpu") as memory:
        fake.take(700)
        fake.give(700)
    assert memory.peak == 810


def test_a_block_that_fails_is_measured_too(fake):
    with pytest.raises(KeyError, match="inside"), track_memory("cpu") as memory:  # noqa: PT012
        fake.take(7)
        raise KeyError("inside")
    assert memory.difference == 7
    with track_memory("cpu") as memory:
        pass
    assert memory.peak == 7


def test_a_system_that_cannot_restart_the_peak_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(host, "_PROC", tmp_path / "missing")
    assert host.restart_peak() is False


# Out of memory


def chained(outer, inner, *, how):
    try:
        try:
            raise inner
        except BaseException as error:
            if how == "cause":
                raise outer from error
            if how == "hidden":
                raise outer from None
            raise outer  # noqa: B904
    except BaseException as error:  # noqa: BLE001
        return error


ACCELERATOR_ERROR = getattr(torch, "AcceleratorError", None)


def accelerator_error(code):
    if ACCELERATOR_ERROR is None:
        pytest.skip("before torch 2.8")
    error = ACCELERATOR_ERROR("CUDA error")
    error.error_code = code
    return error


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("anything"),
    MemoryError(),
    np._core._exceptions._ArrayMemoryError((10,), np.dtype("u1")),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 79.15 GiB total capacity)"),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    RuntimeError("HIP out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("XPU out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY"),
    RuntimeError("Native API failed. Native API returns: 40 (UR_RESULT_ERROR_OUT_OF_RESOURCES)"),
    RuntimeError("MPS backend out of memory (MPS allocated: 17.00 GiB, other allocations: 1.00 GiB)"),
    RuntimeError("Invalid buffer size: 34.00 GiB"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED"),
    RuntimeError("CURAND error: CURAND_STATUS_ALLOCATION_FAILED"),
    RuntimeError("cusparse error: CUSPARSE_STATUS_INSUFFICIENT_RESOURCES"),
    RuntimeError("CUDA error: HIPBLAS_STATUS_ALLOC_FAILED when calling `hipblasCreate(handle)`"),
    RuntimeError("miopenStatusAllocFailed"),
    RuntimeError("rocblas error: rocblas_status_memory_error"),
    RuntimeError("HIP error: hipErrorOutOfMemory"),
    RuntimeError("hipMalloc failed: hipErrorMemoryAllocation"),
    RuntimeError("hipFFT error: HIPFFT_ALLOC_FAILED"),
    RuntimeError("NCCL error: unhandled cuda error: Cuda failure 2 'out of memory'"),
    RuntimeError("cudaErrorMemoryAllocation: out of memory"),
    RuntimeError("[CUresult.CUDA_ERROR_OUT_OF_MEMORY] Call to cuMemAlloc"),
    RuntimeError("ZE_RESULT_ERROR_OUT_OF_HOST_MEMORY"),
    RuntimeError("Native API failed. Native API returns: -5 (PI_ERROR_OUT_OF_RESOURCES)"),
    RuntimeError("clEnqueueNDRangeKernel failed: CL_MEM_OBJECT_ALLOCATION_FAILURE"),
    RuntimeError("vkAllocateMemory failed: VK_ERROR_OUT_OF_DEVICE_MEMORY"),
    RuntimeError("NPU out of memory. Tried to allocate 386.00 MiB (NPU 0; 61.27 GiB total capacity)"),
    RuntimeError("EL0004: Failed to allocate memory. Possible Cause: available memory is insufficient."),
    RuntimeError("npuSynchronizeDevice: error code is 207001 [ACL_ERROR_RT_MEMORY_ALLOCATION]"),
    RuntimeError("[NCC_EOOM001] The combined memory needed for the model tensors exceeds the limit."),
    RuntimeError("Could not allocate tensor with 113246208 bytes. There is not enough GPU video memory available!"),
    RuntimeError("[METAL] Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)"),
    RuntimeError("[metal::malloc] Attempting to allocate 9 bytes greater than the maximum allowed buffer size of 8."),
    RuntimeError("[executionContext.cpp::initialize::625] Error Code 2: OutOfMemory (Requested size was 20 bytes.)"),
    RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 7406166528 bytes."),
    RuntimeError("RESOURCE_EXHAUSTED: XLA:TPU compile permanent error. Ran out of memory in memory space hbm. Used"),
    RuntimeError("RESOURCE_EXHAUSTED: Attempting to reserve 6.48G at the bottom of memory. That was not possible."),
    ValueError(
        "RESOURCE_EXHAUSTED: Error allocating device buffer: Attempting to allocate 8.00M. There are 6.43M free."
    ),
    Exception("[ONNXRuntimeError] : 6 : BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer"),
    Exception("[ONNXRuntimeError] : 1 : Available memory of 5513472 is smaller than requested bytes of 20751872"),
    Exception("[ONNXRuntimeError] : 6 : CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0"),
    Exception("Exception(3) tid(1) 8007000E Not enough memory resources are available to complete this operation."),
    Exception("Status Message: std::bad_alloc"),
    Exception("Status Message: bad allocation"),
    Exception("OOM when allocating tensor with shape[16,128,98,98] and type float"),
    Exception("failed to allocate memory [Op:AddV2]"),
    RuntimeError("Caught in worker 0: _ArrayMemoryError: Unable to allocate 7.28 TiB for an array with shape (1,)"),
    RuntimeError("unable to mmap 160 bytes from file </torch_1>: Cannot allocate memory (12)"),
    RuntimeError("memory allocation of 4096 bytes failed"),
    RuntimeError("cuFFT error: CUFFT_ALLOC_FAILED"),
    RuntimeError("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`"),
    RuntimeError("nvjpegDecode failed: 5"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 40 bytes."),
    cv2.error("OpenCV(4.12.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 40 bytes"),
    aikit.WorkerError("worker", "a result", "out of memory", "leave it out"),
    ExceptionGroup("several", [ValueError("x"), ExceptionGroup("inner", [MemoryError()])]),
]
SOMETHING_ELSE = [
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("CUDA error: part or all of the requested memory range is already mapped"),
    RuntimeError("CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES: too many resources requested for launch"),
    RuntimeError("out of resource: shared memory, Required: 262144, Hardware limit: 232448. Reducing block sizes"),
    RuntimeError(
        "No valid triton configs. OutOfMemoryError: out of resource: triton_bmm Required: 2 Hardware limit: 1"
    ),
    RuntimeError("RESOURCE_EXHAUSTED: Ran out of memory in memory space vmem while allocating on stack"),
    RuntimeError("RESOURCE_EXHAUSTED: Quota exceeded for quota metric 'Requests'"),
    RuntimeError("RESOURCE_EXHAUSTED: Received message larger than max (7405 vs. 4194304)"),
    RuntimeError("DataLoader worker is killed by signal: Bus error. Workers are out of shared memory."),
    RuntimeError("unable to open shared memory object </torch_1>: No space left on device (28)"),
    RuntimeError("JOB_ALLOCATION_FAILED"),
    ImportError("libgomp.so.1.0.0: cannot allocate memory in static TLS block"),
    RuntimeError("libgomp.so.1.0.0: cannot allocate memory in static TLS block"),
    KeyError("out of memory"),
    AttributeError("module has no attribute 'OutOfMemoryError'"),
    RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED"),
    RuntimeError("nvjpegDecode failed: 52"),
    RuntimeError("memory format is not supported"),
    OSError(errno.ENOSPC, "No space left on device"),
    IndexError("index out of range"),
    KeyboardInterrupt(),
    aikit.FileAccessError("out of memory.png", "a file", "nothing", "check the path"),
    ValueError("name: got 'Insufficient memory'"),
    ExceptionGroup("several", [ValueError("x")]),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: f"{type(error).__name__} {str(error)[:40]}")
def test_out_of_memory_is_recognised(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", SOMETHING_ELSE, ids=lambda error: f"{type(error).__name__} {str(error)[:40]}")
def test_other_errors_are_not(error):
    assert not is_out_of_memory(error)


@pytest.mark.parametrize(("code", "expected"), [(8, True), (14, True), (1455, True), (2, False), (None, False)])
def test_the_codes_of_windows_tell(code, expected):
    error = OSError(errno.EINVAL, "as Windows says it")
    error.winerror = code
    assert is_out_of_memory(error) is expected


def test_the_code_of_an_accelerator_error_tells():
    assert is_out_of_memory(accelerator_error(2))
    assert not is_out_of_memory(accelerator_error(700))


@pytest.mark.parametrize(("how", "expected"), [("cause", True), ("context", True), ("hidden", False)])
def test_an_error_raised_from_one_counts(how, expected):
    error = chained(DeviceError("model", "one that loads", "none", "look"), torch.OutOfMemoryError("full"), how=how)
    assert is_out_of_memory(error) is expected
    assert is_out_of_memory(chained(ValueError("x"), error, how="cause")) is expected


def test_an_error_of_numpy_in_chunks_loads_no_torch():
    code = """
import sys
from aikit.memory import is_out_of_memory, run_in_chunks
def work(chunk):
    if len(chunk) > 1:
        raise MemoryError
    return chunk
print(run_in_chunks(work, [1, 2], size=2), is_out_of_memory(MemoryError()), "torch" in sys.modules)
"""
    source = str(Path(__file__).parents[1] / "src")
    environment = {**os.environ, "PYTHONPATH": source}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "[1, 2] True False\n", done.stderr


def test_errors_that_refer_to_each_other_end():
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert not is_out_of_memory(first)


def test_a_real_failure_to_allocate_is_recognised():
    with pytest.raises(RuntimeError, match="memory") as torch_failed:
        torch.empty(1 << 60, dtype=torch.uint8)
    with pytest.raises(MemoryError, match="Unable to allocate") as numpy_failed:
        np.empty(1 << 60, np.uint8)
    assert is_out_of_memory(torch_failed.value)
    assert is_out_of_memory(numpy_failed.value)


# Chunks


def worker(limit, calls=None, error=None):
    """Squares lists of at most `limit` items."""

    def square(numbers):
        if calls is not None:
            calls.append(len(numbers))
        if len(numbers) > limit:
            raise error or MemoryError("full")
        return [number * number for number in numbers]

    return square


@given(st.integers(0, 40), st.integers(1, 50), st.integers(1, 50))
def test_the_results_are_those_of_one_call_whatever_fits(count, size, limit):
    results = run_in_chunks(worker(limit), range(count), size=size)
    assert results == [n * n for n in range(count)]


def test_chunks_are_halved_and_stay_halved():
    calls = []
    run_in_chunks(worker(5, calls), range(20), size=16)
    assert calls == [16, 8, 4, 4, 4, 4, 4]


def test_nothing_is_remembered_between_calls():
    calls = []
    run_in_chunks(worker(5, calls), range(8), size=8)
    run_in_chunks(worker(5, calls), range(8), size=8)
    assert calls == [8, 4, 4, 8, 4, 4]


def test_at_the_least_size_the_original_error_comes_out():
    calls, error = [], torch.OutOfMemoryError("full")
    with pytest.raises(torch.OutOfMemoryError, match="full") as caught:
        run_in_chunks(worker(3, calls, error), range(20), size=16, min_size=4)
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (None, None)
    assert calls == [16, 8, 4]


def test_the_least_size_is_not_undercut():
    calls = []
    with pytest.raises(MemoryError, match=r"^full$"):
        run_in_chunks(worker(2, calls), range(10), size=5, min_size=4)
    assert calls == [5, 4]


def test_other_errors_come_out_at_once():
    calls = []
    with pytest.raises(ZeroDivisionError, match=r"^other$"):
        run_in_chunks(worker(0, calls, ZeroDivisionError("other")), range(8), size=8)
    assert calls == [8]


@pytest.mark.parametrize(
    "items", [torch.arange(6).reshape(6, 1), (n for n in range(6)), "abcdef"], ids=lambda items: type(items).__name__
)
def test_items_may_be_anything_that_can_be_walked(items):
    assert len(run_in_chunks(lambda chunk: chunk, items, size=4)) == 6


def test_a_chunk_is_the_callers_own():
    items = list(range(5))

    def consume(chunk):
        taken = chunk[:]
        chunk.clear()
        return taken

    assert run_in_chunks(consume, items, size=2) == [0, 1, 2, 3, 4] == items


@pytest.mark.parametrize(
    ("fn", "error", "message"),
    [
        (lambda chunk: None, InputTypeError, r"fn: expected a list with one result an item, got NoneType; return list"),
        (lambda chunk: torch.zeros(len(chunk)), InputTypeError, "got Tensor; return list"),
        (lambda chunk: chunk[:-1], InputValueError, "fn: expected 2 results for 2 items, got 1; return one for each"),
    ],
)
def test_a_function_that_returns_something_else_is_refused(fn, error, message):
    with pytest.raises(error, match=message):
        run_in_chunks(fn, [1, 2], size=2)


@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        ({"size": 0}, InputValueError, "size: expected 1 or more, got 0"),
        ({"size": 2.0}, InputTypeError, r"size: expected a whole number, got 2\.0"),
        ({"size": 2, "min_size": 0}, InputValueError, "min_size: expected 1 or more, got 0"),
        ({"size": 2, "min_size": 3}, InputValueError, "min_size: expected at most size, 2, got 3"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes, error, message):
    with pytest.raises(error, match=message):
        run_in_chunks(list, [1], **sizes)


class Held:
    """Something a failed call holds."""


def test_when_a_chunk_is_tried_again_nothing_of_the_failed_try_is_left(fake, monkeypatch):
    """The failing frame's tensor, in a cycle, is collected before the cache is emptied, and that before the retry."""
    references, alive = [], []
    monkeypatch.setattr(fake, "empty_cache", lambda: alive.append([held() is not None for held in references]))
    gc.disable()  # so that only the library's own collection can free the cycle
    try:

        def work(chunk):
            alive.append("call")
            tensor = torch.ones(10)
            held = Held()
            held.itself, held.tensor = held, tensor
            references.append(weakref.ref(held))
            if len(chunk) > 1:
                error = torch.OutOfMemoryError("full")
                held.error = error
                raise error
            return chunk

        run_in_chunks(work, [1, 2], size=2)
    finally:
        gc.enable()
    assert alive[:3] == ["call", [False], "call"]


def test_an_error_kept_elsewhere_does_not_stop_the_work():
    kept = []

    def work(chunk):
        if len(chunk) > 1:
            error = MemoryError()
            kept.append(error)
            raise error
        return chunk

    assert run_in_chunks(work, [1, 2, 3], size=3) == [1, 2, 3]


def test_a_smaller_size_is_said_in_the_log(caplog):
    run_in_chunks(worker(2), range(4), size=4)
    assert "out of memory with 4 items; going on with 2 at a time" in caplog.text


def test_threads_do_not_share_a_size():
    barrier, results = threading.Barrier(2), {}

    def work(limit):
        calls = []

        def fn(chunk):
            if len(calls) < 2:
                barrier.wait(timeout=10)
            return worker(limit, calls)(chunk)

        run_in_chunks(fn, range(8), size=8)
        results[limit] = calls

    threads = [threading.Thread(target=work, args=(limit,)) for limit in (4, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert results == {4: [8, 4, 4], 2: [8, 4, 2, 2, 2, 2]}


# The largest batch


def fits_up_to(limit, calls=None):
    def work(size):
        if calls is not None:
            calls.append(size)
        if size > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")

    return work


@settings(max_examples=30)
@given(limit=st.integers(1, 3000), start=st.integers(1, 200), margin=st.sampled_from([0.5, 0.9, 1.0]))
def test_the_edge_is_found_from_any_start(limit, start, margin):
    found = find_batch_size(fits_up_to(limit), start=start, margin=margin)
    expected = limit if limit < start * 1024 else start * 1024
    assert found == (expected if expected == start * 1024 else max(1, int(expected * margin)))


def test_the_search_doubles_then_halves_the_gap():
    calls = []
    assert find_batch_size(fits_up_to(100, calls), start=16, margin=1) == 100
    assert calls == [16, 32, 64, 128, 96, 112, 104, 100, 102, 101]


def test_a_start_that_is_too_large_is_halved():
    calls = []
    assert find_batch_size(fits_up_to(3, calls), start=64, margin=1) == 3
    assert calls == [64, 32, 16, 8, 4, 2, 3]


def test_the_margin_is_below_what_fitted_and_a_maximum_needs_none():
    assert find_batch_size(fits_up_to(100)) == 90
    assert find_batch_size(fits_up_to(100), maximum=80) == 80
    assert find_batch_size(fits_up_to(1)) == 1
    assert find_batch_size(fits_up_to(10**9), start=2) == 2048


def test_where_one_item_does_not_fit_the_error_comes_out():
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        find_batch_size(fits_up_to(0))


def test_another_error_ends_the_search():
    def work(size):
        raise ZeroDivisionError("other")

    with pytest.raises(ZeroDivisionError, match=r"^other$"):
        find_batch_size(work)


def test_every_try_begins_with_an_empty_cache(fake, monkeypatch):
    seen = []

    def work(size):
        seen.append(fake.cache)
        fake.take(size)
        fake.give(size)

    assert find_batch_size(work, start=500, maximum=1003, margin=1) == 1000
    assert set(seen) == {0}


def test_main_memory_is_not_filled_to_the_last_byte(monkeypatch):
    """On a CPU memory never runs out, the process is killed; a size that would need more than there is is not tried."""
    calls = []

    def work(size):
        calls.append(size)
        block = np.ones(size * MiB, np.uint8)
        del block

    monkeypatch.setattr(chunks, "host_memory", lambda: host.HostMemory(GiB, 200 * MiB, None))
    found = find_batch_size(work, start=32, margin=1)
    assert max(calls) <= 210
    assert 150 <= found <= 210


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"start": 0}, InputValueError, "start: expected 1 or more, got 0"),
        ({"maximum": 0}, InputValueError, "maximum: expected 1 or more, got 0"),
        ({"start": 9, "maximum": 8}, InputValueError, "start: expected at most maximum, 8, got 9"),
        ({"margin": 0}, InputValueError, "margin: expected a number above 0 and up to 1, got 0"),
        ({"margin": 1.1}, InputValueError, "margin: .* got 1.1"),
        ({"margin": float("nan")}, InputValueError, "margin: .* got nan"),
        ({"margin": "9"}, InputTypeError, "margin: .* got '9'"),
    ],
)
def test_a_search_that_cannot_be_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        find_batch_size(fits_up_to(10), **arguments)


# On a GPU


@pytest.fixture
def two_gib():
    """A GPU of which this process may use 2 GiB."""
    total = torch.cuda.get_device_properties(0).total_memory
    aikit.free_memory()
    torch.cuda.set_per_process_memory_fraction(2 * GiB / total, 0)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0, 0)
    aikit.free_memory()


@pytest.mark.gpu
def test_a_report_of_a_gpu():
    block = torch.ones(256 * MiB, dtype=torch.uint8, device="cuda")
    report = memory_report()
    assert report.device == "cuda:0"
    assert report.used == torch.cuda.memory_allocated(0) >= block.nbytes
    assert report.used + report.cached == torch.cuda.memory_reserved(0)
    assert report.total > report.available >= report.free > 0


@pytest.mark.gpu
def test_the_peak_of_a_block_on_a_gpu():
    with track_memory() as memory:
        block = torch.ones(512 * MiB, dtype=torch.uint8, device="cuda")
        del block
        kept = torch.ones(64 * MiB, dtype=torch.uint8, device="cuda")
    assert memory.peak - memory.start == 512 * MiB
    assert memory.difference == kept.nbytes


@pytest.mark.gpu
@pytest.mark.usefixtures("two_gib")
def test_chunks_are_halved_when_a_gpu_is_full():
    sizes = []

    def work(chunk):
        sizes.append(len(chunk))
        inputs = torch.zeros(len(chunk), 128 * MiB, dtype=torch.uint8, device="cuda")
        return list((inputs + 1)[:, 0].cpu())

    results = run_in_chunks(work, range(20), size=16)
    assert [int(result) for result in results] == [1] * 20
    assert sizes[0] == 16
    assert max(sizes[1:]) <= 8  # two tensors of 8 x 128 MiB fill 2 GiB


@pytest.mark.gpu
@pytest.mark.usefixtures("two_gib")
def test_the_batch_size_that_is_found_runs_again_and_again():
    def work(size):
        inputs = torch.zeros(size, 16 * MiB, dtype=torch.uint8, device="cuda")
        return inputs + 1

    size = find_batch_size(work, start=4)
    assert 48 <= size <= 64
    for _ in itertools.repeat(None, 3):
        work(size)


@pytest.mark.gpu
@pytest.mark.usefixtures("two_gib")
def test_a_full_gpu_is_recognised():
    with pytest.raises(torch.OutOfMemoryError, match="out of memory") as caught:
        torch.zeros(3 * GiB, dtype=torch.uint8, device="cuda")
    assert is_out_of_memory(caught.value)
