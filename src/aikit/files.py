"""Files and the web: pictures from paths, bytes and open files, and back; data URLs both ways.

A file's format is recognised by its bytes, never by its name. Readers give pictures upright, with palettes
resolved and embedded profiles turned into sRGB; `write` replaces a file entirely or leaves it as it was.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import unquote_to_bytes

from PIL import Image

from . import _raster, convert
from ._check import integer, one_of
from ._foreign_names import explain_calls
from ._io import name_of, read_bytes, write_bytes
from ._pixels import load
from ._warnings import warn_caller
from .errors import FileFormatError, InputTypeError, InputValueError, quoted
from .isolation import guarded
from .limits import Limits
from .profiles import ProfileSource, convert_profile, open_profile
from .resample import resize
from .types import AnyImage, Source

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = [
    "encode",
    "from_data_url",
    "read_cv2",
    "read_frames",
    "read_label_map",
    "read_numpy",
    "read_pil",
    "read_tensor",
    "to_data_url",
    "write",
]

Profile = Literal["srgb", "ignore"]
OnBadProfile = Literal["raise", "warn"]
MetadataPolicy = _raster.MetadataPolicy
Subsampling = _raster.Subsampling
_NO_OPTIONS = _raster.EncodeOptions()

# Registered with IANA, but for the portable pixmap, which only has the name everybody uses.
_MIME = {"ico": "image/vnd.microsoft.icon", "ppm": "image/x-portable-pixmap"}


def media_type(format: str) -> str:
    """What HTTP and data URLs call a format."""
    return _MIME.get(format, f"image/{format}")


# ---------------------------------------------------------------- reading


@explain_calls
def read_pil(
    source: Source,
    *,
    frame: int = 0,
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
) -> Image.Image:
    """Read a picture as a PIL image.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        frame: which frame of an animation, composed, or which page of a TIFF.
        profile: "srgb" turns an embedded ICC profile into sRGB; "ignore" keeps the codes, and the profile in `info`.
        on_bad_profile: "raise" refuses a picture whose ICC profile is damaged or for other pixels; "warn" takes its codes
            as sRGB and issues an `AikitWarning`.
        limits: what the file may cost, `Limits()` for uploads. None trusts the file up to Pillow's ceiling of
            178 million pixels.
        allow_truncated: give what could be decoded of a JPEG or PNG that ends too early, instead of refusing it.
        isolate: decode in a child process, which may crash, hang or grow without harm, and within the limits'
            `max_seconds` and, on Linux, `max_memory`. The first call starts one, in about a third of a second. Under limits
            a TIFF that libtiff has to unpack always goes there, because libtiff reports damage on the error stream.

    Returns:
        An upright image of mode L, LA, RGB, RGBA, I;16 or F, loaded. PIL has 16 bits for gray only: 16-bit color is
        rounded to 8, and `read_numpy`, `read_cv2` and `read_tensor` keep it. 32-bit integers come as mode I.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not a picture in a format aikit reads, damaged, or cut off.
        LimitError: larger than `limits` allow; with `isolate`, also slower.
        InputValueError: there is no such frame.
        MissingDependencyError: HEIC without the package pi-heif, JPEG XL without imagecodecs or pillow-jxl-plugin.
        WorkerError: with `isolate`, the decoder crashed.

    Example:
        >>> from PIL import Image
        >>> read_pil(encode(Image.new("P", (2, 1)), "png")).mode
        'RGB'
    """
    return _as_pil(
        _decode(source, frame, profile, on_bad_profile, limits, allow_truncated, isolate, pil_depth=True),
        name_of(source),
    )


@explain_calls
def read_numpy(
    source: Source,
    *,
    frame: int = 0,
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
) -> np.ndarray[Any, Any]:
    """Read a picture as a NumPy array, RGB.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        frame: which frame of an animation, composed, or which page of a TIFF.
        profile: "srgb" turns an embedded ICC profile into sRGB; "ignore" keeps the codes.
        on_bad_profile: what to do about a damaged profile, as in `read_pil`.
        limits: what the file may cost, `Limits()` for uploads; None trusts the file.
        allow_truncated: give what could be decoded of a JPEG or PNG that ends too early, instead of refusing it.
        isolate: decode in a child process, as in `read_pil`.

    Returns:
        (H, W) for gray, else (H, W, 2 to 4): uint8, uint16 where the file has 16 bits (of color too), or float32 as
        stored for float TIFFs.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not a picture in a format aikit reads, damaged, or cut off.
        LimitError: larger than `limits` allow; with `isolate`, also slower.
        InputValueError: there is no such frame, or the file holds 32-bit integers.
        MissingDependencyError: HEIC without the package pi-heif, JPEG XL without imagecodecs or pillow-jxl-plugin.
        WorkerError: with `isolate`, the decoder crashed.

    Example:
        >>> import numpy as np
        >>> read_numpy(encode(np.full((1, 1, 3), 1000, np.uint16), "png")).tolist()
        [[[1000, 1000, 1000]]]
    """
    return convert.to_numpy(
        read_any(
            source,
            frame=frame,
            profile=profile,
            on_bad_profile=on_bad_profile,
            limits=limits,
            allow_truncated=allow_truncated,
            isolate=isolate,
        )
    )


@explain_calls
def read_cv2(
    source: Source,
    *,
    frame: int = 0,
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
) -> np.ndarray[Any, Any]:
    """Read a picture as an array for OpenCV, BGR.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        frame: which frame of an animation, composed, or which page of a TIFF.
        profile: "srgb" turns an embedded ICC profile into sRGB; "ignore" keeps the codes.
        on_bad_profile: what to do about a damaged profile, as in `read_pil`.
        limits: what the file may cost, `Limits()` for uploads; None trusts the file.
        allow_truncated: give what could be decoded of a JPEG or PNG that ends too early, instead of refusing it.
        isolate: decode in a child process, as in `read_pil`.

    Returns:
        (H, W) for gray, else BGR, or BGRA where there is alpha: uint8, uint16 where the file has 16 bits, or float32
        as stored for float TIFFs. C-contiguous and writable.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not a picture in a format aikit reads, damaged, or cut off.
        LimitError: larger than `limits` allow; with `isolate`, also slower.
        InputValueError: there is no such frame, or the file holds 32-bit integers.
        MissingDependencyError: HEIC without the package pi-heif, JPEG XL without imagecodecs or pillow-jxl-plugin.
        WorkerError: with `isolate`, the decoder crashed.

    Example:
        >>> from PIL import Image
        >>> read_cv2(encode(Image.new("RGB", (1, 1), (10, 20, 30)), "png")).tolist()
        [[[30, 20, 10]]]
    """
    pixels: Any = load(
        read_any(
            source,
            frame=frame,
            profile=profile,
            on_bad_profile=on_bad_profile,
            limits=limits,
            allow_truncated=allow_truncated,
            isolate=isolate,
        )
    )
    return convert.to_cv2(pixels, dtype="float32" if pixels.spec.dtype == "float32" else "auto")


@explain_calls
def read_tensor(
    source: Source,
    *,
    frame: int = 0,
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
) -> torch.Tensor:
    """Read a picture as a torch tensor, RGB, channels first.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        frame: which frame of an animation, composed, or which page of a TIFF.
        profile: "srgb" turns an embedded ICC profile into sRGB; "ignore" keeps the codes.
        on_bad_profile: what to do about a damaged profile, as in `read_pil`.
        limits: what the file may cost, `Limits()` for uploads; None trusts the file.
        allow_truncated: give what could be decoded of a JPEG or PNG that ends too early, instead of refusing it.
        isolate: decode in a child process, as in `read_pil`.

    Returns:
        float32 (C, H, W) on the CPU with C = 1 to 4, in [0, 1]; float TIFFs as stored.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not a picture in a format aikit reads, damaged, or cut off.
        LimitError: larger than `limits` allow; with `isolate`, also slower.
        InputValueError: there is no such frame, or the file holds 32-bit integers.
        MissingDependencyError: HEIC without the package pi-heif, JPEG XL without imagecodecs or pillow-jxl-plugin.
        WorkerError: with `isolate`, the decoder crashed.

    Example:
        >>> from PIL import Image
        >>> read_tensor(encode(Image.new("RGB", (2, 1), "red"), "png")).shape
        torch.Size([3, 1, 2])
    """
    return convert.to_tensor(
        read_any(
            source,
            frame=frame,
            profile=profile,
            on_bad_profile=on_bad_profile,
            limits=limits,
            allow_truncated=allow_truncated,
            isolate=isolate,
        )
    )


@explain_calls
def read_label_map(
    source: Source, *, frame: int = 0, limits: Limits | None = None, isolate: bool = False
) -> np.ndarray[Any, Any]:
    """Read a label map: the whole numbers that a file holds, and never colors.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        frame: which page of a TIFF.
        limits: what the file may cost, `Limits()` for uploads; None trusts the file.
        isolate: decode in a child process, as in `read_pil`.

    Returns:
        (H, W), upright: indices of a palette and gray codes of 1 to 8 bits as uint8, as they are stored (a 4-bit code 5 is
        5), those of 16 bits as uint16, 32-bit and signed ones of a TIFF as int32. Palettes, transparency and profiles say
        nothing here.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: colors, a format that does not keep numbers (JPEG, WebP), damaged, or cut off.
        LimitError: larger than `limits` allow; with `isolate`, also slower.
        InputValueError: there is no such page.
        WorkerError: with `isolate`, the decoder crashed.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> classes = Image.new("P", (2, 1), 7)
        >>> classes.putpalette([10, 20, 30] * 8)
        >>> file = io.BytesIO()
        >>> classes.save(file, "png")
        >>> read_label_map(file.getvalue()).tolist()
        [[7, 7]]
    """
    frame, name = integer("frame", frame, 0), name_of(source)
    data = read_bytes(source, limits=limits)
    return _raster.decode_labels_guarded(data, name=name, frame=frame, limits=limits, isolate=isolate)


@explain_calls
def read_frames(
    source: Source,
    *,
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
) -> Iterator[Image.Image]:
    """Read all frames of an animation, or all pages of a TIFF, one after the other.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        profile: "srgb" turns an embedded ICC profile into sRGB; "ignore" keeps the codes.
        on_bad_profile: what to do about a damaged profile, as in `read_pil`.
        limits: what the file may cost, `Limits()` for uploads; None trusts the file.
        allow_truncated: give the frames that could be decoded of a file that ends too early.
        isolate: decode in a child process, as in `read_pil`. It is kept until the iterator ends or is dropped.

    Returns:
        An iterator of PIL images of mode L, LA, RGB, RGBA, I;16 or F, each composed as a viewer would show it, with
        its duration in milliseconds in `info["duration"]` where the file tells.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not a picture in a format aikit reads, damaged, or cut off.
        LimitError: larger than `limits` allow; with `isolate`, also slower.
        MissingDependencyError: HEIC without the package pi-heif, JPEG XL without imagecodecs or pillow-jxl-plugin.
        WorkerError: with `isolate`, the decoder crashed.

    Example:
        >>> from PIL import Image
        >>> [frame.size for frame in read_frames(encode(Image.new("L", (3, 2)), "gif"))]
        [(3, 2)]
    """
    one_of("on_bad_profile", on_bad_profile, get_args(OnBadProfile))
    name, data = name_of(source), read_bytes(source, limits=limits)
    if _raster.identify(data) in _DOCUMENTS:
        page = _decode(_named(data, name), 0, profile, on_bad_profile, limits, allow_truncated, isolate)
        return iter([_as_pil(page, name)])
    options: dict[str, Any] = {"limits": limits, "allow_truncated": allow_truncated, "isolate": isolate}

    def frames() -> Iterator[Image.Image]:
        return _raster.frames_guarded(data, name=name, profile=profile, **options)

    found = _warned(frames, data, name, options) if on_bad_profile == "warn" else frames()
    return (frame if frame.mode == "I" else convert.to_pil(frame) for frame in found)


def _warned(
    frames: Callable[[], Iterator[Image.Image]], data: bytes, name: str, options: dict[str, Any]
) -> Iterator[Image.Image]:
    """Frames, those with a bad profile taken as sRGB; from the first of them on each is read by itself."""
    done = 0
    try:
        for frame in frames():
            yield frame
            done += 1
    except FileFormatError as error:
        if not _is_about_profile(error):
            raise
        count = _raster.probe(data, name=name, limits=options["limits"]).frames
        for index in range(done, count):
            yield read_pil(_named(data, name), frame=index, on_bad_profile="warn", **options)


def _named(data: bytes, name: str) -> IO[bytes]:
    file = io.BytesIO(data)
    file.name = name
    return file


def _decode(
    source: Source,
    frame: int,
    profile: Any,
    on_bad_profile: OnBadProfile,
    limits: Limits | None,
    allow_truncated: bool,
    isolate: bool,
    **more: Any,
) -> Any:
    one_of("on_bad_profile", on_bad_profile, get_args(OnBadProfile))
    name, data = name_of(source), read_bytes(source, limits=limits)

    def decode(profile: Any) -> Any:
        if _raster.identify(data) in _DOCUMENTS:
            return _document(data, name, limits, isolate, frame=frame, profile=profile)
        options = {"frame": frame, "profile": profile, "allow_truncated": allow_truncated, **more}
        return _raster.decode_guarded(data, name=name, limits=limits, isolate=isolate, **options)

    try:
        return decode(profile)
    except FileFormatError as error:
        if on_bad_profile == "raise" or not _is_about_profile(error):
            raise
        message = str(error.with_subject(error.subject, "its codes are taken as sRGB"))
    warn_caller(message)
    decoded = decode("ignore")
    decoded.info.pop("icc_profile", None)
    return decoded


def _is_about_profile(error: FileFormatError) -> bool:
    """Whether a profile is to blame that is damaged or does not fit; colors that sRGB has not are another matter."""
    return error.option == "profile" and error.code != "unsupported_color"


_DOCUMENTS = ("psd", "svg")


def _document(data: bytes, name: str, limits: Limits | None, isolate: bool, **options: Any) -> Any:
    """The picture of a document; one that comes with limits comes from a stranger, and goes to a child process."""
    return guarded(
        _flat,
        data,
        name,
        limits,
        keywords=options,
        subject=name,
        limits=limits,
        isolate=isolate or limits is not None,
        expect=_raster.Picture,
    )


def _flat(data: bytes, name: str, limits: Limits | None, *, frame: int, profile: Any) -> Any:
    from . import psd, svg

    if _raster.identify(data) == "svg":
        return svg.decode(data, name=name, frame=frame, limits=limits)
    return psd.read_flat(data, name=name, frame=frame, profile=profile, limits=limits)


def _as_pil(decoded: Any, name: str) -> Image.Image:
    """A decoded picture in PIL's depths."""
    if isinstance(decoded, _raster.HighDepth):
        return _raster.round_to_8_bits(decoded, name)
    if decoded.mode in _AS_IT_IS and "transparency" not in decoded.info:
        # A picture that no file stands behind, of the same pixels: to_pil would hold them twice.
        plain: Image.Image = decoded._new(decoded.im)
        return plain
    if decoded.mode == "CMYK":
        plain = decoded.convert("RGB")
        plain.info = {key: value for key, value in decoded.info.items() if key not in ("icc_profile", "transparency")}
        # Somebody up the stack still holds it.
        decoded.close()
        return plain
    return decoded if decoded.mode == "I" else convert.to_pil(decoded)


