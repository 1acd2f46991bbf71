"""Many images at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import aikit

from ..pictures import noise
from ..timing import Contest, sets_for
from .registry import job, size_at

K = 1 / 255


# ---------------------------------------------------------------- batches


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
                outs[at].copy_(torch.from_numpy(arrays[at]).permute(0, 3, 1, 2)).mul_(K)
            ),
            "torch permute.contiguous().float().div_(255)": lambda at: (
                torch.from_numpy(arrays[at]).permute(0, 3, 1, 2).contiguous().float().div_(255)
            ),
        },
        moved,
        sets,
        tolerance=1e-6,
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
    )
