"""What the JSON of glTF 2.0 may say, as one table: by it files are checked, and what points to what is found.

Source: Khronos Group, "glTF 2.0 Specification" (ISO/IEC 12113:2022), appendix A, and the extensions named here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..errors import FileFormatError, quoted

__all__ = ["COLLECTIONS", "Json", "check_shape", "references", "unseen_extensions"]

Json: TypeAlias = dict[str, Any]  # Any, for what a file says is known only once it was checked


# ---------------------------------------------------------------- shapes


@dataclass(frozen=True, slots=True)
class _Number:
    low: float = -math.inf
    high: float = math.inf
    whole: bool = False

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        low = f" of {self.low:g} or more" if self.low > -math.inf else ""
        return f"{kind} from {self.low:g} to {self.high:g}" if self.high < math.inf else kind + low


@dataclass(frozen=True, slots=True)
class _OneOf:
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Ref:
    """The number of an entry of a collection."""

    to: str


@dataclass(frozen=True, slots=True)
class _Each:
    """A list of things of one shape."""

    shape: _Shape
    least: int = 0
    most: int | None = None
    unique: bool = False


@dataclass(frozen=True, slots=True)
class _Map:
    """An object whose keys are anybody's."""

    shape: _Shape


@dataclass(frozen=True, slots=True)
class _Object:
    """An object with some known keys; others are kept and not looked at."""

    required: Mapping[str, _Shape] = field(default_factory=dict)
    optional: Mapping[str, _Shape] = field(default_factory=dict)


_Shape: TypeAlias = "_Number | _OneOf | _Ref | _Each | _Map | _Object | type[str] | type[bool]"


def _numbers(count: int) -> _Each:
    return _Each(_Number(), count, count)


def _extensions(**known: _Shape) -> _Object:
    return _Object(optional=known)


_WHOLE = _Number(0, whole=True)
_SHARE = _Number(0, 1)
_COUNT = _Number(1, whole=True)

# ---------------------------------------------------------------- the table

_TRANSFORM = _Object(optional={"offset": _numbers(2), "rotation": _Number(), "scale": _numbers(2), "texCoord": _WHOLE})


def _texture(**more: _Shape) -> _Object:
    extensions = _extensions(KHR_texture_transform=_TRANSFORM)
    return _Object({"index": _Ref("textures")}, {"texCoord": _WHOLE, "extensions": extensions, **more})


def _material(*textures: str, **more: _Shape) -> _Object:
    return _Object(optional={**{name: _texture() for name in textures}, **more})


_MATERIAL = _material(
    "emissiveTexture",
    name=str,
    pbrMetallicRoughness=_material(
        "baseColorTexture",
        "metallicRoughnessTexture",
        baseColorFactor=_Each(_Number(0), 4, 4),
        metallicFactor=_SHARE,
        roughnessFactor=_SHARE,
    ),
    normalTexture=_texture(scale=_Number()),
    occlusionTexture=_texture(strength=_SHARE),
    emissiveFactor=_Each(_Number(0), 3, 3),
    alphaMode=str,
    alphaCutoff=_Number(0),
    doubleSided=bool,
    extensions=_extensions(
        KHR_materials_anisotropy=_material("anisotropyTexture"),
        KHR_materials_clearcoat=_material("clearcoatTexture", "clearcoatRoughnessTexture", "clearcoatNormalTexture"),
        KHR_materials_diffuse_transmission=_material("diffuseTransmissionTexture", "diffuseTransmissionColorTexture"),
        KHR_materials_dispersion=_Object(),
        KHR_materials_emissive_strength=_Object(optional={"emissiveStrength": _Number(0)}),
        KHR_materials_ior=_Object(optional={"ior": _Number(0)}),
        KHR_materials_iridescence=_material("iridescenceTexture", "iridescenceThicknessTexture"),
        KHR_materials_pbrSpecularGlossiness=_material("diffuseTexture", "specularGlossinessTexture"),
        KHR_materials_sheen=_material("sheenColorTexture", "sheenRoughnessTexture"),
        KHR_materials_specular=_material("specularTexture", "specularColorTexture"),
        KHR_materials_transmission=_material("transmissionTexture"),
        KHR_materials_unlit=_Object(),
        KHR_materials_volume=_material("thicknessTexture"),
    ),
)