_AS_IT_IS = ("L", "LA", "RGB", "RGBA", "I;16", "F")


def read_any(
    source: Source,
    *,
    frame: int = 0,
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
    at_least: tuple[int, int] | None = None,
) -> Any:
    """The form that keeps most of a file: a PIL image with its metadata, or an array where PIL has not the depth.

    `at_least` is the (height, width) that will do: a JPEG may come smaller than it is, but no smaller than that.
    """
    options: dict[str, Any] = {"limits": limits, "allow_truncated": allow_truncated, "isolate": isolate}
    colors: dict[str, Any] = {"profile": profile, "on_bad_profile": on_bad_profile}
    return read_with_info(source, frame=frame, **colors, **options, at_least=at_least)[0]


def read_with_info(
    source: Source,
    *,
    frame: int = 0,
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
    at_least: tuple[int, int] | None = None,
) -> tuple[Any, dict[Any, Any]]:
    """The same, and what the file says beside its pixels: arrays have no place for it."""
    decoded = _decode(source, frame, profile, on_bad_profile, limits, allow_truncated, isolate, at_least=at_least)
    if isinstance(decoded, _raster.HighDepth):
        return decoded.pixels, decoded.info
    if decoded.mode == "I":
        raise InputValueError(
            name_of(source),
            "pixels with a known range",
            "32-bit integers",
            "read them with read_pil and convert with value_range=(low, high)",
        )
    return decoded, decoded.info


