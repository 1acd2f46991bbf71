"""free_memory: what it empties, what it leaves alone, in which order.

A release is proven by weak references to what must be gone, by the storages that live views still read, by the
resident memory of the process, and by the order in which a fake allocator is called.
"""

import copy
import gc
import os
import subprocess
import sys
import traceback
import warnings
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from aikit import InputTypeError, free_memory
from aikit.device import DeviceInfo
from aikit.memory import allocator, memory_report
from aikit.memory.release import count_held_bytes
from test_memory import FakeAllocator

MiB = 1 << 20


@pytest.fixture(autouse=True, scope="module")
def _only_our_garbage():
    """Every collection would walk through all that the test run has loaded, which takes most of the time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def fake(monkeypatch):
    one = FakeAllocator()
    monkeypatch.setattr(allocator, "of", lambda device: one)
    return one


class Gone:
    """Tells when the memory of a tensor is free: NumPy owns it, and a finalizer watches the owner."""

    def __init__(self):
        self.freed = []

    def tensor(self, *shape, dtype=np.float32):
        array = np.ones(shape, dtype)
        weakref.finalize(array, self.freed.append, shape)
        return torch.from_numpy(array)

    @property
    def count(self):
        return len(self.freed)


@pytest.fixture
def gone():
    return Gone()


def empty(tensor):
    return tensor.numel() == 0 and tensor.untyped_storage().nbytes() == 0


# What is emptied


def test_a_module_that_the_caller_still_holds_is_emptied(gone):
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    for parameter in model.parameters():
        parameter.data = gone.tensor(*parameter.shape)
        parameter.grad = gone.tensor(*parameter.shape)
    for name, buffer in list(model.named_buffers()):
        model.get_submodule(name.rpartition(".")[0])._buffers[name.rpartition(".")[2]] = gone.tensor(*buffer.shape)
    parameters, buffers = list(model.parameters()), list(model.buffers())
    free_memory(model)
    assert all(map(empty, parameters + buffers))
    assert all(parameter.grad is None for parameter in parameters)
    assert gone.count == 4 + 4 + 3
    assert all(parameter.dtype == torch.float32 and parameter.requires_grad for parameter in parameters)


def test_a_gradient_that_somebody_holds_is_emptied(gone):
    layer = nn.Linear(4, 3)
    gradient = layer.weight.grad = gone.tensor(3, 4)
    free_memory(layer)
    assert empty(gradient)
    assert gone.count == 1


def test_the_memory_goes_back_to_the_system():
    tensor, model = torch.ones(24 * MiB), nn.Linear(4096, 4096)
    before = memory_report("cpu").used
    freed = free_memory(tensor, model, device="cpu")
    assert freed >= (96 + 60) * MiB
    assert memory_report("cpu").used <= before - 150 * MiB


@pytest.mark.skipif(sys.platform != "linux", reason="malloc_trim is glibc's")
def test_many_small_tensors_go_back_too():
    # glibc keeps blocks below its threshold unless it is asked to give them back.
    tensors = [torch.ones(16_000) for _ in range(2000)]
    assert free_memory(tensors, device="cpu") >= 90 * MiB


@pytest.mark.parametrize(
    "make",
    [
        lambda t: t(6),
        lambda t: t(6).requires_grad_(),
        lambda t: nn.Parameter(t(6)),
        lambda t: t(4, 6).T,
        lambda t: t(6)[2:],
        lambda t: t(6).view(2, 3),
        lambda t: t(1).expand(6),
        lambda t: t(6, dtype=np.uint8),
        lambda t: t(6, dtype=np.float16),
    ],
    ids=["plain", "grad", "parameter", "strided", "slice", "view", "expanded", "uint8", "float16"],
)
def test_a_bare_tensor_is_emptied(gone, make):
    tensor = make(gone.tensor)
    dtype = tensor.dtype
    free_memory(tensor)
    assert empty(tensor)
    assert tensor.dtype == dtype
    # For a view that is more than its own bytes: it holds its base.
    assert gone.count == 1


def test_a_result_lets_go_of_its_graph(gone):
    inputs = gone.tensor(5).requires_grad_()
    result = (inputs.clone() * gone.tensor(5)).exp()
    del inputs
    free_memory(result)
    assert empty(result)
    assert gone.count == 2


def test_a_result_that_a_graph_saved_is_emptied_and_the_graph_says_so():
    inputs = torch.ones(5, requires_grad=True)
    middle = inputs * 2
    result = middle**2  # saves `middle`
    free_memory(middle)
    assert empty(middle)
    with pytest.raises(RuntimeError, match="size of tensor"):
        result.sum().backward()


def test_tensors_of_inference_mode_are_emptied():
    with torch.inference_mode():
        tensor, view = torch.ones(4), torch.ones(6)[1:]
    free_memory(tensor, view)
    assert empty(tensor)
    assert empty(view)


@pytest.mark.parametrize("layout", ["to_sparse", "to_sparse_csr"])
@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_sparse_tensors_are_emptied(layout):
    tensor = getattr(torch.eye(4), layout)()
    free_memory(tensor)
    assert tensor.numel() == 0


def test_what_a_wrapper_wraps_is_emptied(gone):
    from torch.testing._internal.two_tensor import TwoTensor

    layer = nn.Linear(1, 1)
    layer.weight = nn.Parameter(TwoTensor(gone.tensor(3), gone.tensor(3)))
    assert count_held_bytes(layer, subject="x") == 2 * 12 + 4
    free_memory(layer)
    assert gone.count == 2


def nested(layout, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that nested tensors may change
        return torch.nested.nested_tensor([torch.ones(3, 4), torch.ones(5, 4)], layout=layout, **options)


NESTED = {
    "itself": lambda layout: nested(layout),
    "leaf": lambda layout: nested(layout, requires_grad=True),
    "parameter": lambda layout: nn.Parameter(nested(layout)),
    "result": lambda layout: nested(layout, requires_grad=True) * 2,
    "in a module": lambda layout: module_with(nested(layout)),
}


def module_with(tensor):
    module = nn.Module()
    module.register_buffer("buffer", tensor)
    return module


@pytest.mark.parametrize("layout", [torch.strided, torch.jagged], ids=str)
@pytest.mark.parametrize("name", NESTED)
def test_nested_tensors_are_emptied(layout, name):
    thing = NESTED[name](layout)
    tensor = thing.buffer if name == "in a module" else thing
    parts = [
        weakref.ref(part.untyped_storage()) for part in ([tensor.values()] if layout == torch.jagged else [tensor])
    ]
    # 8 rows of 4 floats, and 3 offsets of 64 bits.
    assert count_held_bytes(thing, subject="thing") == 128 + (24 if layout == torch.jagged else 0)
    free_memory(thing)
    assert empty(tensor)
    gc.collect()
    assert [part() for part in parts] == [None]
    free_memory(thing)


def test_a_nested_result_leaves_what_it_shares_with_its_source():
    source = nested(torch.jagged, requires_grad=True)
    result = source * 2
    free_memory(result)
    assert result.grad_fn is None
    assert source.offsets().tolist() == [0, 3, 8]
    assert [part.shape for part in source.unbind()] == [(3, 4), (5, 4)]


def test_masked_tensors_are_emptied(gone):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        masked = torch.masked.masked_tensor(gone.tensor(6), torch.tensor([True, False] * 3))
    assert count_held_bytes(masked, subject="thing") == 6 * 4 + 6
    free_memory(masked)
    assert empty(masked)
    assert repr(masked) == "tensor([])"
    assert gone.count == 1


def test_tensors_of_onednn_and_quantized_ones_are_emptied():
    quantized = torch._empty_affine_quantized([6], scale=0.1, zero_point=0, dtype=torch.quint8)
    for tensor, size in ((torch.ones(5, 5).to_mkldnn(), 100), (quantized, 6)):
        assert count_held_bytes(tensor, subject="thing") == size
        free_memory(tensor)
        assert empty(tensor)


def test_what_hangs_on_a_parameter_is_let_go_and_not_emptied(gone):
    parameter = nn.Parameter(gone.tensor(3))
    parameter.main_grad, parameter.sharded, parameter.label = gone.tensor(4), {"parts": [gone.tensor(5)]}, "weight"
    kept = parameter.kept = gone.tensor(6)
    assert count_held_bytes(parameter, subject="thing") == 4 * (3 + 4 + 6)
    free_memory(parameter)
    assert sorted(gone.freed) == [(3,), (4,), (5,)]
    assert kept.shape == (6,)
    assert (type(parameter), parameter.label, hasattr(parameter, "main_grad")) == (nn.Parameter, "weight", False)


def test_tied_weights_are_emptied_once():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    free_memory(model)
    assert empty(model[0].weight)
    assert model[1].weight is model[0].weight


@pytest.mark.parametrize(
    "wrap", [list, tuple, set, lambda x: {"a": x[0], "b": [x[1]]}, lambda x: [[x[0]], {"c": x[1]}]]
)
def test_containers_are_searched(wrap):
    tensors = [torch.ones(3), torch.ones(4)]
    free_memory(wrap(tensors))
    assert all(map(empty, tensors))


def test_a_container_that_holds_itself_ends():
    tensors = [torch.ones(3)]
    tensors.append(tensors)
    free_memory(tensors)
    assert empty(tensors[0])


def test_what_is_neither_tensor_nor_module_in_a_container_is_left():
    config = {"tokenizer": object(), "scheduler": None, "scale": 8, "unet": nn.Linear(2, 2)}
    free_memory(config)
    assert config["scale"] == 8
    assert empty(config["unet"].weight)


def test_an_object_is_searched_among_its_attributes(gone):
    pipeline = SimpleNamespace(unet=nn.Linear(3, 3), cache={"key": gone.tensor(4)}, tokenizer=object(), size=3)
    free_memory(pipeline)
    assert empty(pipeline.unet.weight)
    assert gone.count == 1


def test_an_optimizer_loses_its_state_and_not_the_models_parameters(gone):
    layer = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(3)).sum().backward()
    optimizer.step()
    moments = [state[key] for state in optimizer.state.values() for key in ("exp_avg", "exp_avg_sq")]
    weight = layer.weight.clone()
    free_memory(optimizer)
    assert all(map(empty, moments))
    assert not optimizer.state
    assert torch.equal(layer.weight, weight)


def test_an_optimizer_does_not_keep_a_model_alive(gone):
    layer = nn.Linear(3, 2, bias=False)
    layer.weight.data = gone.tensor(2, 3)
    optimizer = torch.optim.SGD(layer.parameters())
    del layer
    free_memory(optimizer)
    assert gone.count == 1


# Hooks, caches and cycles


def test_what_hooks_hold_is_let_go(gone):
    layer = nn.Linear(3, 3)
    held = [gone.tensor(3) for _ in range(5)]
    layer.register_forward_hook(lambda module, args, out, held=held[0]: None)
    layer.register_forward_pre_hook(lambda module, args, held=held[1]: None)
    layer.register_full_backward_hook(lambda module, a, b, held=held[2]: None)
    layer.weight.register_hook(lambda grad, held=held[3]: None)
    layer.weight.register_post_accumulate_grad_hook(lambda p, held=held[4]: None)
    del held
    free_memory(layer)
    assert gone.count == 5


def accelerate_hook(module, held):
    """As accelerate's add_hook_to_module does it: the module becomes a cycle."""
    module._hf_hook = SimpleNamespace(module=module, weights_map={"weight": held})
    module._old_forward = module.forward
    module.forward = lambda *args: module._old_forward(*args)


