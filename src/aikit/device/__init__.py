"""Which devices there are, which to work on, and which to hide."""

from __future__ import annotations

from .choice import pick_device
from .listing import DeviceInfo, list_devices
from .visible import set_visible_devices

__all__ = ["DeviceInfo", "list_devices", "pick_device", "set_visible_devices"]
