"""The steps on a page, of which each change makes other ones, and the recipe that they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .. import operations
from ..errors import AikitError
from ..recipe import Recipe
from .forms import Raw, fields_of, read_fields, show_field, start_of

__all__ = ["Steps", "add", "fill", "keywords_of", "move", "recipe_of", "remove", "steps_of", "switch"]


@dataclass(frozen=True, slots=True)
class PageStep:
    """One step as it stands on a page.

    Attributes:
        number: what tells it from the others, and stays with it when it is moved.
        name: of its operation.
        given: what its fields hold.
        on: whether it is taken.
        beside: keywords of a recipe that have no field, because only arrays have a use for them.
    """

    number: int
    name: str
    given: Mapping[str, Raw]
    on: bool = True
    beside: Mapping[str, object] = field(default_factory=dict)

    def __hash__(self) -> int:
        # A page is told of changes by hashes, and Python's own are the same for -1 and -2.
        return hash(repr(self))


Steps = tuple[PageStep, ...]


def add(steps: Steps, name: str) -> Steps:
    """One more step at the end, with something in its fields that can be seen."""
    return (*steps, PageStep(_next_number(steps), name, start_of(operations.get(name))))


def remove(steps: Steps, number: int) -> Steps:
    """The others."""
    return tuple(each for each in steps if each.number != number)


def move(steps: Steps, number: int, places: int) -> Steps:
    """The same with one of them so many places further down, or up; no further than the ends."""
    at = next(index for index, each in enumerate(steps) if each.number == number)
    others = [*steps[:at], *steps[at + 1 :]]
    to = min(max(at + places, 0), len(others))
    return (*others[:to], steps[at], *others[to:])


def switch(steps: Steps, number: int, on: bool) -> Steps:
    """The same with one of them on or off."""
    return tuple(replace(each, on=on) if each.number == number else each for each in steps)


def fill(steps: Steps, number: int, name: str, value: Raw) -> Steps:
    """The same with another value in one field."""
    return tuple(replace(each, given={**each.given, name: value}) if each.number == number else each for each in steps)


def keywords_of(step: PageStep) -> dict[str, object]:
    """The keywords that its fields say.

    Raises:
        InputValueError: a field holds a text that is no JSON.
    """
    try:
        return {**read_fields(fields_of(operations.get(step.name)), step.given), **step.beside}
    except AikitError as error:
        raise error.with_subject(f"{step.name}: {error.subject}") from error


def recipe_of(steps: Steps, options: Mapping[str, object]) -> Recipe:
    """The recipe of the steps that are on.

    Args:
        steps: the steps.
        options: the other arguments of `Recipe`.

    Raises:
        InputTypeError, InputValueError: as `Recipe` raises; the subject names the step.

    Example:
        >>> steps = add(add((), "trim"), "resize")
        >>> str(recipe_of(switch(steps, 1, False), {"to": "webp"}))
        'resize width=512; to=webp'
    """
    return Recipe([(each.name, keywords_of(each)) for each in steps if each.on], **options)  # type: ignore[arg-type]


def steps_of(recipe: Recipe, before: Steps = ()) -> Steps:
    """The steps of a recipe as they stand on a page, under numbers that none had before."""
    steps: Steps = ()
    for name, keywords in recipe.steps:
        fields = fields_of(operations.get(name))
        unsaid = {each.name: each.start for each in fields if not each.required}
        said = {each.name: show_field(each, keywords[each.name]) for each in fields if each.name in keywords}
        given = {**unsaid, **said}
        beside = {word: value for word, value in keywords.items() if word not in given}
        steps = (*steps, PageStep(_next_number((*before, *steps)), name, given, beside=beside))
    return steps


def _next_number(steps: Sequence[PageStep]) -> int:
    return max((each.number for each in steps), default=0) + 1
