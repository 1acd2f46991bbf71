"""offload and on_device: what moves, what is copied, what stays tied.

The machinery does not mind that the "device" is main memory too: a copy there is as far from its master as one on a
GPU. So everything but speed is proven on the CPU, with real tensors; the last tests do it on a GPU.
"""

import contextlib
import gc
import warnings
import weakref

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from aikit import DeviceError, InputTypeError, free_memory
from aikit.device.host import HostMemory
from aikit.memory import is_out_of_memory, offload, on_device, placement

MiB = 1 << 20
CPU = torch.device("cpu")


@contextlib.contextmanager
def lent(model, *, changed=None):
    """What on_device does, to a device that is main memory as well."""
    loans = placement._lend(placement._blocks(model), CPU, prove=changed is None)
    try:
        yield model
    finally:
        placement._take_back(placement._blocks(model), CPU, loans, changed=changed)


def addresses(model):
    return [tensor.data_ptr() for tensor in (*model.parameters(), *model.buffers())]


def values(model):
    return [tensor.detach().clone() for tensor in (*model.parameters(), *model.buffers())]


@pytest.fixture
def model():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Linear(7, 3)).eval().requires_grad_(False)


@pytest.fixture
def copies(monkeypatch):
    """How many blocks were copied back into their masters."""
    count = []
    unchanged = placement._find_unchanged

    def spy(loans, changed):
        answers = unchanged(loans, changed)
        count.append(answers.count(False))
        return answers

    monkeypatch.setattr(placement, "_find_unchanged", spy)
    return count


# There and back


def test_a_model_is_elsewhere_in_the_block_and_back_after_it(model, copies):
    before, expected, inputs = addresses(model), values(model), torch.ones(2, 5)
    result = model(inputs)
    with lent(model):
        assert not set(addresses(model)) & set(before)
        assert torch.equal(model(inputs), result)
    assert addresses(model) == before
    assert all(map(torch.equal, values(model), expected))
    assert copies == [0]


def test_what_was_lent_is_freed(model):
    with lent(model):
        watched = [weakref.ref(tensor.untyped_storage()) for tensor in model.parameters()]
        storage = model[0].weight.untyped_storage()
        assert storage.nbytes() == 5 * 7 * 4
        del storage
    gc.collect()
    assert all(reference() is None for reference in watched)


