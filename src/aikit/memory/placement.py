"""Moving models between an accelerator and main memory without copying what has not changed.

A model's tensors are moved as blocks: stretches of storage, each used by one tensor or by several that overlap. So
tied weights stay tied, views stay views, and strides stay as they are.

Whether a block has changed on the device is proven from its contents. `Tensor._version` proves nothing: it moves
neither for `AdamW(fused=True).step()` nor for a write through `.data`.
"""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ..device.choice import existing_device
from ..device.host import host_memory
from ..device.sizes import format_size
from ..device.torch_module import device_module
from ..errors import DeviceError, InputTypeError
from . import allocator
from .out_of_memory import is_out_of_memory
from .release import collect_and_trim

if TYPE_CHECKING:
    import torch

__all__ = ["offload", "on_device"]

_log = logging.getLogger("aikit")

Model = TypeVar("Model")


def offload(model: torch.nn.Module) -> None:
    """Move a model's parameters, buffers and gradients to main memory, and give the accelerator's memory back.

    Once CUDA has started the main memory is pinned, which makes the way back several times as fast; a model that
    is in pageable memory already is pinned. torch takes pinned memory in powers of two, so up to twice the
    model's size is needed; where that is not available, ordinary memory is used. The state of an optimizer is not
    the model's and stays where it is.

    Args:
        model: a torch.nn.Module, changed in place. On a machine without an accelerator nothing happens.

    Raises:
        DeviceError: main memory would not suffice.
        InputTypeError: not a module, or one with tensors that are sparse, nested, quantized, or on "meta".

    Example:
        >>> import torch
        >>> layer = torch.nn.Linear(4, 4)
        >>> offload(layer)
        >>> layer.weight.device
        device(type='cpu')
    """
    pin = _can_pin()
    blocks = [block for block in _blocks(model) if not block.on_cpu or (pin and not block.pinned)]
    _move_to_host(blocks, pin=pin)
    if any(not block.on_cpu for block in blocks):
        blocks.clear()  # the last references to the memory on the device
        collect_and_trim(allocator.pick_allocators(None))


@contextlib.contextmanager
def on_device(model: Model, device: str | torch.device, *, changed: bool | None = None) -> Iterator[Model]:
    """Have a model on a device for a block of code, and afterwards back where it was.

    What the block did not change is not copied back: its master copy, pinned where CUDA is used, is taken up again.
    That nothing changed is proven by a fingerprint of the contents, computed on the device before and after, which
    costs a small part of the copying it saves. Everything else is copied back: trained weights, new tensors, gradients.

    Two threads must not have the same model on a device at once; `ModelPool` is for that. An optimizer's state is not
    moved.

    Args:
        model: a torch.nn.Module, changed in place. If all of it is on the device already nothing is moved.
        device: such as "cuda:0". On a machine without an accelerator use "cpu" or `pick_device()`.
        changed: None finds out. False promises that the block changes nothing and saves the fingerprints; True copies
            everything back.

    Returns:
        A context manager that gives the model.

    Raises:
        DeviceError: no such device, or the model does not fit there or, when it comes back, into main memory; a model
            that does not fit stays where it was.
        InputTypeError: not a module, or one with tensors that are sparse, nested, quantized, or on "meta".

    Example:
        >>> import torch
        >>> with on_device(torch.nn.Linear(2, 1), "cpu") as layer:
        ...     y = layer(torch.ones(2))
    """
    place = existing_device(device)
    residents = {block.key for block in _blocks(model) if block.storage.device == place}

    def others() -> list[_Block]:
        return [block for block in _blocks(model) if block.key not in residents]

    if not others():
        yield model
        return
    if place.type in _PINNING:
        with _on(place):
            _move_to_host([block for block in others() if block.on_cpu and not block.pinned], pin=True)
    loans = _lend(others(), place, prove=changed is None)
    try:
        yield model
    finally:
        _take_back(others(), place, loans, changed=changed)
        loans.clear()
        collect_and_trim([allocator.of(place)])


# ---------------------------------------------------------------- blocks


@dataclass(eq=False)
class _Block:
    """A stretch of a storage, and the tensors that lie in it."""

    storage: torch.UntypedStorage
    start: int
    end: int
    tensors: list[torch.Tensor] = field(default_factory=list)

    @property
    def key(self) -> tuple[torch.device, int, int, int]:
        return self.storage.device, self.storage.data_ptr(), self.start, self.end

    @property
    def on_cpu(self) -> bool:
        return bool(self.storage.device.type == "cpu")

    @property
    def pinned(self) -> bool:
        return bool(self.storage.is_pinned())

    @property
    def size(self) -> int:
        return self.end - self.start

    def content(self) -> torch.Tensor:
        """Show its bytes as a tensor over the same memory."""
        import torch

        empty = torch.empty(0, dtype=torch.uint8, device=self.storage.device)
        return empty.set_(self.storage, self.start, (self.size,), (1,))

    def move_to(self, target: _Block) -> None:
        """Let the tensors lie in another block of the same size; its bytes have been copied there."""
        import torch

        for tensor in self.tensors:
            offset = (tensor.storage_offset() * tensor.itemsize - self.start + target.start) // tensor.itemsize
            moved = torch.empty(0, dtype=tensor.dtype, device=target.storage.device)
            tensor.data = moved.set_(target.storage, offset, tensor.size(), tensor.stride())


