"""Layered documents: open, look into, edit, flatten and save PSD and PSB files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, cast, overload

import numpy as np

from .._check import one_of
from .._deprecated import REMOVE, SINCE, _deprecated
from .._foreign_names import explain_calls
from .._io import name_of, read_bytes, write_bytes
from ..alpha import flatten, merge_alpha
from ..convert import KINDS, as_kind, to_numpy
from ..errors import InputTypeError, InputValueError, quoted, shortened
from ..limits import Limits
from ..types import AnyImage, Color, Kind, Source
from . import isolated, preview, report
from .channels import DTYPES, TOPS, Codes, store
from .colors import from_srgb
from .export import export_layers
from .layers import Layer, check_layer
from .painting import Painted, check_drawable, draw_layers
from .parsing import is_group, mode_of, parse, serialize, translate_errors
from .render import colors_of, render_document
from .words import MAC_ROMAN, blend_mode_of, check_coordinate, check_encoding, check_name, check_share

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from psd_tools import PSDImage
    from psd_tools.api.layers import Group as RawGroup, Layer as RawLayer

__all__ = ["Psd", "open_psd"]

Profile = Literal["srgb", "ignore"]

# Where the colors of a composite are 0: the least alpha that 16 bits can tell from none.
_CLEAR = 1 / 65535


class Psd:
    """A layered document, made by `open_psd`, `new_psd`, `psd_from_layers` or `psd_from_folder`.

    `doc["Group/Layer"]` is the layer of that name, or at that path; `print(doc)` shows the tree, topmost first.

    Attributes:
        raw: psd-tools' document, for what is not here. After edits through it call `raw.mark_updated()`.
        source: how messages call the document.
        limits: what drawing it may cost; None trusts the file.
        profile: "srgb" or "ignore", as it was opened.
        encoding: of names that are not stored in Unicode, as it was opened.
        isolated: whether its pixels are unpacked and drawn in a child process: it was opened with limits.
    """

    def __init__(
        self,
        raw: PSDImage,
        *,
        source: str,
        original: bytes | None,
        profile: Profile,
        limits: Limits | None,
        isolated: bool = False,
        encoding: str = MAC_ROMAN,
    ) -> None:
        self.raw, self.source, self.limits, self.profile, self.isolated = raw, source, limits, profile, isolated
        self.encoding = encoding
        self._original = original
        # One picture and no layers, until something is laid over it.
        self._flat = original is not None and len(raw) == 0
        self._colors = colors_of(raw, profile, source)

    # ------------------------------------------------------------ what it is

    @property
    def height(self) -> int:
        """Height of the canvas in pixels."""
        return self.raw.height

    @property
    def width(self) -> int:
        """Width of the canvas in pixels."""
        return self.raw.width

    @property
    def mode(self) -> str:
        """The color mode: "RGB", "L", "CMYK", "LAB", "INDEXED", "BITMAP" or "DUOTONE"."""
        return mode_of(self.raw)

    @property
    def depth(self) -> int:
        """Bits a channel: 1, 8, 16 or 32."""
        return int(self.raw.depth)

    @property
    def layers(self) -> list[Layer]:
        """The layers and groups that lie in no group, from bottom to top; empty for a file of one flat picture."""
        return [Layer(self, raw) for raw in self.raw]

    def walk(self) -> Iterator[Layer]:
        """All layers and groups, from bottom to top, each group before what is in it."""
        for layer in self.layers:
            yield layer
            yield from layer.walk()

    def __getitem__(self, name: str) -> Layer:
        if not isinstance(name, str):
            raise InputTypeError("name", "a layer's name or path", quoted(name), "for a number use doc.layers")
        for layer in self.walk():
            if layer.name == name:
                return layer
        found = _at(self.layers, name)
        if found is None:
            known = ", ".join(repr(layer.path) for layer in self.walk())
            raise InputValueError(
                "name", f"one of {shortened(known, 200) or 'no layers'}", quoted(name), "pass one of these"
            )
        return found

    def __repr__(self) -> str:
        count = sum(1 for _ in self.walk())
        layers = "1 layer" if count == 1 else f"{count} layers"
        return f"<Psd {self.width}x{self.height} {self.mode} {self.depth} bits, {layers}>"

    def __str__(self) -> str:
        return "\n".join(filter(None, [repr(self), report.tree(self.layers, "    ")]))

    def _repr_html_(self) -> str:
        from .card import as_html

        return as_html(self)

    def unsupported(self) -> list[str]:
        """List what `render()` shows otherwise than Photoshop when it draws the layers.

        An edited document is always drawn; one that was only opened is taken from the merged image in the file,
        where Photoshop drew everything, if that can be believed.

        Returns:
            One line a thing, "Group/Layer: effect bevel is not drawn"; empty where all is drawn as it should be.

        Raises:
            FileFormatError: the layers are damaged.
        """
        with translate_errors(self.source):
            return report.differences(self)

    # ------------------------------------------------------------ pixels

    @overload
    def render(self, *, background: Color | None = None, kind: Literal["numpy", "cv2"] = "numpy") -> Codes: ...
    @overload
    def render(self, *, background: Color | None = None, kind: Literal["pil"]) -> Image.Image: ...
    @overload
    def render(self, *, background: Color | None = None, kind: Literal["tensor"]) -> torch.Tensor: ...
    @overload
    def render(self, *, background: Color | None = None, kind: Kind) -> AnyImage: ...
    @explain_calls
    def render(self, *, background: Color | None = None, kind: Kind = "numpy") -> AnyImage:
        """Render the entire picture, as Photoshop shows it but for what `unsupported()` lists.

        Args:
            background: a color to lay it over, in the units of the array; None keeps it transparent.
            kind: of the result: "numpy", "cv2" for OpenCV's order, B, G, R, A, "tensor" for float32 (4, H, W), or
                "pil", which has 16 and 32 bits of gray only: those of a document are rounded to 8.

        Returns:
            An array (H, W, 4), sRGB, straight alpha: uint8 for 8 bits, uint16 for 16, float32 for 32; or the same
            picture in another kind. Colors are 0 where alpha is 0.

        Raises:
            FileFormatError: the pixels are damaged, or the ICC profile does not fit them.
            InputValueError: an unknown kind, or the background is not an opaque color.
            LimitError: drawing would cost more than the document's limits allow.
        """
        one_of("kind", kind, KINDS)
        image = isolated.render(self) if self.isolated else self._pixels()
        image[image[..., 3] < (_CLEAR if image.dtype == np.float32 else 1)] = 0
        return as_kind(image if background is None else merge_alpha(flatten(image, background=background)), kind)

    def composite(self, *, background: Color | None = None) -> Codes:
        """The whole picture as an array: what `render` gives, by a name that goes."""
        _deprecated("aikit.psd.Psd.composite", SINCE, REMOVE, "render()")
        return self.render(background=background)

    @property
    def _untouched(self) -> bool:
        """Whether the document still is as it was opened."""
        return self._flat or (self._original is not None and not self.raw.is_updated())

    def _current(self) -> bytes:
        """The document as it is now, but for a merged image that may be out of date."""
        return self._original if self._untouched and self._original else serialize(self.raw, self.source)

    def _pixels(self) -> Codes:
        """Render the entire picture (H, W, 4) in this process."""
        return render_document(self.raw, self._colors, self.limits, untouched=self._untouched)

    def _blank(self) -> Codes:
        """A transparent image of the size of the canvas."""
        return np.zeros((self.height, self.width, 4), DTYPES[self.depth])

    def _codes(self, image: AnyImage) -> Painted:
        """An image of any kind as colors and alpha in codes of the document."""
        array = to_numpy(image, dtype=DTYPES[self.depth])
        if array.ndim > 3:
            raise InputValueError("image", "a single image", f"a batch of shape {array.shape}", "add them one by one")
        if array.dtype == np.float32 and not np.isfinite(array).all():
            raise InputValueError("image", "finite numbers", "NaN or infinity", "replace them with nan_to_num")
        array = np.atleast_3d(array)
        colors = array[..., : 1 if array.shape[-1] < 3 else 3]
        rgb = np.repeat(colors, 3, axis=-1) if colors.shape[-1] == 1 else colors
        opaque = array.shape[-1] in (1, 3)
        alpha = np.full(array.shape[:2], TOPS[self.depth], array.dtype) if opaque else array[..., -1]
        return from_srgb(rgb, self._colors), alpha.clip(0, TOPS[self.depth])

    # ------------------------------------------------------------ edits

    def add(
        self,
        image: AnyImage,
        *,
        name: str,
        left: int = 0,
        top: int = 0,
        opacity: float = 1.0,
        blend_mode: str = "normal",
        group: Layer | str | None = None,
    ) -> Layer:
        """Put an image on top of the document, or of a group, as a new layer.

        Args:
            image: one image of any kind, of any size. sRGB; it gets the document's depth and colors: gray of it in
                a gray document, inks in CMYK. Alpha becomes the layer's transparency.
            name: up to 255 characters of any script.
            left: column of the canvas at which its left edge lies, may be negative.
            top: row of the canvas at which its top edge lies, may be negative.
            opacity: 0 to 1.
            blend_mode: a word, such as "normal" or "multiply".
            group: the group it goes into, or its path.

        Returns:
            The new layer.

        Raises:
            InputTypeError: not an image, or not what an option takes.
            InputValueError: a batch, more than 30,000 pixels a side, an unknown blend mode, a name that is too long, no
                such group, or a document whose mode knows no layers.

        Example:
            >>> import numpy as np
            >>> from aikit import new_psd
            >>> doc = new_psd(height=4, width=6)
            >>> doc.add(np.full((2, 2, 4), 255, np.uint8), name="White", left=1)
            <Layer 'White' pixel>
        """
        from psd_tools.api.layers import PixelLayer
        from psd_tools.psd.layer_and_mask import ChannelDataList, LayerRecord

        name, place = check_name(name), (check_coordinate("left", left), check_coordinate("top", top))
        share, mode = check_share("opacity", opacity), blend_mode_of(blend_mode)
        self._check_layered()
        target = self._group_of(self if group is None else group)
        codes, alpha = self._codes(image)
        check_drawable("image", alpha.shape)
        self._keep_flat_picture()
        raw = PixelLayer(target, LayerRecord(name="layer"), ChannelDataList())
        store(raw, codes, alpha, place)
        raw.name, raw.opacity = name, share
        layer = Layer(self, raw)
        layer.blend_mode = mode.name
        target.append(raw)
        return layer

    def add_group(
        self,
        name: str,
        *,
        layers: Sequence[Layer] = (),
        opacity: float = 1.0,
        blend_mode: str = "pass_through",
        group: Layer | str | None = None,
    ) -> Layer:
        """Make a group on top of the document, or of a group, or around layers.

        Args:
            name: up to 255 characters of any script.
            layers: what goes into it, in the order they have; it takes the place of the topmost of them.
            opacity: 0 to 1.
            blend_mode: "pass_through" lets its layers blend with what is below; any other makes it one picture first.
            group: the group it goes into, or its path.

        Returns:
            The group, a layer of kind "group".

        Raises:
            InputTypeError: not a name, or not layers.
            InputValueError: an unknown blend mode, a name that is too long, or no such group.
        """
        from psd_tools.api.layers import Group

        name, share, mode = check_name(name), check_share("opacity", opacity), blend_mode_of(blend_mode)
        self._check_layered()
        members = [check_layer(layer, "layers") for layer in layers]
        order = [layer for layer in self.walk() if layer in members]
        if len(order) < len(set(members)):
            raise InputValueError("layers", "layers of this document", "one of another", "add what it renders")
        parent = self._group_of(group) if group is not None else order[-1]._above if order else self.raw
        if any(parent is inner.raw for layer in order for inner in (layer, *layer.walk())):
            raise InputValueError("layers", "none around the new group", quoted(order[0].path), "leave it out")
        self._keep_flat_picture()
        top = parent.index(order[-1].raw) if order and order[-1]._above is parent else None
        made = Layer(self, Group.new(parent, "group"))
        made.name, made.opacity, made.blend_mode = name, share / 255, mode.name
        if top is not None:
            made.move_to(index=top + 1)
        for layer in order:
            layer.move_to(group=made)
        return made

    def _group_of(self, group: object) -> RawGroup | PSDImage:
        """psd-tools' object of a group given as a layer, as its path, or as the document itself."""
        if isinstance(group, Psd):
            found: RawLayer | PSDImage = group.raw
        elif isinstance(group, str):
            found = self[group].raw
        else:
            found = check_layer(group, "group").raw
        if found._psd is not self.raw:
            raise InputValueError("group", "one of this document", "one of another", "pass its name")
        if found is self.raw:
            return self.raw
        layer = cast("RawLayer", found)
        if not is_group(layer):
            raise InputValueError("group", "a group", f"the layer {quoted(layer.name)}", "pass a group or its path")
        return layer

    def _mark_changed(self) -> None:
        """Say that the picture is another: the merged image is written anew on saving."""
        self.raw._update_record()

    def _check_layered(self) -> None:
        if self.mode not in ("RGB", "L", "CMYK", "LAB"):
            raise InputValueError(
                "doc",
                "RGB, L, CMYK or LAB, which have layers",
                self.mode,
                "add doc.render() to a new_psd(...) instead",
            )

    def _keep_flat_picture(self) -> None:
        """A flat picture becomes the Background layer before anything is laid over it: it would vanish."""
        if not self._flat:
            return
        from psd_tools.api.layers import PixelLayer
        from psd_tools.psd.layer_and_mask import ChannelDataList, LayerRecord

        stored = preview.read_merged(self.raw, self.source)
        assert stored is not None
        raw = PixelLayer(self.raw, LayerRecord(name="Background"), ChannelDataList())
        store(raw, *stored, (0, 0))
        raw.name = "Background"
        self.raw.append(raw)
        self._flat = False

    # ------------------------------------------------------------ files

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the document, entirely or not at all.

        A document that is as it was opened gives the same bytes again. After an edit that shows, the merged image
        is drawn anew; what other programs stored and nobody here understands stays in the file.

        Args:
            path: where to; .psd, or .psb for a document of the large format.

        Raises:
            InputTypeError: not a path.
            InputValueError: another suffix.
            FileAccessError: the folder is missing or not writable, or the disk is full.
            FileFormatError: a layer is damaged, so that the merged image cannot be drawn.
            LimitError: drawing it would cost more than the document's limits allow.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InputTypeError("path", "a path", type(path).__name__, "pass a str or a pathlib.Path")
        suffix = ".psd" if self.raw.version == 1 else ".psb"
        if os.path.splitext(os.fspath(path))[1].lower() != suffix:
            raise InputValueError("path", f"the suffix {suffix} for this document", quoted(str(path)), "rename it")
        write_bytes(path, self.encode())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the document: what `write` does, by a name that goes."""
        _deprecated("aikit.psd.Psd.save", SINCE, REMOVE, "write()")
        self.write(path)

    def encode(self) -> bytes:
        """The document as the bytes of a PSD, or PSB file.

        Returns:
            The very bytes that were opened where nothing has changed. After an edit that shows, with the merged
            image drawn anew.

        Raises:
            FileFormatError: a layer is damaged, so that the merged image cannot be drawn.
            LimitError: drawing it would cost more than the document's limits allow.
        """
        data = serialize(self.raw, self.source)
        if self._original is not None and data == serialize(parse(self._original, self.source, None), self.source):
            return self._original
        if self._flat or not self.raw.is_updated():
            return data
        painted = isolated.draw(self) if self.isolated else draw_layers(self.raw, self.source, self.limits)
        preview.refresh(self.raw, painted, self.source)
        return serialize(self.raw, self.source)

    def export_layers(self, folder: str | os.PathLike[str]) -> list[str]:
        """Write every layer with pixels to a picture of its own, and a manifest that `psd_from_folder` reads.

        8 and 16 bits go to PNG, 32 bits to TIFF with floats; masks are applied. The manifest, layers.json, holds for
        every layer and group: path, name, kind, box, opacity, blend mode, visibility, clipping, text, and its file.

        Args:
            folder: where to; made if it is missing. Files of the same names are replaced.

        Returns:
            The paths of the pictures, from bottom to top.

        Raises:
            FileAccessError: the folder cannot be made or written.
            FileFormatError: a layer is damaged.
            LimitError: a layer is larger than the document's limits allow.
        """
        return export_layers(self, folder)


def _at(layers: list[Layer], path: str) -> Layer | None:
    """The layer at a path; names may have "/" in them."""
    for layer in layers:
        if layer.name == path:
            return layer
        if path.startswith(layer.name + "/"):
            found = _at(layer.layers, path[len(layer.name) + 1 :])
            if found is not None:
                return found
    return None


@explain_calls
def open_psd(
    source: Source, *, profile: Profile = "srgb", limits: Limits | None = None, encoding: str = MAC_ROMAN
) -> Psd:
    """Open a PSD or PSB file; pixels are unpacked only when they are asked for.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        profile: "srgb" turns an embedded ICC profile into sRGB and back; "ignore" takes the codes as sRGB.
        limits: what the file may cost, to open and later to draw, `Limits()` for uploads; None trusts it. With limits
            the file is read in a child process before it is opened here, and pixels are unpacked and drawn in one.
        encoding: of names that are not stored in Unicode, as programs before 2000 and some others since write them:
            "shift_jis" for Japanese ones, "gbk" for Chinese ones. Nothing in the file says which it is.

    Returns:
        The document, of 1, 8, 16 or 32 bits, in RGB, gray, CMYK, Lab, indexed, bitmap or duotone, which is shown in
        its grays.

    Raises:
        InputValueError: an unknown encoding, or one in which the names of this file are none.
        FileAccessError: the file cannot be opened.
        FileFormatError: not a document, damaged, cut off, or multichannel.
        LimitError: larger than `limits` allow, or slower.
        WorkerError: with `limits`, reading it crashed.

    Example:
        >>> import tempfile, pathlib
        >>> from aikit import new_psd
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "empty.psd")
        ...     new_psd(height=4, width=6).write(path)
        ...     open_psd(path)
        <Psd 6x4 RGB 8 bits, 0 layers>

    Source: Adobe Photoshop File Formats Specification.
    """
    if str(profile) not in ("srgb", "ignore"):
        raise InputValueError("profile", '"srgb" or "ignore"', quoted(profile), "pass one of them")
    name = name_of(source)
    data = read_bytes(source, limits=limits)
    if limits is not None:
        isolated.check(data, name, limits)
    raw = parse(data, name, limits)
    check_encoding(raw, encoding)
    isolate = limits is not None
    return Psd(raw, source=name, original=data, profile=profile, limits=limits, isolated=isolate, encoding=encoding)