CHANGES = {
    "in place": lambda m: m[0].weight.add_(1),
    "through .data": lambda m: m[0].weight.data.add_(1),
    "through a view": lambda m: m[0].weight[3].zero_(),
    "one bit": lambda m: m[2].bias.view(torch.int32)[1].bitwise_xor_(1),
    "two rows exchanged": lambda m: m[0].weight.data.copy_(m[0].weight.data.flip(0)),
    "a buffer": lambda m: m[1].running_mean.fill_(3),
    "a counter": lambda m: m[1].num_batches_tracked.add_(1),
    "another tensor in .data": lambda m: setattr(m[0].weight, "data", torch.full((7, 5), 2.5)),
    "another shape": lambda m: setattr(m[2].weight, "data", torch.ones(9, 7)),
    "another dtype": lambda m: m[2].half(),
    "a part of itself": lambda m: setattr(m[0].weight, "data", m[0].weight.data[1:4]),
    "another parameter": lambda m: setattr(m[2], "bias", nn.Parameter(torch.ones(3))),
    "numpy": lambda m: m[0].bias.numpy().__setitem__(2, 9),
    "load_state_dict": lambda m: m.load_state_dict({k: v + 1 for k, v in m.state_dict().items()}),
    "load_state_dict assign": lambda m: m.load_state_dict({k: v + 1 for k, v in m.state_dict().items()}, assign=True),
    "a new module": lambda m: m.append(nn.Linear(3, 3)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_changes_comes_back(model, change):
    untouched = values(model)
    with lent(model):
        change(model)
        expected = values(model)
    assert len(values(model)) != len(untouched) or not all(map(torch.equal, expected, untouched))
    assert all(map(torch.equal, values(model), expected))
    with lent(model):
        assert all(map(torch.equal, values(model), expected))


@pytest.mark.parametrize("name", ["in place", "through .data", "one bit", "a counter"])
def test_only_what_changed_is_copied(model, copies, name):
    before = addresses(model)
    with lent(model):
        CHANGES[name](model)
    assert copies == [1]
    assert addresses(model) == before


def train(model, *, fused):
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1, fused=fused)
    versions = [parameter._version for parameter in model.parameters()]
    model(torch.ones(4, 5)).sum().backward()
    optimizer.step()
    return versions


def test_weights_trained_by_a_fused_optimizer_come_back(model, copies):
    model[0].requires_grad_(True)
    first = values(model)
    with lent(model):
        before = train(model, fused=True)
        # What makes the version useless as a proof; the other writer is `.data` above.
        assert [parameter._version for parameter in model.parameters()] == before
        expected = values(model)
        gradient = model[0].weight.grad.clone()
    assert not torch.equal(first[0], expected[0])
    assert all(map(torch.equal, values(model), expected))
    assert torch.equal(model[0].weight.grad, gradient)
    assert copies == [2]  # weight and bias of the layer that was trained


def test_weights_frozen_again_after_training_come_back(model):
    with lent(model):
        model.requires_grad_(True)
        train(model, fused=True)
        model.requires_grad_(False)
        expected = values(model)
    assert all(map(torch.equal, values(model), expected))


def test_training_goes_on_after_the_way_back(model):
    model.requires_grad_(True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        with lent(model):
            optimizer.zero_grad()
            model(torch.ones(2, 5)).sum().backward()
            optimizer.step()
        before = values(model)
        optimizer.step()
        assert not torch.equal(values(model)[0], before[0])


def test_gradients_move_along(model):
    model.requires_grad_(True)
    model(torch.ones(2, 5)).sum().backward()
    gradient = model[0].weight.grad
    address, expected = gradient.data_ptr(), gradient.clone()
    with lent(model):
        assert model[0].weight.grad is gradient
        assert gradient.data_ptr() != address
        gradient.mul_(2)
    assert gradient.data_ptr() == address
    assert torch.equal(gradient, expected * 2)


def test_the_callers_promise_is_taken(model, copies, monkeypatch):
    monkeypatch.setattr(placement, "_fingerprint", lambda block: pytest.fail("not needed"))
    before = values(model)
    with lent(model, changed=False):
        model[0].weight.add_(1)
    assert all(map(torch.equal, values(model), before))
    with lent(model, changed=True):
        model[0].weight.add_(1)
    assert torch.equal(values(model)[0], before[0] + 1)
    assert copies == [0, 9]


def test_the_promise_does_not_lose_what_is_new(model):
    with lent(model, changed=False):
        model.append(nn.Linear(3, 2))
        model[0].weight.data = torch.full((7, 5), 2.0)
    assert model[3].weight.shape == (2, 3)
    assert model[0].weight.unique().tolist() == [2]


def test_an_error_in_the_block_brings_the_model_back(model):
    before = addresses(model)
    with pytest.raises(KeyError, match="inside"), lent(model):
        raise KeyError("inside")
    assert addresses(model) == before


# Ties, views, strides


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(4, 6, bias=False)
        self.decoder = nn.Linear(6, 4, bias=False)
        self.decoder.weight.data = self.encoder.weight.data.T  # one storage, two parameters, different strides
        self.same = nn.Linear(4, 6, bias=False)
        self.same.weight = self.encoder.weight
        fused = torch.arange(36.0)
        self.register_buffer("fused", fused)
        self.register_buffer("query", fused[:12])
        self.register_buffer("key", fused[12:24].view(3, 4))
        self.register_buffer("as_bytes", fused.view(torch.uint8)[5:10])
        self.register_buffer("image", torch.rand(1, 3, 4, 4).contiguous(memory_format=torch.channels_last))
        self.register_buffer("spread", torch.rand(1).expand(5))
        self.register_buffer("odd", torch.arange(7, dtype=torch.uint8)[1:])
        self.register_buffer("nothing", torch.zeros(0, 3))
        self.register_buffer("scalar", torch.tensor(3.5))
        self.register_buffer("none", None)


def check_ties(model):
    assert model.same.weight is model.encoder.weight
    assert model.decoder.weight.data_ptr() == model.encoder.weight.data_ptr()
    with torch.no_grad():
        model.encoder.weight[1, 2] = 77
        model.fused[13] = 55
    assert model.decoder.weight[2, 1] == 77
    assert model.key[0, 1] == 55
    assert model.as_bytes.data_ptr() == model.fused.data_ptr() + 5
    assert model.image.is_contiguous(memory_format=torch.channels_last)
    assert model.spread.stride() == (0,)
    assert model.odd.tolist() == [1, 2, 3, 4, 5, 6]
    assert (model.nothing.shape, model.scalar.item()) == ((0, 3), 3.5)


def test_ties_views_and_strides_stay():
    model = Tied()
    before, expected = addresses(model), values(model)
    with lent(model):
        assert all(map(torch.equal, values(model), expected))
        check_ties(model)
        expected = values(model)
    check_ties(model)
    assert all(map(torch.equal, values(model), expected))
    # An empty tensor has no block and is not moved.
    assert addresses(model) == before


def test_tensors_that_overlap_move_once():
    sizes = {block.storage.data_ptr(): block.size for block in placement._blocks(Tied())}
    assert sorted(sizes.values()) == [4, 4, 7, 96, 144, 192]


def test_a_slice_of_a_large_storage_moves_alone():
    model = nn.Linear(4, 2, bias=False)
    model.weight.data = torch.arange(1000.0)[500:508].view(2, 4)
    (block,) = placement._blocks(model)
    assert block.size <= 32 + 16
    with lent(model):
        assert model.weight.untyped_storage().nbytes() <= 48
        assert model.weight.tolist() == [[500, 501, 502, 503], [504, 505, 506, 507]]
        model.weight.data.add_(1)
    assert model.weight[0, 0] == 501


def test_slices_of_one_file_move_as_their_own_blocks():
    file = torch.arange(64, dtype=torch.uint8)
    model = nn.Module()
    for name, (start, end) in {"a": (0, 16), "b": (16, 48), "c": (52, 60)}.items():
        model.register_buffer(name, file[start:end])
    with lent(model):
        assert model.b.tolist() == list(range(16, 48))
        assert model.c.tolist() == list(range(52, 60))


# Fingerprints


def fingerprint(data):
    return placement._fingerprint(placement._Block(data.untyped_storage(), 0, data.numel()))


def differ(a, b):
    return bool((fingerprint(a) != fingerprint(b)).any())


@settings(max_examples=60)
@given(st.binary(min_size=1, max_size=40), st.data())
def test_every_changed_byte_changes_the_fingerprint(data, draw):
    before = torch.frombuffer(bytearray(data), dtype=torch.uint8).clone()
    after = before.clone()
    at, value = draw.draw(st.integers(0, len(data) - 1)), draw.draw(st.integers(0, 255))
    after[at] = value
    assert differ(before, after) == (data[at] != value)


@pytest.mark.parametrize("words", [3, 8])
def test_pieces_do_not_cancel_out(monkeypatch, words):
    """With keys used again for every piece, one sum over all of them would not see pieces that change places."""
    monkeypatch.setattr(placement, "_WORDS", words)
    data = torch.arange(97, dtype=torch.uint8)
    for a, b in [(0, 1), (0, words * 4), (words * 4, words * 8), (95, 96), (0, 96)]:
        other = data.clone()
        other[[a, b]] = other[[b, a]]
        assert differ(data, other)
    swapped = data.clone()
    swapped[: words * 4], swapped[words * 4 : words * 8] = (
        data[words * 4 : words * 8].clone(),
        data[: words * 4].clone(),
    )
    assert differ(data, swapped)


def test_signs_and_zeros_count():
    zero, negative = torch.zeros(8), torch.zeros(8)
    negative[3] = -0.0
    assert differ(zero.view(torch.uint8), negative.view(torch.uint8))
    nan = torch.full((4,), float("nan"))
    assert not differ(nan.view(torch.uint8), nan.clone().view(torch.uint8))


def test_nobody_elses_random_numbers_are_used():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    fingerprint(torch.zeros(100, dtype=torch.uint8))
    assert torch.equal(torch.rand(2), expected)


# The public functions on a CPU


def test_on_a_laptop_the_model_stays_where_it_is(model, monkeypatch):
    monkeypatch.setattr(placement, "_can_pin", lambda: False)  # on a machine with a GPU a test may have started it
    before = addresses(model)
    offload(model)
    with on_device(model, "cpu") as same:
        assert same is model
        assert addresses(model) == before
    assert addresses(model) == before


def test_a_device_that_is_missing_is_said_before_anything_moves(model):
    before = addresses(model)
    with pytest.raises(DeviceError, match='got "cuda:99"'), on_device(model, "cuda:99"):
        pass
    assert addresses(model) == before


@pytest.mark.parametrize("thing", [torch.zeros(3), {"a": nn.Linear(1, 1)}, None, nn.Linear], ids=str)
def test_what_is_no_module_is_refused(thing):
    with pytest.raises(InputTypeError, match=r"model: expected a torch.nn.Module, got \w+; pass its modules"):
        offload(thing)
    with pytest.raises(InputTypeError, match=r"model: expected a torch.nn.Module"), on_device(thing, "cpu"):
        pass


def sparse():
    module = nn.Module()
    module.register_buffer("graph", torch.eye(3).to_sparse())
    return module


def conjugated():
    module = nn.Module()
    module.register_buffer("weight", torch.ones(2, dtype=torch.complex64).conj())
    return module


def wrapped():
    from torch.testing._internal.two_tensor import TwoTensor

    module = nn.Module()
    module.register_buffer("weight", TwoTensor(torch.ones(2), torch.ones(2)))
    return module


def nested():
    module = nn.Module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that nested tensors may change
        module.register_buffer("weight", torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(1, 3)]))
    return module


