"""Arrays of other libraries: every protocol comes in without a copy, the same kind goes out, and no card is made up."""

import sys
import types

import numpy as np
import pytest
import torch

import aikit
from aikit import DeviceError, InputTypeError, InputValueError
from aikit._pixels import as_own, is_foreign
from pictures import codes

PICTURE = codes(24, 30, 3)


class Plain:
    """DLPack as it was before versions: no keywords but the stream."""

    def __init__(self, array, device=(1, 0)):
        self.array, self.device = array, device
        self.ndim = array.ndim

    def __dlpack__(self, stream=None):
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return self.device


class Versioned(Plain):
    """DLPack with versions, which knows what must not be written to."""

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        return self.array.__dlpack__(max_version=max_version)


class Interface:
    """NumPy's array interface."""

    def __init__(self, array):
        self._array = array
        self.__array_interface__ = array.__array_interface__


class Cuda:
    """CUDA's array interface, of a card that is not there."""

    __cuda_array_interface__ = {  # noqa: RUF012
        "shape": (4, 5, 3), "typestr": "|u1", "data": (12345678, False), "version": 3, "strides": None,
    }  # fmt: skip


def library(name, **members):
    """A library with arrays of its own, which come from and go to DLPack."""
    module = types.ModuleType(name)
    module.Array = type("Array", (Versioned,), {"__module__": f"{name}.arrays"})
    module.made = []

    def from_dlpack(thing):
        array = np.from_dlpack(thing)
        module.made.append(array)
        return module.Array(array)

    module.from_dlpack = from_dlpack
    module.__dict__.update(members)
    return module


@pytest.fixture
def theirs(monkeypatch):
    module = library("theirs")
    monkeypatch.setitem(sys.modules, "theirs", module)
    return module


@pytest.mark.parametrize("make", [Plain, Versioned, Interface])
def test_every_protocol_comes_in_without_a_copy(make):
    given = make(PICTURE)
    own = as_own(given)
    assert type(own) is np.ndarray
    assert np.shares_memory(own, PICTURE)
    np.testing.assert_array_equal(aikit.resize(given, width=12), aikit.resize(PICTURE, width=12))
    np.testing.assert_array_equal(aikit.to_numpy(given), PICTURE)
    assert torch.equal(aikit.to_tensor(given), aikit.to_tensor(PICTURE))
    assert aikit.to_pil(given).tobytes() == aikit.to_pil(PICTURE).tobytes()


@pytest.mark.parametrize("make", [Plain, Versioned, Interface])
@pytest.mark.parametrize(
    "view",
    [lambda a: a[::2, ::3], lambda a: a[::-1, ::-1], lambda a: a[..., ::-1], lambda a: np.broadcast_to(a[:1], a.shape)],
    ids=["strided", "turned", "swapped", "broadcast"],
)
def test_every_view_comes_in(make, view):
    array = view(PICTURE)
    if make is Plain and not array.flags.writeable:
        array = array.copy()  # which the protocol could not tell of
    own = as_own(make(array))
    assert np.shares_memory(own, array)
    np.testing.assert_array_equal(own, array)
    np.testing.assert_array_equal(aikit.flip(make(array)), array[:, ::-1])


@pytest.mark.parametrize("make", [Versioned, Interface])
def test_what_is_read_only_is_read_and_stays(make):
    array = PICTURE.copy()
    array.flags.writeable = False
    result = aikit.crop(make(array), box=(1, 2, 9, 8))
    np.testing.assert_array_equal(result, PICTURE[2:8, 1:9])
    assert result.flags.writeable
    np.testing.assert_array_equal(array, PICTURE)


def test_bytes_in_the_other_order():
    array = codes(5, 6, 3, "uint16")
    np.testing.assert_array_equal(aikit.flip(Interface(array.astype(">u2"))), array[:, ::-1])

    class Both(Interface, Plain):
        """DLPack has no order of bytes; the interface has."""

        def __init__(self, array):
            Plain.__init__(self, array)
            Interface.__init__(self, array)

    np.testing.assert_array_equal(aikit.flip(Both(array.astype(">u2"))), array[:, ::-1])


