"""TIFF: the walk through its directories, which reader takes a page, and a reader of samples of our own."""

from .directory import Page, pages, start_at, without_lost_tags
from .kinds import is_by_pillow, is_noisy, is_ours, require_known
from .samples import Finish, read_page, turn

__all__ = [
    "Finish",
    "Page",
    "is_by_pillow",
    "is_noisy",
    "is_ours",
    "pages",
    "read_page",
    "require_known",
    "start_at",
    "turn",
    "without_lost_tags",
]