_ATTRIBUTES = _Map(_Ref("accessors"))

_PRIMITIVE = _Object(
    {"attributes": _ATTRIBUTES},
    {
        "indices": _Ref("accessors"),
        "material": _Ref("materials"),
        "mode": _Number(0, 6, whole=True),
        "targets": _Each(_ATTRIBUTES),
        "extensions": _extensions(
            KHR_draco_mesh_compression=_Object({"bufferView": _Ref("bufferViews"), "attributes": _Map(_WHOLE)}),
            KHR_materials_variants=_Object(
                {"mappings": _Each(_Object({"material": _Ref("materials"), "variants": _Each(_Ref("variants"))}))}
            ),
        ),
    },
)

_COMPRESSED = _Object(
    {"buffer": _Ref("buffers"), "byteLength": _COUNT, "byteStride": _COUNT, "count": _COUNT, "mode": str},
    {"byteOffset": _WHOLE, "filter": str},
)

_COMPONENT = _OneOf((5120, 5121, 5122, 5123, 5125, 5126))
_ACCESSOR = _Object(
    {
        "componentType": _COMPONENT,
        "count": _COUNT,
        "type": _OneOf(("SCALAR", "VEC2", "VEC3", "VEC4", "MAT2", "MAT3", "MAT4")),
    },
    {
        "bufferView": _Ref("bufferViews"),
        "byteOffset": _WHOLE,
        "normalized": bool,
        "min": _Each(_Number(), 1, 16),
        "max": _Each(_Number(), 1, 16),
        "name": str,
        "sparse": _Object(
            {
                "count": _COUNT,
                "indices": _Object(
                    {"bufferView": _Ref("bufferViews"), "componentType": _OneOf((5121, 5123, 5125))},
                    {"byteOffset": _WHOLE},
                ),
                "values": _Object({"bufferView": _Ref("bufferViews")}, {"byteOffset": _WHOLE}),
            }
        ),
    },
)

_NODE = _Object(
    optional={
        "name": str,
        "children": _Each(_Ref("nodes"), unique=True),
        "mesh": _Ref("meshes"),
        "skin": _Ref("skins"),
        "camera": _Ref("cameras"),
        "matrix": _numbers(16),
        "translation": _numbers(3),
        "rotation": _numbers(4),
        "scale": _numbers(3),
        "weights": _Each(_Number()),
        "extensions": _extensions(
            KHR_lights_punctual=_Object({"light": _Ref("lights")}),
            EXT_mesh_gpu_instancing=_Object(optional={"attributes": _ATTRIBUTES}),
        ),
    }
)

_ANIMATION = _Object(
    {
        "channels": _Each(
            # The sampler is one of the same animation's: `safety` looks at it.
            _Object({"sampler": _WHOLE, "target": _Object({"path": str}, {"node": _Ref("nodes")})})
        ),
        "samplers": _Each(
            _Object(
                {"input": _Ref("accessors"), "output": _Ref("accessors")},
                {"interpolation": _OneOf(("LINEAR", "STEP", "CUBICSPLINE"))},
            )
        ),
    },
    {"name": str},
)

_CAMERA = _Object(
    {"type": _OneOf(("perspective", "orthographic"))},
    {
        "name": str,
        "perspective": _Object(
            {"yfov": _Number(0), "znear": _Number(0)}, {"aspectRatio": _Number(0), "zfar": _Number(0)}
        ),
        "orthographic": _Object({"xmag": _Number(), "ymag": _Number(), "zfar": _Number(0), "znear": _Number(0)}),
    },
)

_LIGHT = _Object(
    {"type": _OneOf(("directional", "point", "spot"))},
    {
        "name": str,
        "color": _numbers(3),
        "intensity": _Number(0),
        "range": _Number(0),
        "spot": _Object(optional={"innerConeAngle": _Number(0), "outerConeAngle": _Number(0)}),
    },
)

