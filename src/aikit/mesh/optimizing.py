"""A mesh in fewer bytes: its textures by what they are for, its numbers, and nothing that is not used.

Source: glTF 2.0; EXT_texture_webp.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .. import _raster
from ..convert import to_numpy, to_pil
from ..errors import AikitError
from ..limits import Limits
from ..resample import resize
from .accessors import Array
from .document import Document
from .pruning import prune, why_not_pruned
from .quantizing import quantize
from .schema import Json
from .textures import Texture, encode_texture, image_of, images_of_texture, textures_of, use_image

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Savings", "TextureSaving", "optimize_document"]

_COLORS = frozenset({"base_color", "emissive"})
# Up to this side a texture may be a palette, whose neighbors must not run into each other.
_PALETTE_SIDE = 64
_FEW_COLORS = 256  # among some thousand pixels
_EFFORT = 6  # of WebP, the most: it is done once


@dataclass(frozen=True, slots=True)
class TextureSaving:
    """What became of a texture.

    Attributes:
        name: as in `Mesh.textures`.
        roles: what it is for.
        before: bytes of its file as it was.
        after: bytes as it is now; the same where it was left alone.
        format: of the file now, such as "webp".
        error: root mean square of the differences of its codes, on a scale of 0 to 255; 0 where no code changed. Where it
            was made smaller, this is the error of encoding alone.
        largest_error: the largest difference.
        told: why it was left alone, or None.
        reduced: whether it has fewer pixels now.
    """

    name: str
    roles: tuple[str, ...]
    before: int
    after: int
    format: str
    error: float = 0.0
    largest_error: int = 0
    told: str | None = None
    reduced: bool = False


@dataclass(frozen=True, slots=True)
class Savings:
    """What `Mesh.optimize` has saved.

    Attributes:
        before: bytes of the mesh as a GLB.
        after: bytes now.
        textures: what became of each.
        told: what was not done, and why.
    """

    before: int
    after: int
    textures: tuple[TextureSaving, ...]
    told: tuple[str, ...]

    def __str__(self) -> str:
        share = 1 - self.after / self.before if self.before else 0
        return f"{self.before:,} bytes became {self.after:,}, {share:.0%} less"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How textures are slimmed: as `Mesh.optimize` says."""

    webp: bool
    quality: int
    data_quality: int | None
    max_side: int | None


def optimize_document(
    document: Document, wanted: Wanted, limits: Limits | None, *, quantized: bool, pruned: bool
) -> Savings:
    """Make a document smaller, in place: entirely, or not at all where it would not become smaller or something fails."""
    original, before = document, len(document.encode_glb())
    document = original.copy()
    done: dict[bytes, tuple[Json, TextureSaving]] = {}
    textures = list(textures_of(document, limits).values())
    # An image may be in the file twice, for different uses.
    roles: dict[bytes, tuple[str, ...]] = {}
    for texture in textures:
        roles[texture.data] = tuple(dict.fromkeys((*roles.get(texture.data, ()), *texture.roles)))
    savings = [_slim(document, texture, roles[texture.data], wanted, done) for texture in textures]
    reason = why_not_pruned(document) if pruned else None
    told = () if reason is None else (reason,)
    if pruned and reason is None:
        if quantized:
            quantize(document)
        prune(document)
    elif quantized:
        told = (*told, "numbers stay as they are, for the old ones could not be left out")
    after = len(document.encode_glb())
    # Fewer pixels were asked for, whatever their file takes.
    if after >= before and not any(saving.reduced for saving in savings):
        kept = tuple(_unchanged(saving) for saving in savings)
        return Savings(before, before, kept, (*told, "nothing was changed, for it would not be smaller"))
    vars(original).update(vars(document))
    return Savings(before, after, tuple(savings), told)


def _unchanged(saving: TextureSaving) -> TextureSaving:
    told = saving.told or "the mesh would not be smaller"
    return replace(saving, after=saving.before, error=0.0, largest_error=0, told=told)


# ---------------------------------------------------------------- textures


def _slim(
    document: Document,
    texture: Texture,
    roles: tuple[str, ...],
    wanted: Wanted,
    done: dict[bytes, tuple[Json, TextureSaving]],
) -> TextureSaving:
    """Slim a texture; those of the same bytes share what the first became."""
    data = texture.data
    if data not in done:
        new, saving = _encode(texture, roles, wanted)
        if new is None:
            return saving
        document.set_image(texture.index, new, f"image/{saving.format}")
        image = document.entries("images")[texture.index]
        done[data] = {key: image[key] for key in ("bufferView", "mimeType")}, saving
    else:
        image = document.entries("images")[texture.index]
        image.pop("uri", None)
        document.image_files.pop(texture.index, None)
        image.update(done[data][0])
    saving = done[data][1]
    for entry in document.entries("textures"):
        shown = image_of(entry)
        if shown is not None and texture.index in images_of_texture(entry):
            # Where it was there for programs that do not know the format of another, it is no more.
            kept = _raster.identify(document.image_bytes(shown))
            use_image(document, entry, shown, kept or saving.format)
    return replace(saving, name=texture.name)


