"""The materials of a mesh: their values by name, written through to the file's JSON.

Source: Khronos Group, "glTF 2.0 Specification", section 3.9, and the extensions KHR_materials_unlit and
KHR_materials_emissive_strength.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from .._check import number, one_of, switch
from .._foreign_names import explain_calls
from ..errors import InputTypeError, InputValueError, quoted
from ..limits import Limits
from ..types import AnyImage
from .document import Document
from .schema import Json
from .textures import ROLES, Texture, encode_texture, images_of, texture_slots, textures_of, use_image

__all__ = ["AlphaMode", "Material", "materials_of"]

AlphaMode = Literal["OPAQUE", "MASK", "BLEND"]
_MODES = ("OPAQUE", "MASK", "BLEND")
_UNLIT, _STRENGTH = "KHR_materials_unlit", "KHR_materials_emissive_strength"
TextureRole = Literal["base_color", "metallic_roughness", "normal", "occlusion", "emissive"]


class Material:
    """A material of a mesh: `mesh.materials["Paint"]`. What is set is in the file that is written.

    Colors are linear light, 0 to 1, as glTF has them, and multiply what the textures hold.

    Attributes:
        name: as the file calls it, or else "material 0"; a number follows where two are called the same.
        index: its number in the file.
        json: its part of the file, for what is not here.
    """

    def __init__(self, document: Document, index: int, name: str, limits: Limits | None) -> None:
        self._document, self.index, self.name, self._limits = document, index, name, limits

    def __repr__(self) -> str:
        return f"<Material {self.name!r} {self.alpha_mode.lower()}, {', '.join(self.textures) or 'no textures'}>"

    @property
    def json(self) -> Json:
        """Its part of the file."""
        return self._document.entries("materials")[self.index]

    # ------------------------------------------------------------ values

    @property
    def base_color(self) -> tuple[float, ...]:
        """Red, green, blue and alpha, linear, 0 to 1."""
        return tuple(self._metal().get("baseColorFactor", (1.0, 1.0, 1.0, 1.0)))

    @base_color.setter
    def base_color(self, value: Sequence[float]) -> None:
        values = _numbers("base_color", value, (3, 4))
        self._metal(write=True)["baseColorFactor"] = [*values, 1.0][:4]

    @property
    def metallic(self) -> float:
        """From 0, no metal, to 1; times the blue of its texture."""
        return float(self._metal().get("metallicFactor", 1.0))

    @metallic.setter
    def metallic(self, value: float) -> None:
        self._metal(write=True)["metallicFactor"] = number("metallic", value, 0, 1)

    @property
    def roughness(self) -> float:
        """From 0, a mirror, to 1; times the green of its texture."""
        return float(self._metal().get("roughnessFactor", 1.0))

    @roughness.setter
    def roughness(self, value: float) -> None:
        self._metal(write=True)["roughnessFactor"] = number("roughness", value, 0, 1)

    @property
    def emissive(self) -> tuple[float, ...]:
        """Red, green and blue that it gives off, linear, 0 to 1; times `emissive_strength`."""
        return tuple(self.json.get("emissiveFactor", (0.0, 0.0, 0.0)))

    @emissive.setter
    def emissive(self, value: Sequence[float]) -> None:
        self.json["emissiveFactor"] = _numbers("emissive", value, (3,))

    @property
    def emissive_strength(self) -> float:
        """How many times brighter than white it may glow."""
        return float(self.json.get("extensions", {}).get(_STRENGTH, {}).get("emissiveStrength", 1.0))

    @emissive_strength.setter
    def emissive_strength(self, value: float) -> None:
        self._set_extension(_STRENGTH, {"emissiveStrength": number("emissive_strength", value, 0, float("inf"))})

    @property
    def alpha_mode(self) -> AlphaMode:
        """What alpha does: "OPAQUE" nothing, "MASK" shows what has at least `alpha_cutoff`, "BLEND" is see-through."""
        mode = self.json.get("alphaMode", "OPAQUE")
        return mode if mode in _MODES else "OPAQUE"

    @alpha_mode.setter
    def alpha_mode(self, value: AlphaMode) -> None:
        one_of("alpha_mode", value, _MODES)
        self.json["alphaMode"] = value
        if value != "MASK":  # which alone has one
            self.json.pop("alphaCutoff", None)

    @property
    def alpha_cutoff(self) -> float:
        """The least alpha that "MASK" shows."""
        return float(self.json.get("alphaCutoff", 0.5))

    @alpha_cutoff.setter
    def alpha_cutoff(self, value: float) -> None:
        cutoff = number("alpha_cutoff", value, 0, float("inf"))
        if self.alpha_mode != "MASK":
            raise InputValueError("alpha_cutoff", 'alpha_mode "MASK"', quoted(self.alpha_mode), "set alpha_mode first")
        self.json["alphaCutoff"] = cutoff

    @property
    def double_sided(self) -> bool:
        """Whether faces are seen from behind."""
        return bool(self.json.get("doubleSided", False))

    @double_sided.setter
    def double_sided(self, value: bool) -> None:
        self.json["doubleSided"] = switch("double_sided", value)

    @property
    def unlit(self) -> bool:
        """Whether its color is shown as it is, without light."""
        return _UNLIT in self.json.get("extensions", {})

    @unlit.setter
    def unlit(self, value: bool) -> None:
        self._set_extension(_UNLIT, {} if switch("unlit", value) else None)

    @property
    def normal_scale(self) -> float:
        """How deep the normal map is; 1 where there is none."""
        return float(self.json.get("normalTexture", {}).get("scale", 1.0))

    @normal_scale.setter
    def normal_scale(self, value: float) -> None:
        self._slot("normal", "normal_scale")["scale"] = number("normal_scale", value, -1e6, 1e6)

    @property
    def occlusion_strength(self) -> float:
        """How much of the occlusion map is applied, 0 to 1; 1 where there is none."""
        return float(self.json.get("occlusionTexture", {}).get("strength", 1.0))

    @occlusion_strength.setter
    def occlusion_strength(self, value: float) -> None:
        self._slot("occlusion", "occlusion_strength")["strength"] = number("occlusion_strength", value, 0, 1)

    # ------------------------------------------------------------ textures

    @property
    def textures(self) -> dict[str, Texture]:
        """Its textures by role: "base_color", "metallic_roughness", "normal", "occlusion", "emissive"."""
        by_index = {each.index: each for each in textures_of(self._document, self._limits).values()}
        found: dict[str, Texture] = {}
        for role, slot in texture_slots(self.json):
            images = images_of(self._document, slot["index"])
            if role in ROLES and images:
                found[role] = by_index[images[-1]]
        return found

    @explain_calls
    def set_texture(
        self,
        role: TextureRole,
        image: AnyImage | Texture | None,
        *,
        format: str = "png",
        quality: int | None = None,
        lossless: bool | None = None,
    ) -> None:
        """Give it a texture for a role, or take it away.

        `mesh.textures[...].replace` changes an image for all materials that show it; this changes one material.

        Args:
            role: "base_color", "metallic_roughness", "normal", "occlusion" or "emissive".
            image: an image of any kind, a Texture of the same mesh, or None to take the one it has away.
            format: of an image, "png", "jpeg" or "webp".
            quality: 1 to 100, for JPEG and WebP.
            lossless: True for WebP without loss.

        Raises:
            InputTypeError: not an image.
            InputValueError: an unknown role, a texture of another mesh, a format that does not hold the image, or a
                mesh that shows this material and has no texture coordinates.
        """
        one_of("role", role, ROLES)
        path, key = ROLES[role]
        holder = self._metal(write=True) if path else self.json
        if image is None:
            holder.pop(key, None)
            return
        self._check_uv(holder.get(key, {}).get("texCoord", 0))
        if isinstance(image, Texture):
            if image._document is not self._document:
                raise InputValueError("image", "a texture of this mesh", "one of another", "pass texture.read()")
            index = image.index
            kind = image.header().format
        else:
            data, kind = encode_texture(image, format, quality=quality, lossless=lossless)
            view = self._document.add_view(data)
            name = f"{self.name} {role.replace('_', ' ')}"
            index = self._document.append("images", {"bufferView": view, "mimeType": f"image/{kind}", "name": name})
        texture: Json = {}
        use_image(self._document, texture, index, kind)
        holder[key] = {**holder.get(key, {}), "index": self._document.append("textures", texture)}

    def _check_uv(self, number: int) -> None:
        """Refuse a texture for triangles that say nowhere which part of it they show."""
        for index, mesh in enumerate(self._document.entries("meshes")):
            for primitive in mesh["primitives"]:
                if primitive.get("material") == self.index and f"TEXCOORD_{number}" not in primitive["attributes"]:
                    raise InputValueError(
                        "image",
                        "texture coordinates in all that show this material",
                        f"none in mesh {index}",
                        "give that another material, or make it with uv=",
                    )

    # ------------------------------------------------------------ the JSON

    def _metal(self, *, write: bool = False) -> Json:
        found: Json = (
            self.json.setdefault("pbrMetallicRoughness", {}) if write else self.json.get("pbrMetallicRoughness", {})
        )
        return found

    def _slot(self, role: str, option: str) -> Json:
        slot: Json | None = self.json.get(ROLES[role][1])
        if slot is None:
            raise InputValueError(option, f"a material with a texture for {role}", "one without", "set_texture first")
        return slot

    def _set_extension(self, name: str, value: Any) -> None:  # Any, for each has its own fields
        extensions = {key: each for key, each in self.json.get("extensions", {}).items() if key != name}
        if value is not None:
            extensions[name] = value
            self._document.use_extension(name)
        self.json.pop("extensions", None)
        if extensions:
            self.json["extensions"] = extensions


def _numbers(subject: str, value: object, counts: tuple[int, ...]) -> list[float]:
    if isinstance(value, str) or not hasattr(value, "__len__") or not hasattr(value, "__iter__"):
        raise InputTypeError(subject, f"{counts[-1]} numbers", quoted(value), "pass a tuple, linear, 0 to 1")
    if len(value) not in counts:
        raise InputValueError(subject, f"{counts[-1]} numbers", quoted(value), "pass a tuple, linear, 0 to 1")
    return [number(subject, float(each) if hasattr(each, "dtype") else each, 0, 1) for each in value]


def materials_of(document: Document, limits: Limits | None) -> dict[str, Material]:
    """All materials of a document by their names."""
    found: dict[str, Material] = {}
    for index, entry in enumerate(document.entries("materials")):
        name = entry.get("name") or f"material {index}"
        unique, count = name, 2
        while unique in found:
            unique, count = f"{name} ({count})", count + 1
        found[unique] = Material(document, index, unique, limits)
    return found
