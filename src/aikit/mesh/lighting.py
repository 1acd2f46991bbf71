"""What shines on a mesh: surroundings in closed form, lamps, and how surfaces answer.

Sources: glTF 2.0, appendix B (the metallic-roughness model); KHR_lights_punctual; Karis, "Physically Based Shading on
Mobile", 2014, and Fdez-Aguera, "A Multiple-Scattering Microfacet Model for Real-Time Image-based Lighting", JCGT 2019
(what a surface reflects of its surroundings); Wang et al., "All-Frequency Rendering of Dynamic,
Spatially-Varying Reflectance", 2009 (lamps as lobes); Khronos PBR Neutral Tone Mapper, 2024.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..color import rgb
from .scene import Light

if TYPE_CHECKING:
    import torch

__all__ = ["Shown", "Surroundings", "answer", "compress", "dot", "studio", "to_codes", "to_light", "unit"]


def dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The dot product of vectors (3, N): (N,)."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def unit(vector: torch.Tensor) -> torch.Tensor:
    """Vectors (3, N) at length 1; those without a length stay 0."""
    return vector * dot(vector, vector).clamp(min=1e-24).rsqrt()


def to_light(codes: torch.Tensor) -> torch.Tensor:
    """Codes of the sRGB curve in [0, 1] as light."""
    from .._adapters.torch import namespace

    light: torch.Tensor = rgb.decode(namespace, [codes], None)[0]
    return light


def to_codes(light: torch.Tensor) -> torch.Tensor:
    """Light as codes of the sRGB curve in [0, 1]."""
    from .._adapters.torch import namespace

    codes: torch.Tensor = rgb.encode(namespace, [light], None)[0]
    return codes


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Light from everywhere: one brightness above, another below, and soft lamps.

    Args:
        above, below: the light of the two halves of the sky.
        lamps: direction to each, its brightness, and how sharp it is: exp(sharpness * (cosine - 1)).
    """

    above: float
    below: float
    lamps: tuple[tuple[tuple[float, float, float], float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A surface at N points.

    Args:
        color: (3, N), base color in linear light.
        metallic, roughness: (N,).
        occlusion: (N,), how much of the surroundings is seen, or None for all.
        position, normal, to_eye: (3, N) in the world.
    """

    color: torch.Tensor
    metallic: torch.Tensor
    roughness: torch.Tensor
    occlusion: torch.Tensor | None
    position: torch.Tensor
    normal: torch.Tensor
    to_eye: torch.Tensor


# Where the lamps of the studio stand as (yaw from the camera, height) in degrees, how bright and how sharp they are.
_STUDIO = ((-40.0, 45.0, 3.4, 9.0), (60.0, 15.0, 1.1, 6.0), (170.0, 40.0, 2.5, 12.0))
_ABOVE, _BELOW = 0.85, 0.28


def studio(yaw: float) -> Surroundings:
    """A photographer's light that stands still as seen from a camera, which looks from a yaw in degrees."""
    lamps = []
    for around, height, brightness, sharpness in _STUDIO:
        turn, lift = math.radians(yaw + around), math.radians(height)
        to_lamp = (math.sin(turn) * math.cos(lift), math.sin(lift), math.cos(turn) * math.cos(lift))
        lamps.append((to_lamp, brightness, sharpness))
    return Surroundings(_ABOVE, _BELOW, tuple(lamps))


def answer(shown: Shown, surroundings: Surroundings, lights: Sequence[Light]) -> torch.Tensor:
    """The light (3, N) that a surface sends to the eye."""
    # Appendix B.2: what a dielectric reflects at a right angle, and what a metal does.
    facing = dot(shown.normal, shown.to_eye).clamp(1e-4, 1)
    reflected = 0.04 + (shown.color - 0.04) * shown.metallic
    diffuse = shown.color * (1 - shown.metallic)
    mirrored = 2 * facing * shown.normal - shown.to_eye
    # A mixture of a metal and of a dull body under a clear skin, which lets through what it does not reflect.
    metal, metal_again = _reflectance(facing, shown.roughness, shown.color)
    skin, skin_again = _reflectance(facing, shown.roughness, facing.new_tensor(0.04))
    mirror = _seen_in_mirror(mirrored, shown.roughness, surroundings)
    dull = _diffuse_around(shown.normal, surroundings)
    around = shown.metallic * (mirror * metal + dull * metal_again)
    around = around + (1 - shown.metallic) * (mirror * skin + dull * skin_again)
    around = around + dull * diffuse * (1 - skin - skin_again)
    result = around if shown.occlusion is None else around * shown.occlusion
    for light in lights:
        result = result + _from_light(shown, light, facing, diffuse, reflected)
    return result


def _diffuse_around(normal: torch.Tensor, surroundings: Surroundings) -> torch.Tensor:
    """What a white, dull surface shows: the mean of the light before it by the cosine law."""
    up = normal[1]
    result = surroundings.below + (surroundings.above - surroundings.below) * (0.5 + 0.5 * up)
    for direction, brightness, sharpness in surroundings.lamps:
        cosine = normal[0] * direction[0] + normal[1] * direction[1] + normal[2] * direction[2]
        # A lobe holds 2 pi / sharpness of its peak; its width lets it reach a little behind the horizon.
        reach = 1 / math.sqrt(sharpness)
        wrapped = ((cosine + reach) / (1 + reach)).clamp(min=0)
        result = result + brightness * 2 / sharpness * wrapped * wrapped
    return result


def _seen_in_mirror(direction: torch.Tensor, roughness: torch.Tensor, surroundings: Surroundings) -> torch.Tensor:
    """What is seen in a direction, the more blurred the rougher the surface."""
    alpha = (roughness * roughness).clamp(min=1e-3)
    # The horizon is as soft as the lobe is wide.
    soft = 0.08 + 0.92 * alpha
    rise = (direction[1] / soft).clamp(-1, 1)
    share = 0.5 + rise * (0.75 - 0.25 * rise * rise)
    result = surroundings.below + (surroundings.above - surroundings.below) * share
    # The lobe of the surface around the mirrored direction: half a GGX lobe of the half vectors is twice as wide.
    own = 1 / (2 * alpha * alpha)
    for towards, brightness, sharpness in surroundings.lamps:
        cosine = direction[0] * towards[0] + direction[1] * towards[1] + direction[2] * towards[2]
        # Blurring one lobe by another adds their widths and keeps their light.
        blurred = sharpness * own / (sharpness + own)
        result = result + brightness * (blurred / sharpness) * (blurred * (cosine - 1)).exp()
    return result


def _reflectance(
    facing: torch.Tensor, roughness: torch.Tensor, reflected: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What a rough surface reflects of uniform surroundings, at its first facet by Karis's fit, and at further ones."""
    x, y = 1 - roughness, 0.0425 - 0.0275 * roughness
    z, w = 1.04 - 0.572 * roughness, 0.022 * roughness - 0.04
    grazing = (x * x).minimum((-9.28 * facing).exp2()) * x + y
    scale, offset = z - 1.04 * grazing, w + 1.04 * grazing
    once = reflected * scale + offset
    # What the first facet does not let out meets others, of the mean reflectance of all directions.
    kept = 1 - scale - offset
    mean = reflected + (1 - reflected) / 21
    return once, once * mean * kept / (1 - kept * mean)


def _from_light(
    shown: Shown, light: Light, facing: torch.Tensor, diffuse: torch.Tensor, reflected: torch.Tensor
) -> torch.Tensor:
    """Appendix B.3: Lambert and GGX, for one light."""
    to_light, strength = _arriving(shown.position, light)
    cosine = dot(shown.normal, to_light).clamp(min=0)
    half = unit(to_light + shown.to_eye)
    at_half, of_half = dot(shown.normal, half).clamp(0, 1), dot(shown.to_eye, half).clamp(0, 1)
    # A mirror would not show a light without size: it is as sharp as a tenth of roughness allows.
    alpha2 = (shown.roughness**4).clamp(min=1e-4)
    spread = at_half * at_half * (alpha2 - 1) + 1
    distribution = alpha2 / (math.pi * spread * spread)
    visible, lit = (each + (alpha2 + (1 - alpha2) * each * each).sqrt() for each in (facing, cosine))
    visibility = 1 / (visible * lit)
    fresnel = reflected + (1 - reflected) * (1 - of_half) ** 5
    metal_free = diffuse * (1 - fresnel) / math.pi
    color = shown.color.new_tensor(light.color)[:, None]
    return (metal_free + fresnel * (distribution * visibility)) * (cosine * strength) * color


def _arriving(position: torch.Tensor, light: Light) -> tuple[torch.Tensor, torch.Tensor]:
    """The direction to a light and how much of it arrives, as KHR_lights_punctual says."""
    shines = unit(position.new_tensor(light.direction)[:, None])
    if light.kind == "directional":
        return -shines.expand_as(position), position.new_full(position.shape[1:], light.intensity)
    apart = position.new_tensor(light.position)[:, None] - position
    squared = dot(apart, apart).clamp(min=1e-12)
    to_light = apart * squared.rsqrt()
    strength = light.intensity / squared
    if light.range is not None:
        strength = strength * (1 - (squared / light.range**2) ** 2).clamp(0, 1)
    if light.kind == "spot":
        inner, outer = math.cos(light.inner_angle), math.cos(light.outer_angle)
        scale = 1 / max(1e-3, inner - outer)
        share = ((-dot(to_light, shines) - outer) * scale).clamp(0, 1)
        strength = strength * share * share
    return to_light, strength


def compress(light: torch.Tensor) -> torch.Tensor:
    """Bring bright light (3, N) below 1 without a change of hue; what is below 0.76 keeps its value but for a toe."""
    import torch

    least = light.amin(0)
    light = light - torch.where(least < 0.08, least - 6.25 * least * least, 0.04)
    start, fade = 0.8 - 0.04, 0.15
    peak = light.amax(0)
    over = (peak - start).clamp(min=0)
    rest = 1 - start
    below_one = 1 - rest * rest / (over + rest)
    pressed = light * (below_one / peak.clamp(min=1e-6))
    gray = 1 - 1 / (fade * over.add(start - below_one).clamp(min=0) + 1)
    return torch.where(peak < start, light, pressed + (below_one - pressed) * gray)
