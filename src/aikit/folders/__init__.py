"""Many files: whole folders by one recipe, and functions over files in supervised processes."""

from ..recipe import Recipe
from .converting import convert_folder
from .reporting import Failure, Notice, Report
from .supervised import Outcome, map_supervised

__all__ = ["Failure", "Notice", "Outcome", "Recipe", "Report", "convert_folder", "map_supervised"]