def test_a_module_in_a_cycle_is_freed(gone):
    layer = nn.Linear(3, 3)
    accelerate_hook(layer, gone.tensor(4))
    free_memory(layer)
    assert gone.count == 1
    watched = weakref.ref(layer)
    gc.disable()
    try:
        del layer
        assert watched() is None  # no cycle is left that the collector would have to find
    finally:
        gc.enable()


def test_a_cache_among_a_modules_attributes_is_let_go_and_not_emptied(gone):
    layer, shared = nn.Linear(3, 3), torch.ones(4)
    layer.cache = {"keys": [gone.tensor(4)]}
    layer.shared = shared
    layer.teacher = [teacher := nn.Linear(2, 2)]  # in a list, so as not to be a part of the module
    free_memory(layer)
    assert gone.count == 1
    assert shared.tolist() == [1] * 4
    assert teacher.weight.shape == (2, 2)


@pytest.mark.parametrize(
    "model",
    [nn.Conv2d(3, 8, 3), nn.LSTM(4, 4), nn.TransformerEncoderLayer(8, 2), nn.Sequential(nn.Linear(2, 2), nn.GELU())],
    ids=lambda model: type(model).__name__,
)
def test_an_emptied_module_still_prints(model):
    printed = repr(model)
    free_memory(model)
    assert repr(model) == printed