def quantized():
    module = nn.Module()
    weight = torch._empty_affine_quantized([4], scale=0.5, zero_point=0, dtype=torch.quint8)
    module.register_buffer("weight", weight)
    return module


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (sparse, "torch.sparse_coo"),
        (wrapped, "TwoTensor"),
        (lambda: nn.Linear(2, 2, device="meta"), "meta"),
        (lambda: nn.LazyLinear(2), "UninitializedParameter"),
        (conjugated, "conjugated or negated"),
        (nested, "nested"),
        (quantized, "quantized"),
    ],
)
def test_tensors_that_are_not_plain_memory_are_refused(make, kind):
    with pytest.raises(InputTypeError, match=rf"model: expected dense tensors in memory, got a {kind} tensor; move it"):
        offload(make())


# When memory does not suffice


def test_a_device_that_is_full_leaves_the_model_whole(model, monkeypatch):
    before, expected, made = addresses(model), values(model), []
    filled = placement._copy_block

    def fill(block, device, *, pin=False):
        if len(made) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        result = filled(block, device, pin=pin)
        made.append(weakref.ref(result))
        return result

    monkeypatch.setattr(placement, "_copy_block", fill)
    with pytest.raises(
        DeviceError, match=r"expected \d+ B free on cpu for the model, got out of memory; free"
    ) as caught:
        placement._lend(placement._blocks(model), CPU, prove=True)
    assert is_out_of_memory(caught.value)
    # What had been copied is gone although the error, with its traceback, is still here.
    assert [reference() for reference in made] == [None] * 3
    assert addresses(model) == before
    assert all(map(torch.equal, values(model), expected))


