"""How a recipe reads and writes files: its options beside the steps, which any process may be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from .._raster import EncodeOptions

__all__ = ["ChannelKind", "FileOptions", "Metadata", "OnBadProfile", "Profile", "Subsampling"]

# As in `_raster`, which the command does not load before it has work: a test holds the two equal.
Subsampling: TypeAlias = Literal["4:4:4", "4:2:2", "4:2:0"]
Metadata: TypeAlias = Literal["keep", "public", "strip"]
OnBadProfile: TypeAlias = Literal["raise", "warn"]
# Pictures are in sRGB between reading and writing: the last word is for writing.
Profile: TypeAlias = Literal["srgb", "ignore", "display-p3"]
# As in `_pixels`.
ChannelKind: TypeAlias = Literal["color", "data"]


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How files are read and written, as `Recipe` says it."""

    quality: int | None = None
    lossless: bool | None = None
    allow_truncated: bool = False
    metadata: Metadata = "keep"
    profile: Profile = "srgb"
    on_bad_profile: OnBadProfile = "raise"
    frame: int | None = None
    subsampling: Subsampling | None = None
    progressive: bool | None = None
    effort: int | None = None
    optimize: bool | None = None
    palette: int | None = None
    channels: ChannelKind = "color"

    @property
    def encoding(self) -> EncodeOptions:
        """How pictures are encoded."""
        from .._raster import EncodeOptions

        return EncodeOptions(
            quality=self.quality,
            lossless=self.lossless,
            subsampling=self.subsampling,
            progressive=self.progressive,
            effort=self.effort,
            optimize=self.optimize,
            palette=self.palette,
        )

    @property
    def profile_to_write(self) -> Literal["display-p3"] | None:
        """The profile that the result has; sRGB is what every reader takes a file without one for."""
        return "display-p3" if self.profile == "display-p3" else None