def _encode(texture: Texture, roles: tuple[str, ...], wanted: Wanted) -> tuple[bytes | None, TextureSaving]:
    """The new file of a texture, or None where the old one is as good."""
    data = texture.data
    found = _raster.identify(data) or "unknown"

    def left(why: str) -> tuple[None, TextureSaving]:
        return None, TextureSaving(texture.name, roles, len(data), len(data), found, told=why)

    if not roles:
        return left("no material uses it")
    try:
        original = texture.read("numpy")
    except AikitError as error:
        return left(str(error))
    is_color = set(roles) <= _COLORS
    pixels = _reduce(original, roles, wanted.max_side)
    resized = pixels.shape != original.shape
    quality = wanted.quality if is_color else wanted.data_quality
    if not wanted.webp:
        if not resized:
            return left("textures stay as they are")
        kind = found if found in ("png", "webp") or (found == "jpeg" and quality is not None) else "png"
        new, kind = encode_texture(pixels, kind, quality=None if kind == "png" else quality or 90)
    elif pixels.dtype != np.uint8:
        if not resized:
            return left("WebP has 8 bits")
        new, kind = encode_texture(pixels, "png")
    elif quality is None and found == "jpeg" and not resized:
        return left("without loss it would be larger")
    else:
        new, kind = _as_webp(pixels, quality), "webp"
    if len(new) >= len(data) and not resized:
        return left("it would not be smaller")
    differs, most = _compare(pixels, new, texture)
    return new, TextureSaving(texture.name, roles, len(data), len(new), kind, differs, most, reduced=resized)


def _reduce(pixels: Array, roles: tuple[str, ...], max_side: int | None) -> Array:
    """Bring the longer side down to a length: colors as light, data as numbers, normals at length 1."""
    height, width = pixels.shape[:2]
    if max_side is None or max(height, width) <= max_side:
        return pixels
    size = {"height": max(1, round(height * max_side / max(height, width)))}
    size["width"] = max(1, round(width * max_side / max(height, width)))
    if set(roles) <= _COLORS:
        return to_numpy(resize(pixels, method="area", linear=True, **size), dtype=pixels.dtype)
    # As many gray pictures: a fourth channel is no alpha of data.
    planes = [
        resize(np.ascontiguousarray(plane), method="area", **size) for plane in np.moveaxis(np.atleast_3d(pixels), 2, 0)
    ]
    reduced: Array = np.stack(planes, -1).reshape(*planes[0].shape[:2], *pixels.shape[2:])
    if "normal" in roles and reduced.ndim == 3 and reduced.shape[2] >= 3:
        top = np.iinfo(reduced.dtype).max
        normals = reduced[..., :3] / top * 2 - 1
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
        reduced[..., :3] = np.rint((normals + 1) / 2 * top)
    return reduced


def _as_webp(pixels: Array, quality: int | None) -> bytes:
    """WebP without loss where no quality is given and of palettes; of few colors, where that is smaller."""
    if quality is None or max(pixels.shape[:2]) <= _PALETTE_SIDE:
        return encode_texture(pixels, "webp", lossless=True)[0]
    picture: Image.Image = to_pil(pixels)
    file = io.BytesIO()
    # With the colors under alpha 0: opaque materials show them, and filters blend them with what is seen beside them.
    picture.save(file, "WEBP", quality=quality, method=_EFFORT, exact=True)
    lossy = file.getvalue()
    if not _has_few_colors(pixels):
        return lossy
    return min(encode_texture(pixels, "webp", lossless=True)[0], lossy, key=len)


def _has_few_colors(pixels: Array) -> bool:
    """Whether it is a drawing, which may well be smaller without loss."""
    rows = np.ascontiguousarray(pixels.reshape(-1, pixels.shape[2] if pixels.ndim == 3 else 1))
    return len(np.unique(rows[:: max(1, len(rows) // 4096)], axis=0)) <= _FEW_COLORS


def _compare(pixels: Array, data: bytes, texture: Texture) -> tuple[float, int]:
    """How far the codes of a file are from those it was made of, on a scale of 0 to 255."""
    decoded = _raster.decode(data, name=texture.name, profile="ignore", pil_depth=False)
    held = decoded.pixels if isinstance(decoded, _raster.HighDepth) else to_numpy(decoded)
    # A file that has no alpha is opaque, and one without colors gray.
    first, second = (_as_rgba(each) for each in (pixels, held))
    difference = np.abs(first.astype(np.float32) - second.astype(np.float32)) * (255 / np.iinfo(pixels.dtype).max)
    return float(np.sqrt((difference**2).mean())), round(float(difference.max()))


def _as_rgba(pixels: Array) -> Array:
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    count = pixels.shape[2]
    color = pixels[..., :3] if count > 2 else np.repeat(pixels[..., :1], 3, 2)
    alpha = pixels[..., -1:] if count in (2, 4) else np.full_like(pixels[..., :1], np.iinfo(pixels.dtype).max)
    return np.concatenate([color, alpha], 2)