# ---------------------------------------------------------------- writing


@explain_calls
def write(
    image: AnyImage | Iterable[AnyImage],
    path: str | os.PathLike[str],
    *,
    duration: float | Sequence[float] | None = None,
    loop: int | None = None,
    quality: int | None = None,
    lossless: bool | None = None,
    subsampling: Subsampling | None = None,
    progressive: bool | None = None,
    effort: int | None = None,
    optimize: bool | None = None,
    palette: int | None = None,
    sizes: Sequence[int] | None = None,
    metadata: MetadataPolicy = "keep",
    profile: ProfileSource | None = None,
    bgr: bool = False,
) -> None:
    """Write an image to a file, entirely or not at all.

    The suffix decides the format. The file is encoded in memory, written beside its place, synced, and put there in
    one step: whatever goes wrong, a file that was there stays as it was.

    Args:
        image: one PIL image, array or tensor, or several: a list, an iterator or a batch become the frames of a GIF,
            PNG, WebP or AVIF, or the pages of a TIFF. 16 bits are kept by PNG, TIFF and PPM, floats by TIFF; other
            formats get 8 bits, rounded.
        path: where to; .png .jpg .webp .avif .gif .tif .bmp .ico .ppm .pgm.
        duration: how long each frame is shown, in milliseconds as in `info["duration"]` of `read_frames`: one number, or one
            a frame; None is what PIL images say themselves, else 100. GIF counts in hundredths of a second.
        loop: how often an animation is played, 0 for ever, as in `info["loop"]`; None is what the first image says, else
            0. GIF's viewers do not count the first time.
        quality: 1 to 100 for JPEG (90), WebP (90), AVIF (75) and JPEG XL (90).
        lossless: True for WebP and JPEG XL without loss; JPEG XL of 16 bits always is.
        subsampling: how JPEG (4:4:4 from quality 90 on, else 4:2:0) and AVIF (4:2:0) store color: "4:4:4" whole,
            "4:2:2" half across, "4:2:0" half both ways.
        progressive: True for a JPEG in several passes.
        effort: how much time a smaller file may take: PNG 0 to 9 (6), WebP 0 to 6 (4), AVIF 0 to 10 (4),
            JPEG XL 1 to 9 (7).
        optimize: True for a smaller file of the same pixels: JPEG with fitted tables, PNG with a palette or single bits
            where those hold all colors.
        palette: for a PNG of that many colors at most, 2 to 256: exact if there are no more, else the nearest of a
            reduced set.
        sizes: the longer sides of the pictures in an ICO, such as (16, 32, 48, 256); by default the image as it is.
        metadata: what a PIL image's `info` says beside its pixels, as far as the format has a place for it: "keep" is
            all that still holds, so no thumbnail and no size of the original, "public" leaves out places, owners,
            serial numbers, maker notes, keywords and the parameters of generators, "strip" everything but the profile.
        profile: the colors to write in, "srgb", "display-p3", or the path or bytes of an ICC profile: the image is
            converted as by `convert_profile` and the file carries the profile. None writes the codes as they are.
        bgr: the array or tensor runs B, G, R(, A).

    Raises:
        InputTypeError: not an image, or not a path.
        InputValueError: an unknown suffix, an alpha channel the format cannot hold (call `flatten` first), a size
            beyond the format, or an option it has not; several images for a format of one, frames of several sizes for
            one that is no TIFF.
        FileAccessError: the folder is missing or not writable, or the disk is full.

    Example:
        >>> import tempfile, pathlib
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "red.png")
        ...     write(Image.new("RGB", (2, 1), "red"), path)
        ...     read_pil(path).size
        (2, 1)
        >>> steps = [Image.new("RGB", (2, 1), (red, 0, 0)) for red in (0, 100, 200)]
        >>> [frame.info["duration"] for frame in read_frames(encode(steps, "webp", lossless=True, duration=40))]
        [40, 40, 40]
    """
    if not isinstance(path, (str, os.PathLike)):
        raise InputTypeError("path", "a path", type(path).__name__, "for bytes call encode(image, format)")
    suffix = os.path.splitext(os.fspath(path))[1]
    if not suffix:
        raise InputValueError("path", "a suffix that names the format", quoted(str(path)), "add one such as .png")
    images = _images_of(image, bgr=bgr)
    if suffix.lower() in (".pgm", ".pbm") and any(load(each, bgr=bgr).spec.channels > 1 for each in images):
        raise InputValueError("image", f"gray for {suffix}", "color or alpha", "write .ppm or .png")
    data = encode(
        images if len(images) > 1 else images[0],
        suffix,
        duration=duration,
        loop=loop,
        quality=quality,
        lossless=lossless,
        subsampling=subsampling,
        progressive=progressive,
        effort=effort,
        optimize=optimize,
        palette=palette,
        sizes=sizes,
        metadata=metadata,
        profile=profile,
        bgr=bgr,
    )
    write_bytes(path, data)