def test_an_emptied_module_says_so_when_it_is_used():
    layer = nn.Linear(3, 3)
    free_memory(layer)
    with pytest.raises((RuntimeError, AttributeError), match=r"weight|size|empty|mat"):
        layer(torch.ones(3))


def test_a_module_can_be_emptied_twice():
    layer = nn.Linear(3, 3)
    free_memory(layer, layer)
    free_memory(layer)
    assert empty(layer.weight)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_scripted_and_lazy_modules_are_emptied():
    scripted = torch.jit.script(nn.Linear(3, 3))
    free_memory(scripted, nn.LazyLinear(3))
    assert empty(scripted.weight)


# What is left alone


def test_a_view_that_somebody_holds_still_reads_its_memory():
    """A storage resized to zero would let it read freed memory, and the process die."""
    base = torch.arange(1000.0)
    view, array = base[500:], base.numpy()
    free_memory(base)
    torch.full((1000,), 7.0)
    assert view[:3].tolist() == [500, 501, 502]
    assert array[-1] == 999


def test_a_tensor_over_numpys_memory_leaves_it_to_numpy():
    array = np.arange(5.0)
    tensor = torch.from_numpy(array)
    free_memory(tensor)
    assert empty(tensor)
    assert array.tolist() == [0, 1, 2, 3, 4]


