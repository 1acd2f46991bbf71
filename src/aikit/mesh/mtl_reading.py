"""The materials of an OBJ as those of glTF."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .. import _raster
from ..color import rgb_to_linear_rgb
from ..convert import to_pil
from ..errors import AikitError, FileAccessError, FileFormatError, quoted
from .document import Document
from .schema import Json

__all__ = ["Library", "ReadSibling", "add_materials", "linear_of", "read_libraries"]

ReadSibling: TypeAlias = Callable[[str], bytes]

# Options of maps and how many words follow each; up to three numbers of those that place the map.
_OPTIONS = {"-blendu": 1, "-blendv": 1, "-cc": 1, "-clamp": 1, "-imfchan": 1, "-texres": 1, "-type": 1}
_OPTIONS |= {"-bm": 1, "-boost": 1, "-mm": 2, "-colorspace": 1}
_PLACING = ("-o", "-s", "-t")
_NAMES = {
    "map_kd": "base_color",
    "map_ke": "emissive",
    "norm": "normal",
    "map_kn": "normal",
    "map_bump": "bump",
    "bump": "bump",
    "map_d": "alpha",
}
# What the lighting of 1992 needs and glTF has no place for.
_SILENT = frozenset("ka ks tf ni illum sharpness".split())


@dataclass(slots=True)
class _Map:
    file: str
    offset: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    clamp: bool = False
    strength: float = 1.0


@dataclass(slots=True)
class Library:
    """What the material libraries of an OBJ say.

    Attributes:
        materials: the values of each material by the lower-case words of MTL.
        maps: the maps of each material by what they are for.
        left_out: what is not taken over, in words.
    """

    materials: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    maps: dict[str, dict[str, _Map]] = field(default_factory=dict)
    left_out: dict[str, None] = field(default_factory=dict)


def read_libraries(names: list[str], source: str, read: ReadSibling) -> Library:
    """Read the libraries that an OBJ names, each by its whole line, or by its words where there is no such file.

    Raises:
        FileAccessError: a library is missing.
        FileFormatError: a line that is none of MTL, or a name that leads out of the folder.
    """
    library = Library()
    for line in names:
        try:
            texts = [read(_portable(line))]
        except FileAccessError:
            words = line.split()
            if len(words) < 2:
                raise
            texts = [read(_portable(word)) for word in words]
        for text in texts:
            _read_mtl(text.decode("utf-8", "replace").removeprefix("\ufeff"), source, library)
    return library


def _portable(name: str) -> str:
    """A name as it stands in OBJ files of Windows too."""
    return name.strip().strip('"').replace("\\", "/").removeprefix("./")


def _read_mtl(text: str, source: str, library: Library) -> None:
    values: dict[str, list[float]] | None = None
    name = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip().replace("\t", " ")
        word, _, rest = line.partition(" ")
        word, rest = word.lower(), rest.strip()
        if not word or word.startswith("#"):
            continue
        try:
            if word == "newmtl":
                name, values = rest, {}
                library.materials[name], library.maps[name] = values, {}
            elif values is None:
                raise ValueError("a value before newmtl")
            elif word in ("kd", "ke", "d", "tr", "ns", "pr", "pm"):
                values[word] = [float(each) for each in rest.replace("-halo", "").split()]
                if not all(map(math.isfinite, values[word])) or not values[word]:
                    raise ValueError(rest)
            elif word in _NAMES:
                library.maps[name][_NAMES[word]] = _read_map(rest)
            elif word not in _SILENT:
                library.left_out[f"{word} of materials"] = None
        except (ValueError, IndexError) as error:
            if isinstance(error, AikitError):
                raise
            got = f"line {number} of its materials: {quoted(line[:60])}"
            raise FileFormatError(source, "a valid MTL file", got, "export the file again") from error


def _read_map(rest: str) -> _Map:
    """A map: options, and behind them a name that may have blanks in it."""
    found = _Map("")
    while rest.startswith("-"):
        option, _, rest = rest.partition(" ")
        rest = rest.lstrip()
        if option in _PLACING:
            numbers: list[float] = []
            while len(numbers) < 3 and _is_number(word := rest.partition(" ")[0]) and " " in rest:
                numbers.append(float(word))
                rest = rest.partition(" ")[2].lstrip()
            _place(found, option, numbers)
        elif option in _OPTIONS:
            words = rest.split(None, _OPTIONS[option])
            if len(words) <= _OPTIONS[option]:
                raise ValueError("an option without a file")
            rest = words[-1]
            if option == "-clamp":
                found.clamp = words[0].lower() == "on"
            elif option == "-bm":
                found.strength = float(words[0])
        else:
            raise ValueError(f"the option {option}")
    if not rest:
        raise ValueError("a map without a file")
    found.file = _portable(rest)
    return found


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def _place(found: _Map, option: str, numbers: list[float]) -> None:
    if not numbers:
        raise ValueError("an option without its numbers")
    if option == "-o":
        found.offset = (numbers[0], numbers[1] if len(numbers) > 1 else 0.0)
    elif option == "-s":
        found.scale = (numbers[0], numbers[1] if len(numbers) > 1 else 1.0)


# ---------------------------------------------------------------- into glTF


def add_materials(
    document: Document, library: Library, used: list[str | None], read: ReadSibling | None
) -> Mapping[str, int]:
    """Add the materials that faces show, and those beside them, and return their numbers."""
    numbers: dict[str, int] = {}
    images: dict[str, int | None] = {}
    for name in dict.fromkeys([*(each for each in used if each is not None), *library.materials]):
        values, maps = library.materials.get(name), library.maps.get(name, {})
        if values is None and read is not None:
            library.left_out[f"the material {quoted(name)}, which no library that was read has"] = None
        entry = _material(name, values or {})
        numbers[name] = document.append("materials", entry)
        for role, found in maps.items():
            assert read is not None  # which has read the maps
            _add_map(document, entry, role, found, maps, images, library, read)
        if any(extension for extension in entry.get("extensions", ())):
            for extension in entry["extensions"]:
                document.use_extension(extension)
    return numbers


def _material(name: str, values: Mapping[str, list[float]]) -> Json:
    red, green, blue = linear_of(_three(values.get("kd", [1.0])))
    alpha = values["d"][0] if "d" in values else 1 - values["tr"][0] if "tr" in values else 1.0
    shine = max(values["ns"][0], 0.0) if "ns" in values else None
    # Blinn and Phong's exponent as roughness: Karis, "Specular BRDF Reference", 2013, alpha = roughness squared.
    rough = 1.0 if shine is None else (2 / (shine + 2)) ** 0.25
    entry: Json = {
        "name": name,
        "pbrMetallicRoughness": {
            "baseColorFactor": [red, green, blue, min(max(alpha, 0.0), 1.0)],
            "metallicFactor": min(max(values.get("pm", [0.0])[0], 0.0), 1.0),
            "roughnessFactor": min(max(values.get("pr", [rough])[0], 0.0), 1.0),
        },
    }
    if alpha < 1:
        entry["alphaMode"] = "BLEND"
    # Beyond white it is light already.
    glow = [each if each > 1 else linear for each, linear in _with_linear(_three(values.get("ke", [0.0])))]
    if any(glow):
        strength = max(1.0, *glow)
        entry["emissiveFactor"] = [each / strength for each in glow]
        if strength > 1:
            entry["extensions"] = {"KHR_materials_emissive_strength": {"emissiveStrength": strength}}
    return entry


def _with_linear(codes: list[float]) -> list[tuple[float, float]]:
    return list(zip(codes, linear_of(codes), strict=True))


def _three(values: list[float]) -> list[float]:
    return values[:3] if len(values) >= 3 else [values[0]] * 3


def linear_of(codes: list[float]) -> list[float]:
    """Colors of MTL, which programs write as they show them, in linear light."""
    import numpy as np

    planes = rgb_to_linear_rgb(np.array([[codes]], np.float64).clip(0, 1))
    return [float(each) for each in planes.reshape(-1)]


def _add_map(
    document: Document,
    entry: Json,
    role: str,
    found: _Map,
    maps: Mapping[str, _Map],
    images: dict[str, int | None],
    library: Library,
    read: ReadSibling,
) -> None:
    if role == "alpha":
        color = maps.get("base_color")
        if color is not None and color.file == found.file:
            entry["alphaMode"] = "BLEND"
        else:
            library.left_out["opacity maps that are not the alpha of the color map"] = None
        return
    if found.file not in images:
        images[found.file] = _add_image(document, found.file, read(found.file), library)
    image = images[found.file]
    if image is None:
        return
    if role == "bump":
        head = _raster.probe(document.image_bytes(image), name=document.source, limits=document.limits)
        if head.channels < 3:
            library.left_out["bump maps of heights"] = None
            return
        role = "normal"  # what programs write there
    slot: Json = {"index": _add_texture(document, image, clamp=found.clamp)}
    if found.scale != (1.0, 1.0) or found.offset != (0.0, 0.0):
        (wide, high), (u, v) = found.scale, found.offset
        # v runs the other way in glTF.
        moved = {"offset": [u, 1 - high - v], "scale": [wide, high]}
        slot["extensions"] = {"KHR_texture_transform": moved}
        document.use_extension("KHR_texture_transform")
    if role == "base_color":
        entry["pbrMetallicRoughness"]["baseColorTexture"] = slot
        if "kd" not in library.materials[entry["name"]]:
            entry["pbrMetallicRoughness"]["baseColorFactor"][:3] = [1.0, 1.0, 1.0]
    elif role == "emissive":
        entry["emissiveTexture"] = slot
        entry.setdefault("emissiveFactor", [1.0, 1.0, 1.0])
    else:
        entry["normalTexture"] = slot | ({} if found.strength == 1.0 else {"scale": found.strength})


def _add_image(document: Document, name: str, data: bytes, library: Library) -> int | None:
    """Add an image as it is, or as a PNG where glTF has not its format; None of what is no picture that is read."""
    kind = _raster.identify(data)
    if kind not in ("png", "jpeg", "webp"):
        try:
            decoded: Any = _raster.decode_guarded(data, name=name, limits=document.limits, profile="ignore")
        except FileFormatError:
            library.left_out[f"the texture {quoted(name)}, whose format is not read"] = None
            return None
        pixels = decoded.pixels if isinstance(decoded, _raster.HighDepth) else to_pil(decoded)
        data, kind = _raster.encode(pixels, "png"), "png"
    view = document.add_view(data)
    title = name.rpartition("/")[2]
    return document.append("images", {"bufferView": view, "mimeType": f"image/{kind}", "name": title})


def _add_texture(document: Document, image: int, *, clamp: bool) -> int:
    kind = document.entries("images")[image]["mimeType"]
    texture: Json = {"source": image}
    if kind == "image/webp":
        texture = {"extensions": {"EXT_texture_webp": {"source": image}}}
        document.use_extension("EXT_texture_webp", required=True)
    if clamp:
        texture["sampler"] = document.append("samplers", {"wrapS": 33071, "wrapT": 33071})
    return document.append("textures", texture)