@explain_calls
def encode(
    image: AnyImage | Iterable[AnyImage],
    format: str,
    *,
    duration: float | Sequence[float] | None = None,
    loop: int | None = None,
    quality: int | None = None,
    lossless: bool | None = None,
    subsampling: Subsampling | None = None,
    progressive: bool | None = None,
    effort: int | None = None,
    optimize: bool | None = None,
    palette: int | None = None,
    sizes: Sequence[int] | None = None,
    metadata: MetadataPolicy = "keep",
    profile: ProfileSource | None = None,
    bgr: bool = False,
) -> bytes:
    """Encode an image to the bytes of a file.

    Args:
        image: one PIL image, array or tensor, or several: a list, an iterator or a batch become the frames of a GIF,
            PNG, WebP or AVIF, or the pages of a TIFF. 16 bits are kept by PNG, TIFF and PPM, floats by TIFF; other
            formats get 8 bits, rounded.
        format: "png", "jpeg", "webp", "avif", "gif", "tiff", "bmp", "ico", "ppm" or "jxl", or a
            suffix.
        duration: how long each frame is shown, in milliseconds as in `info["duration"]` of `read_frames`: one number, or one
            a frame; None is what PIL images say themselves, else 100. GIF counts in hundredths of a second.
        loop: how often an animation is played, 0 for ever, as in `info["loop"]`; None is what the first image says, else
            0. GIF's viewers do not count the first time.
        quality: 1 to 100 for JPEG (90), WebP (90), AVIF (75) and JPEG XL (90).
        lossless: True for WebP and JPEG XL without loss; JPEG XL of 16 bits always is.
        subsampling: how JPEG (4:4:4 from quality 90 on, else 4:2:0) and AVIF (4:2:0) store color: "4:4:4" whole,
            "4:2:2" half across, "4:2:0" half both ways.
        progressive: True for a JPEG in several passes.
        effort: how much time a smaller file may take: PNG 0 to 9 (6), WebP 0 to 6 (4), AVIF 0 to 10 (4),
            JPEG XL 1 to 9 (7).
        optimize: True for a smaller file of the same pixels: JPEG with fitted tables, PNG with a palette or single bits
            where those hold all colors.
        palette: for a PNG of that many colors at most, 2 to 256: exact if there are no more, else the nearest of a
            reduced set.
        sizes: the longer sides of the pictures in an ICO, such as (16, 32, 48, 256); by default the image as it is.
        metadata: what a PIL image's `info` says beside its pixels, as far as the format has a place for it: "keep" is
            all that still holds, so no thumbnail and no size of the original, "public" leaves out places, owners,
            serial numbers, maker notes, keywords and the parameters of generators, "strip" everything but the profile.
        profile: the colors to write in, "srgb", "display-p3", or the path or bytes of an ICC profile: the image is
            converted as by `convert_profile` and the file carries the profile. None writes the codes as they are.
        bgr: the array or tensor runs B, G, R(, A).

    Returns:
        The whole file.

    Raises:
        InputTypeError: not an image.
        InputValueError: an unknown format, an alpha channel the format cannot hold (call `flatten` first), a size
            beyond the format, or an option it has not; several images for a format of one, frames of several sizes for
            one that is no TIFF.

    Example:
        >>> from PIL import Image
        >>> encode(Image.new("RGB", (1, 1)), "png")[1:4]
        b'PNG'
    """
    options = _raster.EncodeOptions(
        quality=quality,
        lossless=lossless,
        subsampling=subsampling,
        progressive=progressive,
        effort=effort,
        optimize=optimize,
        palette=palette,
        sizes=sizes,
    )
    images = _images_of(image, bgr=bgr)
    if len(images) == 1 and duration is None and loop is None:
        return encode_with_info(images[0], format, {}, options, metadata=metadata, profile=profile, bgr=bgr)
    target = _raster.capabilities(format)
    _raster.check_policy(metadata)
    told = [getattr(each, "info", {}) for each in images]
    known = [_known(each, "duration") for each in told]
    times = _raster.check_times(target, duration, loop, known, _known(told[0], "loop"))
    frames = [_prepare(each, target, {}, metadata=metadata, profile=profile, bgr=bgr) for each in images]
    return _raster.encode_frames(frames, target, times, options)


