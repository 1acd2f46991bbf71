"""A batch of tensors to a web page: python examples/tensor_to_web.py [page.html]."""

import sys
from pathlib import Path

import torch

import aikit

target = Path(sys.argv[1] if len(sys.argv) > 1 else "batch.html")

# What a network gives: float32, N x C x H x W, some values a little outside [0, 1].
row, column = torch.linspace(-0.05, 1.05, 80)[:, None], torch.linspace(0, 1, 120)
batch = torch.stack(
    [torch.stack([row + 0 * column, column + 0 * row, shade + 0 * row * column]) for shade in (0.2, 0.8)]
)

urls = [aikit.files.to_data_url(image) for image in batch]
target.write_text("\n".join(f'<img src="{url}" alt="picture {index}">' for index, url in enumerate(urls)), "utf-8")

back = torch.stack([aikit.read_tensor(aikit.files.from_data_url(url)) for url in urls])
print(
    f"largest difference after the way to the page and back: {(back - batch.clamp(0, 1)).abs().max() * 255:.2f} codes of 255"
)
print(f"wrote {target}")
