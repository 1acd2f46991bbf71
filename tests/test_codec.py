"""JSON there and back: every kind exactly, hostile texts refused, and what other programs read."""

import collections
import dataclasses
import datetime as dt
import enum
import io
import json
import math
import uuid
import zlib
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pydantic
import pytest
import torch
from hypothesis import assume, given, settings, strategies as st
from PIL import Image

from aikit import DeviceError, FileFormatError, InputTypeError, InputValueError, LimitError, Limits
from aikit.codec import default, from_json, read_json, to_json, write_json

BERLIN = ZoneInfo("Europe/Berlin")


class Color(enum.Enum):
    RED = "red"
    BLUE = (0, 0, 255)


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass(frozen=True)
class Box:
    left: float
    size: tuple[int, int]
    area: int = dataclasses.field(init=False, default=0)

    def __post_init__(self):
        object.__setattr__(self, "area", self.size[0] * self.size[1])


class Point(NamedTuple):
    x: float
    y: float


class Request(pydantic.BaseModel):
    name: str = pydantic.Field(alias="fileName")
    since: dt.datetime
    scale: Decimal = Decimal(1)


KINDS = (Color, Access, Box, Point, Request)


def gradient(*shape, dtype):
    return np.arange(math.prod(shape)).reshape(shape).astype(dtype)


def picture(mode, size=(5, 3)):
    """A picture whose pixels all differ, as far as the mode can tell."""
    if mode == "I;16":
        return Image.fromarray(gradient(3, 5, dtype=np.uint16) * 4001)
    if mode in "IF":
        return Image.fromarray(gradient(3, 5, dtype={"I": np.int32, "F": np.float32}[mode]) * 70001)
    if mode == "P":
        image = Image.frombytes("P", size, bytes(range(15)))
        image.putpalette(bytes(range(45)))
        return image
    bands = len(Image.new(mode, (1, 1)).getbands())
    if mode == "1":
        return Image.frombytes("1", size, b"\xa8\x50\xf8")
    return Image.frombytes(mode, size, bytes(range(15 * bands)))


VALUES = {
    "none": None,
    "true": True,
    "int": -3,
    "an int beyond 64 bits": 2**70,
    "float": 0.1,
    "negative zero": -0.0,
    "inf": math.inf,
    "-inf": -math.inf,
    "text": 'naïve "文字" \u2028 \x00 🖼',
    "half a surrogate": "photo\udcff.png",
    "a key with half a surrogate": {"photo\udcff.png": 1},
    "naive datetime": dt.datetime.fromisoformat("2026-01-31T08:00:00.123456"),
    "utc datetime": dt.datetime(2026, 1, 31, 8, tzinfo=dt.UTC),
    "datetime with seconds in its offset": dt.datetime(
        1890, 1, 1, tzinfo=dt.timezone(dt.timedelta(minutes=53, seconds=28))
    ),
    "datetime in a zone": dt.datetime(2026, 7, 31, 8, tzinfo=BERLIN),
    "the second of two hours": dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    "date": dt.date(2026, 1, 31),
    "time": dt.time(8, 30, 0, 5),
    "time with an offset": dt.time(8, 30, tzinfo=dt.UTC),
    "timedelta": -dt.timedelta(days=2, microseconds=7),
    "decimal": Decimal("1.10"),
    "uuid": uuid.UUID(int=7),
    "path": Path("pictures/a b.png"),
    "path of another system": PureWindowsPath(r"C:\pictures"),
    "pure path": PurePosixPath("/pictures"),
    "path in no encoding": Path("photo\udcff.png"),
    "bytes": bytes(range(256)),
    "bytearray": bytearray(b"raw"),
    "tuple": (1, (2, [3, ()])),
    "set": {1, "a", (2, 3)},
    "frozenset": frozenset({dt.date(2026, 1, 31)}),
    "a set of sets": {frozenset({1}), frozenset({2})},
    "keys of all kinds": {1: "a", None: "b", (1, 2): "c", dt.date(2026, 1, 31): "d", "1": "e", 2.5: "f"},
    "a dollar": {"$": 1},
    "what looks like a tag": {"$date": "2026-01-31"},
    "what looks like a tag of a dict": {"$dict": [["a", 1]]},
    "dollars beside others": {"$ref": "#/x", "a": 1},
    "complex": complex(1, -2),
    "range": range(3, 30, 4),
    "enum": Color.BLUE,
    "flags": Access.READ | Access.WRITE,
    "dataclass": Box(1.5, (2, 3)),
    "named tuple": Point(1.0, math.inf),
    "model": Request(fileName="a.png", since=dt.datetime(2026, 1, 31, tzinfo=BERLIN), scale=Decimal("0.5")),
    "nested": {"a": [{"b": (Box(0.0, (1, 1)), {Color.RED})}]},
}