def test_main_memory_that_does_not_suffice_is_said_before_anything_moves(model, monkeypatch):
    monkeypatch.setattr(placement, "host_memory", lambda: HostMemory(1000, 100, None))
    blocks = placement._blocks(model)
    monkeypatch.setattr(placement._Block, "on_cpu", property(lambda block: False))
    before = addresses(model)
    with pytest.raises(DeviceError, match=r"memory: expected \d+ B of main memory for the model, got 100 B; free some"):
        placement._move_to_host(blocks, pin=False)
    assert addresses(model) == before


@pytest.mark.parametrize(("available", "pinned"), [(None, True), (10_000, True), (700, False)])
def test_memory_is_pinned_where_the_rounded_size_is_there(model, monkeypatch, available, pinned):
    # Weights and biases and buffers: 140 28 28 28 28 28 8 84 12 bytes, which torch rounds up to powers of two.
    monkeypatch.setattr(placement, "host_memory", lambda: HostMemory(10_000, available, None))
    monkeypatch.setattr(placement._Block, "on_cpu", property(lambda block: False))
    asked, filled = [], placement._copy_block

    def fill(block, device, *, pin=False):
        asked.append(pin)
        return filled(block, device)

    monkeypatch.setattr(placement, "_copy_block", fill)
    blocks = placement._blocks(model)
    if available == 700:
        assert sum(block.size for block in blocks) < 700
        monkeypatch.setattr(placement, "_round_up", lambda size: 2 * size)
    placement._move_to_host(blocks, pin=True)
    assert asked == [pinned] * 9