def test_a_copy_of_a_model_stays():
    model = nn.Linear(3, 3)
    other = copy.deepcopy(model)
    free_memory(model)
    assert other.weight.shape == (3, 3)


@pytest.mark.parametrize(
    "thing",
    [object(), "a.png", 3, SimpleNamespace(a=1), np.zeros(3), nn.Linear],
    ids=lambda thing: type(thing).__name__,
)
def test_what_holds_nothing_to_empty_is_refused(thing):
    with pytest.raises(InputTypeError, match=r"owned: expected modules, tensors, optimizers, errors .*, got \w+; pass"):
        free_memory(thing)


def test_none_and_empty_containers_are_passed_over():
    assert free_memory(None, [], {}) >= 0


# Errors that hold tensors


def failing(depth, held):
    if depth:
        return failing(depth - 1, held)
    local = held.tensor(3)
    raise torch.OutOfMemoryError(f"CUDA out of memory {local.shape}")


def caught(how, held):
    try:
        try:
            failing(2, held)
        except RuntimeError as error:
            if how == "plain":
                raise
            if how == "cause":
                raise ValueError("outer") from error
            if how == "group":
                raise ExceptionGroup("several", [error]) from None
            raise ValueError("outer")  # noqa: B904
    except Exception as error:  # noqa: BLE001
        return error