def test_the_same_kind_goes_out(theirs):
    given = theirs.Array(PICTURE)
    for name, keywords in (("resize", {"width": 12}), ("rgb_to_gray", {}), ("flip", {}), ("blur", {"sigma": 1.0})):
        result = getattr(aikit, name)(given, **keywords)
        assert type(result) is theirs.Array
        np.testing.assert_array_equal(result.array, getattr(aikit, name)(PICTURE, **keywords))
    assert np.shares_memory(result.array, theirs.made[-1])
    color, alpha = aikit.split_alpha(theirs.Array(codes(5, 6, 4)))
    assert type(color) is type(alpha) is theirs.Array
    np.testing.assert_array_equal(alpha.array, codes(5, 6, 4)[..., 3])
    assert type(aikit.Recipe.parse("flip; resize width=12; rot90")(given)) is theirs.Array
    assert type(aikit.Sample(given, boxes=[[1, 2, 3, 4]]).apply("flip").image) is theirs.Array


def test_a_result_is_like_the_argument_that_the_signature_says(theirs):
    front, rear = codes(5, 6, 4), codes(5, 6, 3)
    expected = aikit.composite(front, rear)
    for first, second, kind in (
        (theirs.Array(front), rear, np.ndarray),
        (front, theirs.Array(rear), theirs.Array),
        (theirs.Array(front), theirs.Array(rear), theirs.Array),
    ):
        result = aikit.composite(first, second)
        assert type(result) is kind
        np.testing.assert_array_equal(getattr(result, "array", result), expected)
    assert type(aikit.flatten(front, background=theirs.Array(rear))) is np.ndarray


def test_data_and_whole_numbers(theirs):
    bands = codes(5, 6, 7, "uint16")
    assert type(aikit.crop(theirs.Array(bands), box=(0, 0, 3, 3), channels="data")) is theirs.Array
    labels = theirs.Array(np.arange(30).reshape(5, 6))
    labels.dtype = "int64"
    np.testing.assert_array_equal(aikit.flip(labels).array, labels.array[:, ::-1])
    np.testing.assert_array_equal(aikit.to_numpy(theirs.Array(bands), channels="data"), bands)


def test_lists_batches_and_files(theirs):
    given = theirs.Array(PICTURE)
    batch = aikit.stack((each for each in [given, PICTURE, torch.from_numpy(PICTURE).movedim(-1, 0)]), device="cpu")
    assert torch.equal(batch[0], batch[1])
    assert torch.equal(batch[0], batch[2])
    assert aikit.stack([given], channels="data", device="cpu", dtype=None).shape == (1, 3, 24, 30)
    np.testing.assert_array_equal(aikit.read_numpy(aikit.encode(given, "png")), PICTURE)
    frames = list(aikit.files.read_frames(aikit.encode(iter([given, given]), "webp", lossless=True)))
    np.testing.assert_array_equal(np.asarray(frames[0]), PICTURE)
    assert "24x30" in str(aikit.describe(given))


def test_like(theirs):
    ours = [PICTURE, aikit.to_pil(PICTURE), aikit.to_tensor(PICTURE, dtype=None), theirs.Array(PICTURE)]
    for image in ours:
        for like in ours:
            result = aikit.convert.to_like(image, like)
            assert type(result) is type(like)
            np.testing.assert_array_equal(
                aikit.to_numpy(result), PICTURE, err_msg=f"{type(image).__name__} to {type(like).__name__}"
            )
    first = np.moveaxis(PICTURE, -1, 0).copy()
    np.testing.assert_array_equal(aikit.convert.to_like(theirs.Array(first), PICTURE, layout="CHW"), PICTURE)
    assert aikit.convert.to_like(PICTURE, torch.zeros(1, 1, 1), dtype="float64").dtype == torch.float64
    with pytest.raises(
        InputValueError, match=r"like: expected an array of a library with from_dlpack, got Plain; call to_n"
    ):
        aikit.convert.to_like(PICTURE, Plain(PICTURE))
    with pytest.raises(InputTypeError, match=r"like: expected a PIL image, a NumPy array or a torch tensor, got int"):
        aikit.convert.to_like(PICTURE, 3)


