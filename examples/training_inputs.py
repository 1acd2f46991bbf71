"""Files of all kinds into a network: python examples/training_inputs.py [out.jpg] [workers of the DataLoader]."""

import sys
import tempfile
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

import aikit
from aikit.transforms import Apply

CLASSES = ("disc", "box")
SIDE = 32


def draw_data_set(folder: Path, count: int) -> None:
    """Pictures as people send them: RGBA, palette with transparency, gray, JPEG, each of another size."""
    generator = torch.Generator().manual_seed(1)

    def pick(low: int, high: int) -> int:
        return int(torch.randint(low, high, (), generator=generator))

    for index in range(count):
        label = CLASSES[index % 2]
        width, height, color = pick(40, 72), pick(40, 72), tuple(pick(0, 170) for _ in range(3))
        image = Image.new("RGBA", (width, height), (0, 0, 0, 0))
        left, top, size = pick(2, width - 34), pick(2, height - 34), pick(22, 32)
        draw = ImageDraw.Draw(image)
        (draw.ellipse if label == "disc" else draw.rectangle)((left, top, left + size, top + size), fill=color)
        forms = (image, image.quantize(8), image.convert("LA"), aikit.flatten(image, background="white"))
        form, suffix = forms[index // 2 % 4], ("png", "png", "webp", "jpg")[index // 2 % 4]
        aikit.write(form, folder / f"{label}-{index:03}.{suffix}")


class Pictures(Dataset):
    """Every file of a folder, read where it is used: in a worker of the DataLoader, if there are any."""

    def __init__(self, folder: Path, steps: v2.Compose) -> None:
        self.paths = sorted(folder.iterdir())
        self.steps = steps

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        path = self.paths[index]
        return self.steps(aikit.read_pil(path), CLASSES.index(path.name.partition("-")[0]))


def collate(samples: list[tuple[Image.Image, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """One batch of codes: a quarter of the bytes that floats would be on their way to the device."""
    images, labels = zip(*samples, strict=True)
    return aikit.stack(images, channels="rgb", dtype="uint8", device="cpu"), torch.tensor(labels)


def network() -> torch.nn.Module:
    """Two convolutions, the strongest answer of each channel, and a linear layer."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 5, stride=2, padding=2),
        torch.nn.ReLU(),
        torch.nn.Conv2d(16, 32, 5, stride=2, padding=2),
        torch.nn.ReLU(),
        torch.nn.AdaptiveMaxPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(32, len(CLASSES)),
    )


def train(folder: Path, workers: int) -> Image.Image:
    """Twelve rounds over the files; gives a sheet of the last batch with what the network says of it."""
    torch.manual_seed(0)
    steps = v2.Compose(
        [
            Apply(aikit.flatten, background="white"),  # hidden colors must not reach the network
            Apply(aikit.resize, height=SIDE, width=SIDE),
            v2.RandomHorizontalFlip(),
        ]
    )
    # A fork of a process in which torch has computed can hang: workers start anew.
    context = "spawn" if workers else None
    batches = DataLoader(
        Pictures(folder, steps),
        batch_size=16,
        shuffle=True,
        collate_fn=collate,
        num_workers=workers,
        multiprocessing_context=context,
        persistent_workers=workers > 0,
    )
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for round_ in range(12):
        losses = []
        for images, labels in batches:
            scores = model(aikit.normalize(images, mean="imagenet", std="imagenet"))
            loss = torch.nn.functional.cross_entropy(scores, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"round {round_ + 1}: loss {sum(losses) / len(losses):.3f}")

    with torch.no_grad():
        found = model(aikit.normalize(images, mean="imagenet", std="imagenet")).argmax(1)
    print(f"right in the last batch: {(found == labels).sum()} of {len(labels)}")
    large = aikit.resize(images, scale=4, method="nearest")
    return aikit.show(*aikit.unstack(large), titles=[CLASSES[index] for index in found], columns=4)


if __name__ == "__main__":
    target = sys.argv[1] if len(sys.argv) > 1 else "training_inputs.jpg"
    with tempfile.TemporaryDirectory() as name:
        draw_data_set(Path(name), 64)
        sheet = train(Path(name), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    aikit.write(sheet, target)
    print(f"wrote {target}")
