"""One layer or group of a document, seen through the document it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, overload

from .._check import one_of
from .._deprecated import REMOVE, SINCE, _deprecated
from .._foreign_names import explain_calls
from ..convert import KINDS, as_kind
from ..errors import InputTypeError, InputValueError, quoted
from ..types import AnyImage, Kind
from . import isolated
from .channels import MASK, REAL_MASK, Codes, store
from .masks import Box, Mask, describe, paste
from .painting import box_of, check_drawable
from .parsing import is_group, translate_errors
from .render import render_layer
from .words import blend_mode_of, blend_word, check_coordinate, check_name, check_share, kind_of, name_of

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from psd_tools import PSDImage
    from psd_tools.api.layers import Group as RawGroup, Layer as RawLayer
    from psd_tools.api.protocols import GroupMixinProtocol
    from psd_tools.psd.layer_and_mask import LayerRecord, MaskData

    from .document import Psd

__all__ = ["EmbeddedFile", "Layer"]


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """The file inside a smart object.

    Attributes:
        name: what it was called.
        data: its bytes, of any format.
    """

    name: str
    data: bytes


class Layer:
    """A layer or a group. Two are equal if they are the same one of the same document.

    Attributes:
        raw: psd-tools' object, for what is not here. After edits through it call `doc.raw.mark_updated()`.
    """

    __slots__ = ("_document", "raw")

    raw: RawLayer

    def __init__(self, document: Psd, raw: RawLayer) -> None:
        self._document, self.raw = document, raw

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layer) and other.raw is self.raw

    def __hash__(self) -> int:
        return id(self.raw)

    def __repr__(self) -> str:
        return f"<Layer {self.path!r} {self.kind}>"

    # ------------------------------------------------------------ what it is

    @property
    def name(self) -> str:
        """The name, up to 255 characters of any script; can be set."""
        return name_of(self.raw, self._document.encoding)

    @name.setter
    def name(self, value: str) -> None:
        if check_name(value) != self.name:
            self.raw.name = value

    @property
    def path(self) -> str:
        """The names from the outermost group to the layer, joined with "/": what `doc[...]` takes."""
        above = self.parent
        return self.name if above is None else f"{above.path}/{self.name}"

    @property
    def kind(self) -> str:
        """The kind: "pixel", "group", "type", "shape", "smart_object", "fill" or "adjustment"."""
        return kind_of(self.raw)

    @property
    def bbox(self) -> Box:
        """Where its pixels lie on the canvas, (left, top, right, bottom); (0, 0, 0, 0) where it has none.

        It may reach beyond the canvas. That of a group is the smallest box around all layers in it.
        """
        return box_of(self.raw)

    @property
    def visible(self) -> bool:
        """Whether its own eye is on; can be set. A layer shows if those of all groups around it are on too."""
        return bool(self.raw.visible)

    @visible.setter
    def visible(self, value: bool) -> None:
        self.raw.visible = bool(value)

    @property
    def opacity(self) -> float:
        """From 0 to 1, stored in 1/255; can be set."""
        return float(self.raw.opacity / 255)

    @opacity.setter
    def opacity(self, value: float) -> None:
        self.raw.opacity = check_share("opacity", value)

    @property
    def fill_opacity(self) -> float:
        """The opacity of its pixels without its effects, from 0 to 1, stored in 1/255; can be set."""
        with translate_errors(self._document.source):
            return float(self.raw.fill_opacity / 255)

    @fill_opacity.setter
    def fill_opacity(self, value: float) -> None:
        stored = check_share("fill_opacity", value)
        if stored != self.raw.fill_opacity:
            self.raw.fill_opacity = stored

    @property
    def blend_mode(self) -> str:
        """The blend mode in a word, such as "normal", "multiply", "color_dodge" or a group's "pass_through".

        It can be set, with "-" or blanks for "_" as well.
        """
        return blend_word(self.raw)

    @blend_mode.setter
    def blend_mode(self, value: str) -> None:
        mode = blend_mode_of(value)
        if mode.name == "PASS_THROUGH" and self.kind != "group":
            raise InputValueError("blend_mode", "one for a layer", '"pass_through"', "only groups have it")
        self.raw.blend_mode = mode

    @property
    def clipping(self) -> bool:
        """Whether it shows only where the layer below it does; can be set."""
        return bool(self.raw.clipping)

    @clipping.setter
    def clipping(self, value: bool) -> None:
        if self.kind == "group" and value:
            raise InputValueError("clipping", "a layer", f"the group {quoted(self.path)}", "clip the layers in it")
        if bool(value) != self.clipping:
            self.raw.clipping = bool(value)

    @property
    def locked(self) -> bool:
        """Whether anything of it is locked in Photoshop; setting it locks all or nothing. aikit edits it anyway."""
        # A block that psd-tools could not read comes as bytes.
        return bool(getattr(self.raw.locks, "value", 0))

    @locked.setter
    def locked(self, value: bool) -> None:
        from psd_tools.constants import ProtectedFlags, Tag

        if bool(value) != self.locked:
            self.raw.tagged_blocks.set_data(Tag.PROTECTED_SETTING, int(ProtectedFlags.COMPLETE) if value else 0)

    @property
    def mask(self) -> Mask | None:
        """What its masks are, or None. `render()` applies them."""
        with translate_errors(self._document.source):
            return describe(self.raw)

    @property
    def text(self) -> str | None:
        """The text of a type layer, lines separated by line feeds; None for other kinds."""
        from psd_tools.api.layers import TypeLayer

        if not isinstance(self.raw, TypeLayer):
            return None
        with translate_errors(self._document.source):
            text = self.raw.text
        return text.replace("\r", "\n").replace("\x03", "\n").rstrip("\0")

    @property
    def embedded(self) -> EmbeddedFile | None:
        """The file embedded in a smart object; None for other kinds and for files that are only linked."""
        from psd_tools.api.layers import SmartObjectLayer

        if not isinstance(self.raw, SmartObjectLayer):
            return None
        with translate_errors(self._document.source):
            inner = self.raw.smart_object
            if inner._data is None or inner.kind != "data":
                return None
            return EmbeddedFile(inner.filename, bytes(inner.data))

    # ------------------------------------------------------------ where it is

    @property
    def parent(self) -> Layer | None:
        """The group it lies in, or None."""
        from psd_tools.api.layers import Group

        above = self.raw.parent
        return Layer(self._document, above) if isinstance(above, Group) else None

    @property
    def _above(self) -> RawGroup | PSDImage:
        """psd-tools' object of what it lies in."""
        return cast("RawGroup | PSDImage", self.raw.parent)

    @property
    def layers(self) -> list[Layer]:
        """The layers in a group, from bottom to top; empty for other kinds."""
        return [Layer(self._document, raw) for raw in self.raw] if is_group(self.raw) else []

    def walk(self) -> Iterator[Layer]:
        """Everything in a group, from bottom to top, each group before what is in it."""
        for layer in self.layers:
            yield layer
            yield from layer.walk()

    def move_to(
        self,
        *,
        left: int | None = None,
        top: int | None = None,
        group: Layer | Psd | str | None = None,
        index: int | None = None,
    ) -> None:
        """Move it on the canvas, in the stack, or both.

        Its pixel mask moves along, and a group takes all that is in it along. Everything else stays bit for bit.

        Args:
            left: the new left edge of its `bbox`, in pixels; may be negative.
            top: the new top edge.
            group: the group it shall lie in, or the document for none; None leaves it where it is.
            index: its place there, counted from 0 at the bottom or from -1 at the top; None puts it on top where
                `group` is given.

        Raises:
            InputTypeError: not numbers, or not a group.
            InputValueError: a group inside itself, a place that does not exist, or a shape, a smart object, or a
                path that would have to be redrawn.
        """
        self._check_attached()
        box = self.bbox
        right = 0 if left is None else check_coordinate("left", left) - box[0]
        down = 0 if top is None else check_coordinate("top", top) - box[1]
        moved = [self, *self.walk()] if right or down else []
        for layer in moved:
            layer._check_movable()
        if group is not None or index is not None:
            self._restack(group, index)
        for layer in moved:
            layer._shift(right, down)
        if moved:
            self._document._mark_changed()

    def _restack(self, group: Layer | Psd | str | None, index: int | None) -> None:
        target = self._above if group is None else self._document._group_of(group)
        if self.kind == "group" and (target is self.raw or any(layer.raw is target for layer in self.walk())):
            raise InputValueError("group", f"one outside {quoted(self.path)}", "one inside", "name another")
        count = len(target) - (self._above is target)
        place = count if index is None else check_coordinate("index", index)
        if not -count - 1 <= place <= count:
            raise InputValueError("index", f"{-count - 1} to {count}", quoted(index), "count from the bottom")
        self.raw.move_to(target, index=place if place >= 0 else count + 1 + place)

    def _check_movable(self) -> None:
        if self.kind in ("shape", "smart_object", "fill"):
            raise InputValueError(
                "left, top",
                "a layer made of pixels",
                f"{quoted(self.path)}, a {self.kind} whose outline would have to move too",
                "turn it into pixels first, layer.replace(layer.render())",
            )
        if self.raw.has_vector_mask():
            raise InputValueError(
                "left, top",
                "a layer without a path",
                f"{quoted(self.path)}, whose mask would have to move too",
                "add(layer.render(), ...) where it shall be, and remove it",
            )

    def _shift(self, right: int, down: int) -> None:
        from psd_tools.api.layers import TypeLayer

        record = self.raw._record
        boxes: list[tuple[LayerRecord | MaskData, str]] = [(record, "")] if self.kind != "group" else []
        if record.mask_data is not None:
            boxes += [(record.mask_data, prefix) for prefix in ("", "real_")]
        for thing, prefix in boxes:
            for side, by in (("left", right), ("right", right), ("top", down), ("bottom", down)):
                value = getattr(thing, prefix + side)
                if value is not None:
                    setattr(thing, prefix + side, value + by)
        if isinstance(self.raw, TypeLayer):
            data = self.raw._data
            *turn, x, y = data.transform
            data.transform = (*turn, x + right, y + down)
        self.raw._invalidate_bbox()

    # ------------------------------------------------------------ pixels

    @overload
    def render(self, *, canvas: bool = False, kind: Literal["numpy", "cv2"] = "numpy") -> Codes: ...
    @overload
    def render(self, *, canvas: bool = False, kind: Literal["pil"]) -> Image.Image: ...
    @overload
    def render(self, *, canvas: bool = False, kind: Literal["tensor"]) -> torch.Tensor: ...
    @overload
    def render(self, *, canvas: bool = False, kind: Kind) -> AnyImage: ...
    @explain_calls
    def render(self, *, canvas: bool = False, kind: Kind = "numpy") -> AnyImage:
        """Its pixels under its masks, before opacity, blend mode, clipping and effects.

        A group gives what is visible in it, blended; a shape or fill without stored pixels is drawn.

        Args:
            canvas: True for an image of the size of the canvas, cut at its edges and transparent elsewhere, instead
                of one of the size of `bbox`.
            kind: of the result: "numpy", "cv2" for OpenCV's order, B, G, R, A, "tensor" for float32 (4, H, W), or
                "pil", which has 16 and 32 bits of gray only: those of a document are rounded to 8.

        Returns:
            An array (H, W, 4), sRGB, straight alpha: uint8 for 8 bits, uint16 for 16, float32 for 32, where values may
            lie outside [0, 1]; or the same picture in another kind. Colors stay as stored where alpha is 0.

        Raises:
            InputValueError: an unknown kind, or it has no pixels (an adjustment, an empty layer) and `canvas` is False.
            FileFormatError: its channels are damaged.
            LimitError: it is larger than the document's limits allow.
        """
        one_of("kind", kind, KINDS)
        document = self._document
        if document.isolated:
            self._check_attached()
        found = isolated.unpack_layer(document, self) if document.isolated else self._pixels()
        if found is None and not canvas:
            raise InputValueError(
                "layer",
                "one with pixels",
                f"{quoted(self.path)}, {_WITHOUT.get(self.kind, 'which is empty')}",
                "pass canvas=True for a transparent image",
            )
        if found is None:
            return as_kind(document._blank(), kind)
        image, box = found
        return as_kind(paste(image, box, (0, 0, document.width, document.height), 0) if canvas else image, kind)

    def image(self, *, canvas: bool = False) -> Codes:
        """Its pixels as an array: what `render` gives, by a name that goes."""
        _deprecated("aikit.psd.Layer.image", SINCE, REMOVE, "render()")
        return self.render(canvas=canvas)

    def _pixels(self) -> tuple[Codes, Box] | None:
        """Its pixels (H, W, 4) and where they lie, unpacked in this process; None where it has none."""
        document = self._document
        return render_layer(self.raw, document.mode, document._colors, document.limits)

    def replace(self, image: AnyImage, *, canvas: bool = False) -> None:
        """Give it other pixels; name, place, opacity, blend mode, masks, clipping and effects stay.

        A type, shape, fill or smart object layer becomes a pixel layer, as by Photoshop's Rasterize.

        Args:
            image: one image of any kind; alpha becomes the layer's transparency.
            canvas: True where the image lies on the canvas's top left corner, as `render(canvas=True)` gave it;
                otherwise it lies where the layer's top left corner is.

        Raises:
            InputTypeError: not an image.
            InputValueError: a batch, more than 30,000 pixels a side, a group or adjustment layer, or numbers that are
                not finite.
        """
        self._check_attached()
        if self.kind in ("group", "adjustment"):
            raise InputValueError(
                "layer", "one with pixels", f"{quoted(self.path)}, {_WITHOUT[self.kind]}", "add a layer instead"
            )
        codes, alpha = self._document._codes(image)
        check_drawable("image", alpha.shape)
        left, top, _, _ = (0, 0, 0, 0) if canvas else self.bbox
        record = self.raw._record
        kept = [
            (info, data)
            for info, data in zip(record.channel_info, self.raw._channels, strict=False)
            if int(info.id) in (MASK, REAL_MASK)
        ]
        if self.kind != "pixel":
            self._rasterize()
        store(self.raw, codes, alpha, (left, top), kept)
        self._document._mark_changed()

    def _rasterize(self) -> None:
        """Drop what would draw the layer anew, and let psd-tools see a pixel layer."""
        from psd_tools.api.layers import PixelLayer
        from psd_tools.constants import Tag

        record = self.raw._record
        for key in _REDRAWN:
            record.tagged_blocks.pop(Tag[key], None)
        record.flags.pixel_data_irrelevant = False
        above = self._above
        raw = PixelLayer(above, record, self.raw._channels)
        above[above.index(self.raw)] = raw
        self.raw = raw

    def remove(self) -> None:
        """Take it, and all that is in it, out of the document."""
        self._check_attached()
        above = self._above
        above.remove(self.raw)

    def duplicate(self, *, name: str | None = None) -> Layer:
        """A copy right above it, with all that is in it.

        Args:
            name: of the copy; None keeps the name.
        """
        self._check_attached()
        clipped = list(self.raw.clip_layers)
        copy = Layer(self._document, self.raw.duplicate())
        for raw in clipped:
            # psd-tools releases what was clipped; it stays clipped, now to the copy, as in Photoshop.
            raw.clipping = True
        if name is not None:
            copy.name = name
        return copy

    def ungroup(self) -> list[Layer]:
        """Dissolve a group: its layers take its place, in their order.

        Returns:
            The layers, from bottom to top.

        Raises:
            InputValueError: not a group.
        """
        self._check_attached()
        if self.kind != "group":
            raise InputValueError("layer", "a group", f"{quoted(self.path)}, a {self.kind}", "it has nothing in it")
        above = self._above
        freed = self.layers
        for layer in freed:
            layer.raw.move_to(above, index=above.index(self.raw))
        above.remove(self.raw)
        return freed

    def _check_attached(self) -> None:
        """Refuse to edit a layer that is in no document any more."""
        above: GroupMixinProtocol | None = self.raw.parent
        while above is not None and above is not self._document.raw:
            above = above.parent
        if above is None or self.raw not in self._above:
            raise InputValueError("layer", "one of the document", f"{quoted(self.name)}, removed", "add it again")


_WITHOUT = {
    "group": "a group",
    "adjustment": "an adjustment, which has none of its own",
}

# What makes a layer a text, a shape, a fill or a smart object: psd-tools' names of tagged blocks.
_REDRAWN = """
TYPE_TOOL_OBJECT_SETTING TYPE_TOOL_INFO SMART_OBJECT_LAYER_DATA1 SMART_OBJECT_LAYER_DATA2 PLACED_LAYER1 PLACED_LAYER2
VECTOR_ORIGINATION_DATA VECTOR_MASK_SETTING1 VECTOR_MASK_SETTING2 VECTOR_STROKE_DATA VECTOR_STROKE_CONTENT_DATA
SOLID_COLOR_SHEET_SETTING PATTERN_FILL_SETTING GRADIENT_FILL_SETTING
""".split()


def check_layer(value: object, subject: str) -> Layer:
    """Refuse what is no layer."""
    if not isinstance(value, Layer):
        raise InputTypeError(subject, "a layer", type(value).__name__, "take it from doc.layers")
    return value