def encode_with_info(
    image: AnyImage,
    format: str,
    info: Mapping[Any, Any],
    options: _raster.EncodeOptions = _NO_OPTIONS,
    *,
    metadata: MetadataPolicy = "keep",
    profile: ProfileSource | None = None,
    bgr: bool = False,
) -> bytes:
    """As `encode`, with what a file said that the image came from, for arrays and tensors, which cannot carry it."""
    target = _raster.capabilities(format)
    _raster.check_policy(metadata)
    if (
        profile is None
        and isinstance(image, Image.Image)
        and target.name == "png"
        and _raster.is_stored_as_it_is(image)
    ):
        beside = _raster.collect({**info, **image.info}, metadata, gray=image.mode == "1")
        return _raster.encode(image, target.name, options, metadata=beside)
    pixels, beside = _prepare(image, target, info, metadata=metadata, profile=profile, bgr=bgr)
    if options.sizes is not None and target.name == "ico":
        _raster.check_options(target, options)
        pixels = [_fit_icon(pixels, size) for size in options.sizes]
    return _raster.encode(pixels, target.name, options, metadata=beside)


def _images_of(image: AnyImage | Iterable[AnyImage], *, bgr: bool) -> list[AnyImage]:
    """The images of a list, an iterator or a batch, or the one that was passed."""
    if isinstance(image, (list, tuple, Iterator)):
        images = list(image)
        if not images:
            raise InputValueError("image", "at least one image", f"an empty {type(image).__name__}", "pass some")
        return images
    # A batch of one more axis; whatever else is no image is refused where it is converted.
    one: Any = image
    if len(load(one, bgr=bgr).spec.batch) == 1:
        return list(one)
    return [one]