_WRAP = _OneOf((33071, 33648, 10497))
_SAMPLER = _Object(
    optional={
        "magFilter": _OneOf((9728, 9729)),
        "minFilter": _OneOf((9728, 9729, 9984, 9985, 9986, 9987)),
        "wrapS": _WRAP,
        "wrapT": _WRAP,
        "name": str,
    }
)

_SOURCE = _Object(optional={"source": _Ref("images")})
_TEXTURE = _Object(
    optional={
        "name": str,
        "sampler": _Ref("samplers"),
        "source": _Ref("images"),
        "extensions": _extensions(
            EXT_texture_webp=_SOURCE,
            EXT_texture_avif=_SOURCE,
            KHR_texture_basisu=_SOURCE,
            MSFT_texture_dds=_SOURCE,
        ),
    }
)

_GLTF = _Object(
    {"asset": _Object({"version": str}, {"minVersion": str, "generator": str, "copyright": str})},
    {
        "extensionsUsed": _Each(str),
        "extensionsRequired": _Each(str),
        "scene": _Ref("scenes"),
        "scenes": _Each(_Object(optional={"name": str, "nodes": _Each(_Ref("nodes"), unique=True)})),
        "nodes": _Each(_NODE),
        "meshes": _Each(_Object({"primitives": _Each(_PRIMITIVE)}, {"name": str, "weights": _Each(_Number())})),
        "accessors": _Each(_ACCESSOR),
        "bufferViews": _Each(
            _Object(
                {"buffer": _Ref("buffers"), "byteLength": _COUNT},
                {
                    "byteOffset": _WHOLE,
                    "byteStride": _Number(4, 252, whole=True),
                    "target": _WHOLE,
                    "name": str,
                    "extensions": _extensions(EXT_meshopt_compression=_COMPRESSED, KHR_meshopt_compression=_COMPRESSED),
                },
            )
        ),
        "buffers": _Each(_Object({"byteLength": _COUNT}, {"uri": str, "name": str})),
        "images": _Each(
            _Object(optional={"uri": str, "mimeType": str, "name": str, "bufferView": _Ref("bufferViews")})
        ),
        "textures": _Each(_TEXTURE),
        "samplers": _Each(_SAMPLER),
        "materials": _Each(_MATERIAL),
        "animations": _Each(_ANIMATION),
        "skins": _Each(
            _Object(
                {"joints": _Each(_Ref("nodes"), unique=True)},
                {"inverseBindMatrices": _Ref("accessors"), "skeleton": _Ref("nodes"), "name": str},
            )
        ),
        "cameras": _Each(_CAMERA),
        "extensions": _extensions(
            KHR_lights_punctual=_Object({"lights": _Each(_LIGHT)}),
            KHR_materials_variants=_Object({"variants": _Each(_Object({"name": str}))}),
        ),
    },
)

# Where each collection stands; extensions keep theirs inside of themselves.
COLLECTIONS: Mapping[str, tuple[str, ...]] = {
    **{
        name: (name,)
        for name in "scenes nodes meshes accessors bufferViews buffers images textures samplers materials animations "
        "skins cameras".split()
    },
    "lights": ("extensions", "KHR_lights_punctual", "lights"),
    "variants": ("extensions", "KHR_materials_variants", "variants"),
}

# ---------------------------------------------------------------- walks


def check_shape(gltf: object, name: str) -> None:
    """Refuse JSON that is none of glTF 2.0.

    Raises:
        FileFormatError: something known is of another type, out of its range, or points to what is not there.
    """
    counts = {each: len(_collection(gltf, path)) for each, path in COLLECTIONS.items()}

    def refuse(expected: str, value: object, where: str) -> FileFormatError:
        got = f"{quoted(value)} at {where.lstrip('.') or 'its top'}"
        return FileFormatError(name, expected, got, "export the file again")

    _walk(gltf, _GLTF, "", counts, refuse)