@pytest.mark.parametrize("message", ["CUDA error: out of memory", "CUDA error: invalid argument"])
def test_what_cannot_be_pinned_is_kept_in_pageable_memory(model, monkeypatch, message):
    monkeypatch.setattr(placement._Block, "on_cpu", property(lambda block: False))
    before, expected, filled = addresses(model), values(model), placement._copy_block

    def fill(block, device, *, pin=False):
        if pin and block.size > 100:
            raise RuntimeError(message)
        return filled(block, device)

    monkeypatch.setattr(placement, "_copy_block", fill)
    if "invalid" in message:
        with pytest.raises(RuntimeError, match="invalid argument"):
            placement._move_to_host(placement._blocks(model), pin=True)
    else:
        placement._move_to_host(placement._blocks(model), pin=True)
        assert not set(addresses(model)) & set(before)
    assert all(map(torch.equal, values(model), expected))


@pytest.mark.parametrize(("size", "rounded"), [(1, 1), (2, 2), (3, 4), (1024, 1024), (1025, 2048)])
def test_torch_rounds_pinned_memory_to_a_power_of_two(size, rounded):
    assert placement._round_up(size) == rounded


# On a GPU


@pytest.fixture
def large():
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(2048, 2048), nn.Linear(2048, 2048)).eval().requires_grad_(False)


@pytest.mark.gpu
def test_a_model_goes_to_the_gpu_and_back(large):
    free_memory()
    before, expected, taken = addresses(large), values(large), torch.cuda.memory_allocated()
    for _ in range(2):
        with on_device(large, "cuda"):
            assert {p.device.type for p in large.parameters()} == {"cuda"}
            assert torch.cuda.memory_allocated() - taken >= 32 * MiB
        assert torch.cuda.memory_allocated() - taken < MiB
        assert all(p.is_pinned() for p in large.parameters())
        assert all(map(torch.equal, values(large), expected))
    pinned = addresses(large)
    assert pinned != before
    with on_device(large, "cuda"):
        pass
    assert addresses(large) == pinned  # the masters were taken up again


@pytest.mark.gpu
@pytest.mark.parametrize("writer", ["fused", ".data"])
def test_what_a_gpu_changed_comes_back(large, writer):
    large.requires_grad_(writer == "fused")
    with on_device(large, "cuda"):
        if writer == "fused":
            optimizer = torch.optim.AdamW(large.parameters(), fused=True)
            large(torch.ones(2, 2048, device="cuda")).sum().backward()
            optimizer.step()
        else:
            large[1].weight.data.mul_(2)
        expected = [tensor.cpu() for tensor in values(large)]
    assert all(map(torch.equal, values(large), expected))


@pytest.mark.gpu
def test_a_model_on_the_gpu_is_offloaded(large):
    expected = values(large)
    large.cuda()
    free_memory()
    reserved = torch.cuda.memory_reserved()
    offload(large)
    assert torch.cuda.memory_reserved() <= reserved - 32 * MiB
    assert all(p.is_pinned() for p in large.parameters())
    assert all(map(torch.equal, values(large), expected))


@pytest.mark.gpu
def test_a_model_that_is_on_the_gpu_already_stays():
    layer = nn.Linear(8, 8).cuda()
    with on_device(layer, "cuda:0"):
        address = layer.weight.data_ptr()
    assert (layer.weight.device.type, layer.weight.data_ptr()) == ("cuda", address)


@pytest.mark.gpu
def test_what_is_on_the_gpu_already_stays_there():
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8).cuda())
    address = model[1].weight.data_ptr()
    with on_device(model, "cuda"):
        assert {p.device.type for p in model.parameters()} == {"cuda"}
    assert [p.device.type for p in model.parameters()] == ["cpu", "cpu", "cuda", "cuda"]
    assert model[1].weight.data_ptr() == address


@pytest.mark.gpu
def test_ties_stay_on_a_gpu():
    model = Tied()
    with on_device(model, "cuda"):
        check_ties(model)
    check_ties(model)


@pytest.mark.gpu
def test_a_model_that_does_not_fit_stays_in_main_memory(large):
    free_memory()
    taken, total = torch.cuda.memory_reserved(), torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((taken + 24 * MiB) / total, 0)
    try:
        with pytest.raises(DeviceError, match="got out of memory"), on_device(large, "cuda"):
            pass
        assert torch.cuda.memory_reserved() <= taken
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, 0)
    assert {p.device.type for p in large.parameters()} == {"cpu"}
