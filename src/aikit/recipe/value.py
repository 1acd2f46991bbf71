"""The recipe itself: a frozen value, which runs on images and on files."""

from __future__ import annotations

import builtins
import hashlib
import json
import logging
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self, TypeVar, get_args, overload

from .._check import integer, one_of, switch
from .._foreign_names import explain_calls
from .._io import name_of
from ..errors import AikitError, AikitWarning, InputTypeError, InputValueError, printable, quoted
from ..limits import Limits
from ..operations.registry import import_modules, modules_of
from ..types import AnyImage, ImageT, Source
from . import stored, text
from .options import ChannelKind, FileOptions, Metadata, OnBadProfile, Profile, Subsampling
from .steps import Step, apply_steps, as_plain, check_steps

if TYPE_CHECKING:
    from ..geometry.places import BoxFormat
    from ..sample import Sample
    from .files import Made
    from .inverse import Like

__all__ = ["Recipe"]

# Boxes come back as they came.
PlacesT = TypeVar("PlacesT")

_log = logging.getLogger("aikit.recipe")

# What to do where a reader or a writer names its own keyword, by the `option` of the error.
_REMEDIES = {
    "profile": 'set profile to "ignore" in the recipe to take the codes as they are, or on_bad_profile to "warn"',
    "flatten": 'add the step ("flatten", {"background": "white"}), or write PNG or WebP',
}

