"""Operations as users register them, in a module that child processes can import."""

from typing import Annotated, Any, Literal

import numpy as np

import aikit
from aikit.operations import Within


@aikit.operation
def fade(image, *, amount: Annotated[float, Within(0, 1)] = 0.5, towards: Literal["white", "black"] = "white"):
    """Make a picture paler, or darker.

    Args:
        image: any image.
        amount: how much of the color is lost,
            from 0 to 1.
        towards: where to.
    """
    planes = aikit.to_numpy(image, dtype="float32")
    faded = planes * (1 - amount) + (amount if towards == "white" else 0)
    return aikit.to_pil(faded) if hasattr(image, "getpixel") else faded


@aikit.operation(changes_size=True, matrix=lambda image, keywords: np.diag([1.0, keywords["times"], 1]))
def repeat_rows(image, *, times: Annotated[int, Within(1, 1000)]):
    """Repeat every row."""
    repeated = np.repeat(aikit.to_numpy(image), times, axis=0)
    return aikit.to_pil(repeated) if hasattr(image, "getpixel") else repeated


@aikit.operation
def stamp(image, *, text: str = "", more: Any = 0):
    """Leave a picture as it is, whatever one says."""
    return image