# Blocks begin at multiples of this, so that every dtype lies in them as it lay in the storage.
_ALIGNMENT = 16


def _blocks(model: object) -> list[_Block]:
    """The blocks of a model, with no tensor in two of them."""
    tensors: dict[tuple[torch.device, int], list[torch.Tensor]] = {}
    for tensor in _tensors(model):
        storage = tensor.untyped_storage()
        tensors.setdefault((storage.device, storage.data_ptr()), []).append(tensor)
    return [block for group in tensors.values() for block in _merge(group)]


def _tensors(model: object) -> Iterable[torch.Tensor]:
    import torch

    if not isinstance(model, torch.nn.Module):
        raise InputTypeError("model", "a torch.nn.Module", type(model).__name__, "pass its modules")
    found = {id(tensor): tensor for tensor in [*model.parameters(), *model.buffers()]}
    gradients = [tensor.grad for tensor in found.values() if tensor.is_leaf and tensor.grad is not None]
    found |= {id(gradient): gradient for gradient in gradients}
    for tensor in found.values():
        if obstacle := _obstacle(tensor):
            raise InputTypeError(
                "model", "dense tensors in memory", f"a {obstacle} tensor", "move it with model.to(device)"
            )
    return [tensor for tensor in found.values() if tensor.numel()]


def _obstacle(tensor: torch.Tensor) -> str | None:
    """Why a tensor is more, or less, than the bytes in its storage."""
    import torch
    from torch.nn.parameter import is_lazy

    if is_lazy(tensor) or hasattr(tensor, "__tensor_flatten__"):
        return type(tensor).__name__
    if tensor.is_meta:
        return "meta"
    if tensor.is_nested or tensor.is_quantized:
        return "nested" if tensor.is_nested else "quantized"
    if tensor.layout != torch.strided:
        return str(tensor.layout)
    return "conjugated or negated" if tensor.is_conj() or tensor.is_neg() else None


def _merge(tensors: list[torch.Tensor]) -> list[_Block]:
    """Merge the tensors of one storage that overlap into blocks."""
    blocks: list[_Block] = []
    for start, end, tensor in sorted(((*_extent(tensor), tensor) for tensor in tensors), key=lambda item: item[0]):
        if blocks and start < blocks[-1].end:
            blocks[-1].end = max(blocks[-1].end, end)
            blocks[-1].tensors.append(tensor)
        else:
            aligned = start // _ALIGNMENT * _ALIGNMENT
            blocks.append(_Block(tensor.untyped_storage(), aligned, end, [tensor]))
    return blocks


def _extent(tensor: torch.Tensor) -> tuple[int, int]:
    """The first byte of the storage that a tensor uses, and the one after the last."""
    first = int(tensor.storage_offset())
    last = first + sum((n - 1) * int(stride) for n, stride in zip(tensor.size(), tensor.stride(), strict=True))
    return first * tensor.itemsize, (last + 1) * tensor.itemsize


# ---------------------------------------------------------------- main memory

_PINNING = ("cuda", "xpu")


def _can_pin() -> bool:
    """Whether memory can be pinned without opening a context for it."""
    return any(device_module(kind).is_initialized() for kind in _PINNING)


def _move_to_host(blocks: list[_Block], *, pin: bool) -> None:
    """Move blocks to main memory, pinned if possible, one after the other: each is complete at every moment."""
    available = host_memory().available
    needed = sum(block.size for block in blocks if not block.on_cpu)
    if available is not None and needed > available:
        raise DeviceError(
            "memory",
            f"{format_size(needed)} of main memory for the model",
            format_size(available),
            "free some, or drop the model with free_memory(model)",
        )
    if pin and available is not None and sum(_round_up(block.size) for block in blocks) > available:
        _log.info("the model is kept in pageable memory: pinned memory of its size is not available")
        pin = False
        blocks = [block for block in blocks if not block.on_cpu]
    for block in blocks:
        block.move_to(_copy_to_host(block, pin=pin))


def _round_up(size: int) -> int:
    """Round a size to what torch takes for a pinned block: the next power of two (CachingHostAllocator)."""
    return 1 << (size - 1).bit_length()


