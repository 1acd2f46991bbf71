"""Stand-in until the branch with the devices is merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["pick_device"]


def pick_device(prefer: Any = "auto", *, min_free: Any = None, max_utilization: Any = None) -> torch.device:
    """Pick a device.

    Example:
        >>> pick_device().type in ("cpu", "cuda", "mps", "xpu")
        True
    """
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
