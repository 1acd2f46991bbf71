"""Pictures of a mesh: one, or from all around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Unpack, cast, overload

from .._check import integer, number
from .._foreign_names import explain_calls
from ..types import AnyImage, Color, Kind
from .render import Drawing, Lights, Output, Turning, render_scene, render_views
from .turntable import Turntable, title_of, yaws_around

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from ..limits import Limits
    from .accessors import Array
    from .scene import Camera, Scene

__all__ = ["Pictures"]


class Pictures:
    """What `Mesh` has to be drawn."""

    limits: Limits | None

    if TYPE_CHECKING:

        @property
        def source(self) -> str:
            """How messages call it."""

        def scene(self, *, time: float = 0.0, animation: str | int | None = None) -> Scene:
            """Give what is drawn of it."""

    @overload
    def render(self, *, kind: Literal["pil"], **how: Unpack[Drawing]) -> Image.Image: ...
    @overload
    def render(self, *, kind: Literal["numpy", "cv2"], **how: Unpack[Drawing]) -> Array: ...
    @overload
    def render(self, *, kind: Literal["tensor"], **how: Unpack[Drawing]) -> torch.Tensor: ...
    @overload
    def render(self, *, kind: Kind | None = None, **how: Unpack[Drawing]) -> Any: ...
    @explain_calls
    def render(
        self,
        *,
        height: int = 512,
        width: int = 512,
        yaw: float = 35,
        pitch: float = 20,
        fov: float = 40,
        camera: int | Camera | None = None,
        time: float = 0.0,
        animation: str | int | None = None,
        background: Color | None = None,
        lights: Lights = "studio",
        output: Output = "color",
        samples: int = 2,
        kind: Kind | None = None,
        device: str | torch.device | None = None,
    ) -> AnyImage:
        """Draw it, without OpenGL and without a display; `aikit.mesh.render_scene` says what the arguments mean.

        Args:
            height: of the picture, in pixels.
            width: of the picture, in pixels.
            yaw: where the camera stands around the vertical axis, in degrees: 0 is in front, 90 at the right.
            pitch: how high it stands, in degrees above the horizon.
            fov: its vertical angle of view, in degrees.
            camera: instead of these the number of a camera of the file, or a `Camera`.
            time: seconds from the beginning of the animation.
            animation: its name or number; None is the first.
            background: a color behind the mesh; by default there is none.
            lights: "studio", "scene" for those of the file, or a list of `Light`.
            output: "color", "mask", "depth", "normals" or "uv".
            samples: per pixel in each direction, for smooth edges.
            kind: "pil", "numpy", "cv2" or "tensor"; None is "pil" for color and mask, else "numpy".
            device: where torch works, such as "cuda"; None is the host.

        Returns:
            RGBA of 8 bits, sRGB, straight alpha, or what `output` asks for.

        Raises:
            As `scene`, `Texture.read` and `render_scene`.

        Example:
            >>> from aikit import new_mesh
            >>> mesh = new_mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)])
            >>> mesh.render(height=32, width=48).size
            (48, 32)
        """
        return render_scene(
            self.scene(time=time, animation=animation),
            height=height,
            width=width,
            yaw=yaw,
            pitch=pitch,
            fov=fov,
            camera=camera,
            background=background,
            lights=lights,
            output=output,
            samples=samples,
            kind=kind,
            device=device,
            limits=self.limits,
        )

    @explain_calls
    def turntable(
        self,
        *,
        views: int = 8,
        yaw: float = 0,
        time: float = 0.0,
        animation: str | int | None = None,
        kind: Kind | None = None,
        **how: Unpack[Turning],
    ) -> list[AnyImage]:
        """Draw it from all around, from one distance; `aikit.write` makes an animation of the pictures.

        Args:
            views: how many.
            yaw: of the first, in degrees; the camera goes around to the right.
            time: seconds from the beginning of the animation.
            animation: its name or number; None is the first.
            kind: of the pictures, as in `render`.
            how: `height`, `width`, `pitch`, `fov`, `background`, `lights`, `output`, `samples` and `device`, as in `render`.

        Returns:
            As many pictures. Tensors stay on the device.

        Raises:
            InputTypeError: not a whole number.
            InputValueError: less than one view; and as `render`.

        Example:
            >>> from aikit import new_mesh
            >>> mesh = new_mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)])
            >>> len(mesh.turntable(views=6, height=16, width=16))
            6
        """
        yaws = yaws_around(integer("views", views), number("yaw", yaw, -float("inf"), float("inf")))
        scene = self.scene(time=time, animation=animation)
        return render_views(scene, yaws=yaws, kind=kind, limits=self.limits, **how)

    @explain_calls
    def show(
        self,
        *,
        views: int = 24,
        height: int = 384,
        width: int = 384,
        pitch: float = 20,
        fov: float = 40,
        time: float = 0.0,
        background: Color | None = None,
    ) -> Turntable:
        """Draw it from all around, to turn by hand: a notebook shows it, and `write` makes a page that needs nothing else.

        Args:
            views: how many pictures.
            height: of each, in pixels.
            width: of each, in pixels.
            pitch: how high the camera stands, in degrees above the horizon.
            fov: its vertical angle of view, in degrees.
            time: seconds from the beginning of the animation.
            background: a color behind the mesh; by default that of the page.

        Returns:
            A `Turntable`.

        Raises:
            As `turntable`.

        Example:
            >>> from aikit import new_mesh
            >>> mesh = new_mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)])
            >>> "https://" in mesh.show(views=3, height=16, width=16).to_html()
            False
        """
        how: Turning = {"height": height, "width": width, "pitch": pitch, "fov": fov, "background": background}
        pictures = self.turntable(views=views, time=time, kind="pil", **how)
        yaws = yaws_around(views, 0)
        return Turntable(tuple(cast("list[Image.Image]", pictures)), tuple(yaws), title_of(self.source))
