"""Values: the one quantiser, ranges, and powers that a compiler can read."""

from __future__ import annotations

import math

from ..errors import InputValueError
from .kinds import Namespace, Plane


def quantize(xp: Namespace, plane: Plane, top: int) -> Plane:
    """Turn floats in [0, 1] into codes 0..top: clamped, rounded to nearest (ties to even), still floats.

    The definition of float to integer everywhere in aikit. The plane is float32 or wider: 255 and 65535
    steps are exact there, and not in float16 or bfloat16.
    """
    return xp.round(xp.clip(plane, 0, 1) * top)


def rescale(plane: Plane, value_range: tuple[float, float]) -> Plane:
    """Bring floats in [low, high] to [0, 1]."""
    low, high = value_range
    return (plane - low) * (1 / (high - low)) if low else plane * (1 / high)


def no_number() -> InputValueError:
    """Make the error for NaN on its way to integers."""
    return InputValueError(
        "image", "numbers", "NaN, which no integer can hold", "replace it first, for instance with nan_to_num"
    )


def check_bounds(low: float, high: float, dtype: str) -> None:
    """Refuse data from `low` to `high` for a dtype of whole numbers that cannot hold them, NaN among them."""
    import numpy as np

    if math.isnan(low) or math.isnan(high):
        raise no_number()
    least, most = (0, 1) if dtype == "bool" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    for value in (low, high):
        # Floats are rounded first.
        if not least <= (round(value) if math.isfinite(value) else value) <= most:
            raise InputValueError("image", f"data from {least} to {most} for {dtype}", str(value), "pass a wider dtype")


def check_exact(low: int, high: int, mantissa: int, dtype: str) -> None:
    """Refuse whole numbers that floats of so many bits behind the first would round."""
    most = 2 << mantissa
    for value in (low, high):
        if abs(value) > most:
            raise InputValueError("image", f"whole numbers up to {most} for {dtype}", str(value), "pass a wider dtype")


def out_of_range(worst: float, most: float, dtype: str) -> InputValueError:
    """Make the error for data that would become infinite."""
    return InputValueError("image", f"data up to {most:g} for {dtype}", f"{worst:g}", "pass a wider dtype")


def power(xp: Namespace, plane: Plane, exponent: float) -> Plane:
    """Raise a plane of positive numbers to a power."""
    if is_traced(xp, plane):
        return _power_of_traced(xp, plane, exponent)
    if plane.dtype not in (xp.float32, "float32"):
        return plane**exponent
    if exponent == 1 / 3 and hasattr(xp, "cbrt"):
        return xp.cbrt(plane)
    # Half the time of the power that NumPy and torch have, within 5e-7.
    return xp.exp2(xp.log2(plane) * exponent)


def safe(xp: Namespace, sound: Plane, plane: Plane, stand_in: float) -> Plane:
    """Make a plane that a formula can take everywhere: `stand_in` where it is not sound and `where` drops the result.

    Dropped results still have gradients, which must be finite. NumPy has none, and lets anything pass.
    """
    return xp.where(sound, plane, stand_in) if xp.__name__ == "torch" else plane


def _power_of_traced(xp: Namespace, base: Plane, exponent: float) -> Plane:
    """Raise to a power for a compiler, in half the time of `**`, which takes care of bases that none has here."""
    logarithm = xp.log2(base) if base.requires_grad else _log2(xp, base)
    return xp.exp2(logarithm * exponent)


# log2(1 + f) / f, interpolated at the 9 Chebyshev points of f from sqrt(1/2) - 1 to sqrt(2) - 1: 6e-8 off in float32.
_LOG2 = (
    1.442695004, -0.721347468, 0.480910753, -0.360693268, 0.287903261, -0.239169881, 0.216078226, -0.205861880, 0.123109684,
)  # fmt: skip


def _log2(xp: Namespace, base: Plane) -> Plane:
    """Take the logarithm of numbers above 0, for a compiler: the exponent's bits, and a polynomial for the mantissa.

    It has no gradient. Twice as fast as the library's, which is a call on the CPU, and on CUDA takes care of NaN and of
    subnormal numbers. ONNX has no form for bits taken as numbers.
    """
    if base.dtype != xp.float32 or is_exported():
        return xp.log2(base)
    bits = base.view(xp.int32)
    exponent = (bits - 0x3F3504F3) >> 23  # less the bits of sqrt(1/2), so that the mantissa lies about 1
    f = (bits - (exponent << 23)).view(xp.float32) - 1
    series = _LOG2[-1]
    for coefficient in _LOG2[-2::-1]:
        series = series * f + coefficient
    return series * f + exponent


def is_exported() -> bool:
    """Whether what is traced will run elsewhere, as torch.export's programs do, with torch's plain operations alone."""
    import torch

    # Some versions of torch say no more than that they compile.
    return bool(getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)())


def is_traced(xp: Namespace, plane: Plane) -> bool:
    """Whether a compiler reads the kernel: the plane has no values yet."""
    if xp.__name__ != "torch":
        return False
    import torch

    # It stands for others, or the function it is given to is being compiled.
    has_dispatch = type(plane).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__
    return bool(torch.compiler.is_compiling() or has_dispatch or torch._is_functional_tensor(plane))
