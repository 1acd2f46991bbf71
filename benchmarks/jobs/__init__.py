"""The jobs, one file a theme, in the order in which they run."""

from . import convert, alpha, color, resample, geometry, batch, files, documents, svg, mesh, isolation, device  # noqa: F401, I001  each adds its jobs to the list
from .registry import JOBS, Job, wanted_jobs

__all__ = ["JOBS", "Job", "wanted_jobs"]
