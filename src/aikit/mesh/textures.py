"""The textures of a mesh as images: what they are for, their pixels in any kind, and others put in their place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, cast, overload

from .. import _raster
from .._check import one_of
from .._foreign_names import explain_calls
from .._pixels import load
from ..convert import KINDS, as_kind, to_numpy, to_pil
from ..errors import FileFormatError, InputValueError, quoted
from ..limits import Limits
from ..types import AnyImage, Kind
from .accessors import Array
from .document import Document
from .schema import Json

if TYPE_CHECKING:
    import torch
    from PIL import Image

__all__ = [
    "ROLES",
    "Texture",
    "encode_texture",
    "image_of",
    "images_of_texture",
    "texture_slots",
    "textures_of",
    "use_image",
]

Role = Literal["base_color", "metallic_roughness", "normal", "occlusion", "emissive", "other"]

# Where the glTF field of each role stands in a material, and what it is called.
ROLES: dict[str, tuple[tuple[str, ...], str]] = {
    "base_color": (("pbrMetallicRoughness",), "baseColorTexture"),
    "metallic_roughness": (("pbrMetallicRoughness",), "metallicRoughnessTexture"),
    "normal": ((), "normalTexture"),
    "occlusion": ((), "occlusionTexture"),
    "emissive": ((), "emissiveTexture"),
}
# The more an image suffers from being taken for a picture, the earlier: it has the role that is first here.
_STRICTEST = ("normal", "metallic_roughness", "occlusion", "emissive", "base_color", "other")

# Which extension a texture needs for each format that glTF itself has not.
_EXTENSIONS = {"webp": "EXT_texture_webp", "avif": "EXT_texture_avif"}
_OTHER_SOURCES = ("EXT_texture_webp", "EXT_texture_avif", "KHR_texture_basisu", "MSFT_texture_dds")
_WRITTEN = ("png", "jpeg", "webp")


class Texture:
    """An image of a mesh: `mesh.textures["Wood"]`. Several materials may show the same one.

    Attributes:
        name: as the file calls it, or else "image 0"; a number follows where two are called the same.
        index: its number among the images of the file.
    """

    def __init__(self, document: Document, index: int, name: str, limits: Limits | None) -> None:
        self._document, self.index, self.name, self._limits = document, index, name, limits

    def __repr__(self) -> str:
        try:
            head = self.header()
        except FileFormatError as error:
            return f"<Texture {self.name!r} {self.role}, {error.code}>"
        return f"<Texture {self.name!r} {head.width}x{head.height} {head.format}, {self.role}>"

    # ------------------------------------------------------------ what it is

    @property
    def roles(self) -> tuple[Role, ...]:
        """What materials use it for, each once; empty where none does."""
        found = {
            role
            for material in self._document.entries("materials")
            for role, slot in texture_slots(material)
            if self.index in images_of(self._document, slot["index"])
        }
        return tuple(cast(Role, role) for role in _STRICTEST if role in found)

    @property
    def role(self) -> Role | None:
        """What it is for: "base_color", "metallic_roughness", "normal", "occlusion", "emissive", "other", or None.

        An image of several roles has the one that forgives least: "metallic_roughness" of one whose red is occlusion.
        """
        return next(iter(self.roles), None)

    @property
    def data(self) -> bytes:
        """The image file as it is stored, byte for byte."""
        return self._document.image_bytes(self.index)

    def header(self) -> _raster.Header:
        """Format, size, depth and alpha, from the first bytes: no pixel is decoded.

        Raises:
            FileFormatError: an image in a format that aikit does not read, such as KTX2, or a damaged one.
            LimitError: larger than the limits the mesh was opened with.
        """
        return _raster.probe(self.data, name=self.subject, limits=self._limits)

    @property
    def subject(self) -> str:
        """How messages call it."""
        return f"{self._document.source}, texture {self.name}"

    # ------------------------------------------------------------ pixels

    @overload
    def read(self, kind: Literal["pil"] = "pil") -> Image.Image: ...
    @overload
    def read(self, kind: Literal["numpy", "cv2"]) -> Array: ...
    @overload
    def read(self, kind: Literal["tensor"]) -> torch.Tensor: ...
    @overload
    def read(self, kind: Kind) -> AnyImage: ...
    @explain_calls
    def read(self, kind: Kind = "pil") -> AnyImage:
        """Decode the image.

        Codes come as they are stored: a profile in the file is ignored, as glTF wants it, and colors under alpha 0
        are kept. Base color and emissive are sRGB, all else are data.

        Args:
            kind: "pil", "numpy" (H, W, C), "cv2" for OpenCV's order, B, G, R, A, or "tensor", float32 (C, H, W).

        Returns:
            The image, in 16 bits where it has them; PIL has those of gray only, and gets colors rounded to 8.

        Raises:
            FileFormatError: damaged, or in a format that is not read, such as KTX2.
            InputValueError: an unknown kind.
            LimitError: larger than the limits the mesh was opened with.

        Example:
            >>> import numpy as np
            >>> from aikit import new_mesh
            >>> wood = np.full((2, 3, 3), 90, np.uint8)
            >>> mesh = new_mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)], uv=[(0, 1), (1, 1), (0, 0)], texture=wood)
            >>> mesh.textures["texture"].read("numpy").shape
            (2, 3, 3)
        """
        one_of("kind", kind, KINDS)
        decoded = _raster.decode_guarded(
            self.data, name=self.subject, limits=self._limits, profile="ignore", pil_depth=kind == "pil"
        )
        if isinstance(decoded, _raster.HighDepth):
            if kind == "pil":
                return to_pil(_raster.round_to_8_bits(decoded, self.subject))
            return as_kind(decoded.pixels, kind)
        decoded.info.pop("icc_profile", None)
        return as_kind(decoded if kind != "pil" else to_pil(decoded), kind)

    @explain_calls
    def replace(
        self, image: AnyImage, *, format: str | None = None, quality: int | None = None, lossless: bool | None = None
    ) -> None:
        """Put another image in its place, for all materials that show it.

        Args:
            image: one image of any kind and size. 16 bits and colors under alpha 0 are kept by PNG.
            format: "png", "jpeg" or "webp"; None keeps the format it has where that holds the image, else "png".
            quality: 1 to 100, for JPEG and WebP; None is 90.
            lossless: True for WebP without loss.

        Raises:
            InputTypeError: not an image.
            InputValueError: a batch, or a format that glTF or the image does not go with.
        """
        data, kind = encode_texture(image, format or self._kept_format(image), quality=quality, lossless=lossless)
        self._document.set_image(self.index, data, f"image/{kind}")
        for texture in self._document.entries("textures"):
            if self.index in images_of_texture(texture):
                use_image(self._document, texture, self.index, kind)

    def _kept_format(self, image: AnyImage) -> str:
        kind = _raster.identify(self.data)
        spec = load(image).spec
        plain = spec.channels in (1, 3) and spec.dtype != "uint16"
        return kind if kind in ("png", "webp") or (kind == "jpeg" and plain) else "png"


def encode_texture(
    image: AnyImage, format: str, *, quality: int | None = None, lossless: bool | None = None
) -> tuple[bytes, str]:
    """An image as the file that a mesh holds, and the name of its format; nothing stands beside the pixels."""
    target = _raster.capabilities(format)
    if target.name not in _WRITTEN:
        raise InputValueError("format", f"one of {', '.join(_WRITTEN)}", quoted(format), "pass one of these")
    spec = load(image).spec
    deep = spec.dtype == "uint16" and target.color16
    if deep and spec.channels > 1 and not spec.batch:
        return _raster.encode(to_numpy(image, dtype="uint16"), target.name, _options(quality, lossless)), target.name
    picture = to_pil(image, dtype="uint16" if deep else "uint8")
    return _raster.encode(picture, target.name, _options(quality, lossless)), target.name


def _options(quality: int | None, lossless: bool | None) -> _raster.EncodeOptions:
    return _raster.EncodeOptions(quality=quality, lossless=lossless)


# ---------------------------------------------------------------- where images are used


def texture_slots(material: Json) -> Iterator[tuple[str, Json]]:
    """The roles of a material that have a texture, with the JSON that says which; those of extensions are "other"."""
    for role, (path, key) in ROLES.items():
        holder = material
        for part in path:
            holder = holder.get(part, {})
        if key in holder:
            yield role, holder[key]
    for extension in material.get("extensions", {}).values():
        if isinstance(extension, dict):
            for key, slot in extension.items():
                if key.endswith("Texture") and isinstance(slot, dict) and isinstance(slot.get("index"), int):
                    yield "other", slot


def images_of(document: Document, texture: int) -> list[int]:
    """The images that a texture names: one, and others that replace it for programs that know their format."""
    return images_of_texture(document.entries("textures")[texture])


def images_of_texture(texture: Json) -> list[int]:
    """The same for the JSON of a texture."""
    holders = [texture, *(texture.get("extensions", {}).get(name, {}) for name in _OTHER_SOURCES)]
    return [holder["source"] for holder in holders if "source" in holder]


def image_of(texture: Json) -> int | None:
    """The image that we show of a texture: WebP or AVIF where it has one, else the plain one."""
    for name in ("EXT_texture_webp", "EXT_texture_avif"):
        source: int | None = texture.get("extensions", {}).get(name, {}).get("source")
        if source is not None:
            return source
    plain: int | None = texture.get("source")
    return plain


def use_image(document: Document, texture: Json, image: int, format: str) -> None:
    """Let a texture show an image, in the field that its format goes into; other images it had are let go."""
    extensions = {key: value for key, value in texture.get("extensions", {}).items() if key not in _OTHER_SOURCES}
    texture.pop("source", None)
    if format in _EXTENSIONS:
        extensions[_EXTENSIONS[format]] = {"source": image}
        # Without another image for programs that do not know the format, they have to.
        document.use_extension(_EXTENSIONS[format], required=True)
    else:
        texture["source"] = image
    texture.pop("extensions", None)
    if extensions:
        texture["extensions"] = extensions


def textures_of(document: Document, limits: Limits | None) -> dict[str, Texture]:
    """All images of a document by their names."""
    found: dict[str, Texture] = {}
    for index, image in enumerate(document.entries("images")):
        uri = image.get("uri", "data:")
        name = image.get("name") or ("" if uri.startswith("data:") else os.path.basename(uri)) or f"image {index}"
        unique, number = name, 2
        while unique in found:
            unique, number = f"{name} ({number})", number + 1
        found[unique] = Texture(document, index, unique, limits)
    return found
