"""Places in the picture as it is seen, and in the rows and columns that its file has."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from .._metadata.orientation import orientation_of_image

__all__ = ["stored_rows"]

Array: TypeAlias = np.ndarray[Any, Any]


def stored_rows(image: object, size: tuple[int, int]) -> tuple[Array, tuple[int, int]]:
    """From an upright picture of this (height, width) to its stored rows and columns: the matrix, and their number.

    They differ where a PIL image has an orientation.
    """
    from PIL import Image

    orientation = orientation_of_image(image) if isinstance(image, Image.Image) else 1
    height, width = size
    # Exif 3.0, tag 274: where the stored first row and column are in the picture as it is seen.
    turns = {
        1: ((1, 0, 0), (0, 1, 0)), 2: ((-1, 0, width), (0, 1, 0)), 3: ((-1, 0, width), (0, -1, height)),
        4: ((1, 0, 0), (0, -1, height)), 5: ((0, 1, 0), (1, 0, 0)), 6: ((0, 1, 0), (-1, 0, width)),
        7: ((0, -1, height), (-1, 0, width)), 8: ((0, -1, height), (1, 0, 0)),
    }  # fmt: skip
    return np.array([*turns[orientation], (0, 0, 1)], float), size if orientation < 5 else (width, height)