@pytest.mark.parametrize("how", ["plain", "cause", "context", "group"])
def test_an_error_lets_go_of_the_locals_of_its_frames(gone, how):
    error = caught(how, gone)
    gc.collect()
    assert gone.count == 0
    free_memory(error)
    assert gone.count == 1
    assert "failing(depth - 1, held)" in "".join(traceback.format_exception(error))


def test_the_error_being_handled_lets_go(gone):
    try:
        failing(1, gone)
    except RuntimeError:
        free_memory()
        assert gone.count == 1


def test_the_last_error_of_an_interactive_session_lets_go(gone, monkeypatch):
    monkeypatch.setattr(sys, "last_value", caught("cause", gone), raising=False)
    free_memory()
    assert gone.count == 1


# Order and contexts


def test_garbage_is_collected_before_the_cache_is_emptied(fake, monkeypatch):
    class Cycle:
        pass

    cycle = Cycle()
    cycle.itself, cycle.tensor = cycle, torch.ones(3)
    watched, seen = weakref.ref(cycle), []
    monkeypatch.setattr(fake, "empty_cache", lambda: seen.append(watched()))
    gc.disable()
    try:
        del cycle
        free_memory()
    finally:
        gc.enable()
    assert seen == [None]


def test_the_result_is_what_went_back(fake):
    fake.take(600)
    fake.give(350)
    assert free_memory() == 350
    assert (fake.used(), fake.cached()) == (250, 0)
    assert free_memory() == 0


def test_memory_that_grew_meanwhile_is_no_negative_result(fake, monkeypatch):
    monkeypatch.setattr(fake, "empty_cache", lambda: fake.take(10))
    assert free_memory() == 0


def test_every_accelerator_is_emptied_or_the_one_that_is_named(monkeypatch):
    fakes = {}
    monkeypatch.setattr(allocator, "of", lambda device: fakes.setdefault(str(device), FakeAllocator()))
    monkeypatch.setattr(allocator, "torch_accelerator", lambda: ("cuda", 3))
    monkeypatch.setattr(allocator, "existing_device", torch.device)
    free_memory()
    assert sorted(fakes) == ["cuda:0", "cuda:1", "cuda:2"]
    fakes.clear()
    free_memory(device="cuda:1")
    assert sorted(fakes) == ["cuda:1"]


class FakeCuda:
    """torch.cuda as far as the allocator asks it."""

    def __init__(self, *, started, reserved):
        self.started, self.bytes, self.current, self.log = started, reserved, 0, []

    def is_initialized(self):
        return self.started

    def memory_reserved(self, device):
        assert self.started, "asked before CUDA has started"
        return self.bytes.get(device.index, 0)

    memory_allocated = max_memory_allocated = memory_reserved

    def memory_stats(self, device):
        assert self.started, "asked before CUDA has started"
        return {}

    def reset_peak_memory_stats(self, device):
        assert self.started, "asked before CUDA has started"

    def mem_get_info(self, device):
        raise AssertionError("this opens a context")

    def device(self, device):
        import contextlib

        @contextlib.contextmanager
        def manager():
            before, self.current = self.current, device.index
            yield
            self.current = before

        return manager()

    def empty_cache(self):
        self.log.append(self.current)


@pytest.fixture
def cuda(monkeypatch):
    def install(**state):
        module = FakeCuda(**state)
        monkeypatch.setattr(torch, "get_device_module", lambda device: module)
        monkeypatch.setattr(torch.accelerator, "empty_host_cache", lambda: module.log.append("host"), raising=False)
        return module

    return install


def test_the_cache_is_emptied_with_its_device_current_and_only_where_there_is_one(cuda):
    # Else CUDA opens a context of several hundred MB on device 0.
    module = cuda(started=True, reserved={1: 5})
    for index in range(3):
        allocator.of(torch.device("cuda", index)).empty_cache()
    assert [entry for entry in module.log if entry != "host"] == [1]
    assert module.current == 0
    assert "host" in module.log  # pinned memory is cached too


