"""TIFF: the walk through its directories, which reader takes a page, and a reader of samples of our own."""

from .directory import Page, pages, start_at, without_lost_tags
from .kinds import is_by_pillow, is_noisy, is_noisy_as_data, is_ours, require_known, require_numbers
from .samples import Finish, read_page, read_stored, turn

__all__ = [
    "Finish",
    "Page",
    "is_by_pillow",
    "is_noisy",
    "is_noisy_as_data",
    "is_ours",
    "pages",
    "read_page",
    "read_stored",
    "require_known",
    "require_numbers",
    "start_at",
    "turn",
    "without_lost_tags",
]
