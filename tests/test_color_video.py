"""color: frames of video, I420 and NV12."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from aikit import InputTypeError, InputValueError
from aikit.color import i420_to_rgb, nv12_to_rgb, rgb_to_i420, rgb_to_nv12
from pictures import codes, pil, tensor
from test_color_codes import STANDARDS, h273

VIDEO = {"standard": "bt709", "range": "limited"}
WAYS = {"i420": (rgb_to_i420, i420_to_rgb), "nv12": (rgb_to_nv12, nv12_to_rgb)}
RANGES = ["limited", "full"]


# An independent reference: the positions of H.273, figure 1, in float64


def unpacked(frame, layout):
    """Y', Cb, Cr of a frame, read byte by byte."""
    height, width = frame.shape[0] * 2 // 3, frame.shape[1]
    data = frame.ravel().tolist()
    luma = np.array(data[: height * width], float).reshape(height, width)
    rest = data[height * width :]
    cb, cr = (rest[: len(rest) // 2], rest[len(rest) // 2 :]) if layout == "i420" else (rest[::2], rest[1::2])
    return luma, *(np.array(part, float).reshape(height // 2, width // 2) for part in (cb, cr))


def interpolated(plane):
    """Chroma at every luma sample, by its coordinates: columns 0, 2, 4, ... and rows 0.5, 2.5, 4.5, ..."""
    height, width = plane.shape[0] * 2, plane.shape[1] * 2
    rows = np.array([np.interp(np.arange(height), np.arange(0.5, height, 2), column) for column in plane.T]).T
    return np.array([np.interp(np.arange(width), np.arange(0, width, 2), row) for row in rows])


def decoded(frame, layout, standard, range_):
    y, cb, cr = unpacked(frame, layout)
    cb, cr = interpolated(cb) - 128, interpolated(cr) - 128
    y, cb, cr = ((y - 16) / 219, cb / 224, cr / 224) if range_ == "limited" else (y / 255, cb / 255, cr / 255)
    kr, kb = STANDARDS[standard]
    red, blue = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    return np.clip(np.stack([red, (y - kr * red - kb * blue) / (1 - kr - kb), blue], -1), 0, 1) * 255


def encoded(rgb, layout, standard, range_):
    padded = np.pad(rgb, ((0, 0), (1, 0), (0, 0)), mode="edge")
    linear = h273(padded + 0.0, standard, range_, 8)
    small = linear[::2] + linear[1::2]
    small = (small[:, :-1:2] + 2 * small[:, 1::2] + small[:, 2::2]) / 8
    chroma = [small[..., 1].ravel(), small[..., 2].ravel()]
    rest = np.concatenate(chroma) if layout == "i420" else np.stack(chroma, -1).ravel()
    return np.concatenate([linear[:, 1:, 0].ravel(), rest]).reshape(-1, rgb.shape[1])


SIZES = [(2, 2), (2, 4), (4, 2), (6, 8), (10, 6), (48, 64)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("range_", RANGES)
@pytest.mark.parametrize("standard", STANDARDS)
@pytest.mark.parametrize("layout", WAYS)
def test_the_reference_agrees(layout, standard, range_, size):
    there, back = WAYS[layout]
    # Not the extremes, where full range's chroma is clipped before it is averaged, in the reference alone.
    rgb = np.rint(codes(*size, 3) * 0.9 + 12).astype(np.uint8)
    frame = there(rgb, standard=standard, range=range_)
    assert frame.dtype == np.uint8
    assert frame.shape == (size[0] * 3 // 2, size[1])
    assert abs(frame - encoded(rgb, layout, standard, range_)).max() < 0.501
    noise = codes(size[0] * 3 // 2, size[1])
    ours = back(noise, standard=standard, range=range_)
    assert ours.shape == (*size, 3)
    assert abs(ours - decoded(noise, layout, standard, range_)).max() < 0.501


@given(st.tuples(*[st.integers(0, 255)] * 3), st.sampled_from(list(STANDARDS)), st.sampled_from(RANGES))
def test_constant_colors_are_their_codes(color, standard, range_):
    rgb = np.full((4, 6, 3), color, np.uint8)
    exact = h273(rgb[:1, :1], standard, range_, 8)[0, 0]
    luma, cb, cr = unpacked(rgb_to_i420(rgb, standard=standard, range=range_), "i420")
    for plane, code in zip((luma, cb, cr), exact, strict=True):
        assert np.ptp(plane) == 0
        assert abs(plane[0, 0] - code) < 0.501
    back = i420_to_rgb(rgb_to_i420(rgb, standard=standard, range=range_), standard=standard, range=range_)
    assert np.ptp(back.reshape(-1, 3), axis=0).max() == 0
    assert abs(back[0, 0].astype(int) - color).max() <= 2


@pytest.mark.parametrize("range_", RANGES)
@pytest.mark.parametrize("layout", WAYS)
def test_grays_come_back_exactly(layout, range_):
    there, back = WAYS[layout]
    levels = np.arange(256) if range_ == "full" else np.rint(np.arange(220) / 219 * 255)
    rgb = np.repeat(np.stack([levels, levels])[..., None], 3, -1).astype(np.uint8)
    frame = there(rgb, standard="bt709", range=range_)
    assert (frame[2:] == 128).all()
    assert np.array_equal(back(frame, standard="bt709", range=range_), rgb)


@pytest.mark.parametrize("layout", WAYS)
def test_a_ramp_of_chroma_comes_back(layout):
    there, back = WAYS[layout]
    ramp = np.linspace(40, 200, 64)
    rgb = np.stack(np.broadcast_arrays(ramp[None, :], 128.0, ramp[:32, None]), -1).round().astype(np.uint8)
    gap = abs(back(there(rgb, **VIDEO), **VIDEO).astype(int) - rgb)
    # Linear in, linear out; at the right and the lower edge nothing lies beyond to interpolate to.
    assert gap[2:-2, 2:-2].max() <= 3


def test_chroma_lies_on_the_left_sample():
    # One column of red in gray: on an even column chroma has half of it, on an odd one each neighbor a quarter.
    gray, red = np.full((4, 12, 3), 128, np.uint8), (192, 100, 100)
    even, odd = gray.copy(), gray.copy()
    even[:, 4], odd[:, 5] = red, red
    full = h273(np.array([[red]]), "bt709", "limited", 8)[0, 0, 2] - 128
    _, _, at_even = unpacked(rgb_to_i420(even, **VIDEO), "i420")
    _, _, at_odd = unpacked(rgb_to_i420(odd, **VIDEO), "i420")
    assert at_even[0].tolist() == [128, 128, 128 + round(full / 2), 128, 128, 128]
    assert at_odd[0].tolist() == [128, 128, 128 + round(full / 4), 128 + round(full / 4), 128, 128]


def test_chroma_lies_between_the_rows():
    frame = np.full((12, 4), 128, np.uint8)
    frame[:8] = 126  # luma
    frame[8:10].reshape(-1)[2:4] = 128 + 64  # Cb of rows 2 and 3
    blue = i420_to_rgb(frame, standard="bt601", range="full")[:, 0, 2].astype(int) - 126
    full = 1.772 * 64
    expected = [0, full / 4, full * 3 / 4, full * 3 / 4, full / 4, 0, 0, 0]
    assert abs(blue - expected).max() <= 0.51


@pytest.mark.parametrize("color", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 100, 50), (255, 255, 255), (3, 9, 27)])
def test_opencv_agrees_on_constant_colors(color):
    rgb = np.full((8, 8, 3), color, np.uint8)
    options = {"standard": "bt601", "range": "limited"}
    theirs = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    assert abs(rgb_to_i420(rgb, **options).astype(int) - theirs).max() <= 1
    assert abs(i420_to_rgb(theirs, **options).astype(int) - cv2.cvtColor(theirs, cv2.COLOR_YUV2RGB_I420)).max() <= 2
    nv12 = rgb_to_nv12(rgb, **options)
    assert abs(nv12_to_rgb(nv12, **options).astype(int) - cv2.cvtColor(nv12, cv2.COLOR_YUV2RGB_NV12)).max() <= 2


def test_the_layouts_hold_the_same():
    rgb = codes(8, 12, 3)
    i420, nv12 = rgb_to_i420(rgb, **VIDEO), rgb_to_nv12(rgb, **VIDEO)
    assert all(map(np.array_equal, unpacked(i420, "i420"), unpacked(nv12, "nv12")))
    assert np.array_equal(i420_to_rgb(i420, **VIDEO), nv12_to_rgb(nv12, **VIDEO))


# Kinds, forms, edges


@pytest.mark.parametrize("layout", WAYS)
def test_kinds_agree(layout):
    there, back = WAYS[layout]
    rgb = codes(40, 62, 3)
    frame = there(rgb, **VIDEO)
    assert np.array_equal(there(tensor(rgb), **VIDEO), frame[None])
    noise = codes(60, 62)
    picture = back(noise, **VIDEO)
    ours = back(torch.from_numpy(noise)[None], **VIDEO)
    assert ours.dtype == torch.uint8
    assert ours.is_contiguous()
    assert np.array_equal(ours, tensor(picture))
    assert picture.flags.c_contiguous
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(back(torch.from_numpy(noise)[None], **VIDEO), ours)


@pytest.mark.parametrize("layout", WAYS)
def test_a_batch_is_its_frames(layout):
    there, back = WAYS[layout]
    rgb = codes(4, 6, 3, batch=(2, 3))
    frames = there(rgb, **VIDEO)
    assert frames.shape == (2, 3, 6, 6, 1)
    assert np.array_equal(frames[1, 2, ..., 0], there(rgb[1, 2], **VIDEO))
    assert np.array_equal(back(frames, **VIDEO)[1, 2], back(frames[1, 2], **VIDEO))
    assert np.array_equal(there(tensor(rgb), **VIDEO), tensor(frames))
    assert np.array_equal(back(tensor(frames), **VIDEO), tensor(back(frames, **VIDEO)))


@pytest.mark.parametrize("layout", WAYS)
def test_bgr(layout):
    there, back = WAYS[layout]
    rgb = codes(6, 8, 3)
    frame = there(rgb, **VIDEO)
    assert np.array_equal(there(rgb[..., ::-1], bgr=True, **VIDEO), frame)
    assert np.array_equal(back(frame, bgr=True, **VIDEO), back(frame, **VIDEO)[..., ::-1])
    chw = torch.from_numpy(frame)[None]
    assert torch.equal(back(chw, bgr=True, **VIDEO), back(chw, **VIDEO).flip(0))
    assert torch.equal(there(tensor(rgb).flip(0), bgr=True, **VIDEO), chw)


@pytest.mark.parametrize("dtype", ["uint16", "float32", "float64"])
def test_pictures_of_every_dtype_become_frames(dtype):
    rgb = codes(6, 8, 3)
    wide = rgb.astype(np.uint16) * np.uint16(257) if dtype == "uint16" else (rgb / 255).astype(dtype)
    for image in (wide, tensor(wide)):
        frame = rgb_to_nv12(image, **VIDEO)
        assert frame.dtype in (np.uint8, torch.uint8)
        assert abs(np.asarray(frame).reshape(9, 8).astype(int) - rgb_to_nv12(rgb, **VIDEO)).max() <= 1


def test_memory_of_every_form():
    frame = codes(9, 8)
    expected = i420_to_rgb(frame, **VIDEO)
    frame.setflags(write=False)
    before = frame.copy()
    for other in (frame, frame[::-1].copy()[::-1], np.asfortranarray(frame), np.repeat(frame, 2, 1)[:, ::2]):
        assert np.array_equal(i420_to_rgb(other, **VIDEO), expected)
    assert np.array_equal(frame, before)
    rows = torch.from_numpy(frame.T.copy()).T[None]
    assert np.array_equal(i420_to_rgb(rows, **VIDEO), tensor(expected))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f: i420_to_rgb(f[:8], **VIDEO), InputValueError, r"image: expected a frame of H \* 3/2 rows.* got 8x8"),
        (lambda f: nv12_to_rgb(f[:, :7], **VIDEO), InputValueError, "image: .* got 9x7"),
        (lambda f: i420_to_rgb(codes(9, 8, 3), **VIDEO), InputValueError, "in one channel, got 9x8 .* with 3"),
        (lambda f: i420_to_rgb(f / 255, **VIDEO), InputTypeError, "image: expected uint8 frames, got float64"),
        (lambda f: i420_to_rgb(pil(f), **VIDEO), InputTypeError, "got a PIL image; call to_numpy first"),
        (lambda f: rgb_to_nv12(pil(codes(4, 4, 3)), **VIDEO), InputTypeError, "got a PIL image; call to_numpy first"),
        (lambda f: rgb_to_i420(codes(5, 4, 3), **VIDEO), InputValueError, "image: expected even height .* got 5x4"),
        (lambda f: rgb_to_i420(codes(4, 4, 4), **VIDEO), InputValueError, "expected RGB, got RGBA; call flatten first"),
        (
            lambda f: rgb_to_i420(codes(4, 4), **VIDEO),
            InputValueError,
            "expected RGB, got gray; call gray_to_rgb first",
        ),
        (lambda f: i420_to_rgb(f, standard="709", range="full"), InputValueError, "standard: expected one of .* '709'"),
        (lambda f: i420_to_rgb(f, standard="bt709", range="tv"), InputValueError, "range: expected .* got 'tv'"),
        (lambda f: i420_to_rgb("a.yuv", **VIDEO), InputTypeError, "image: .* the path 'a.yuv'"),
    ],
)
def test_messages(call, error, message):
    with pytest.raises(error, match=message):
        call(codes(9, 8))


@pytest.mark.parametrize("call", [i420_to_rgb, nv12_to_rgb, rgb_to_i420, rgb_to_nv12])
def test_nothing_is_guessed(call):
    with pytest.raises(TypeError, match="expected standard= and range=, got none; pass standard= and range="):
        call(codes(6, 6, 3))
