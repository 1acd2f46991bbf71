"""What a function does to tensors, recorded as a graph and made ready for torch's compiler.

torch.compile reads Python; here torch records instead which tensor operations a function runs, on tensors without
values. So the function may do in Python whatever it likes, checks and caches included, and its errors are its own;
but it runs once, and what it decides is decided for all inputs of the same shapes, dtypes and options.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree
from torch.utils.dlpack import from_dlpack

aten = torch.ops.aten

# A graph of 300 operations takes seconds to compile, one of thousands many minutes.
MOST_OPERATIONS = 1500


@dataclass(frozen=True, slots=True)
class ResultBuffer:
    """The memory of one result, and which parts of it the graph fills."""

    like: torch.Tensor  # without values: shape, strides, dtype, device
    order: tuple[int, ...] | None  # of its axes, that of the planes first; None where it is filled as a whole

    def make(self) -> torch.Tensor:
        """Make memory for a result."""
        return _make_like(self.like)

    def parts(self, result: torch.Tensor) -> list[torch.Tensor]:
        """Show the parts of a result as tensors that do not look as if they shared memory.

        Were they seen to, the compiler would assemble the whole elsewhere and copy it.
        """
        if self.order is None:
            return [result]
        return [from_dlpack(part) for part in result.permute(self.order).unbind(0)]


@dataclass(frozen=True, slots=True)
class Recording:
    """A function on tensors as a graph.

    Without gradients the graph takes, after the tensors, the parts of the `buffers` and fills them; with gradients it
    returns its results.
    """

    graph: GraphModule
    buffers: list[ResultBuffer] | None
    rebuild: Callable[[Sequence[torch.Tensor]], object]  # the function's result from its tensors


def record(function: Callable[..., object], tensors: Sequence[torch.Tensor], asked: Sequence[bool]) -> Recording:
    """Run a function on tensors like these, but without values, and record what it does.

    `asked` says to which of them gradients are to flow.
    """
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    structures: list[pytree.TreeSpec] = []

    def flatten(*inputs: torch.Tensor) -> list[object]:
        leaves, structure = pytree.tree_flatten(function(*inputs))
        structures.append(structure)
        return leaves

    def run_again(*inputs: torch.Tensor) -> object:
        return impure(*inputs)

    with mode:
        fakes = [_make_like(tensor).requires_grad_(grad) for tensor, grad in zip(tensors, asked, strict=True)]
        graph = impure = _clean(make_fx(flatten)(*fakes))
        if len(graph.graph.nodes) > MOST_OPERATIONS:
            raise RuntimeError(f"{len(graph.graph.nodes)} operations would take minutes to compile")
        if not any(asked):
            # In a second step, because what functionalize hands out does not look as if it had no values.
            graph = _clean(make_fx(torch.func.functionalize(run_again))(*fakes))
    _move_constants(graph)
    leaves = list(_find_output(graph).args[0])

    def rebuild(values: Sequence[torch.Tensor]) -> object:
        given = iter(values)
        return pytree.tree_unflatten(
            [next(given) if isinstance(leaf, Node) else leaf for leaf in leaves], structures[-1]
        )

    results = [leaf for leaf in leaves if isinstance(leaf, Node)]
    _find_output(graph).args = (tuple(results),)
    buffers = None
    if not any(asked):
        _multiply_by_reciprocals(graph)
        _skip_stacks(graph)
        buffers = _fill_buffers(graph, results)
    return Recording(_clean(graph), buffers, rebuild)


def _make_like(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device=tensor.device)


def _clean(graph: GraphModule) -> GraphModule:
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


# torch's types for what nodes hold are of no help.
AnyNode: TypeAlias = Any


def _find_output(graph: GraphModule) -> AnyNode:
    return next(iter(graph.graph.find_nodes(op="output")))


def _find_calls(graph: GraphModule, *targets: object) -> list[AnyNode]:
    """Find the nodes that call one of some operations."""
    return [node for node in graph.graph.nodes if node.op == "call_function" and node.target in targets]


# ---------------------------------------------------------------- simpler, the same values


# What only carries a tensor from one place or dtype to another.
_CARRIES = (aten.lift_fresh_copy.default, aten.lift_fresh.default, aten._to_copy.default, aten.detach.default)


def _move_constants(graph: GraphModule) -> None:
    """Carry the tensors that a function makes of Python's or NumPy's numbers to where they are used, once and for all."""
    for node in _find_calls(graph, *_CARRIES):
        source = node.args[0]
        in_place = any(getattr(user.target, "_schema", None) and user.target._schema.is_mutable for user in node.users)
        if source.op != "get_attr" or in_place:
            continue
        value = node.target(_attribute(graph, source.target), *node.args[1:], **node.kwargs)
        name = next(name for name in (f"_moved{at}" for at in count()) if not hasattr(graph, name))
        graph.register_buffer(name, value.detach().clone())
        with graph.graph.inserting_before(node):
            moved = graph.graph.get_attr(name)
        moved.meta = dict(node.meta)
        node.replace_all_uses_with(moved)
        graph.graph.erase_node(node)
        if not source.users:
            graph.graph.erase_node(source)
            delattr(graph, source.target)


def _attribute(graph: GraphModule, name: str) -> torch.Tensor:
    value: torch.Tensor = operator.attrgetter(name)(graph)
    return value


def _multiply_by_reciprocals(graph: GraphModule) -> None:
    """Replace division by a number by one multiplication: on CUDA it is eight instructions. At most one unit in the last place off."""
    for node in _find_calls(graph, aten.div.Tensor):
        dividend, divisor = node.args
        if isinstance(divisor, (int, float)) and divisor and dividend.meta["val"].dtype.is_floating_point:
            node.target, node.args = aten.mul.Tensor, (dividend, 1 / divisor)


def _skip_stacks(graph: GraphModule) -> None:
    """Use planes that are stacked and taken apart again, between one operation and the next, as they were before.

    Only their strides change, on which views depend.
    """
    if _find_calls(graph, aten.as_strided.default):
        return
    for node in _find_calls(graph, aten.view.default, aten._unsafe_view.default):
        node.target = aten.reshape.default
    for node in _find_calls(graph, operator.getitem):
        whole, index = node.args
        if whole.target is aten.unbind.int and _is_stack(whole.args[0]):
            stack = whole.args[0]
            if _read_axis(whole, stack) == _read_axis(stack, stack):
                node.replace_all_uses_with(stack.args[0][index])


def _is_stack(node: AnyNode) -> bool:
    return isinstance(node, Node) and node.target is aten.stack.default


def _read_axis(node: AnyNode, of: AnyNode) -> int:
    """Read the axis that stack and unbind take as their second argument, counted from the first."""
    axis: int = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
    return axis % int(of.meta["val"].ndim)


# ---------------------------------------------------------------- results written where they belong


def _fill_buffers(graph: GraphModule, results: list[AnyNode]) -> list[ResultBuffer]:
    """Let the graph write its results into memory that it is given, instead of returning them."""
    end = _find_output(graph)
    last = graph.graph.find_nodes(op="placeholder")[-1]
    buffers: list[ResultBuffer] = []
    names = (f"part{at}" for at in count())
    for result in results:
        planes, order = _find_planes(result)
        buffer = ResultBuffer(torch.empty_like(result.meta["val"]), order)
        buffers.append(buffer)
        for plane in planes:
            with graph.graph.inserting_after(last):
                last = graph.graph.placeholder(next(names))
            with graph.graph.inserting_before(end):
                graph.graph.call_function(*_choose_write(last, plane))
    end.args = ((),)
    return buffers


def _choose_write(part: AnyNode, plane: AnyNode) -> tuple[AnyNode, tuple[AnyNode, ...]]:
    """Choose the operation that puts a plane into a part of a result, and its arguments: the plane's own if it can."""
    passes = torch.ops.aikit
    if hasattr(passes, "resample") and isinstance(plane, Node) and plane.target is passes.resample.default:
        return passes.resample_into.default, (part, *plane.args)
    return aten.copy_.default, (part, plane)


def _find_planes(result: AnyNode) -> tuple[list[AnyNode], tuple[int, ...] | None]:
    """Find the planes that a result is a stack of, and the axes of the result, theirs first; or the result as a whole.

    On CUDA the compiler would otherwise work out every plane for every plane.
    """
    if not _is_stack(result):
        return [result], None
    axis, rank = _read_axis(result, result), result.meta["val"].ndim
    return list(result.args[0]), (axis, *(other for other in range(rank) if other != axis))
