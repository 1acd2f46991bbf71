"""Giving memory back although the caller still holds the objects.

`del x` in a function never removes the caller's reference, and emptying the cache before collecting garbage frees
nothing that a cycle holds. So the references that objects hold are dropped inside them; then garbage is collected;
then the cache is emptied. A storage is never resized: a live view of it would read freed memory.
"""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias, TypeGuard, Union

from ..errors import InputTypeError
from . import allocator
from .allocator import Allocator
from .out_of_memory import walk_related

if TYPE_CHECKING:
    import torch
    from torch.nn import Module
    from torch.optim import Optimizer

__all__ = ["collect_and_trim", "count_held_bytes", "forget_locals", "free_memory"]

# What is emptied.
Part: TypeAlias = Union["torch.Tensor", "Module", "Optimizer", BaseException]


def free_memory(*owned: object, device: str | torch.device | None = None) -> int:
    """Give memory back to the driver or the system: what `owned` holds, garbage, and the allocator's cache.

    What is handed over is emptied in place, so that it is freed although the caller still refers to it: parameters,
    buffers, gradients and bare tensors become empty, optimizers lose their state, modules their hooks and all but the
    plain values among their attributes. None of it can be used afterwards. Other tensors that share the same memory,
    such as views that somebody else holds, stay valid and keep that memory alive.

    The locals of the frames of a failed call are dropped too: of errors handed over, of the error being handled, and
    of the last one an interactive session printed (`sys.last_value`). Their tracebacks still print.

    Without arguments: collects garbage and empties the cache. This opens no CUDA context.

    Args:
        *owned: modules, tensors, optimizers, errors, and dicts, lists, tuples and sets of these; or one object, such
            as a pipeline, that has some of these as attributes. None is passed over.
        device: whose memory is counted and whose cache is emptied. None: every accelerator, or the process on a
            machine without one.

    Returns:
        Bytes that went back, of the driver's memory on an accelerator, of resident memory on the CPU; 0 where it grew
        meanwhile.

    Raises:
        InputTypeError: an object that holds none of these.
        DeviceError: no such device.

    Example:
        >>> import torch
        >>> layer = torch.nn.Linear(1000, 1000)
        >>> freed = free_memory(layer)
        >>> layer.weight.numel()
        0
    """
    places = allocator.pick_allocators(device)
    before = _count_taken(places)
    for thing in owned:
        if thing is not None:
            for part in _parts(thing, "owned"):
                _empty(part)
    for error in (sys.exception(), getattr(sys, "last_value", None)):
        if error is not None:
            forget_locals(error)
    collect_and_trim(places)
    return max(0, before - _count_taken(places))


def _count_taken(places: Iterable[Allocator]) -> int:
    return sum(place.used() + place.cached() for place in places)


def collect_and_trim(places: Iterable[Allocator]) -> None:
    """Collect garbage and then empty the caches: the other way round, what a cycle holds would stay."""
    gc.collect()
    for place in places:
        place.empty_cache()


def count_held_bytes(thing: object, *, subject: str) -> int:
    """Count the bytes of the storages that a thing's modules and tensors use, each once.

    Raises:
        InputTypeError: it is or has nothing that `free_memory` could empty.
    """
    from torch import Tensor
    from torch.nn import Module

    sizes: dict[tuple[torch.device, int], int] = {}
    for part in _parts(thing, subject):
        tensors = _tensors_of(part) if isinstance(part, Module) else [part] if isinstance(part, Tensor) else []
        for piece in (piece for tensor in tensors for piece in _list_pieces(tensor)):
            sizes |= _count_storages(piece)
    return sum(sizes.values())


# ---------------------------------------------------------------- what a thing consists of


def _empty(part: Part) -> None:
    from torch import Tensor
    from torch.nn import Module

    if isinstance(part, BaseException):
        forget_locals(part)
    elif isinstance(part, Module):
        _empty_module(part)
    elif isinstance(part, Tensor):
        _empty_tensor(part)
    else:
        _empty_optimizer(part)


def _parts(thing: object, subject: str) -> list[Part]:
    """The modules, tensors, optimizers and errors in a thing: itself, a container's, or among its attributes."""
    if _is_part(thing) or _is_container(thing):
        return list(_find_parts(thing))
    # A container made here: each attribute is looked at, and no further.
    parts = list(_find_parts(list(getattr(thing, "__dict__", {}).values())))
    if not parts:
        raise InputTypeError(
            subject,
            "modules, tensors, optimizers, errors or containers of these",
            type(thing).__name__,
            "pass what it holds",
        )
    return parts


def _find_parts(thing: object) -> Iterator[Part]:
    pending, seen = [thing], set[int]()
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if _is_part(one):
            yield one
        elif _is_container(one):
            pending.extend(one.values() if isinstance(one, Mapping) else one)


def _is_part(thing: object) -> TypeGuard[Part]:
    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer

    return isinstance(thing, (Tensor, Module, Optimizer, BaseException))


def _is_container(thing: object) -> TypeGuard[Mapping[object, object] | Collection[object]]:
    return isinstance(thing, (Mapping, list, tuple, set, frozenset))


def _empty_module(module: torch.nn.Module) -> None:
    for tensor in _tensors_of(module):
        _empty_tensor(tensor)
    for one in module.modules():
        _drop_attributes(one)


def _tensors_of(module: torch.nn.Module) -> list[torch.Tensor]:
    from torch.nn.parameter import is_lazy

    # A lazy module's parameters have no memory yet, and refuse every question.
    return [tensor for tensor in (*module.parameters(), *module.buffers()) if not is_lazy(tensor)]