def same(a, b):
    """Equal, and of equal types all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return (
            list(map(type, a)) == list(map(type, b)) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
        )
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dt.datetime):
        return a == b and a.fold == b.fold and a.utcoffset() == b.utcoffset() and str(a.tzinfo) == str(b.tzinfo)
    return a == b and repr(a) == repr(b)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_comes_back_as_it_was_from_strict_json(value):
    text = to_json(value)
    json.loads(text, parse_constant=pytest.fail)
    text.encode()
    assert same(from_json(text, kinds=KINDS), value) or isinstance(value, (set, frozenset))
    assert from_json(text, kinds=KINDS) == value


def test_nan_is_tagged():
    text = to_json([math.nan, {"score": math.nan}])
    assert text == '[{"$float": "nan"}, {"score": {"$float": "nan"}}]'
    assert all(map(math.isnan, (from_json(text)[0], from_json(text)[1]["score"])))


def test_equal_sets_give_equal_texts():
    assert to_json({"b", "a", "c"}) == '{"$set": ["a", "b", "c"]}'


def test_a_zone_whose_rules_have_changed_keeps_the_moment():
    # As if Berlin had been an hour further when it was written.
    value = from_json('{"$datetime": "2026-07-31T09:00:00+03:00[Europe/Berlin]"}')
    assert (value.hour, value.tzinfo, value.utcoffset()) == (8, BERLIN, dt.timedelta(hours=2))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()) | st.binary()
    | st.datetimes() | st.datetimes(timezones=st.timezones()) | st.timedeltas() | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers() | st.just("$set"), inner),
    max_leaves=12,
)  # fmt: skip


@given(json_values)
@settings(deadline=None)
def test_any_value_comes_back(value):
    assert from_json(to_json(value)) == value
    assert from_json(to_json(value, indent=1).encode()) == value


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(plain_values, st.sampled_from([None, 0, 2]), st.sampled_from([(",", ":"), (" , ", "\n:\t")]))
@settings(deadline=None)
def test_plain_texts_are_read_as_the_standard_library_reads_them(value, indent, separators):
    text = json.dumps(value, indent=indent, separators=separators)
    assume('"$' not in text)
    assert from_json(text) == value


# ---------------------------------------------------------------- arrays, tensors, pictures

ARRAYS = {
    "uint8": gradient(4, 5, 3, dtype=np.uint8),
    "big-endian": gradient(2, 3, dtype=">i2"),
    "float16": gradient(3, dtype=np.float16) / 3,
    "bool": np.array([True, False, True]),
    "complex": np.array([1 + 2j]),
    "no rows": np.zeros((0, 5), np.float32),
    "no axes": np.array(7.5),
    "Fortran": np.asfortranarray(gradient(3, 4, dtype=np.float64)),
    "every second": gradient(6, 4, dtype=np.int64)[::2, ::-1],
    "times": np.array(["2026-01-31T08", "NaT"], "M8[h]"),
    "text": np.array(["a", "bcd"]),
    "nan": np.array([np.nan, np.inf]),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_an_array_comes_back_bit_for_bit(array):
    back = from_json(to_json({"a": array}))["a"]
    assert (type(back), back.dtype, back.shape) == (np.ndarray, array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable
    assert back.flags.f_contiguous >= (array.flags.f_contiguous and not array.flags.c_contiguous)


@pytest.mark.parametrize(
    "value", [np.float32(0.1), np.uint16(65535), np.bool_(True), np.datetime64("2026-01-31"), np.str_("a")]
)
def test_a_numpy_scalar_stays_one(value):
    back = from_json(to_json([value]))[0]
    assert (type(back), back) == (type(value), value)


TENSORS = {
    "bfloat16": torch.arange(6).reshape(2, 3).to(torch.bfloat16) / 7,
    "8-bit floats": torch.arange(4).to(torch.float8_e4m3fn),
    "no axes": torch.tensor(3.5, dtype=torch.float64),
    "none": torch.zeros(0, 3),
    "transposed": torch.arange(6.0).reshape(2, 3).T,
    "negated": torch.view_as_complex(torch.arange(4.0).reshape(2, 2)).conj().imag,
    "bool": torch.tensor([True, False]),
}


@pytest.mark.parametrize("tensor", TENSORS.values(), ids=TENSORS)
def test_a_tensor_comes_back_bit_for_bit(tensor):
    back = from_json(to_json((tensor,)))[0]
    assert (back.dtype, back.shape, back.device.type) == (tensor.dtype, tensor.shape, "cpu")
    assert torch.equal(back.to(torch.float64), tensor.to(torch.float64))


def test_a_tensor_records_gradients_again_and_goes_where_it_is_asked():
    weights = torch.ones(2, requires_grad=True)
    assert from_json(to_json(weights)).requires_grad
    assert from_json(to_json(weights), device="meta").device.type == "meta"


def test_a_device_that_is_not_there_is_no_fault_of_the_text():
    text = to_json(torch.ones(2))
    with pytest.raises(InputValueError, match="device: expected a name such as"):
        from_json(text, device="nonsense")
    with pytest.raises(DeviceError, match="device: expected one of cpu"):
        from_json(text, device="cuda:77")


def test_a_tensor_without_values_is_refused():
    with pytest.raises(InputTypeError, match="value: expected a tensor with values, got one of the device meta"):
        to_json(torch.ones(2, device="meta"))


@pytest.mark.parametrize("value", [np.str_("a\0"), np.bytes_(b"a\0")])
def test_zeros_that_numpy_would_cut_off_are_refused(value):
    with pytest.raises(InputTypeError, match="value: expected text without zeros at its end"):
        to_json(value)


class Sizes(pydantic.RootModel[list[int]]):
    pass


class Renamed(pydantic.BaseModel):
    width: int = pydantic.Field(3, validation_alias=pydantic.AliasChoices("w", "breadth"))
    height: int = pydantic.Field(4, validation_alias=pydantic.AliasPath("size", "h"))
    depth: int = pydantic.Field(5, validation_alias=pydantic.AliasPath("size", "d"))


class Remembering(pydantic.BaseModel):
    size: int
    _seen: int = 0


def test_models_come_back_whatever_their_fields_are_called():
    value = Renamed(w=7, size={"h": 8, "d": 9})
    assert from_json(to_json(value), kinds=[Renamed]) == value
    assert value.width, value.height == (7, 8)


def test_a_root_model_is_what_it_stands_for():
    assert from_json(to_json(Sizes([1, 2])), kinds=[Sizes]) == Sizes([1, 2])
    assert to_json({"sizes": Sizes([1, 2])}, tags=False) == '{"sizes": [1, 2]}'


def test_what_a_model_keeps_for_itself_is_not_lost_in_silence():
    value = Remembering(size=3)
    assert from_json(to_json(value), kinds=[Remembering]) == value
    value._seen = 1
    with pytest.raises(InputTypeError, match="private attributes are as they began, got _seen of Remembering"):
        to_json(value)


def test_sorted_keys_of_any_kind_make_equal_texts_of_equal_dicts():
    first, second = {1: "a", 2: "b", (3, 4): {"c": 5}}, {(3, 4): {"c": 5}, 2: "b", 1: "a"}
    assert to_json(first, sort_keys=True) == to_json(second, sort_keys=True)
    assert from_json(to_json(second, sort_keys=True)) == first


@pytest.mark.parametrize("value", [complex("nan+1j"), complex(0, math.inf), Path("a\udcff")])
def test_untagged_text_holds_no_tags_of_parts(value):
    with pytest.raises(InputValueError, match="value: expected finite numbers and whole text"):
        to_json(value, tags=False)


def test_default_refuses_a_value_within_itself():
    itself = {}
    itself["a"] = itself
    with pytest.raises(InputValueError, match="nested some hundred levels deep"):
        default((itself,))


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "RGB", "RGBA", "I;16", "P", "PA", "La", "RGBa", "CMYK", "YCbCr", "LAB", "HSV", "I", "F"]
)
def test_a_picture_comes_back_in_its_mode(mode):
    image = picture(mode)
    back = from_json(to_json(image))
    assert (back.mode, back.size, back.tobytes()) == (mode, image.size, image.tobytes())
    assert back.getpalette() == image.getpalette()


def test_hidden_colors_profile_and_orientation_of_a_picture_are_kept():
    image = Image.new("RGBA", (2, 1), (10, 20, 30, 0))
    image.info.update(icc_profile=b"profile", dpi=(300.0, 300.0), text="a")
    image.getexif()[0x0112] = 6
    back = from_json(to_json(image))
    assert back.getpixel((0, 0)) == (10, 20, 30, 0)
    assert back.getexif()[0x0112] == 6
    assert {name: back.info[name] for name in ("icc_profile", "dpi", "text")} == {"icc_profile": b"profile", "dpi": (300.0, 300.0), "text": "a"}  # fmt: skip


# ---------------------------------------------------------------- for other programs

READABLE = [
    (dt.datetime(2026, 1, 31, 8, tzinfo=BERLIN), "2026-01-31T08:00:00+01:00"),
    (dt.date(2026, 1, 31), "2026-01-31"),
    (dt.time(8, 30), "08:30:00"),
    (dt.timedelta(days=1, seconds=90, microseconds=500), "P1DT90.0005S"),
    (-dt.timedelta(hours=2), "-PT7200S"),
    (dt.timedelta(0), "PT0S"),
    (dt.timedelta(days=3), "P3D"),
    (Decimal("1.10"), "1.10"),
    (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    (Path("a/b"), "a/b"),
    (b"raw", "cmF3"),
    ((1, [2]), [1, [2]]),
    ({3, 1, 2}, [1, 2, 3]),
    ({1: "a", None: "b", False: "c", dt.date(2026, 1, 31): "d", "e": "f"}, {"1": "a", "false": "c", "null": "b", "2026-01-31": "d", "e": "f"}),
    ({"$date": 1}, {"$date": 1}),
    (Color.RED, "red"),
    (Color.BLUE, [0, 0, 255]),
    (Box(1.5, (2, 3)), {"left": 1.5, "size": [2, 3], "area": 6}),
    (Point(1.0, 2.0), [1.0, 2.0]),
    (Request(fileName="a", since=dt.datetime.fromisoformat("2026-01-31")), {"name": "a", "since": "2026-01-31T00:00:00", "scale": "1"}),
    (np.float32(0.5), 0.5),
    (np.uint8(7), 7),
    (np.arange(4, dtype=np.uint16).reshape(2, 2), [[0, 1], [2, 3]]),
    (np.array(["2026-01-31"], "M8[D]"), ["2026-01-31"]),
    (torch.arange(3).to(torch.bfloat16), [0.0, 1.0, 2.0]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"), READABLE, ids=[f"{i}-{type(v).__name__}" for i, (v, _) in enumerate(READABLE)]
)
def test_without_tags_other_programs_read_it(value, expected):
    assert json.loads(to_json(value, tags=False)) == expected


def test_without_tags_a_picture_is_a_data_url():
    from aikit.files import from_data_url, read_pil

    image = picture("RGBA")
    url = json.loads(to_json({"image": image}, tags=False))["image"]
    assert url.startswith("data:image/png;base64,")
    assert read_pil(from_data_url(url)).tobytes() == image.tobytes()


@pytest.mark.parametrize(
    "value", [math.nan, [1, math.inf], {"a": {"b": math.nan}}, np.array([math.nan]), "half \ud800"]
)
def test_without_tags_what_json_has_not_is_refused(value):
    with pytest.raises(InputValueError, match=r"value: expected finite numbers and whole text.* got .*; replace it"):
        to_json(value, tags=False)


def test_without_tags_keys_that_become_one_are_refused():
    with pytest.raises(InputValueError, match="keys that differ as text"):
        to_json({1: "a", "1": "b"}, tags=False)


def test_sorted_indented_and_unescaped():
    assert to_json({"ü": 1, "b": [2]}, sort_keys=True, indent=1) == '{\n "b": [\n  2\n ],\n "ü": 1\n}'


# ---------------------------------------------------------------- what cannot come back


class Other:
    pass


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Other(), r"a .*\.Other; leave it out"),
        (collections.OrderedDict(a=1), r"OrderedDict; pass dict\(value\)"),
        (collections.Counter("a"), r"pass dict\(value\)"),
        (type("Name", (str,), {})("a"), r"pass str\(value\)"),
        (len, "builtin_function_or_method"),
        (np.array([None]), "array of numbers"),
        (np.zeros(1, "i4,f4"), "pass its fields"),
        (np.ma.masked_array([1]), "MaskedArray"),
        (torch.eye(2).to_sparse(), "dense tensor"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"a": [value]}], ids=["alone", "within"])
def test_what_cannot_come_back_is_refused(value, named, wrap):
    with pytest.raises(InputTypeError, match=named):
        to_json(wrap(value))


def test_what_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(InputValueError, match="or one within itself"):
        to_json(value)


def test_a_number_of_thousands_of_digits_is_refused():
    with pytest.raises(InputValueError, match="write it as text"):
        to_json(10**5000)


# ---------------------------------------------------------------- hostile texts


def bomb():
    """A PNG of 144 megapixels in 140 kB."""
    image = Image.new("L", (12000, 12000))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def png_claiming(width, height):
    def chunk(kind, body):
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def tagged(tag, **fields):
    return json.dumps({f"${tag}": fields})


B64 = "AAAAAAAAAAA="
HOSTILE = {
    "depth": "[" * 200_000,
    "depth of objects": '{"a":' * 100_000,
    "depth of tags": '{"$tuple":[' * 50_000,
    "a key twice": '{"a": 1, "a": 2}',
    "a key twice, deep": '[{"b": {"a": 1, "c": 2, "a": 2}}, {"d": ":"}]',
    "a key twice, written in two ways": '{"a": 1, "\\u0061": 2}',
    "nan": "[NaN]",
    "infinity": "-Infinity",
    "a number beyond floats": "[1, 1e999]",
    "a number beyond floats, deep": '{"a": {"b": [-1e400]}}',
    "a float of 400 digits": "1" + "0" * 400 + ".0",
    "an integer of 100 000 digits": "9" * 100_000,
    "half a surrogate": '"\\ud800"',
    "the other half": '["\\udc00 and more"]',
    "two first halves": '"\\ud83d\\ud83d\\ude00"',
    "half of one in a key": '{"\\ud800": 1}',
    "not UTF-8": b'"\xff"',
    "UTF-16": '"a"'.encode("utf-16"),
    "nothing": b"",
    "two values": "1 2",
    "single quotes": "{'a': 1}",
    "a comma too many": "[1,]",
    "a control character": '"a\nb"',
    "a lying shape": tagged("array", dtype="<f4", shape=[10**6, 10**6], data=B64),
    "a shape below 0": tagged("array", dtype="<f4", shape=[-1, 2], data=B64),
    "a shape of floats": tagged("array", dtype="<f4", shape=[2.0], data=B64),
    "a shape without an end": tagged("array", dtype="|u1", shape=[1] * 100 + [8], data=B64),
    "objects": tagged("array", dtype="|O", shape=[1], data=B64),
    "fields": tagged("array", dtype="i4,i4", shape=[1], data=B64),
    "no dtype": tagged("array", dtype="system", shape=[1], data=B64),
    "no data": tagged("array", dtype="<f4", shape=[2]),
    "no base64": tagged("array", dtype="|u1", shape=[3], data="a b!"),
    "a lying tensor": tagged("tensor", dtype="float32", shape=[10**9], data=B64),
    "a tensor of a module": tagged("tensor", dtype="nn", shape=[2], data=B64),
    "a picture of another size": tagged("image", mode="L", size=[9, 9], png=""),
    "a picture that is none": tagged("image", mode="L", size=[1, 1], png=B64),
    "a picture of an unknown mode": tagged("image", mode="XYZ", size=[1, 1], data=B64),
    "a picture with too little data": tagged("image", mode="F", size=[9, 9], data=B64),
    "a list as a key": '{"$dict": [[[1], 2]]}',
    "a pair of three": '{"$dict": [[1, 2, 3]]}',
    "a key twice in a dict": '{"$dict": [[1, 2], [1.0, 3]]}',
    "a list in a set": '{"$set": [[1]]}',
    "an item twice": '{"$set": [1, 1]}',
    "a thousand keys of one hash": json.dumps({"$dict": [[each * (2**61 - 1), 0] for each in range(1, 1000)]}),
    "a thousand items of one hash": json.dumps({"$set": [each * (2**61 - 1) for each in range(1, 1000)]}),
    "a time that is looked at over and over": json.dumps({"$time": "[" * 5000}),
    "a bool that is neither": tagged("array", dtype="|b1", shape=[1], data="Ag=="),
    "a bool of torch that is neither": tagged("tensor", dtype="bool", shape=[1], data="Ag=="),
    "letters beyond Unicode": tagged("array", dtype="<U1", shape=[1], data="/////w=="),
    "letters beyond Unicode, swapped": tagged("array", dtype=">U1", shape=[1], data="/////w=="),
    "half a surrogate without an escape": '"\ud800"',
    "no date": '{"$date": "2026-02-30"}',
    "a date of bytes": '{"$date": {"$bytes": "AA=="}}',
    "a zone outside its folder": '{"$datetime": "2026-01-31T08:00:00+01:00[../../etc/passwd]"}',
    "days beyond all": '{"$timedelta": [99999999999, 0, 0]}',
    "a text as bytes": '{"$bytes": 5}',
    "a range of none": '{"$range": [0, 1, 0]}',
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("wrap", ["{}", '{{"a": [{}]}}'], ids=["alone", "within"])
def test_hostile_texts_are_refused(text, wrap):
    if isinstance(text, str):
        text = wrap.format(text)
    with pytest.raises(FileFormatError, match=r": expected .*, got .*; check what wrote it|write it again|PNG"):
        from_json(text)


@pytest.mark.parametrize("size", [(30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_that_claims_to_be_huge_is_refused_before_memory_is_taken(size):
    from aikit.codec.scalars import as_base64

    text = tagged("image", mode="L", size=list(size), png=as_base64(png_claiming(*size)))
    with pytest.raises(LimitError, match="pixels"):
        from_json(text)


def test_a_bomb_is_refused_under_limits():
    from aikit.codec.scalars import as_base64

    text = tagged("image", mode="L", size=[12000, 12000], png=as_base64(bomb()))
    with pytest.raises(LimitError, match="at most 50000000 pixels, got 144000000"):
        from_json(text, limits=Limits())


def test_a_text_larger_than_the_limits_is_refused():
    with pytest.raises(LimitError, match="at most 10 bytes"):
        from_json("[" + "1," * 20 + "1]", limits=Limits(max_bytes=10))


def test_classes_come_from_kinds_only():
    text = to_json(Color.RED)
    with pytest.raises(InputValueError, match=r"kinds: expected the class Color, got none; pass kinds=\[Color\]"):
        from_json(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"$enum": ["Color", "GREEN"]}',
        '{"$enum": ["Box", "left"]}',
        '{"$dataclass": ["Box", {"left": 1}]}',
        '{"$dataclass": ["Box", {"left": 1, "size": [1, 1], "area": 1, "more": 2}]}',
        '{"$dataclass": ["Color", {}]}',
        '{"$namedtuple": ["Point", [1]]}',
        '{"$model": ["Request", {"name": "a", "since": "never"}]}',
        '{"$model": ["Request"]}',
        '{"$model": "Request"}',
    ],
)
def test_contents_that_do_not_fit_their_class_are_refused(text):
    with pytest.raises(FileFormatError, match="contents that fit the tag"):
        from_json(text, kinds=KINDS)


def test_kinds_are_classes_of_different_names():
    with pytest.raises(InputTypeError, match="kinds: expected enums, dataclasses"):
        from_json("1", kinds=[dict])
    with pytest.raises(InputValueError, match="two named Color"):
        from_json("1", kinds=[Color, enum.Enum("Color", "A")])


def test_an_unknown_tag_is_named():
    with pytest.raises(InputValueError, match=r"\$ref: expected a tag of aikit's.*json\.loads"):
        from_json('{"$ref": "#/x"}')


def test_what_is_no_text_is_refused():
    with pytest.raises(InputTypeError, match=r"text: expected JSON as str or bytes, got dict; read the file first"):
        from_json({})
    with pytest.raises(InputTypeError, match="limits: expected Limits or None"):
        from_json("1", limits=5)


# ---------------------------------------------------------------- files, and the standard library


def test_a_file_is_written_whole_and_read_back(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"when": dt.date(2026, 1, 31), "text": "文"})
    assert path.read_text(encoding="utf-8").endswith("}\n")
    with pytest.raises(InputTypeError, match="values that JSON can hold"):
        write_json(path, Other())
    assert read_json(path) == {"when": dt.date(2026, 1, 31), "text": "文"}


def test_errors_of_a_file_name_it(tmp_path):
    (tmp_path / "bad.json").write_bytes(b"\xef\xbb\xbf[1,\n 2,]")
    with pytest.raises(FileFormatError, match=r"bad\.json: expected strict JSON, got .* in line 2"):
        read_json(tmp_path / "bad.json")


def test_json_dumps_takes_default():
    value = {"when": dt.datetime.fromisoformat("2026-01-31"), "data": np.arange(3), "inner": [{1, 2}]}
    back = from_json(json.dumps(value, default=default))
    assert back["when"] == value["when"]
    assert back["data"].tolist() == [0, 1, 2]
    assert back["inner"] == [{1, 2}]
    with pytest.raises(InputTypeError, match="Other"):
        json.dumps(Other(), default=default)
