"""Super-resolution networks, through spandrel: loaded safely, run tile by tile."""

from __future__ import annotations

import os
import pickle
import threading
from enum import Enum
from itertools import product
from types import ModuleType
from typing import Protocol, Self

import numpy as np
import torch

from .._adapters.torch import full_precision
from .._pixels import Namespace, Plane, Planes
from ..alpha.premultiplied import NO_ALPHA, clip_alpha, split_alpha_plane
from ..errors import (
    AikitError,
    FileAccessError,
    FileFormatError,
    InputTypeError,
    InputValueError,
    MissingDependencyError,
    quoted,
)
from .gaussian import blur_plane
from .passes import Resizing, resample_plane, run_premultiplied

# Pixels a side that a tile adds to the result, and what it sees beyond: large networks look about this far.
_TILE = 256
_OVERLAP = 32

# How far visible color is carried under transparency, so that the network sees no hidden one.
_CARRY = 4.0

_ONE_AT_A_TIME = threading.Lock()


class Network(Protocol):
    """A super-resolution network as spandrel describes it."""

    input_channels: int
    output_channels: int
    scale: int

    @property
    def tiling(self) -> Enum:
        """Whether it works tile by tile itself."""

    @property
    def device(self) -> torch.device:
        """Where it lies."""

    @property
    def dtype(self) -> torch.dtype:
        """What it computes in."""

    def to(self, device: torch.device, /) -> Self:
        """Move it."""

    def __call__(self, image: torch.Tensor, /) -> torch.Tensor:
        """Make one picture (N, C, H, W) of another."""


# ---------------------------------------------------------------- loading


def open_network(model: object, device: torch.device | None) -> Network:
    """Open the network of a checkpoint on a device, or take the one given; refuse one that makes no picture of a picture."""
    try:
        import spandrel
    except ImportError as error:
        raise MissingDependencyError(
            "model",
            "the package spandrel for a super-resolution network",
            "none installed",
            "run: pip install spandrel",
        ) from error
    if isinstance(model, spandrel.ModelBase):
        network, name = model, type(model.model).__name__
    elif isinstance(model, (str, os.PathLike)) and os.fspath(model):
        network, name = _load(spandrel, os.fspath(model)), repr(os.fspath(model))
        network = network.to(device or torch.device("cpu"))
    else:
        raise InputTypeError(
            "model", "the path of a checkpoint or a network of spandrel", type(model).__name__, "pass one"
        )
    if not isinstance(network, spandrel.ImageModelDescriptor):
        raise InputValueError("model", "a super-resolution network", f"{name} for inpainting", "pass another")
    if (network.input_channels, network.output_channels) not in ((1, 1), (3, 3)):
        raise InputValueError(
            "model",
            "a network from gray to gray or RGB to RGB",
            f"{name} from {network.input_channels} to {network.output_channels} channels",
            "pass another",
        )
    found: Network = network
    return found


def _load(spandrel: ModuleType, path: str) -> Network:
    """Load a network from a file that may not run code: weights only."""
    try:
        state = spandrel.canonicalize_state_dict(_weights(path))
        network: Network = spandrel.ModelLoader().load_from_state_dict(state)
        return network
    except (AikitError, MemoryError):
        raise
    except OSError as error:
        raise FileAccessError(
            str(path),
            "a checkpoint that can be opened",
            str(error.strerror or error),
            "check the path",
            errno=error.errno,
            filename=path,
        ) from error
    except spandrel.UnsupportedModelError as error:
        raise FileFormatError(
            str(path),
            "the weights of a network that spandrel knows",
            "others",
            "pass another checkpoint",
            code="unsupported_format",
        ) from error
    except pickle.UnpicklingError as error:
        raise FileFormatError(
            str(path),
            "weights alone",
            "objects that would have to be run",
            "save the state dict only",
            code="unsupported_format",
        ) from error
    except Exception as error:  # damaged checkpoints raise whatever their damage leads to
        raise FileFormatError(
            str(path), "a checkpoint that can be read", quoted(str(error)[:200]), "check how it was written"
        ) from error


def _weights(path: str) -> object:
    if path.lower().endswith(".safetensors"):
        from safetensors.torch import load_file

        with open(path, "rb"):  # safetensors says less about what went wrong
            pass
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


# ---------------------------------------------------------------- running


def enlarge(network: Network, how: Resizing, xp: Namespace, *planes: Plane) -> Planes:
    """Put planes through a network, then to the size wanted; alpha by the kernel alone."""
    color, alpha = split_alpha_plane(planes)
    if alpha is not None:
        alpha = clip_alpha(xp, alpha)
        smooth = run_premultiplied(xp, planes, lambda plane: blur_plane(xp, plane, _CARRY))
        color = [xp.where(alpha > NO_ALPHA, plane, soft) for plane, soft in zip(color, smooth[:-1], strict=True)]
    color = [resample_plane(xp, plane, how) for plane in _run_network(network, xp, color)]
    if alpha is None:
        return color
    alpha = clip_alpha(xp, resample_plane(xp, alpha, how))
    return [*(xp.where(alpha > NO_ALPHA, plane, 0.0) for plane in color), alpha]


def _run_network(network: Network, xp: Namespace, color: Planes) -> Planes:
    """Put color planes through a network: as (pictures, channels, H, W), gray to three channels where it wants them."""
    tensors = [
        torch.from_numpy(np.ascontiguousarray(plane)) if xp.__name__ == "numpy" else plane.detach() for plane in color
    ]
    first = tensors[0]
    pictures = torch.stack(tensors, -3).reshape(-1, len(color), *first.shape[-2:])
    if network.input_channels == 1:
        pictures = pictures.reshape(-1, 1, *first.shape[-2:])
    elif len(color) == 1:
        pictures = pictures.expand(-1, 3, -1, -1)
    # Pictures come in threads; one after the other they need the memory of one.
    with _ONE_AT_A_TIME, torch.no_grad(), full_precision(network.device):
        large = torch.stack([run_tiles(network, picture[None])[0] for picture in pictures])
    if len(color) == 1:
        large = large.mean(1, keepdim=True)
    large = large.reshape(*first.shape[:-2], len(color), *large.shape[-2:]).to(first.device, first.dtype)
    planes = list(large.unbind(-3))
    return [plane.numpy() for plane in planes] if xp.__name__ == "numpy" else planes


def run_tiles(network: Network, picture: torch.Tensor, *, tile: int = _TILE) -> torch.Tensor:
    """Put one picture through a network, in tiles that overlap, so that memory stays the same and no seam shows.

    Only the result waits in memory, where the picture is. Networks that tile by themselves see the whole picture.
    """
    height, width = picture.shape[-2:]
    scale = network.scale
    if network.tiling.name == "INTERNAL":
        tile = max(height, width)
    result = torch.empty(*picture.shape[:-2], height * scale, width * scale, device=picture.device)
    for top, left in product(range(0, height, tile), range(0, width, tile)):
        bottom, right = min(top + tile, height), min(left + tile, width)
        above, before = max(0, top - _OVERLAP), max(0, left - _OVERLAP)
        seen = picture[..., above : bottom + _OVERLAP, before : right + _OVERLAP]
        large = network(seen.clamp(0, 1).to(network.device, network.dtype))
        inside = large[
            ...,
            (top - above) * scale : (bottom - above) * scale,
            (left - before) * scale : (right - before) * scale,
        ]
        result[..., top * scale : bottom * scale, left * scale : right * scale] = inside.to(result)
    return result