def _known(info: Any, key: str) -> Any:
    value = info.get(key)
    return value if isinstance(value, (int, float)) else None


def _prepare(
    image: AnyImage,
    target: _raster.Format,
    info: Mapping[Any, Any],
    *,
    metadata: MetadataPolicy,
    profile: ProfileSource | None,
    bgr: bool,
) -> tuple[Any, _raster.Metadata]:
    """One image in the depth that the format holds, and what is written beside it."""
    embedded = None
    if profile is not None:
        embedded = _profile_for(profile, target, gray=load(image, bgr=bgr).spec.channels < 3)
        image = convert_profile(image, to=profile, bgr=bgr)
    spec = load(image, bgr=bgr)[1]
    dtype = "uint8"
    if spec.dtype.startswith(("float", "bfloat")) and target.float32:
        dtype = "float32"
    elif spec.dtype == "uint16" and (target.color16 if spec.channels > 1 else target.gray16):
        dtype = "uint16"
    # Gray goes as a PIL image, which brings its metadata; PIL's converter also says what to do with a batch.
    if dtype == "uint8" or spec.channels == 1 or spec.batch:
        pixels: Any = convert.to_pil(image, dtype=dtype if spec.channels == 1 else "uint8", bgr=bgr)
    else:
        pixels = convert.to_numpy(image, dtype=dtype, bgr=bgr)
    beside = _raster.collect({**info, **getattr(pixels, "info", {})}, metadata, gray=spec.channels < 3)
    if embedded is not None:
        beside = replace(beside, icc_profile=embedded)
    return pixels, beside


