"""Many pictures at once: into one batch, out of it again, and normalized."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import aikit

from ..pictures import noise, pil
from ..timing import Contest, Goal, faster, not_slower, sets_for
from .registry import if_installed, job, size_at

_COUNT, _SIDE = 32, 512
_K = 1 / 255
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _sizes(scale: float) -> tuple[int, int, int]:
    """Side of a picture, bytes read as codes and written as floats (or the other way), sets of buffers."""
    side = max(8, round(_SIDE * scale))
    moved = _COUNT * side * side * (3 + 12)
    return side, moved, sets_for(moved)


def _floats(side: int, seed: int) -> torch.Tensor:
    return torch.rand(_COUNT, 3, side, side, generator=torch.Generator().manual_seed(seed))


@job(
    "batch of 32 uint8 HWC arrays to float32 NCHW, 512x512",
    Goal("aikit stack(out=)", 3),
    why={
        "torch out[i].copy_(permute).mul_(k)": "Torch splits each picture among its threads; ours gives each thread pictures."
    },
)
def stack_arrays(scale: float) -> Contest:
    side, moved, sets = _sizes(scale)
    batches = [np.stack([noise(side, side, 3, 99 * at + seed) for seed in range(_COUNT)]) for at in range(sets)]
    outs = [torch.ones(_COUNT, 3, side, side) for _ in range(sets)]

    def picture_by_picture(at: int) -> Any:
        for codes, floats in zip(torch.from_numpy(batches[at]), outs[at], strict=True):
            floats.copy_(codes.permute(2, 0, 1)).mul_(_K)
        return outs[at]

    return Contest(
        {
            "aikit stack(out=)": lambda at: aikit.stack(list(batches[at]), out=outs[at]),
            "aikit stack": lambda at: aikit.stack(list(batches[at]), device="cpu"),
            "torch out[i].copy_(permute).mul_(k)": picture_by_picture,
            "torch permute.contiguous().float()/255": lambda at: (
                torch.from_numpy(batches[at]).permute(0, 3, 1, 2).contiguous().float() / 255
            ),
        },
        moved,
        sets,
        tolerance=1e-6,
        rivals={"torch permute.contiguous().float()/255": "aikit stack"},
    )


@job(
    "batch of 32 PIL pictures to float32 NCHW, 512x512",
    faster("aikit stack(out=)", 3, "torchvision to_tensor, torch.stack"),
    faster("aikit stack", 3, "torchvision to_tensor, torch.stack"),
    why={
        "torchvision to_tensor, torch.stack": "Fresh memory costs both more than the arithmetic; `out=` does not pay for it.",
        "diffusers pil_to_numpy, numpy_to_pt": "Its result is a view of NHWC memory: the channels have not been moved.",
    },
)
def stack_pictures(scale: float) -> Contest:
    import torchvision.transforms.functional as v1

    side, moved, sets = _sizes(scale)
    pictures = [[pil(noise(side, side, 3, 99 * at + seed)) for seed in range(_COUNT)] for at in range(sets)]
    outs = [torch.ones(_COUNT, 3, side, side) for _ in range(sets)]

    def diffusers(at: int) -> Any:
        from diffusers.image_processor import VaeImageProcessor

        return VaeImageProcessor.numpy_to_pt(VaeImageProcessor.pil_to_numpy(pictures[at]))

    return Contest(
        {
            "aikit stack(out=)": lambda at: aikit.stack(pictures[at], out=outs[at]),
            "aikit stack": lambda at: aikit.stack(pictures[at], device="cpu"),
            "torchvision to_tensor, torch.stack": lambda at: torch.stack([v1.to_tensor(each) for each in pictures[at]]),
            "torchvision to_tensor, torch.stack(out=)": lambda at: torch.stack(
                [v1.to_tensor(each) for each in pictures[at]], out=outs[at]
            ),
            **if_installed("diffusers", lambda: {"diffusers pil_to_numpy, numpy_to_pt": diffusers}),
        },
        moved,
        sets,
        tolerance=1e-6,
        rivals={
            "torchvision to_tensor, torch.stack": "aikit stack",
            "diffusers pil_to_numpy, numpy_to_pt": "aikit stack",
        },
    )


@job(
    "batch of 32 PIL pictures to float32 NCHW in [-1, 1], 512x512",
    faster("aikit normalize(stack)", 3, "diffusers VaeImageProcessor.preprocess"),
)
def to_latent_range(scale: float) -> Contest:
    from diffusers.image_processor import VaeImageProcessor

    side, moved, sets = _sizes(scale)
    side = side // 8 * 8
    pictures = [[pil(noise(side, side, 3, 99 * at + seed)) for seed in range(_COUNT)] for at in range(sets)]
    processor = VaeImageProcessor()

    def ours(at: int) -> Any:
        batch = aikit.stack(pictures[at], device="cpu")
        return aikit.normalize(batch, mean=0.5, std=0.5, out=batch)

    return Contest(
        {
            "aikit normalize(stack)": ours,
            "diffusers VaeImageProcessor.preprocess": lambda at: processor.preprocess(pictures[at]),
        },
        moved,
        sets,
        tolerance=1e-6,
    )


@job(
    "batch of float32 NCHW in [-1, 1] to 32 PIL pictures, 512x512",
    faster("aikit to_pil(value_range=) of each", 3, "diffusers VaeImageProcessor.postprocess"),
)
def from_latent_range(scale: float) -> Contest:
    from diffusers.image_processor import VaeImageProcessor

    side, moved, sets = _sizes(scale)
    batches = [_floats(side, seed) * 2 - 1 for seed in range(sets)]
    processor = VaeImageProcessor()
    return Contest(
        {
            "aikit to_pil(value_range=) of each": lambda at: [
                aikit.to_pil(each, value_range=(-1, 1), dtype="uint8") for each in batches[at]
            ],
            "diffusers VaeImageProcessor.postprocess": lambda at: processor.postprocess(batches[at]),
        },
        moved,
        sets,
        tolerance=1,
    )


@job("batch of float32 NCHW to 32 uint8 HWC arrays, 512x512", Goal("aikit unstack", 3), Goal("aikit unstack(out=)", 3))
def unstack(scale: float) -> Contest:
    side, moved, sets = _sizes(scale)
    batches = [_floats(side, seed) for seed in range(sets)]
    outs = [np.ones((_COUNT, side, side, 3), np.uint8) for _ in range(sets)]

    def diffusers_style(at: int) -> Any:
        return list((batches[at].permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8))

    return Contest(
        {
            "aikit unstack": lambda at: aikit.unstack(batches[at]),
            "aikit unstack(out=)": lambda at: aikit.unstack(batches[at], out=outs[at]),
            "NumPy (x * 255).round().astype, as in diffusers": diffusers_style,
        },
        moved,
        sets,
    )


@job(
    "normalize a batch of uint8 NCHW, 32x512x512",
    Goal("aikit normalize(out=)", 3),
    faster("aikit normalize", 2, "torchvision v2 to_dtype, normalize"),
    why={
        "torchvision v2 to_dtype, normalize": "Fresh memory costs both more than the arithmetic; `out=` does not pay for it."
    },
)
def normalize_codes(scale: float) -> Contest:
    from torchvision.transforms.v2 import functional as v2

    side, moved, sets = _sizes(scale)
    batches = [torch.from_numpy(noise(_COUNT * side, side, 3, at)).view(_COUNT, 3, side, side) for at in range(sets)]
    outs = [torch.ones(_COUNT, 3, side, side) for _ in range(sets)]
    return Contest(
        {
            "aikit normalize(out=)": lambda at: aikit.normalize(batches[at], mean=_MEAN, std=_STD, out=outs[at]),
            "aikit normalize": lambda at: aikit.normalize(batches[at], mean=_MEAN, std=_STD),
            "torchvision v2 to_dtype, normalize": lambda at: v2.normalize(
                v2.to_dtype(batches[at], torch.float32, scale=True), _MEAN, _STD
            ),
        },
        moved,
        sets,
        tolerance=1e-6,
        rivals={"torchvision v2 to_dtype, normalize": "aikit normalize"},
    )


@job(
    "normalize a batch of float32 NCHW, 32x512x512",
    Goal("aikit normalize(out=)", 3),
    not_slower("aikit normalize", "torchvision normalize"),
)
def normalize_floats(scale: float) -> Contest:
    import torchvision.transforms.functional as v1

    side, _, _ = _sizes(scale)
    moved = _COUNT * side * side * 24
    sets = sets_for(moved)
    batches = [_floats(side, seed) for seed in range(sets)]
    outs = [torch.ones(_COUNT, 3, side, side) for _ in range(sets)]
    return Contest(
        {
            "aikit normalize(out=)": lambda at: aikit.normalize(batches[at], mean=_MEAN, std=_STD, out=outs[at]),
            "aikit normalize": lambda at: aikit.normalize(batches[at], mean=_MEAN, std=_STD),
            "torchvision normalize": lambda at: v1.normalize(batches[at], list(_MEAN), list(_STD)),
        },
        moved,
        sets,
        tolerance=1e-6,
        rivals={"torchvision normalize": "aikit normalize"},
    )


@job("batch of 32, uint8 NHWC to float32 NCHW, 512x512")
def batch_to_float(scale: float) -> Contest:
    import torchvision.transforms.functional as v1

    height, width = size_at(scale, 512, 512)
    count = max(2, round(32 * scale))
    moved = count * height * width * (3 + 12)
    sets = sets_for(moved)
    arrays = [noise(count * height, width, 3, seed).reshape(count, height, width, 3) for seed in range(sets)]
    outs = [torch.ones(count, 3, height, width) for _ in range(sets)]
    return Contest(
        {
            "aikit to_tensor(out=)": lambda at: aikit.to_tensor(arrays[at], out=outs[at]),
            "aikit to_tensor": lambda at: aikit.to_tensor(arrays[at]),
            "torchvision to_tensor in a loop, stack": lambda at: torch.stack([v1.to_tensor(one) for one in arrays[at]]),
            "torch out.copy_(permute).mul_(k)": lambda at: (
                outs[at].copy_(torch.from_numpy(arrays[at]).permute(0, 3, 1, 2)).mul_(_K)
            ),
            "torch permute.contiguous().float().div_(255)": lambda at: (
                torch.from_numpy(arrays[at]).permute(0, 3, 1, 2).contiguous().float().div_(255)
            ),
        },
        moved,
        sets,
        tolerance=1e-6,
        rivals={
            "torchvision to_tensor in a loop, stack": "aikit to_tensor",
            "torch permute.contiguous().float().div_(255)": "aikit to_tensor",
        },
    )


@job("batch of 32, float32 NCHW to uint8 NHWC, 512x512")
def batch_to_codes(scale: float) -> Contest:
    import torchvision.transforms.functional as v1

    height, width = size_at(scale, 512, 512)
    count = max(2, round(32 * scale))
    moved = count * height * width * (3 + 12)
    sets = sets_for(moved)
    tensors = [torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(n)) for n in range(sets)]
    outs = [np.ones((count, height, width, 3), np.uint8) for _ in range(sets)]

    def whole(at: int) -> Any:
        codes = tensors[at].mul(255).round_().clamp_(0, 255).to(torch.uint8)
        return codes.permute(0, 2, 3, 1).contiguous().numpy()

    return Contest(
        {
            "aikit to_numpy(out=)": lambda at: aikit.to_numpy(tensors[at], dtype="uint8", out=outs[at]),
            "aikit to_numpy": lambda at: aikit.to_numpy(tensors[at], dtype="uint8"),
            "torchvision to_pil_image in a loop, stack": lambda at: np.stack(
                [np.asarray(v1.to_pil_image(one)) for one in tensors[at]]
            ),
            "torch mul, round, clamp, to, permute": whole,
        },
        moved,
        sets,
        loose={"torchvision to_pil_image in a loop, stack": 1},
        rivals=dict.fromkeys(
            ["torchvision to_pil_image in a loop, stack", "torch mul, round, clamp, to, permute"], "aikit to_numpy"
        ),
    )
