"""Models for the service: aikit serve --models examples/web_models.py; the two web servers beside it load this file.

POST /v1/models/digit     a picture: which digit it shows, says a network of random weights, and when it said so
POST /v1/models/words     {"text": "..."}: how many words, how many of them different, and the longest
POST /v1/models/cut-out   a picture: the same without its white background
POST /v1/models/twice     a picture: twice as large, the edges sharpened
"""

from datetime import UTC, datetime

import torch
from PIL import Image
from pydantic import BaseModel

import aikit
from aikit.serve import model


class Digit(BaseModel):
    """What a classifier answers."""

    digit: int
    scores: list[float]
    said: datetime


class Text(BaseModel):
    """What a model of texts is asked."""

    text: str


def load_network() -> torch.nn.Module:
    """A network as one would read it from a file; here of random weights, the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [
            torch.nn.Conv2d(1, 8, 5, stride=2),
            torch.nn.ReLU(),
            torch.nn.Flatten(),
            torch.nn.Linear(8 * 12 * 12, 10),
        ]
    return torch.nn.Sequential(*layers).eval()


@model(
    "digit",
    kind="tensor",
    recipe="flatten background=white; resize width=28 height=28",
    load=load_network,
    response=Digit,
)
def read_digits(images: list[torch.Tensor], network: torch.nn.Module) -> list[Digit]:
    """Which digit a picture shows."""
    batch = torch.stack([aikit.rgb_to_gray(image) if len(image) == 3 else image for image in images])
    with torch.inference_mode():
        scores = network(batch).softmax(dim=1)
    now = datetime.now(UTC)
    return [Digit(digit=int(each.argmax()), scores=each.tolist(), said=now) for each in scores]


@model("words", request=Text)
def count_words(items: list[Text]) -> list[dict[str, object]]:
    """How many words a text has, and which is the longest."""
    lists = [item.text.split() for item in items]
    return [
        {"words": len(each), "different": len(set(each)), "longest": max(each, key=len, default="")} for each in lists
    ]


@model("cut-out", recipe="make_transparent color=white tolerance=0.05 feather=0.2")
def cut_out(images: list[Image.Image]) -> list[Image.Image]:
    """A picture without its white background."""
    return images


@model("twice")
def enlarge(images: list[Image.Image]) -> list[Image.Image]:
    """A picture, twice as large."""
    return [aikit.upsample(image, 2, sharpen=0.5) for image in images]
