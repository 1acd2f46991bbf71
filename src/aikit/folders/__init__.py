"""Many files: functions over them in supervised processes."""

from .supervised import Outcome, map_supervised

__all__ = ["Outcome", "map_supervised"]