def _collection(gltf: object, path: tuple[str, ...]) -> list[Any]:
    found: Any = gltf
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, list) else []


_Refuse: TypeAlias = Callable[[str, object, str], FileFormatError]


def _walk(value: Any, shape: _Shape, where: str, counts: Mapping[str, int], refuse: _Refuse) -> None:
    if isinstance(shape, _Object):
        if not isinstance(value, dict):
            raise refuse("an object", value, where)
        for key, inner in shape.required.items():
            if key not in value:
                raise refuse(f"an entry {key!r}", list(value)[:8], where)
            _walk(value[key], inner, f"{where}.{key}", counts, refuse)
        for key, inner in shape.optional.items():
            if key in value:
                _walk(value[key], inner, f"{where}.{key}", counts, refuse)
    elif isinstance(shape, _Each):
        if not isinstance(value, list) or len(value) < shape.least:
            raise refuse(f"a list of at least {shape.least}", value, where)
        if shape.most is not None and len(value) > shape.most:
            raise refuse(f"at most {shape.most} entries", value, where)
        for index, each in enumerate(value):
            _walk(each, shape.shape, f"{where}[{index}]", counts, refuse)
        if shape.unique and len(set(value)) < len(value):
            raise refuse("entries that differ", value, where)
    elif isinstance(shape, _Map):
        if not isinstance(value, dict):
            raise refuse("an object", value, where)
        for key, each in value.items():
            _walk(each, shape.shape, f"{where}.{key}", counts, refuse)
    elif isinstance(shape, _Ref):
        if type(value) is not int or not 0 <= value < counts[shape.to]:
            raise refuse(f"one of the {counts[shape.to]} {shape.to}", value, where)
    elif isinstance(shape, _Number):
        kinds = (int,) if shape.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not shape.low <= value <= shape.high:
            raise refuse(str(shape), value, where)
    elif isinstance(shape, _OneOf):
        if isinstance(value, (bool, list, dict)) or value not in shape.values:
            raise refuse(f"one of {', '.join(map(str, shape.values))}", value, where)
    elif not isinstance(value, shape):
        raise refuse("a text" if shape is str else "true or false", value, where)


def references(gltf: Json) -> Iterator[tuple[Any, Any, str]]:
    """All places that hold the number of something: what they lie in, their key there, and the collection they mean.

    The file was checked. What stands in extensions that are not in the table is not seen.
    """
    yield from _references(gltf, _GLTF)


def _references(value: Any, shape: _Shape) -> Iterator[tuple[Any, Any, str]]:
    inner: Iterator[tuple[Any, _Shape]]
    if isinstance(shape, _Object):
        known = {**shape.required, **shape.optional}
        inner = ((key, known[key]) for key in known if key in value)
    elif isinstance(shape, _Each):
        inner = ((index, shape.shape) for index in range(len(value)))
    elif isinstance(shape, _Map):
        inner = ((key, shape.shape) for key in value)
    else:
        return
    for key, each in inner:
        if isinstance(each, _Ref):
            yield value, key, each.to
        elif not isinstance(each, (_Number, _OneOf, type)):
            yield from _references(value[key], each)


def unseen_extensions(gltf: Json) -> set[str]:
    """The extensions that a document has somewhere and the table has not: they may point to anything by its number."""
    return {name for name in _extensions_in(gltf) if name not in _known_extensions(_GLTF)}


def _extensions_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "extensions" and isinstance(inner, dict):
                yield from inner
            # What people put into extras is their own.
            if key != "extras":
                yield from _extensions_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _extensions_in(inner)


def _known_extensions(shape: _Shape) -> set[str]:
    found: set[str] = set()
    if isinstance(shape, (_Each, _Map)):
        return _known_extensions(shape.shape)
    if isinstance(shape, _Object):
        for key, inner in {**shape.required, **shape.optional}.items():
            if key == "extensions" and isinstance(inner, _Object):
                found |= {**inner.required, **inner.optional}.keys()
            found |= _known_extensions(inner)
    return found
