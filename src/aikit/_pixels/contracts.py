"""What the parts of aikit that know no kind expect of those that do: adapters, sources and targets of pixels.

The adapters are modules, one a kind. Type checkers hold them to `Adapter`, and their classes to the protocols of pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, Self, TypeAlias, TypeVar, cast

from ..types import AnyImage
from .facts import Memory, Raw
from .kinds import Namespace, OwnDType, Plane, Planes, Spec

if TYPE_CHECKING:
    from .kinds import Array, DType

# Of which kind an image is that was opened: nothing in it has this type, but what is made of it will.
ImageT_co = TypeVar("ImageT_co", bound=AnyImage, covariant=True)

Kernel: TypeAlias = Callable[..., Sequence[Plane]]

# Images and pixels as one adapter makes and takes them. Each has classes of its own, and no type that the three
# share would let an adapter say that it takes its own alone.
OwnImage: TypeAlias = Any
OwnPixels: TypeAlias = Any


class Pixels(Protocol):
    """The pixels of an image that was opened, as its kind keeps them."""

    @property
    def image(self) -> OwnImage:
        """The picture, array or tensor itself, resolved, in the caller's own order of channels."""

    @property
    def dtype(self) -> OwnDType:
        """What its planes hold, as NumPy or torch say it."""

    @property
    def batch(self) -> tuple[int, ...]:
        """The leading axes; empty for one picture."""

    def crop(self, rows: slice, columns: slice, /) -> Self:
        """Cut the same part out of every picture; not a copy where that can be a view."""

    def planes(self) -> Planes:
        """List the planes of the whole batch, in the image's own dtype and the order R, G, B, A."""


class PixelSource(Pixels, Protocol):
    """Pixels that NumPy can read, a strip of rows at a time."""

    @property
    def bgr(self) -> bool:
        """Whether `block` shows them in the order B, G, R."""

    @property
    def channels(self) -> int:
        """How many planes there are."""

    @property
    def is_interleaved(self) -> bool:
        """Whether `block` shows all that the planes hold, the channels of each pixel side by side."""

    @property
    def is_contiguous(self) -> bool:
        """Whether the pixels lie in memory as `block` shows them, the pictures of a batch one below the other."""

    def batch_as_rows(self) -> PixelSource:
        """Show a contiguous batch as one picture of all its rows, without a copy."""

    def block(self, index: tuple[int, ...], rows: slice, /) -> Array:
        """Show some rows of one picture as they lie in memory."""

    def read(self, index: tuple[int, ...], rows: slice, /) -> list[Array]:
        """Read the planes of some rows of one picture, in the order R, G, B, A."""


class PixelTarget(Protocol):
    """Pixels in the making, in host memory, written a strip of rows at a time."""

    @property
    def bgr(self) -> bool:
        """Whether `block` takes them in the order B, G, R."""

    @property
    def dtype(self) -> DType:
        """What is written."""

    @property
    def channels(self) -> int:
        """How many planes there are."""

    @property
    def is_interleaved(self) -> bool:
        """Whether `block` has the channels of each pixel side by side."""

    @property
    def is_contiguous(self) -> bool:
        """Whether `block` is memory of the result itself, the pictures of a batch one below the other."""

    def batch_as_rows(self) -> PixelTarget:
        """Show a contiguous batch as one picture of all its rows, without a copy."""

    def buffers(self, index: tuple[int, ...], rows: slice, /) -> list[Array | None]:
        """Show where each plane may be computed in place; None where it has to be interleaved afterwards."""

    def block(self, index: tuple[int, ...], rows: slice, /) -> Array:
        """Give an array for some rows of one picture, to be filled and committed."""

    def write(self, index: tuple[int, ...], rows: slice, planes: list[Array], /) -> None:
        """Store planes, already of this dtype and in the order R, G, B, A."""

    def commit(self, rows: slice, block: Array, /) -> None:
        """Put a filled block where it belongs, unless it is memory of the result already."""