# In every digest since the first version. A field that came later is in it only where it differs from its default.
_IN_EVERY_DIGEST = ("steps", "to", "quality", "lossless", "allow_truncated")


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Recipe:
    """What to do with pictures, in this order, and how to write them: a value.

    It is checked when it is made and stays as it is. Two recipes are equal where their digests are; it can be hashed,
    stored as JSON and TOML, written on one line, and sent to other processes, which import the modules of its operations.

    Args:
        steps: pairs of an operation's name and its keywords, such as ("resize", {"width": 1024}): see
            `aikit.operations`. Keywords are plain data: numbers, texts, lists. A list and a tuple are one.
        to: the format to write, such as "webp"; None keeps what each file's suffix says.
        quality: 1 to 100, for the formats that know it.
        lossless: True for WebP without loss.
        allow_truncated: take what is there of a JPEG or PNG that ends too early.
        metadata: what is written of what stands beside the pixels of a file: "keep", "public" or "strip", as for
            `write`.
        profile: "srgb" turns what an embedded ICC profile says into sRGB; "ignore" keeps the codes; "display-p3" writes
            in that space what was read as sRGB.
        on_bad_profile: "raise" refuses a file whose profile is damaged or for other pixels; "warn" takes its codes for
            sRGB and says so.
        subsampling: "4:4:4", "4:2:2" or "4:2:0", for JPEG and AVIF, as for `write`.
        progressive: True for JPEG in several passes.
        effort: how much time a smaller file may take, on the scale of PNG, WebP, AVIF or JPEG XL.
        optimize: True for smaller JPEG and PNG files of the same pixels.
        palette: for PNG of that many colors at most.
        frame: which frame of an animation, or page, is taken, counted from 0. None takes all frames of an animation for
            GIF, PNG, WebP, AVIF and TIFF, and all pages for TIFF; for others the first, and says how many are left.
        channels: "data" reads and writes the numbers of TIFF and PNG files as they are, any number of planes, none of which
            is alpha; every step gets it too, and steps of colors are refused.

    Raises:
        InputTypeError: a step is no such pair, or its keywords are no plain data.
        InputValueError: an unknown step, keyword, format, or a value that the operation refuses.

    Example:
        >>> recipe = Recipe([("resize", {"width": 1024}), ("flatten", {"background": "white"})], to="webp", quality=80)
        >>> str(recipe)
        'resize width=1024; flatten background=white; to=webp quality=80'
        >>> recipe == Recipe.parse(str(recipe)) == Recipe.from_json(recipe.to_json())
        True
        >>> import numpy as np
        >>> recipe(np.zeros((50, 2048, 4), np.uint8)).shape
        (25, 1024, 3)
    """

    steps: tuple[Step, ...] = ()
    to: str | None = None
    quality: int | None = None
    lossless: bool | None = None
    allow_truncated: bool = False
    metadata: Metadata = "keep"
    profile: Profile = "srgb"
    on_bad_profile: OnBadProfile = "raise"
    frame: int | None = None
    subsampling: Subsampling | None = None
    progressive: bool | None = None
    effort: int | None = None
    optimize: bool | None = None
    palette: int | None = None
    channels: ChannelKind = "color"

    @explain_calls
    def __init__(
        self,
        steps: Iterable[tuple[str, Mapping[str, object]]] = (),
        *,
        to: str | None = None,
        quality: int | None = None,
        lossless: bool | None = None,
        allow_truncated: bool = False,
        metadata: Metadata = "keep",
        profile: Profile = "srgb",
        on_bad_profile: OnBadProfile = "raise",
        frame: int | None = None,
        subsampling: Subsampling | None = None,
        progressive: bool | None = None,
        effort: int | None = None,
        optimize: bool | None = None,
        palette: int | None = None,
        channels: ChannelKind = "color",
    ) -> None:
        given = {
            "steps": steps, "to": to, "quality": quality, "lossless": lossless, "allow_truncated": allow_truncated,
            "metadata": metadata, "profile": profile, "on_bad_profile": on_bad_profile, "frame": frame,
            "subsampling": subsampling, "progressive": progressive, "effort": effort, "optimize": optimize,
            "palette": palette, "channels": channels,
        }  # fmt: skip
        for name, value in given.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    def __post_init__(self) -> None:  # which dataclasses derived from this one call too
        one_of("channels", self.channels, get_args(ChannelKind))
        if self.channels == "data" and self.profile != "srgb":
            raise InputValueError("profile", 'nothing beside channels="data"', quoted(self.profile), "leave it out")
        object.__setattr__(self, "steps", check_steps(self.steps, self.channels))
        if self.quality is not None:
            object.__setattr__(self, "quality", integer("quality", self.quality, -float("inf")))
        for option in ("lossless", "progressive", "optimize"):
            if getattr(self, option) is not None:
                object.__setattr__(self, option, switch(option, getattr(self, option)))
        for option, least in (("effort", 0), ("palette", 2)):
            if getattr(self, option) is not None:
                object.__setattr__(self, option, integer(option, getattr(self, option), least))
        if self.subsampling is not None:
            one_of("subsampling", self.subsampling, get_args(Subsampling))
        object.__setattr__(self, "allow_truncated", switch("allow_truncated", self.allow_truncated))
        if self.frame is not None:
            object.__setattr__(self, "frame", integer("frame", self.frame, 0))
        one_of("metadata", self.metadata, get_args(Metadata))
        one_of("profile", self.profile, get_args(Profile))
        one_of("on_bad_profile", self.on_bad_profile, get_args(OnBadProfile))
        if self.to is not None:
            object.__setattr__(self, "to", _check_format(self.to))
            self.check([self.to])

    # ------------------------------------------------------------ a value

    @property
    def digest(self) -> str:
        """64 hex digits that tell recipes apart, the same on every machine and in every version that gives the same."""
        facts: dict[str, object] = {"version": stored.VERSION}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in _IN_EVERY_DIGEST or value != each.default:
                facts[each.name] = value
        return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Recipe) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    def __str__(self) -> str:
        return text.format_line(self.steps, self._list_options())

    def _repr_html_(self) -> str:
        from .card import as_html

        return as_html(self)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (
            type(self),
            self.modules,
            {each.name: as_plain(getattr(self, each.name)) for each in fields(self)},
        )

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules, beside aikit's, that another process has to import for this recipe.

        Raises:
            InputValueError: an operation is registered in a script or a notebook, which no other process can import.
        """
        return modules_of([name for name, _ in self.steps])

    def _list_options(self) -> dict[str, object]:
        """What differs from the defaults, beside the steps."""
        given = {each.name: (getattr(self, each.name), each.default) for each in fields(self) if each.name != "steps"}
        return {name: as_plain(value) for name, (value, default) in given.items() if value != default}

    # ------------------------------------------------------------ its forms

    @classmethod
    def parse(cls, line: str) -> Self:
        """The recipe that a line says: steps, and options last, joined by ";".

        Keywords are `name=value`, parted by blanks; a value is JSON or a bare word. `str` gives such a line.

        Raises:
            InputTypeError: no text, or as for `Recipe`.
            InputValueError: a text that is no recipe, or as for `Recipe`.

        Example:
            >>> Recipe.parse('trim; flatten background=[10,20,30]; to=jpg').steps
            (('trim', {}), ('flatten', {'background': (10, 20, 30)}))
        """
        return cls._make(text.parse(line))

    def to_json(self) -> str:
        """The recipe as JSON, with its version.

        Example:
            >>> Recipe([("trim", {})], to="png").to_json()
            '{"version": 1, "to": "png", "steps": [{"name": "trim"}]}'
        """
        return stored.to_json(stored.to_dict(self.steps, self._list_options()))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The recipe that `to_json` has written.

        Raises:
            InputTypeError: no text, or as for `Recipe`.
            InputValueError: no JSON, another version, or as for `Recipe`.
        """
        return cls._make(stored.from_dict(stored.from_json(text)))

    def to_toml(self) -> str:
        """The recipe as TOML, with its version.

        Raises:
            InputValueError: a value of an operation of your own is None, which TOML has not.

        Example:
            >>> print(Recipe([("resize", {"width": 512})], to="webp").to_toml(), end="")
            version = 1
            to = "webp"
            <BLANKLINE>
            [[steps]]
            name = "resize"
            width = 512
        """
        return stored.to_toml(stored.to_dict(self.steps, self._list_options()))

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """The recipe that `to_toml` has written, or somebody by hand.

        Raises:
            InputTypeError: no text, or as for `Recipe`.
            InputValueError: no TOML, another version, or as for `Recipe`.
        """
        return cls._make(stored.from_dict(stored.from_toml(text)))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """The recipe of a file, .toml or .json.

        Raises:
            FileAccessError: the file cannot be opened.
            FileFormatError: it is empty, or not in UTF-8.
            InputTypeError, InputValueError: as for `from_toml` and `from_json`, or another suffix.
        """
        return cls._make(stored.read(path))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the recipe to a file, .toml or .json, whole or not at all.

        Raises:
            FileAccessError: the file cannot be written.
            InputTypeError, InputValueError: no path, or another suffix.
        """
        stored.write(path, stored.to_dict(self.steps, self._list_options()))

    @classmethod
    def _make(cls, arguments: Mapping[str, Any]) -> Self:  # Any, because the constructor checks them
        known = [each.name for each in fields(cls)]
        for name in arguments:
            if name not in known:
                raise InputValueError("recipe", f"options from {', '.join(known[1:])}", quoted(name), "leave it out")
        return cls(**arguments)

    # ------------------------------------------------------------ at work

    @overload
    def __call__(self, image: Sample, *, limits: Limits | None = None) -> Sample: ...
    @overload
    def __call__(self, image: ImageT, *, limits: Limits | None = None) -> ImageT: ...
    def __call__(self, image: Any, *, limits: Limits | None = None) -> Any:
        """The image after all steps.

        Args:
            image: any image or batch, on any device; or a Sample, whose places move along.
            limits: `max_output_pixels` is what a step may make of one picture.

        Returns:
            An image of the same kind, or a Sample. `to` and the other options are for files.

        Raises:
            InputTypeError: not an image.
            InputValueError: as the operations raise.
            LimitError: a step would make more pixels; said before it takes memory where it can be known.
        """
        return apply_steps(image, self.steps, subject="image", limits=_check_limits(limits))

    @overload
    def inverse(self, sample_or_boxes: Sample, *, like: AnyImage | Sample) -> Sample: ...
    @overload
    def inverse(
        self,
        sample_or_boxes: PlacesT,
        *,
        like: Like,
        box_format: BoxFormat = ...,
        relative: bool = ...,
        stored: bool = ...,
    ) -> PlacesT: ...
    def inverse(
        self,
        sample_or_boxes: Any,
        *,
        like: Like,
        box_format: BoxFormat = "xyxy",
        relative: bool = False,
        stored: bool = False,
    ) -> Any:
        """Places in what the recipe makes, as they are in the picture that it made it of.

        Args:
            sample_or_boxes: boxes (N, 4), an array, a tensor or lists; or a Sample with a picture of the size that the
                recipe makes, and boxes, masks, a label map or keypoints in it.
            like: that picture before the recipe, or a Sample of it; for boxes (height, width) will do, unless a step looks
                at pixels.
            box_format: of bare boxes, as for Sample.
            relative: whether bare boxes count in widths and heights and not in pixels.
            stored: give bare boxes in the rows and columns that the file has, and not in the picture as it is seen: they
                differ where a PIL image has an EXIF orientation.

        Returns:
            As many boxes, clipped at the picture's edges; or a Sample with `like` as its picture, without what is not in
            it. A box that was turned comes back as the one around it.

        Raises:
            InputTypeError: not boxes, or a step that looks at pixels and `like` has none.
            InputValueError: a step that cannot say where points go, or a sample of another size.

        Example:
            >>> recipe = Recipe.parse("fit height=640 width=640 how=letterbox")
            >>> recipe.inverse([[0, 80, 320, 560]], like=(480, 640)).tolist()
            [[0.0, 0.0, 320.0, 480.0]]
        """
        switch("relative", relative)
        switch("stored", stored)
        from .inverse import map_back

        return map_back(self.steps, sample_or_boxes, like, box_format, relative, stored)

    def bytes(self, source: Source, *, to: str | None = None, limits: Limits | None = None) -> builtins.bytes:
        """A file after all steps, as the bytes of another file.

        A JPEG whose first step is a smooth resize to a quarter or less is decoded at a half, a quarter or an eighth of
        its size, but no smaller than twice what is wanted.

        Args:
            source: a path, bytes, or an open binary file.
            to: the format or suffix to write; where left out the recipe's, or else that of the source.
            limits: what the file may cost, `Limits()` for files from strangers. It is then read, worked on and encoded
                in a child process, all of it within `max_seconds` and `max_memory`.

        Returns:
            The whole file.

        Raises:
            FileAccessError: the source cannot be opened.
            FileFormatError: it is not a picture, damaged, or cut off.
            InputValueError: as the operations raise, or a format that cannot be written or cannot hold the picture.
            LimitError: larger or slower than `limits` allow.
            WorkerError: with limits, the child process crashed.

        Example:
            >>> import aikit, numpy as np
            >>> data = aikit.encode(np.zeros((40, 60, 3), np.uint8), "png")
            >>> aikit.read_pil(Recipe([("resize", {"width": 30})]).bytes(data, to="webp")).size
            (30, 20)
        """
        made = self.make(source, to=to, limits=limits)
        for what, code in made.remarks():
            if code == "frames_left":
                _log.warning("%s: %s", printable(name_of(source)), what)
            else:
                warnings.warn(f"{printable(name_of(source))}: {what}.", AikitWarning, stacklevel=2)
        return made.data

    def make(self, source: Source, *, to: str | tuple[str, ...] | None = None, limits: Limits | None = None) -> Made:
        """Do the same as `bytes`, and say how many frames or pages the result has and has not.

        Of several formats the first is written that holds the picture.
        """
        from .files import apply_to_file

        target = self.to if to is None else to if isinstance(to, tuple) else _check_format(to)
        try:
            return apply_to_file(source, target, self.steps, self._make_file_options(), _check_limits(limits))
        except AikitError as error:
            if error.option not in _REMEDIES:
                raise
            raise error.with_subject(error.subject, _REMEDIES[error.option]) from error

    def check(self, formats: Iterable[str]) -> None:
        """Try how the pictures are written on one pixel, so that a mistake is said once and before any work."""
        from .files import check_formats

        check_formats(formats, self._make_file_options())

    def _make_file_options(self) -> FileOptions:
        return FileOptions(**{each.name: getattr(self, each.name) for each in fields(FileOptions)})


def _rebuild(kind: type[Recipe], modules: Sequence[str], arguments: Mapping[str, Any]) -> Recipe:
    import_modules(modules)
    return kind(**arguments)


def _check_format(to: str) -> str:
    from .._raster import capabilities

    try:
        capabilities(to)
    except AikitError as error:
        raise error.with_subject("to") from error
    return to.lower().lstrip(".")


def _check_limits(limits: object) -> Limits | None:
    if limits is not None and not isinstance(limits, Limits):
        raise InputTypeError("limits", "Limits or None", quoted(limits), "pass Limits() for untrusted files")
    return limits
