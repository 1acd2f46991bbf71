"""What callers name beside an image: a dtype, and the layout of an array or a tensor."""

from __future__ import annotations

from typing import Literal, cast

from ..errors import InputTypeError, InputValueError, quoted
from ..types import DTypeLike

__all__ = ["Layout", "dtype_name"]

Layout = Literal["HWC", "CHW"]


def dtype_name(dtype: DTypeLike | None, allowed: tuple[str, ...], default: str | None) -> str | None:
    """Find the plain name of a dtype given as a name, a NumPy or a torch dtype; None where it stands for the default."""
    # Only strings are compared: NumPy says that np.dtype("float64") equals None.
    if dtype is None or (isinstance(dtype, str) and dtype == default):
        return None
    if isinstance(dtype, str):
        name = dtype
    elif type(dtype).__module__ == "torch":
        name = str(dtype).removeprefix("torch.")
    else:
        import numpy as np

        try:
            name = np.dtype(cast("type[np.generic]", dtype)).name  # what it does not know it refuses
        except (TypeError, ValueError) as error:
            raise InputTypeError("dtype", f"one of {', '.join(allowed)}", quoted(dtype), "pass a name") from error
    if name not in allowed:
        raise InputValueError("dtype", f"one of {', '.join(allowed)}", quoted(name), "pass one of these")
    return name
