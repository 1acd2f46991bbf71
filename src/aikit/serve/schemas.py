"""What requests and answers look like, as pydantic models and types: for OpenAPI, for forms, and for services of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

import pydantic_core
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, model_validator

from .. import operations
from .._raster import identify, probe
from ..errors import AikitError, InputTypeError, quoted
from ..files import encode, from_data_url, media_type
from ..files.data_urls import wrap
from ..limits import Limits
from ..recipe import Recipe
from ..recipe.options import ChannelKind, Metadata, OnBadProfile, Profile, Subsampling
from ..types import AnyImage

__all__ = ["ImageAnswer", "ImageRequest", "Picture", "ProblemAnswer", "RecipeField", "make_recipe", "recipe_schema"]


_MOST_FIELDS = 20


class Picture:
    """A field that takes a data URL, or bytes, and checks its header under limits: `Picture` or `Picture.within(limits)`.

    Attributes:
        data: the bytes of the file, for any reader.

    Example:
        >>> import aikit, PIL.Image
        >>> class Order(BaseModel):
        ...     image: Picture
        >>> url = aikit.files.to_data_url(PIL.Image.new("RGB", (3, 2)), format="png")
        >>> aikit.read_pil(Order(image=url).image.data, limits=aikit.Limits()).size
        (3, 2)
    """

    __slots__ = ("data",)
    limits = Limits()

    def __init__(self, data: bytes) -> None:
        self.data = data

    @classmethod
    def within(cls, limits: Limits) -> type[Picture]:
        """The same field with other limits."""
        return type("Picture", (cls,), {"limits": limits, "__slots__": ()})

    @classmethod
    def of(cls, image: AnyImage, *, format: str = "png") -> Picture:
        """A picture of an image of any kind, for an answer."""
        return cls(encode(image, format))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> pydantic_core.CoreSchema:
        core = pydantic_core.core_schema
        return core.no_info_plain_validator_function(
            cls._validate, serialization=core.plain_serializer_function_ser_schema(cls._serialize)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, object]:
        return {
            "type": "string",
            "format": "data-url",
            "title": "Picture",
            "description": "A picture as a data URL, data:image/png;base64,...",
        }

    @classmethod
    def _validate(cls, value: object) -> Picture:
        if isinstance(value, Picture):
            value = value.data
        try:
            data = from_data_url(value) if isinstance(value, str) else value
            if not isinstance(data, bytes):
                raise pydantic_core.PydanticCustomError("picture", "expected a data URL")
            cls.limits.check("picture", "bytes", "max_bytes", len(data))
            probe(data, name="picture", limits=cls.limits)
        except AikitError as error:
            raise _as_pydantic(error) from error
        return cls(data)

    def _serialize(self) -> str:
        return wrap(self.data, media_type(identify(self.data) or "octet-stream"))

    def __repr__(self) -> str:
        return f"Picture({len(self.data)} bytes)"


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema of a recipe: what `Recipe.from_json` takes, with each operation's keywords."""
    steps = []
    for each in operations.all():
        schema = each.schema
        steps.append(
            {
                "title": each.name,
                "description": schema["description"],
                "type": "object",
                "properties": {"name": {"const": each.name}, **schema["properties"]},
                "required": ["name", *schema["required"]],
                "additionalProperties": False,
            }
        )
    options = {
        "to": {"type": "string", "description": "The format to write, such as webp."},
        "quality": {"type": "integer", "minimum": 1, "maximum": 100},
        "lossless": {"type": "boolean"},
        "allow_truncated": {"type": "boolean"},
        "metadata": {"enum": list(get_args(Metadata))},
        "profile": {"enum": list(get_args(Profile))},
        "on_bad_profile": {"enum": list(get_args(OnBadProfile))},
        "frame": {"type": "integer", "minimum": 0},
        "subsampling": {"enum": list(get_args(Subsampling))},
        "progressive": {"type": "boolean"},
        "effort": {"type": "integer", "minimum": 0},
        "optimize": {"type": "boolean"},
        "palette": {"type": "integer", "minimum": 2},
        "channels": {"enum": list(get_args(ChannelKind))},
    }
    recipe = {
        "type": "object",
        "properties": {"version": {"const": 1}, **options, "steps": {"type": "array", "items": {"oneOf": steps}}},
    }
    line = {"type": "string", "description": "On one line: resize width=512; to=webp", "maxLength": 4000}
    return {"title": "Recipe", "oneOf": [line, recipe]}


def make_recipe(value: object) -> Recipe:
    """A recipe of its line, or of its JSON.

    Raises:
        InputTypeError, InputValueError: it is none.
    """
    if isinstance(value, Recipe):
        return value
    if isinstance(value, Mapping):
        return Recipe.from_json(pydantic_core.to_json(value).decode())
    if not isinstance(value, str):
        raise InputTypeError("recipe", "a line, or an object with steps", quoted(value), "send one of these")
    return Recipe.from_json(value) if value.lstrip().startswith("{") else Recipe.parse(value)


def _validate_recipe(value: object) -> Recipe:
    try:
        return make_recipe(value)
    except AikitError as error:
        raise _as_pydantic(error) from error


def _as_pydantic(error: AikitError) -> pydantic_core.PydanticCustomError:
    told = f"{error.subject}: expected {error.expected}, got {error.got}"
    return pydantic_core.PydanticCustomError("invalid", "{told}", {"told": told, "code": error.code})


class _RecipeSchema:
    """The schema of today's operations: those of plug-ins come while the program runs."""

    def __get_pydantic_json_schema__(self, schema: object, handler: object) -> dict[str, Any]:
        return recipe_schema()


RecipeField = Annotated[Any, BeforeValidator(_validate_recipe), _RecipeSchema()]


class ImageRequest(BaseModel):
    """A picture and what to do with it."""

    model_config = ConfigDict(extra="forbid")

    image: Picture
    recipe: RecipeField = Field(default_factory=Recipe)

    @model_validator(mode="before")
    @classmethod
    def _refuse_many(cls, value: object) -> object:
        """Pydantic would name each unknown field, which takes seconds where there are hundreds of thousands."""
        if isinstance(value, dict) and len(value) > _MOST_FIELDS:
            raise pydantic_core.PydanticCustomError(
                "many", "expected image and recipe, got {n} fields", {"n": len(value)}
            )
        return value


class ImageAnswer(BaseModel):
    """A picture as a data URL."""

    image: str = Field(description="data:image/...;base64,...")
    format: str
    bytes: int


class FieldProblem(BaseModel):
    """What is wrong with one part of a request."""

    pointer: str = Field(description="Where, as a JSON Pointer.")
    detail: str


class ProblemAnswer(BaseModel):
    """Why there is no answer (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    limit: str | None = None
    allowed: float | None = None
    found: float | None = None
    errors: list[FieldProblem] | None = None