def test_before_cuda_has_started_it_is_asked_nothing(cuda, monkeypatch):
    module = cuda(started=False, reserved={})
    known = DeviceInfo(type="cuda", index=0, free=7, total=9)
    monkeypatch.setattr(allocator, "list_devices", lambda: [known])
    source = allocator.of(torch.device("cuda", 0))
    source.empty_cache()
    source.restart_peak()
    assert (source.used(), source.cached(), source.peak(), source.fragmented()) == (0, 0, 0, 0)
    assert source.free_and_total() == (7, 9)  # NVML's answer
    assert allocator.of(torch.device("cuda", 1)).free_and_total() == (None, None)
    assert module.log == []


def test_freeing_without_owned_objects_runs_in_a_fresh_process():
    code = "import aikit, torch; print(aikit.free_memory() >= 0, torch.cuda.is_initialized())"
    path = Path(__file__).parents[1] / "src"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(path)}
    )
    assert done.stdout.split() == ["True", "False"], done.stderr


# Sizes of things


def test_each_storage_counts_once():
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    assert count_held_bytes(model, subject="x") == 128
    model[1].weight = model[0].weight
    assert count_held_bytes(model, subject="x") == 64
    base = torch.zeros(100, dtype=torch.uint8)
    assert count_held_bytes([base[:10], base[50:], {"a": base}], subject="x") == 100


@pytest.mark.parametrize("make", [torch.sparse_csr_tensor, torch.sparse_csc_tensor])
@pytest.mark.filterwarnings("ignore:Sparse CS")
def test_a_sparse_tensor_counts_with_its_indices(make):
    coo = torch.sparse_coo_tensor(torch.arange(4).expand(2, 4).clone(), torch.ones(4), check_invariants=True)
    assert count_held_bytes([coo], subject="x") == 2 * 4 * 8 + 4 * 4
    compressed = make(torch.arange(5), torch.arange(4), torch.ones(4), check_invariants=True)
    assert count_held_bytes([compressed], subject="x") == 5 * 8 + 4 * 8 + 4 * 4


def test_a_tensor_without_memory_counts_nothing():
    assert count_held_bytes([torch.zeros(100, device="meta"), torch.zeros(0)], subject="x") == 0


# On a GPU


@pytest.mark.gpu
@pytest.mark.parametrize("hooked", [False, True])
def test_a_model_on_a_gpu_goes_back_to_the_driver(hooked):
    free_memory()
    model = nn.Linear(8192, 8192).cuda()
    if hooked:
        accelerate_hook(model, torch.ones(64 * MiB, dtype=torch.uint8, device="cuda"))
    driver = torch.cuda.mem_get_info()[0]
    allocated = torch.cuda.memory_allocated()
    freed = free_memory(model)
    assert torch.cuda.memory_allocated() <= allocated - 256 * MiB - 64 * MiB * hooked
    assert freed >= 256 * MiB
    assert torch.cuda.mem_get_info()[0] >= driver + 256 * MiB


@pytest.mark.gpu
def test_training_on_a_gpu_leaves_nothing():
    free_memory()
    torch._C._cuda_clearCublasWorkspaces()  # which are torch's own, kept for the next matrix product
    before = torch.cuda.memory_allocated()
    model = nn.Linear(2048, 2048).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    loss = model(torch.ones(8, 2048, device="cuda")).sum()
    loss.backward()
    optimizer.step()
    free_memory(model, optimizer, loss)
    torch._C._cuda_clearCublasWorkspaces()
    assert torch.cuda.memory_allocated() - before < MiB


@pytest.mark.gpu
def test_a_failed_call_on_a_gpu_leaves_nothing():
    def fail():
        held = torch.ones(256 * MiB, dtype=torch.uint8, device="cuda")
        raise torch.OutOfMemoryError(f"CUDA out of memory {held.shape}")

    free_memory()
    before = torch.cuda.memory_allocated()
    try:
        fail()
    except RuntimeError as error:
        assert torch.cuda.memory_allocated() - before >= 256 * MiB
        free_memory(error)
        assert torch.cuda.memory_allocated() == before