def _fit_icon(image: Image.Image, size: int) -> Image.Image:
    """The image with `size` as its longer side."""
    longest = max(image.size)
    width, height = (max(1, round(side * size / longest)) for side in image.size)
    return image if image.size == (width, height) else resize(image, width=width, height=height)


def _profile_for(profile: ProfileSource, target: _raster.Format, *, gray: bool) -> bytes:
    """The bytes of the profile to write; none in a format that has no place for it, where that says the same."""
    opened = open_profile(profile, "profile", gray=gray)
    if "icc_profile" in target.metadata:
        return opened.profile
    if not opened.is_srgb:
        title = target.name.upper()
        raise InputValueError(
            "profile", f'None or "srgb" for {title}, which holds no profile', quoted(profile), "write PNG instead"
        )
    return b""


# ---------------------------------------------------------------- data URLs


@explain_calls
def to_data_url(
    image: AnyImage,
    format: str = "png",
    *,
    quality: int | None = None,
    lossless: bool | None = None,
    subsampling: Subsampling | None = None,
    progressive: bool | None = None,
    effort: int | None = None,
    optimize: bool | None = None,
    palette: int | None = None,
    sizes: Sequence[int] | None = None,
    metadata: MetadataPolicy = "keep",
    profile: ProfileSource | None = None,
    bgr: bool = False,
) -> str:
    """Encode an image as a data URL, for the src of an <img> or for JSON.

    Args:
        image: one PIL image, array or tensor.
        format: as for `encode`; browsers show png, jpeg, webp, avif, gif, bmp and ico.
        quality: 1 to 100 for JPEG (90), WebP (90), AVIF (75) and JPEG XL (90).
        lossless: True for WebP and JPEG XL without loss; JPEG XL of 16 bits always is.
        subsampling: how JPEG (4:4:4 from quality 90 on, else 4:2:0) and AVIF (4:2:0) store color: "4:4:4" whole,
            "4:2:2" half across, "4:2:0" half both ways.
        progressive: True for a JPEG in several passes.
        effort: how much time a smaller file may take: PNG 0 to 9 (6), WebP 0 to 6 (4), AVIF 0 to 10 (4),
            JPEG XL 1 to 9 (7).
        optimize: True for a smaller file of the same pixels: JPEG with fitted tables, PNG with a palette or single bits
            where those hold all colors.
        palette: for a PNG of that many colors at most, 2 to 256: exact if there are no more, else the nearest of a
            reduced set.
        sizes: the longer sides of the pictures in an ICO, such as (16, 32, 48, 256); by default the image as it is.
        metadata: what a PIL image's `info` says beside its pixels, as far as the format has a place for it: "keep" is
            all that still holds, so no thumbnail and no size of the original, "public" leaves out places, owners,
            serial numbers, maker notes, keywords and the parameters of generators, "strip" everything but the profile.
        profile: the colors to write in, "srgb", "display-p3", or the path or bytes of an ICC profile: the image is
            converted as by `convert_profile` and the file carries the profile. None writes the codes as they are.
        bgr: the array or tensor runs B, G, R(, A).

    Returns:
        "data:image/png;base64,..."; what follows the comma is plain base64.

    Raises:
        InputTypeError: not an image.
        InputValueError: as for `encode`.

    Example:
        >>> from PIL import Image
        >>> to_data_url(Image.new("RGB", (1, 1)))[:22]
        'data:image/png;base64,'

    Source: RFC 2397.
    """
    name = _raster.capabilities(format).name
    options = _raster.EncodeOptions(
        quality=quality,
        lossless=lossless,
        subsampling=subsampling,
        progressive=progressive,
        effort=effort,
        optimize=optimize,
        palette=palette,
        sizes=sizes,
    )
    data = encode_with_info(image, name, {}, options, metadata=metadata, profile=profile, bgr=bgr)
    return f"data:{media_type(name)};base64,{base64.b64encode(data).decode('ascii')}"