def test_a_dtype_that_the_library_changes_is_refused(theirs):
    class Narrow(theirs.Array):
        dtype = np.dtype("float32")

    theirs.from_dlpack = lambda thing: Narrow(np.from_dlpack(thing).astype("float32"))
    with pytest.raises(
        InputValueError, match=r"dtype: expected one that Array has, got float64; it would become float32"
    ):
        aikit.flip(theirs.Array(codes(5, 6, 3, "float64")))


def test_what_numpy_has_not_goes_through_torch():
    tensor = torch.rand(5, 6, 3).bfloat16()
    result = aikit.flip(Plain(tensor))
    assert result.dtype == torch.bfloat16
    assert torch.equal(result, tensor.movedim(-1, 0).flip(-1))


@pytest.mark.parametrize("batch", [(), (2,)])
def test_what_lies_on_a_device_is_a_tensor_with_channels_last(monkeypatch, batch):
    """oneAPI's number, which torch asks nothing of, stands for a card here; the memory is the host's."""
    module = library("theirs")

    def from_dlpack(thing):
        assert isinstance(thing, torch.Tensor)
        assert thing.is_contiguous()
        return module.Array(thing, (14, 0))

    module.from_dlpack = from_dlpack
    monkeypatch.setitem(sys.modules, "theirs", module)
    picture = codes(24, 30, 3, batch=batch)
    given = module.Array(torch.from_numpy(picture), (14, 0))
    own = as_own(given)
    assert own.data_ptr() == given.array.data_ptr()
    assert own.shape == (*batch, 3, 24, 30)
    result = aikit.resize(given, width=12)
    assert type(result) is module.Array
    wanted = aikit.resize(torch.from_numpy(picture).movedim(-1, -3), width=12).movedim(-3, -1)
    assert torch.equal(result.array, wanted)
    gray = module.Array(torch.from_numpy(PICTURE[..., 0].copy()), (14, 0))
    assert aikit.flip(gray).array.tolist() == PICTURE[:, ::-1, 0].tolist()
    first = module.Array(torch.from_numpy(np.moveaxis(picture, -1, -3).copy()), (14, 0))
    assert torch.equal(aikit.to_tensor(first, layout="CHW", dtype=None), own)
    assert torch.equal(aikit.to_tensor(given, layout="HWC", dtype=None), own)
    assert torch.equal(aikit.to_tensor(given, dtype=None), own)


