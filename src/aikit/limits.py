"""What a file may cost: sizes that are checked before memory is taken."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from numbers import Real

from ._foreign_names import explain_calls
from .errors import FileFormatError, InputTypeError, InputValueError, LimitError, quoted

__all__ = ["Limits"]


@explain_calls
@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What reading one untrusted file may cost. The defaults suit uploads from strangers.

    Readers take `limits=None` (trusted files: Pillow's own ceiling of 178 million pixels and header
    checks) or `limits=Limits()`, and then these hold alone, above that ceiling too; every field can be
    set by keyword. Declared sizes are checked from the header, before memory is taken, also where a file
    may be cut off, and the decoded size is checked again.

    Args:
        max_bytes: size of the file, in bytes.
        max_pixels: height times width of one frame.
        max_side: height or width, in pixels.
        max_frames: frames of an animation or pages of a document that may be read.
        max_total_pixels: pixels of all frames together.
        max_output_pixels: pixels of a rendered vector or layered document, or of what a recipe makes of a picture.
        max_seconds: wall-clock seconds, where decoding runs in a child process.
        max_memory: bytes, where decoding runs in a child process.
        max_json_bytes: size of the JSON in a mesh, in bytes.
        max_nodes: nodes of a mesh.
        max_depth: nodes of a mesh one in the other.
        max_elements: elements of all accessors of a mesh: vertices times their attributes, indices, keys; or corners of
            an OBJ's faces.
        max_fragments: pieces of triangles that may be drawn for one picture of a mesh, all that lie on a pixel counted.
        formats: names of the formats that may be read, such as {"png", "jpeg"}; None means all.

    Raises:
        InputTypeError: a field is not a number, or `formats` is one string.
        InputValueError: a field is not positive.

    Example:
        >>> Limits(max_pixels=1_000_000).max_pixels
        1000000
    """

    max_bytes: int = 50_000_000
    max_pixels: int = 50_000_000
    max_side: int = 32_767
    max_frames: int = 256
    max_total_pixels: int = 100_000_000
    max_output_pixels: int = 50_000_000
    max_seconds: float = 10.0
    max_memory: int = 2 * 1024**3
    max_json_bytes: int = 16_000_000
    max_nodes: int = 100_000
    max_depth: int = 256
    max_elements: int = 50_000_000
    max_fragments: int = 400_000_000
    formats: Collection[str] | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "formats":
                continue
            if isinstance(value, bool) or not isinstance(value, Real):
                raise InputTypeError(field.name, "a number", quoted(value), "pass a positive one")
            if not float(value) > 0:  # says no to NaN as well
                raise InputValueError(field.name, "a positive number", quoted(value), "pass a positive one")
        if self.formats is not None:
            object.__setattr__(self, "formats", _set_of_names(self.formats))

    def check(self, subject: str, what: str, field: str, value: float) -> None:
        """Raise LimitError when `value` is above the limit named `field`.

        Args:
            subject: the file, as the message should name it.
            what: the unit, such as "bytes" or "pixels".
            field: the name of the limit.
            value: the figure found.
        """
        limit = getattr(self, field)
        if value > limit:
            raise LimitError(
                subject,
                f"at most {limit} {what}",
                quoted(value),
                f"raise Limits({field}=...) to allow it",
                limit=field,
                allowed=limit,
                found=value,
                option="limits",
            )

    def check_format(self, subject: str, format: str) -> None:
        """Raise FileFormatError, code "unsupported_format", for a format that `formats` leave out.

        Args:
            subject: the file, as the message should name it.
            format: its name, such as "png".
        """
        if self.formats is not None and format not in self.formats:
            raise FileFormatError(
                subject,
                f"one of the formats {', '.join(sorted(self.formats))}",
                str(format),
                "add it to Limits(formats=...) to allow it",
                code="unsupported_format",
                option="limits",
            )


# The formats aikit distinguishes by their bytes, and what people also call them.
_FORMATS = (
    "png",
    "jpeg",
    "webp",
    "avif",
    "heic",
    "gif",
    "tiff",
    "bmp",
    "ico",
    "ppm",
    "jxl",
    "svg",
    "psd",
    "glb",
    "gltf",
    "obj",
)
_ALIASES = {"jpg": "jpeg", "tif": "tiff", "heif": "heic", "pgm": "ppm", "pbm": "ppm", "psb": "psd"}


def _normalize_name(name: str) -> str:
    known = _ALIASES.get(name.lower().lstrip("."), name.lower().lstrip("."))
    if known not in _FORMATS:
        raise InputValueError("formats", f"names from {', '.join(_FORMATS)}", quoted(name), "pass some of these")
    return known


def _set_of_names(formats: object) -> frozenset[str]:
    if not isinstance(formats, (str, bytes)) and isinstance(formats, Collection):
        names = [name for name in formats if isinstance(name, str)]
        if len(names) == len(formats):
            return frozenset(map(_normalize_name, names))
    raise InputTypeError("formats", "a set of names", quoted(formats), 'pass a set such as {"png", "jpeg"}')
