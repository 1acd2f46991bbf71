"""Two networks in the memory of one: python examples/model_pool.py [photo.jpg] [out.jpg]."""

import sys

import torch
from skimage import data

import aikit

RADIUS = 24


class Filter(torch.nn.Module):
    """One large convolution for each channel: stands for a network of some size, and does something one can see."""

    def __init__(self, kernel: torch.Tensor) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(kernel.expand(3, 1, -1, -1).clone(), requires_grad=False)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        padded = torch.nn.functional.pad(batch, (RADIUS,) * 4, mode="reflect")
        return torch.nn.functional.conv2d(padded, self.weight, groups=3)


def disc() -> torch.Tensor:
    """Weights of 1 in a disc: how a lens blurs."""
    offset = torch.arange(-RADIUS, RADIUS + 1.0)
    return (torch.hypot(*torch.meshgrid(offset, offset, indexing="ij")) < 7).float()


def soften() -> Filter:
    """A lens out of focus."""
    print("loading soften")
    return Filter(disc() / disc().sum())


def sharpen() -> Filter:
    """What a lens took away, added again."""
    print("loading sharpen")
    kernel = -0.8 * disc() / disc().sum()
    kernel[RADIUS, RADIUS] += 1.8
    return Filter(kernel)


photo = aikit.read_numpy(sys.argv[1]) if len(sys.argv) > 1 else data.chelsea()
target = sys.argv[2] if len(sys.argv) > 2 else "model_pool.jpg"
batch = aikit.stack([photo], channels="rgb", device="cpu")

# Either network has 28 KiB of weights; on a GPU the budget would be "20GiB" and the loaders end in .to("cuda").
pool = aikit.memory.ModelPool(budget="40KiB")
pool.add("soften", soften)
pool.add("sharpen", sharpen)

results = {"photo": photo}
for name in ("soften", "sharpen", "sharpen", "soften"):
    with pool.use(name) as network:
        (results[name],) = aikit.unstack(network(batch))
    print(f"used {name}; loaded: {', '.join(pool.loaded)}")
pool.clear()
print(f"loaded at the end: {', '.join(pool.loaded) or 'nothing'}")

aikit.write(aikit.show(*results.values(), titles=list(results), columns=3), target)
print(f"wrote {target}")