# RFC 2397, section 3: dataurl := "data:" [ mediatype ] [ ";base64" ] "," data
_DATA_URL = re.compile(r"data:(?P<type>[^,]*?)(?P<base64>;\s*base64)?,(?P<data>.*)", re.IGNORECASE | re.DOTALL)


@explain_calls
def from_data_url(url: str) -> bytes:
    """Decode a data URL to its bytes, strictly: what is not base64 to the letter is refused.

    Args:
        url: "data:image/png;base64,..." or a percent-encoded one, as browsers and front ends send them.

    Returns:
        The bytes, ready for `read_pil` and the other readers. They need not be a picture.

    Raises:
        InputTypeError: not a str.
        InputValueError: not a data URL, or damaged base64.

    Example:
        >>> from_data_url("data:text/plain;base64,aGk=")
        b'hi'

    Source: RFC 2397, RFC 4648.
    """
    if not isinstance(url, str):
        raise InputTypeError("url", "a str", type(url).__name__, "decode bytes first, url.decode('ascii')")
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise InputValueError(
            "url", '"data:...,..."', quoted(url[:40]), "for bare base64 call base64.b64decode(text, validate=True)"
        )
    if not match["base64"]:
        return unquote_to_bytes(match["data"])
    try:
        return base64.b64decode(unquote_to_bytes(match["data"]), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputValueError("url", "base64 after the comma", quoted(str(error)), "send it unchanged") from error