def _drop_attributes(module: torch.nn.Module) -> None:
    """Drop a module's hooks, caches, patched methods: whatever it refers to beside its own plain values.

    Not emptied in place, only let go: a tensor kept in an attribute may be somebody else's.
    """
    from torch.jit import ScriptModule
    from torch.nn import Module

    if isinstance(module, ScriptModule):
        return  # its attributes live in C++
    machinery = vars(Module())
    for name, value in list(vars(module).items()):
        if "hooks" in name and name in machinery:
            if value:
                value.clear()
        elif name not in machinery and not _is_plain(value):
            # Accelerate keeps hooks so: `_hf_hook`, `_old_forward`, and a `forward` that makes the module a cycle.
            del vars(module)[name]


def _is_plain(value: object) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes))


def _empty_tensor(tensor: torch.Tensor) -> None:
    if tensor.is_leaf and tensor.grad is not None:
        gradient, tensor.grad = tensor.grad, None
        _empty_tensor(gradient)
    for hooks in (tensor._backward_hooks, getattr(tensor, "_post_accumulate_grad_hooks", None)):
        if hooks:
            hooks.clear()
    if _holds_more(tensor):
        _leave_behind(tensor)
    else:
        tensor.data = _make_empty(tensor)
        # What trainers hang on parameters, such as gradients in float32: let go of, for it may be somebody else's too.
        for name in [name for name, value in vars(tensor).items() if any(True for _ in _find_parts(value))]:
            delattr(tensor, name)


def _holds_more(tensor: torch.Tensor) -> bool:
    """Whether a tensor holds more than its storage: a view its base, a result its graph, others the tensors they wrap."""
    import torch

    if tensor.layout != torch.strided or tensor.is_nested or _is_wrapper(tensor):
        return True
    return tensor._is_view() or tensor.grad_fn is not None


def _is_wrapper(tensor: torch.Tensor) -> bool:
    """Whether a tensor of a subclass has no memory but that of others, such as a DTensor or a MaskedTensor."""
    if hasattr(tensor, "__tensor_flatten__"):
        return True
    try:
        tensor.untyped_storage().data_ptr()
    except RuntimeError:
        return bool(_find_inner(tensor))
    return False


def _leave_behind(tensor: torch.Tensor) -> None:
    """Empty a tensor that holds more than its storage.

    Exchanging what is behind the Python object lets go of all of it, and leaves what others share: the offsets of nested
    tensors are those of the results made of them. torch refuses where C++ refers to the tensor too, for instance as an
    input that a graph saved; then at least the memory of the tensor, or of those it consists of, is let go.
    """
    import torch

    try:
        torch.utils.swap_tensors(tensor, _make_empty(tensor))  # type: ignore[no-untyped-call]
    except RuntimeError:
        if inner := _find_inner(tensor):
            for piece in inner:
                _empty_tensor(piece)
        elif tensor.layout == torch.strided and not tensor.is_nested:
            tensor.data = _make_empty(tensor)


def _make_empty(tensor: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.empty(0, dtype=tensor.dtype, device=tensor.device)


def _list_pieces(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    """List the plain tensors that a tensor consists of: itself, or those that it holds or wraps."""
    if not hasattr(tensor, "__tensor_flatten__"):
        yield tensor
    for piece in _find_inner(tensor):
        yield from _list_pieces(piece)


def _find_inner(tensor: torch.Tensor) -> list[torch.Tensor]:
    """Find the tensors that one of a subclass wraps, or has among its attributes."""
    from torch import Tensor

    flatten = getattr(tensor, "__tensor_flatten__", None)
    if flatten is not None:
        return [getattr(tensor, name) for name in flatten()[0]]
    return [value for value in getattr(tensor, "__dict__", {}).values() if isinstance(value, Tensor)]


_CSR, _CSC = ("crow_indices", "col_indices", "values"), ("ccol_indices", "row_indices", "values")
_SPARSE = {
    "torch.sparse_coo": ("_indices", "_values"),
    "torch.sparse_csr": _CSR,
    "torch.sparse_bsr": _CSR,
    "torch.sparse_csc": _CSC,
    "torch.sparse_bsc": _CSC,
}


def _count_storages(tensor: torch.Tensor) -> dict[tuple[torch.device, int], int]:
    """Count the bytes of the storage of a tensor, or of those of a sparse one's indices and values, by their addresses."""
    names = _SPARSE.get(str(tensor.layout))
    sizes = {}
    for part in [tensor] if names is None else [getattr(tensor, name)() for name in names]:
        try:
            storage = part.untyped_storage()
            address, size = storage.data_ptr(), storage.nbytes()
        except (RuntimeError, NotImplementedError):
            # One of oneDNN has its own; a subclass that wraps others has none, and theirs are counted.
            address, size = id(part), 0 if _find_inner(part) else part.numel() * part.element_size()
        if address:  # a tensor on the device "meta" has a size and no memory
            sizes[part.device, address] = size
    return sizes


def _empty_optimizer(optimizer: torch.optim.Optimizer) -> None:
    for part in _find_parts([list(state.values()) for state in optimizer.state.values()]):
        _empty(part)
    optimizer.state.clear()
    # The parameters are the model's: let go of, not emptied.
    optimizer.param_groups.clear()
    for name, value in vars(optimizer).items():
        if "hooks" in name:
            value.clear()


# ---------------------------------------------------------------- errors


def forget_locals(error: BaseException) -> None:
    """Drop the local variables of the finished frames that a traceback keeps alive."""
    for one in walk_related(error):
        traceback.clear_frames(one.__traceback__)