class Opened(NamedTuple, Generic[ImageT_co]):
    """An image opened for reading: its pixels, as its adapter reads them, and its Spec."""

    pixels: Pixels
    spec: Spec


class InterleavedKernel(NamedTuple):
    """A kernel's fast path on pixels as they lie in memory: how many channels it gives, and what it does.

    `apply(block, into)` fills `into` (rows, W, channels) from `block` (rows, W, C; RGB of PIL has four), both contiguous,
    or returns False where it is not sure to give what the kernel gives.
    """

    channels: int
    apply: Callable[[Array, Array], bool]


class Adapter(Protocol):
    """What a module has to know of one kind of image."""

    @property
    def namespace(self) -> Namespace:
        """What kernels on its planes compute with, NumPy or torch."""

    @property
    def has_modes(self) -> bool:
        """Whether images say themselves what their planes are and run R, G, B always, as PIL's do."""

    @property
    def on_accelerators(self) -> bool:
        """Whether images may lie on an accelerator or record gradients: then kernels have to work where they lie."""

    @property
    def channels_at(self) -> int:
        """Which axis of an array of its pixels the channels are, counted from the end."""

    @property
    def result_dtypes(self) -> tuple[str, ...]:
        """The dtypes that a caller may ask a result to have."""

    def load(
        self, image: OwnImage, /, *, layout: str | None, bgr: bool, ranged: bool = False, mode: str | None = None
    ) -> tuple[Pixels, Spec]:
        """Open an image for reading; refuse one that is none, with the reason."""

    def describe_raw(self, image: OwnImage, /) -> Raw:
        """Tell what an image says of itself, also one that `load` refuses."""

    def describe_memory(self, image: OwnImage, /) -> Memory:
        """Tell where an image lies and what may be done with it, also of one that `load` refuses."""

    def view_on_host(self, pixels: OwnPixels, /) -> PixelSource | None:
        """Show pixels to NumPy where they lie; None on an accelerator and where a gradient is recorded."""

    def copy_to_host(self, pixels: OwnPixels, /) -> PixelSource:
        """Show pixels to NumPy, copied to host memory where they lie elsewhere; without their gradient."""

    def bring_to_host(
        self, pixels: OwnPixels, dtype: DType, value_range: tuple[float, float] | None, /
    ) -> tuple[PixelSource, tuple[float, float] | None]:
        """Bring pixels to the host, in this dtype already where fewer bytes cross so; and the range still to be applied."""

    def create(self, spec: Spec, channels: int, dtype: str, /) -> PixelTarget:
        """Make a buffer for a result, in host memory."""

    def finish(self, target: OwnPixels, spec: Spec, /) -> OwnImage:
        """Make the image of a buffer that was filled."""

    def assemble(self, planes: Planes, spec: Spec, /) -> OwnImage:
        """Make an image of whole planes, in their own dtype where the kind has it."""

    def check_out(self, out: object, spec: Spec, /) -> None:
        """Refuse an `out` that a result of this Spec does not fit exactly."""

    def paste(self, image: OwnImage, patch: OwnImage, rows: slice, columns: slice, /) -> None:
        """Put a smaller image of the same form into one that was made here."""

    def cast(self, plane: Plane, dtype: OwnDType, /) -> Plane:
        """Give a plane another dtype: exact between integers, quantised from floats, in [0, 1] as floats."""

    def comparable(self, plane: Plane, /) -> Plane:
        """Give a plane a dtype that can be compared with numbers."""

    def plane_like(self, opened: Opened[AnyImage], like: Plane, /) -> Plane:
        """Give the one plane of a gray image of any kind in the dtype and where `like` is."""


@cache
def adapter(kind: str) -> Adapter:
    """Find the module that knows one kind of image; by its name, for the adapters stand on these contracts."""
    return cast(Adapter, import_module(f"aikit._adapters.{kind}"))


if TYPE_CHECKING:
    from .._adapters import numpy, pil, torch

    # Type checkers hold the three against the contract here.
    _ADAPTERS: tuple[Adapter, ...] = (numpy, pil, torch)