def test_a_card_that_is_not_there_is_not_made_up(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for given, name in (
        (Cuda(), "CUDA 0"),
        (Plain(PICTURE, (2, 1)), "CUDA 1"),
        (Plain(PICTURE, (10, 0)), "ROCm 0"),
    ):
        with pytest.raises(
            DeviceError,
            match=rf"image: expected an array where torch can see it, got one on {name}; copy it to the host",
        ):
            aikit.resize(given, width=3)
        with pytest.raises(DeviceError, match=rf"got one on {name}"):
            aikit.to_numpy(given)

    class Elsewhere(Plain):
        def __dlpack__(self, **_):
            raise BufferError("not here")

    with pytest.raises(DeviceError, match=r"got one on OpenCL 3; copy it to the host first"):
        aikit.flip(Elsewhere(PICTURE, (4, 3)))
    with pytest.raises(
        InputTypeError, match=r"image: expected an array that NumPy or torch can take over, got Elsewhere, wh"
    ):
        aikit.flip(Elsewhere(PICTURE))


def test_what_is_no_array_is_refused_as_before():
    class Scattered(Plain):
        def __dlpack_device__(self):
            raise BufferError("two devices")

    with pytest.raises(
        InputTypeError, match=r"expected an array with values in one place, got Scattered, .*two devices"
    ):
        aikit.flip(Scattered(PICTURE))
    with pytest.raises(InputTypeError, match=r"image: expected an array of numbers, got str"):
        aikit.flip(Interface(np.array([["a"]])))
    with pytest.raises(InputTypeError, match=r"flip: expected one of axis=, .*got axsi="):
        aikit.flip(Interface(PICTURE), axsi="vertical")
    with pytest.raises(InputValueError, match=r"image: expected shape .*, got \(24, 30, 7\)"):
        aikit.flip(Interface(codes(24, 30, 7)))
    assert not is_foreign(np.float32(1))
    assert not is_foreign(aikit.to_pil(PICTURE))
    assert aikit.resize(PICTURE, scale=np.float32(0.5)).shape == (12, 15, 3)

    class Frame:
        def to_ndarray(self):
            return PICTURE

    with pytest.raises(InputTypeError, match=r"got Frame; call its to_ndarray\(format=\"rgb24\"\)"):
        aikit.flip(Frame())


# ---------------------------------------------------------------- libraries, where they are installed


def test_jax():
    jax = pytest.importorskip("jax")
    given = jax.numpy.asarray(PICTURE)
    own = as_own(given)
    assert own.ctypes.data == given.unsafe_buffer_pointer()
    for dtype in ("uint8", "uint16", "float16", "float32"):
        picture = codes(24, 30, 3, dtype)
        result = aikit.resize(jax.numpy.asarray(picture), width=12)
        assert isinstance(result, jax.Array)
        assert result.dtype == dtype
        np.testing.assert_array_equal(np.asarray(result), aikit.resize(picture, width=12))
    half = aikit.flip(given.astype("bfloat16"))
    assert half.dtype == "bfloat16"
    assert (half == given.astype("bfloat16")[:, ::-1]).all()
    labels = aikit.resize(given[..., 0].astype("int32"), width=12, method="nearest")
    np.testing.assert_array_equal(np.asarray(labels), aikit.resize(PICTURE[..., 0], width=12, method="nearest"))
    assert isinstance(aikit.convert.to_like(torch.from_numpy(PICTURE), given, layout="HWC"), jax.Array)
    with pytest.raises(
        InputValueError, match=r"dtype: expected one that ArrayImpl has, got float64; it would become float32"
    ):
        aikit.convert.to_like(codes(4, 5, 3, "float64"), given)
    with pytest.raises(InputTypeError, match=r"expected an array with values in one place, got DynamicJaxprTracer"):
        jax.jit(lambda image: aikit.resize(image, width=3))(given)


def test_planes_of_pyav():
    av = pytest.importorskip("av")
    picture = codes(24, 28, 3)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    np.testing.assert_array_equal(aikit.flip(frame.planes[0]), picture[:, ::-1])
    assert as_own(frame.planes[0]).ctypes.data == frame.planes[0].buffer_ptr
    with pytest.raises(InputTypeError, match=r"got VideoFrame; call its to_ndarray\(format=\"rgb24\"\)"):
        aikit.flip(frame)


@pytest.mark.gpu
def test_memory_of_a_card_is_taken_and_given_without_a_copy(theirs):
    tensor = torch.from_numpy(PICTURE).cuda()

    class Card(theirs.Array):
        __dlpack__ = property(lambda self: self.array.__dlpack__)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    theirs.from_dlpack = lambda thing: Card(torch.utils.dlpack.from_dlpack(thing))
    own = as_own(Card(tensor))
    assert own.data_ptr() == tensor.data_ptr()
    result = aikit.flip(Card(tensor))
    assert torch.equal(result.array, tensor.flip(1))

    class OnCuda:
        __cuda_array_interface__ = tensor.__cuda_array_interface__

    assert as_own(OnCuda()).data_ptr() == tensor.data_ptr()
    assert torch.equal(aikit.flip(OnCuda()), tensor.flip(1).movedim(-1, 0))
