"""The job of one call: the format recognised by its bytes, the structure walked, the limits checked."""

from __future__ import annotations

import importlib
import io
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image

from ..errors import FileFormatError, MissingDependencyError
from ..limits import Limits
from . import ico, tiff
from .guard import above_ceiling, check_blocks, check_size, check_work, foreign
from .integrity import Facts, corrupt, tell_damage
from .signatures import identify
from .structure import inspect
from .unread_formats import describe_unread

__all__ = ["Job", "Profile", "check_heic", "frame_count", "heic_images", "open_image", "png_exif", "prepare"]

Profile = Literal["srgb", "ignore"]

# Per format, the one Pillow plugin that may open it, and what Pillow gets wrong, so we read it ourselves:
#   png   OpenCV for 16-bit color, which Pillow rounds to 8 bits
#   tiff  our own strips (tiff/) for what Pillow rounds, scrambles or refuses; tiff/kinds.py says which
#   ppm   our own samples above 8 bits, which Pillow rounds
# A plugin is named so that a mislabelled file cannot reach another parser, EPS and Ghostscript least of all.
_PLUGINS = {
    "png": "Png",
    "jpeg": "Jpeg",
    "webp": "WebP",
    "avif": "Avif",
    "gif": "Gif",
    "tiff": "Tiff",
    "bmp": "Bmp",
    "ico": "Ico",
    "ppm": "Ppm",
}
_RASTER = "PNG, JPEG, WebP, AVIF, HEIC, GIF, TIFF, BMP, ICO, PPM, JPEG XL"


@dataclass(frozen=True, slots=True)
class Job:
    """One call's settings, handed inward as one thing."""

    data: bytes
    name: str
    format: str
    profile: Profile
    limits: Limits | None
    lenient: bool
    facts: Facts
    pages: list[tiff.Page]
    # Of the whole file, as it came.
    size: int
    pil_depth: bool = False


def prepare(data: bytes, name: str, profile: Profile, limits: Limits | None, lenient: bool) -> Job:
    """Name the format, walk its structure, and check what the header asks for."""
    if limits is not None:
        limits.check(name, "bytes", "max_bytes", len(data))
    kind = _format(data, name, limits)
    facts, pages = Facts(), []
    if kind == "tiff":
        # One more than may be read tells that there are too many; the rest is not walked.
        at_most = None if limits is None else limits.max_frames + 1
        pages = tiff.pages(data, name, lenient=lenient, at_most=at_most)
        blocks = sum(len(page.offsets) for page in pages)
        check_blocks(name, blocks, sum(page.width * page.height for page in pages), limits)
        lost = [f"tag {tag} behind its end" for page in pages for tag, _ in page.lost]
        facts = Facts(damage=tuple(lost), mended=tiff.without_lost_tags(data, pages) if lost else None)
    else:
        # A file that may end too early tells its size as any other does, and is held to the limits by it.
        facts = inspect(data, kind, name, lenient=lenient)
    check_size(name, facts.width, facts.height, limits)
    check_work(name, facts, limits)
    tell_damage(name, kind, facts.damage)
    return Job(facts.mended or data, name, kind, profile, limits, lenient, facts, pages, len(data))


def _format(data: bytes, name: str, limits: Limits | None) -> str:
    kind = identify(data)
    if kind is None or kind in ("svg", "psd", "glb"):
        expected, got, do = _RASTER, str(kind).upper(), "export it as PNG first"
        if kind is None:
            expected = f"{_RASTER}, SVG, PSD or GLB"
            got, do = describe_unread(data)
        raise FileFormatError(name, expected, got, do, code="unsupported_format")
    if limits is not None:
        limits.check_format(name, kind)
    return kind


def open_image(job: Job) -> Image.Image:
    """Open with the one plugin for the format; with limits not through `Image.open`, which has a ceiling of its own."""
    data = ico.best_alone(job.data, job.name) if job.format == "ico" else job.data
    file, plugin = io.BytesIO(data), _PLUGINS[job.format]
    image: Image.Image
    if job.limits is None:
        try:
            image = Image.open(file, formats=[plugin])
        except Image.DecompressionBombError as error:
            # Formats whose size only the decoder finds.
            raise above_ceiling(job.name) from error
    else:
        image = getattr(importlib.import_module(f"PIL.{plugin}ImagePlugin"), f"{plugin}ImageFile")(file)
    check_size(job.name, image.width, image.height, job.limits)
    if job.facts.profile is not None:
        image.info["icc_profile"] = job.facts.profile
    return image


def frame_count(image: Image.Image, job: Job) -> int:
    return len(job.pages) or job.facts.frames or int(getattr(image, "n_frames", 1))


def png_exif(facts: Facts) -> dict[str, bytes]:
    """EXIF wherever it stands: Pillow meets a chunk behind the pixels only after decoding them."""
    raw = facts.chunks.get(b"eXIf")
    return {"exif": b"Exif\0\0" + raw} if raw else {}


def heic_images(job: Job, *, deep: bool = False) -> list[Any]:
    """The pictures of a HEIC, not decoded yet; `deep` keeps 10 and 12 bits as they are stored."""
    try:
        import pi_heif
    except ImportError as error:
        raise MissingDependencyError(
            job.name, "the package pi-heif for HEIC", "none installed", "run: pip install pi-heif"
        ) from error
    with foreign(job.name, "heic"):
        opened = pi_heif.open_heif(io.BytesIO(job.data), convert_hdr_to_8bit=not deep, hdr_to_16bit=False)
        # libheif's file order may put a burst's first picture first; frame 0 is the one the file calls primary.
        images = sorted(opened, key=lambda image: not image.info.get("primary"))
    if not images:
        raise corrupt(job.name, "heic", "no picture")
    return images


def check_heic(image: Any, job: Job) -> None:
    width, height = image.size
    check_size(job.name, width, height, job.limits)
