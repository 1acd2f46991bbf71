"""Scenes to pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, get_args

from .._check import integer, number, one_of
from .._foreign_names import explain_calls
from .._pixels import Spec, parse_color
from ..convert import KINDS, as_kind, to_numpy
from ..device.choice import existing_device, pick_device
from ..errors import InputTypeError, InputValueError, LimitError, quoted
from ..limits import Limits
from ..types import AnyImage, Color, Kind
from . import lighting
from .camera import make_view, orbit, yaw_of
from .drawing import Budget, Paint, paint_all, paint_nearest
from .scene import Camera, Light, Scene, Surface
from .shading import Textures, alpha_at, color_at, normal_at
from .soup import Points, Soup, gather
from .threads import one_thread

if TYPE_CHECKING:
    import numpy as np
    import torch

    # Any: what users do with it next may change its dtype.
    Array: TypeAlias = np.ndarray[Any, Any]

__all__ = ["Drawing", "Lights", "Output", "Turning", "render_scene", "render_views"]

Output = Literal["color", "depth", "normals", "mask", "uv"]
Lights: TypeAlias = "Literal['studio', 'scene'] | Sequence[Light]"

_CHANNELS: dict[Output, int] = {"color": 3, "depth": 1, "normals": 3, "mask": 0, "uv": 2}
_EMPTY: dict[Output, float] = {"depth": math.inf, "normals": 0.0, "uv": math.nan}
_MOST_SAMPLES = 8
# What surrounds a mesh that is lit by lamps of its own, so that metal is not black.
_DIM = lighting.Surroundings(0.25, 0.1)
_SMALL = 1 << 22  # samples, up to which one thread does all
_PILLOWS_CEILING = 178_956_970  # pixels, as for every picture without limits


class Turning(TypedDict, total=False):
    """How a mesh is drawn from several sides, for type checkers: each keyword means what it does in `Mesh.render`."""

    height: int
    width: int
    pitch: float
    fov: float
    background: Color | None
    lights: Lights
    output: Output
    samples: int
    device: str | torch.device | None


class Drawing(Turning, total=False):
    """How a mesh is drawn, for type checkers: each keyword means what it does in `Mesh.render`."""

    yaw: float
    camera: int | Camera | None
    time: float
    animation: str | int | None


@explain_calls
def render_scene(
    scene: Scene,
    *,
    height: int = 512,
    width: int = 512,
    yaw: float = 35,
    pitch: float = 20,
    fov: float = 40,
    camera: int | Camera | None = None,
    background: Color | None = None,
    lights: Lights = "studio",
    output: Output = "color",
    samples: int = 2,
    kind: Kind | None = None,
    device: str | torch.device | None = None,
    limits: Limits | None = None,
) -> AnyImage:
    """Draw a scene.

    The camera goes around the mesh, as far from it that all of it is in the picture. Surfaces are drawn as glTF says:
    metallic-roughness with all maps, see-through ones in their order at every sample, light in linear values. Nothing
    casts a shadow and nothing is mirrored but the surroundings, a studio that stands still as seen from the camera.

    Args:
        scene: what `Mesh.scene` gives.
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        yaw: where the camera stands around the vertical axis, in degrees: 0 is in front, 90 at the right.
        pitch: how high it stands, in degrees above the horizon.
        fov: its vertical angle of view, in degrees, above 0 and below 180.
        camera: instead of these the number of a camera of the file, or a `Camera`.
        background: a color behind the mesh; by default there is none.
        lights: "studio", "scene" for the lights of the file, or a list of `Light`. Without the studio what is around
            is dim and of no color.
        output: "color"; "mask", how much of each pixel is covered; and of the surface nearest to the center of each
            pixel "depth", its distance along the view in meters, inf where there is none, "normals", its unit normals in
            world space with the normal map, 0 where there are none, or "uv", its first texture coordinates, NaN where
            there are none. For these three a see-through surface counts where its alpha is at least one half.
        samples: per pixel in each direction, 1 to 8, for smooth edges of color and mask.
        kind: of the result: "pil", "numpy", "cv2" or "tensor". None is "pil" for color and mask, else "numpy".
        device: where torch works, such as "cuda"; None is where the scene's tensors are, or the host.
        limits: what it may cost: `max_fragments`, `max_output_pixels` and `max_side`. None: 178 million pixels.

    Returns:
        Color is RGBA, 8 bits, sRGB, straight alpha: a PIL image, (H, W, 4), B, G, R, A for "cv2", or a tensor
        (4, H, W) of floats on the device. A mask is 8 bits, (H, W), or a tensor (1, H, W). The others are float32: (H, W),
        (H, W, 3) and (H, W, 2), or tensors (1, 3 or 2, H, W). Tensors have gradients for colors, factors, texels and
        lights' answers; those of positions and normals flow through what is interpolated and lit, not through which
        surface a sample sees.

    Raises:
        InputTypeError: a size that is not a whole number, or another argument of a wrong type.
        InputValueError: arguments out of range, a camera that the file has not, arrays that do not go together, or normals
            or uv as a PIL image.
        DeviceError: the device is not there.
        LimitError: more pixels or samples than allowed.

    Example:
        >>> import numpy as np
        >>> from aikit.mesh import Primitive, Scene, Surface, render_scene
        >>> corners = np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], np.float32)
        >>> red = Surface(base_color=(1, 0, 0, 1), unlit=True)
        >>> square = Primitive(corners, np.array([(0, 1, 2), (0, 2, 3)]), surface=red)
        >>> picture = render_scene(Scene((square,)), height=8, width=16, yaw=0, pitch=0)
        >>> picture.size, picture.getpixel((8, 4)), picture.getpixel((0, 0))
        ((16, 8), (255, 0, 0, 255), (0, 0, 0, 0))

    Source: Khronos Group, "glTF 2.0 Specification", appendix B.
    """
    how = _read(scene, height, width, pitch, fov, background, lights, output, samples, kind, limits)
    from_here = number("yaw", yaw, -math.inf, math.inf) if camera is None else _chosen(camera, scene)
    return _draw(scene, [from_here], how, _device(device, scene))[0]


@explain_calls
def render_views(
    scene: Scene,
    *,
    yaws: Sequence[float],
    height: int = 512,
    width: int = 512,
    pitch: float = 20,
    fov: float = 40,
    background: Color | None = None,
    lights: Lights = "studio",
    output: Output = "color",
    samples: int = 2,
    kind: Kind | None = None,
    device: str | torch.device | None = None,
    limits: Limits | None = None,
) -> list[AnyImage]:
    """Draw a scene from several sides, from one distance; textures are made once.

    Args:
        scene: what `Mesh.scene` gives.
        yaws: where the camera stands for each picture, in degrees.
        height: as of `render_scene`, and so are all others.
        width: of the pictures.
        pitch: how high the camera stands.
        fov: its angle of view.
        background: a color behind the mesh.
        lights: what it is lit by.
        output: what the pictures show.
        samples: per pixel in each direction.
        kind: of the results.
        device: where torch works.
        limits: what it may cost, all views together.

    Returns:
        A picture for each yaw, as `render_scene` gives it. Tensors stay on the device.

    Raises:
        InputTypeError, InputValueError, DeviceError, LimitError: as of `render_scene`.

    Example:
        >>> import numpy as np
        >>> from aikit.mesh import Primitive, Scene, render_views
        >>> triangle = Primitive(np.eye(3, dtype=np.float32), np.array([(0, 1, 2)]))
        >>> [view.shape for view in render_views(Scene((triangle,)), yaws=[0, 90], height=4, width=6, kind="numpy")]
        [(4, 6, 4), (4, 6, 4)]
    """
    how = _read(scene, height, width, pitch, fov, background, lights, output, samples, kind, limits)
    angles = [number("yaws", each, -math.inf, math.inf) for each in yaws]
    if not angles:
        raise InputValueError("yaws", "at least one", "none", "pass for instance [0, 90]")
    return _draw(scene, angles, how, _device(device, scene))


@dataclass(frozen=True, slots=True)
class _How:
    """The arguments, read."""

    height: int
    width: int
    pitch: float
    fov: float
    background: tuple[float, ...] | None
    lights: tuple[Light, ...] | None
    output: Output
    samples: int
    kind: Kind
    limits: Limits | None


def _read(
    scene: Scene,
    height: object,
    width: object,
    pitch: object,
    fov: object,
    background: Color | None,
    lights: object,
    output: Output,
    samples: object,
    kind: Kind | None,
    limits: Limits | None,
) -> _How:
    one_of("output", output, get_args(Output))
    if kind is not None:
        one_of("kind", kind, KINDS)
    if kind == "pil" and output in ("normals", "uv"):
        raise InputValueError(
            "kind", f'"numpy" or "tensor" for {output}', '"pil"', "PIL has no floats of several channels"
        )
    sizes = integer("height", height), integer("width", width)
    _check_size(scene, *sizes, limits)
    angle = number("fov", fov, 0, 180)
    if angle in (0, 180):
        raise InputValueError("fov", "an angle between 0 and 180 degrees", quoted(fov), "pass for instance 40")
    count = integer("samples", samples)
    if count > _MOST_SAMPLES:
        raise InputValueError("samples", f"1 to {_MOST_SAMPLES}", quoted(samples), "pass one of these")
    behind = None if background is None else parse_color(background, Spec("pil", "uint8", 4, 1, 1), "background")
    chosen: Kind = kind or ("pil" if output in ("color", "mask") else "numpy")
    return _How(
        *sizes, number("pitch", pitch, -90, 90), angle, behind, _lights(lights, scene), output, count, chosen, limits
    )


def _check_size(scene: Scene, height: int, width: int, limits: Limits | None) -> None:
    if limits is not None:
        limits.check(scene.name, "pixels", "max_output_pixels", height * width)
        limits.check(scene.name, "pixels a side", "max_side", max(height, width))
    elif height * width > _PILLOWS_CEILING:
        raise LimitError(
            scene.name,
            f"at most {_PILLOWS_CEILING} pixels",
            str(height * width),
            "draw a smaller picture, or pass limits",
            limit="max_output_pixels",
            allowed=_PILLOWS_CEILING,
            found=height * width,
            option="limits",
        )


def _lights(lights: object, scene: Scene) -> tuple[Light, ...] | None:
    """The lamps, or None for the studio."""
    if isinstance(lights, str):
        one_of("lights", lights, ("studio", "scene"))
        return None if lights == "studio" else scene.lights
    if not isinstance(lights, Sequence) or not all(isinstance(each, Light) for each in lights):
        raise InputTypeError("lights", '"studio", "scene" or a list of Light', quoted(lights), "pass one of these")
    return tuple(lights)


def _device(device: str | torch.device | None, scene: Scene) -> torch.device:
    import torch

    if device is None:
        found = (getattr(each.positions, "device", None) for each in scene.primitives)
        return next((each for each in found if isinstance(each, torch.device)), torch.device("cpu"))
    return pick_device() if device == "auto" else existing_device(device)


def _chosen(camera: object, scene: Scene) -> Camera:
    if isinstance(camera, Camera):
        return camera
    index = integer("camera", camera, 0)
    if index >= len(scene.cameras):
        there = f"one of {len(scene.cameras)} cameras" if scene.cameras else "None, for the file has no camera"
        raise InputValueError("camera", there, str(index), "leave it out, or pass a Camera")
    return scene.cameras[index]


def _used(soup: Soup) -> torch.Tensor:
    """The positions of corners that faces have."""
    import torch

    used = torch.zeros(soup.positions.shape[1], dtype=torch.bool, device=soup.positions.device)
    used[soup.corners.flatten()] = True
    return soup.positions.detach()[:, used]


def _draw(scene: Scene, views: Sequence[float | Camera], how: _How, device: torch.device) -> list[AnyImage]:
    """A picture for each camera, or each yaw from which the mesh is looked at."""
    small = device.type == "cpu" and how.height * how.width * how.samples**2 <= _SMALL
    with one_thread() if small else nullcontext():
        soup = gather(scene, device)
        yaws = [each for each in views if not isinstance(each, Camera)]
        around = iter(orbit(_used(soup), yaws, how.pitch, how.fov, how.width / how.height) if yaws else ())
        cameras = [each if isinstance(each, Camera) else next(around) for each in views]
        textures, budget = Textures(soup.positions), Budget(scene.name, how.limits)
        return [_finish(_view(soup, camera, how, textures, budget), how) for camera in cameras]


def _view(soup: Soup, camera: Camera, how: _How, textures: Textures, budget: Budget) -> torch.Tensor:
    """What one camera sees: (C, H, W), colors multiplied by their alpha."""
    merged = how.samples if how.output in ("color", "mask") else 1
    view = make_view(camera, how.height * merged, how.width * merged, soup.positions)
    surroundings = lighting.studio(yaw_of(camera)) if how.lights is None else _DIM
    lamps = how.lights or ()

    def color(surface: Surface, points: Points) -> tuple[torch.Tensor, torch.Tensor]:
        return color_at(soup, surface, points, textures, view, surroundings, lamps)

    def mask(surface: Surface, points: Points) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        solid = torch.ones_like(points.depth)
        alpha = alpha_at(soup, surface, points, textures) if surface.alpha_mode == "BLEND" else solid
        return alpha.new_zeros((0, len(alpha))), alpha.clamp(0, 1)

    paints: dict[Output, Paint] = {
        "color": color,
        "mask": mask,
        "depth": lambda surface, points: (points.depth[None], points.depth),
        "normals": lambda surface, points: (normal_at(soup, surface, points, textures), points.depth),
        "uv": lambda surface, points: (points.value(soup.uvs[0]), points.depth),
    }
    paint, channels = paints[how.output], _CHANNELS[how.output]
    if merged != 1 or how.output in ("color", "mask"):
        return paint_all(view, soup, textures, budget, paint, channels, merged)
    return paint_nearest(view, soup, textures, budget, paint, channels, _EMPTY[how.output])


def _finish(planes: torch.Tensor, how: _How) -> AnyImage:
    import torch

    if how.output == "color":
        planes = _to_srgb(planes, how.background)
    if how.kind == "tensor":
        return planes if planes.dtype == torch.float64 else planes.float()
    planes = planes.detach()
    if how.output in ("color", "mask"):
        return as_kind(to_numpy(planes, dtype="uint8"), how.kind)
    values = planes.float().permute(1, 2, 0).cpu().contiguous().numpy()
    values = values[..., 0] if values.shape[2] == 1 else values
    if how.kind == "pil":
        from PIL import Image

        return Image.fromarray(values)
    return values


def _to_srgb(planes: torch.Tensor, background: tuple[float, ...] | None) -> torch.Tensor:
    """Light multiplied by alpha as sRGB with straight alpha, over a background."""
    import torch

    color, alpha = planes[:3], planes[3]
    if background is not None:
        behind = lighting.to_light(color.new_tensor(background[:3]))
        color = color + behind[:, None, None] * background[3] * (1 - alpha)
        alpha = alpha + background[3] * (1 - alpha)
    straight = color / torch.where(alpha > 0, alpha, 1)
    return torch.cat((lighting.to_codes(straight.clamp(0, 1)), alpha.clamp(0, 1)[None]))