def _copy_to_host(block: _Block, *, pin: bool) -> _Block:
    if pin:
        try:
            return _copy_block(block, "cpu", pin=True)
        except RuntimeError as error:
            # WSL, and systems with a limit on locked memory, pin far less than there is.
            if not is_out_of_memory(error):
                raise
            _log.info("%s could not be pinned; they are kept in pageable memory", format_size(block.size))
    return _copy_block(block, "cpu")


def _copy_block(block: _Block, device: torch.device | str, *, pin: bool = False) -> _Block:
    """Copy the block's bytes to new memory, without its tensors."""
    import torch

    memory = torch.empty(block.size, dtype=torch.uint8, device=device, pin_memory=pin)
    memory.copy_(block.content())
    return _Block(memory.untyped_storage(), 0, block.size)


# ---------------------------------------------------------------- lending


@dataclass(eq=False)
class _Loan:
    """A block's bytes on the device, beside the master they were copied from."""

    master: _Block
    lent: _Block
    fingerprint: torch.Tensor | None


def _on(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Make a device current, so that what is pinned belongs to its context and not to one more on device 0."""
    return device_module(device).device(device)


def _lend(masters: list[_Block], device: torch.device, *, prove: bool) -> list[_Loan]:
    """Copy blocks to a device, with fingerprints to prove later what changed; when all are there the tensors move."""
    loans: list[_Loan] = []
    try:
        loans.extend(_loan(master, device, prove=prove) for master in masters)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        # The traceback holds this frame and the failed ones, and they what has been copied so far.
        loans.clear()
        traceback.clear_frames(error.__traceback__)
        collect_and_trim([allocator.of(device)])
        raise DeviceError(
            "device",
            f"{format_size(sum(master.size for master in masters))} free on {device} for the model",
            "out of memory",
            "free some with free_memory, or pass another device",
        ) from error
    for loan in loans:
        loan.master.move_to(loan.lent)
        loan.master.tensors.clear()
    return loans


def _loan(master: _Block, device: torch.device, *, prove: bool) -> _Loan:
    lent = _copy_block(master, device)
    return _Loan(master, lent, _fingerprint(lent) if prove else None)


def _take_back(blocks: list[_Block], device: torch.device, loans: list[_Loan], *, changed: bool | None) -> None:
    """Move blocks back: into their masters, and what is new on the device into new main memory."""
    known = {loan.lent.key: loan for loan in loans}
    blocks = [block for block in blocks if block.storage.device == device]
    pairs = [(block, known[block.key]) for block in blocks if block.key in known]
    for (block, loan), same in zip(pairs, _find_unchanged([loan for _, loan in pairs], changed), strict=True):
        if not same:
            loan.master.content().copy_(block.content())
        block.move_to(loan.master)
    _move_to_host([block for block in blocks if block.key not in known], pin=device.type in _PINNING)


def _find_unchanged(loans: list[_Loan], changed: bool | None) -> list[bool]:
    import torch

    if changed is not None or not loans:
        return [not changed] * len(loans)
    # One question to the device for all of them.
    same = [torch.eq(_fingerprint(loan.lent), known).all() for loan in loans if (known := loan.fingerprint) is not None]
    return [bool(answer) for answer in torch.stack(same).tolist()]


# Words of 32 bits that are summed at a time; larger pieces need fewer kernels and more memory.
_WORDS = 1 << 22


def _fingerprint(block: _Block) -> torch.Tensor:
    """64 bits for every 16 MiB of a block, which stay the same when nothing changes, and else with odds below 2^-32.

    Every word is multiplied by its own random 64-bit key, and the products are added modulo 2^64. Changes cancel out
    only if the keys happen to be right for it: multilinear hashing, a universal family.

    Source: Lemire and Kaser, "Strongly universal string hashing is fast", The Computer Journal 57(11), 2014.
    """
    import torch

    content = block.content()
    aligned = block.size // 4 * 4
    # The bytes after the last complete word go in as words of their own.
    tail = content[aligned:].to(torch.int64)
    words = content[:aligned].view(torch.int32)
    keys = _keys(min(_WORDS, max(words.numel(), tail.numel())), block.storage.device)
    sums = [(piece.to(torch.int64) * keys[: piece.numel()]).sum() for piece in torch.split(words, _WORDS)]
    return torch.stack([*sums, (tail * keys[: tail.numel()]).sum()])


def _keys(count: int, device: torch.device) -> torch.Tensor:
    """The first keys of a row that is the same in every call, and nobody else's random numbers."""
    import torch

    generator = torch.Generator().manual_seed(0x5EED)
    return torch.randint(-(2**63), 2**63 - 1, (count,), dtype=torch.int64, generator=generator).to(device)
