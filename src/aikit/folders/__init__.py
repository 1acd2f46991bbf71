"""Many files: whole folders by one recipe, and functions over files in supervised processes."""

from ..recipe import Recipe
from .contact_sheet import contact_sheet
from .converting import convert_folder
from .reporting import Failure, Notice, Report
from .supervised import Outcome, map_supervised

__all__ = ["Failure", "Notice", "Outcome", "Recipe", "Report", "contact_sheet", "convert_folder", "map_supervised"]
