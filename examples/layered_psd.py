"""Generated layers to a Photoshop document and back: python examples/layered_psd.py [out.psd] [out.png]."""

import sys

import torch

import aikit

HEIGHT, WIDTH = 180, 280
ROW, COLUMN = torch.meshgrid(torch.linspace(0, 1, HEIGHT), torch.linspace(0, 1, WIDTH), indexing="ij")


def layer(color: tuple[float, float, float], alpha: torch.Tensor, *, shade: torch.Tensor | float = 1.0) -> torch.Tensor:
    """What a network that generates layers gives: float32 RGBA, channels first."""
    planes = [part * shade * torch.ones_like(alpha) for part in color]
    return torch.stack([*planes, alpha.clamp(0, 1)])


def ridge(height: float, waves: float, phase: float) -> torch.Tensor:
    """Opaque below a line of hills."""
    line = height + 0.06 * torch.sin(waves * COLUMN + phase) + 0.03 * torch.sin(2.7 * waves * COLUMN)
    return (ROW - line) * HEIGHT


def haze() -> torch.Tensor:
    """Smooth noise, thickest where the valley is."""
    noise = aikit.blur(torch.rand(1, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(3)), sigma=14)[0]
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    return noise * torch.exp(-(((ROW - 0.62) / 0.16) ** 2))


generated = {
    "Sky": layer((0.98, 0.72, 0.50), torch.ones_like(ROW), shade=0.45 + 0.55 * ROW),
    "Sun": layer((1.0, 0.85, 0.55), torch.exp(-12 * torch.hypot((COLUMN - 0.68) * 1.5, ROW - 0.42) ** 1.5)),
    "Far hills": layer((0.42, 0.36, 0.50), ridge(0.55, 7, 0.4)),
    "Mist": layer((1.0, 0.95, 0.90), haze()),
    "Near hills": layer((0.16, 0.20, 0.22), ridge(0.78, 5, 2.0)),
    "Warm light": layer((1.0, 0.62, 0.30), 1 - ROW * 0.8),
}
target = sys.argv[1] if len(sys.argv) > 1 else "layers.psd"
picture = sys.argv[2] if len(sys.argv) > 2 else "layered_psd.png"

# Eight bits, as most documents have; floats would make one of 16.
codes = [aikit.to_tensor(image, dtype="uint8") for image in generated.values()]
document = aikit.psd.psd_from_layers(codes, names=list(generated))
document["Sun"].blend_mode = "screen"
document["Mist"].opacity = 0.8
document["Warm light"].blend_mode = "soft_light"
document["Warm light"].opacity = 0.6
document.add_group("Land", layers=[document["Far hills"], document["Mist"], document["Near hills"]])
document.write(target)

again = aikit.open_psd(target)
for each in again.walk():
    print(f"{each.path}: {each.kind}, {each.blend_mode}, opacity {each.opacity:.2f}")
back = {each.name: each.render(canvas=True) for each in again.walk() if each.kind == "pixel"}
wrong = [name for name, image in zip(generated, codes, strict=True) if (back[name] != aikit.to_numpy(image)).any()]
print(f"layers that did not come back code for code: {wrong or 'none'}")

aikit.write(again.render(), picture)
print(f"wrote {picture}")
