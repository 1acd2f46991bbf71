"""The jobs, one file a theme, in the order in which they run."""

from . import convert, alpha, color, resample, batch, svg  # noqa: F401, I001  each adds its jobs to the list
from .registry import JOBS, Job

__all__ = ["JOBS", "Job"]
