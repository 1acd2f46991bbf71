"""Batches of which some pictures fail."""

import io
import logging
import traceback
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from aikit import (
    FileAccessError,
    FileFormatError,
    InputTypeError,
    InputValueError,
    Limits,
    WorkerError,
    read_batch,
    stack,
)
from aikit.batch import prefetch, reading
from aikit.batch.failures import Failures
from pictures import codes, pil

SIZE = {"height": 5, "width": 7}


def png(height=5, width=7, channels=3):
    file = io.BytesIO()
    pil(codes(height, width, channels)).save(file, "PNG")
    return file.getvalue()


def damaged():
    """A picture that PIL opens and cannot decode."""
    return Image.open(io.BytesIO(png(64, 64)[:-900]))


def not_a_number(**options):
    return torch.full((3, 5, 7), float("nan"), **options)


GOOD = [codes(5, 7, 3), codes(5, 7, 3)[::-1], codes(5, 7, 3)[:, ::-1]]


# Each is wrong where a batch of 5x7 RGB is made, and is found to be at another moment.
BAD = {
    "no image": (lambda: "photo.png", {}, InputTypeError, r"images\[1\]: expected a PIL image"),
    "a batch": (lambda: codes(5, 7, 3, batch=(2,)), {}, InputValueError, r"images\[1\]: expected one picture"),
    "damaged": (damaged, {}, FileFormatError, "expected a picture that can be decoded"),
    "size": (lambda: codes(4, 7, 3), {}, InputValueError, r"images\[1\]: expected height x width 5x7"),
    "channels": (lambda: codes(5, 7, 4), {}, InputValueError, r"images\[1\]: expected RGB like images\[0\], got RGBA"),
    "too large": (lambda: codes(6, 7, 3), {"fit": "pad", **SIZE}, InputValueError, r"images\[1\]: .* up to 5x7 to pad"),
    "NaN": (lambda: np.full((5, 7, 3), np.nan, np.float32), {"dtype": "uint8"}, InputValueError, "NaN"),
    "NaN with a gradient": (lambda: not_a_number(requires_grad=True), {"dtype": "uint8"}, InputValueError, "NaN"),
}


@pytest.mark.parametrize("fill", [False, True], ids=["fresh", "out"])
@pytest.mark.parametrize("name", BAD)
def test_what_fails_is_left_out_or_becomes_zeros_and_is_told(name, fill):
    make, options, error, message = BAD[name]
    options = {"device": "cpu", "dtype": "float32"} | options
    expected = stack(GOOD, **options)

    def run(on_error):
        told = []
        out = torch.full((4, 3, 5, 7), 7, dtype=expected.dtype) if fill else None
        batch = stack([GOOD[0], make(), *GOOD[1:]], on_error=on_error, failures=told, out=out, **options)
        assert batch.is_contiguous()
        if fill:
            assert batch.data_ptr() == out.data_ptr()
        ((index, found),) = told
        assert index == 1
        assert isinstance(found, error)
        with pytest.raises(error, match=message):
            raise found
        return batch

    assert torch.equal(run("skip"), expected)
    zeros = run("zeros")
    assert torch.equal(zeros[[0, 2, 3]], expected)
    assert zeros[1].count_nonzero() == 0
    with pytest.raises(error, match=message):
        stack([GOOD[0], make(), *GOOD[1:]], **options)


@pytest.mark.parametrize("where", [(0,), (3,), (0, 1), (2, 3), (0, 2), (0, 1, 3)])
@pytest.mark.parametrize("gradient", [False, True])
def test_indices_are_those_of_the_list_and_in_its_order(where, gradient):
    pictures = [torch.rand(3, 5, 7, requires_grad=gradient) for _ in range(4)]
    wrong = [None if at in where else each for at, each in enumerate(pictures)]
    left = [each for at, each in enumerate(pictures) if at not in where]
    told = []
    assert torch.equal(stack(wrong, device="cpu", on_error="skip", failures=told), stack(left, device="cpu"))
    assert [index for index, _ in told] == list(where)
    zeros = stack(wrong, device="cpu", on_error="zeros")
    black = [each * 0 if at in where else each for at, each in enumerate(pictures)]
    assert torch.equal(zeros, stack(black, device="cpu"))


def test_many_in_threads_keep_their_order():
    pictures = [codes(120, 160, 3) // np.uint8(1 + at % 7) for at in range(24)]
    wrong = {3, 4, 17, 23}
    given = [np.full((120, 160, 3), np.nan, np.float32) if at in wrong else each for at, each in enumerate(pictures)]
    options = {"height": 30, "width": 40, "fit": "crop", "dtype": "uint8", "device": "cpu"}
    told = []
    batch = stack(given, on_error="skip", failures=told, **options)
    assert torch.equal(batch, stack([each for at, each in enumerate(pictures) if at not in wrong], **options))
    assert [index for index, _ in told] == sorted(wrong)


def test_the_first_good_picture_decides_and_the_widest_of_the_good_ones():
    wide = codes(9, 4, 3, "uint16")
    batch = stack(["no image", GOOD[0], wide], device="cpu", dtype=None, on_error="skip")
    assert torch.equal(batch, stack(GOOD[:1], device="cpu", dtype=None))
    assert batch.dtype == torch.uint8


@pytest.mark.parametrize("on_error", ["skip", "zeros"])
def test_files_that_fail_are_named_by_their_place_and_in_the_message(tmp_path, on_error):
    sources = [png(), tmp_path / "missing.png", png(6, 7), b"junk" * 9, 3, png()]
    told = []
    batch = read_batch(sources, device="cpu", on_error=on_error, failures=told)
    good = read_batch([sources[0], sources[5]], device="cpu")
    assert torch.equal(batch if on_error == "skip" else batch[[0, 5]], good)
    assert len(batch) == (2 if on_error == "skip" else 6)
    assert [index for index, _ in told] == [1, 2, 3, 4]
    kinds = [FileAccessError, InputValueError, FileFormatError, InputTypeError]
    assert [type(error) for _, error in told] == kinds
    assert [error.subject for _, error in told] == [str(sources[1]), "sources[2]", "sources[3]", "sources[4]"]


def test_limits_are_kept_file_by_file():
    told = []
    batch = read_batch(
        [png(), png(40, 40), png()], limits=Limits(max_pixels=100), device="cpu", on_error="skip", failures=told
    )
    assert len(batch) == 2
    assert [(index, error.code) for index, error in told] == [(1, "limit_exceeded")]


def test_files_for_the_card_fail_one_by_one(monkeypatch):
    def jpg(seed):
        file = io.BytesIO()
        pil(codes(24, 32, 3) // seed).save(file, "JPEG", quality=95, subsampling=0)
        return file.getvalue()

    sources = [jpg(1), jpg(2)[:-60], png(24, 32), b"junk", jpg(3)]
    failed = Failures("sources", "skip")
    finish = partial(reading._finish, None, reading.check_fitting(
        height=None, width=None, fit="exact", channels=None, method="bilinear", background="white", fill=None
    ))  # fmt: skip
    files = reading._Files(sources, [f"sources[{at}]" for at in range(5)], finish, "srgb", None, failed)
    assert [picture is not None for picture in files.read(torch.device("cpu"))] == [True, False, True, False, True]
    assert [index for index, _ in failed] == [1, 3]
    # The card refuses a portion: then the other decoder has its turn, and each file its own error.
    monkeypatch.setattr(reading, "decode_jpegs", lambda files, card: None)
    again = Failures("sources", "skip")
    other = reading._Files(sources, files.names, finish, "srgb", None, again)
    assert [picture is not None for picture in other.read(torch.device("cpu"))] == [True, False, True, False, True]


def test_of_a_batch_without_a_good_picture_nothing_is_left():
    told = []
    with pytest.raises(
        InputValueError, match=r"images: .* got 2 that failed, \[0\] with: images\[0\]: expected a PIL"
    ) as caught:
        stack([None, "x"], device="cpu", on_error="skip", failures=told)
    assert [index for index, _ in told] == [0, 1]
    assert caught.value.__cause__ is told[0][1]
    with pytest.raises(InputValueError, match=r"sources: .* got 1 that failed"):
        read_batch([b"junk"], **SIZE, channels="rgb", fit="crop", device="cpu", on_error="skip")
    with pytest.raises(InputValueError, match=r"images: .* got 1 that failed"):
        stack([np.full((5, 7, 3), np.nan, np.float32)], dtype="uint8", device="cpu", on_error="skip")
    with pytest.raises(InputValueError, match=r"images: .* got 1 that failed"):
        stack([not_a_number(requires_grad=True)], dtype="uint8", device="cpu", on_error="skip")


def test_zeros_alone_need_a_size_channels_and_a_dtype():
    known = {**SIZE, "channels": "rgb", "device": "cpu", "on_error": "zeros"}
    batch = stack([None, 3], **known)
    assert batch.shape == (2, 3, 5, 7)
    assert batch.dtype == torch.float32
    assert batch.count_nonzero() == 0
    for missing in ({"height": None}, {"width": None}, {"channels": None}, {"dtype": None}):
        with pytest.raises(InputValueError, match="images: expected at least one that can be used, got 2 that failed"):
            stack([None, 3], **known | missing)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"fit": "crop"}, InputValueError, "height, width: expected both"),
        ({"fit": "cover"}, InputValueError, "fit: expected one of"),
        ({"height": 0}, InputValueError, "height: expected"),
        ({"method": "cubic"}, InputValueError, "method: expected one of nearest, bilinear"),
        ({"channels": "bgr"}, InputValueError, "channels: expected one of"),
        ({"channels": "rgb", "background": "no color"}, InputValueError, "background: "),
        ({"dtype": "int64"}, InputValueError, "dtype: expected one of"),
        ({"out": torch.zeros(1)}, InputValueError, "out: expected a contiguous"),
        ({"on_error": "ignore"}, InputValueError, "on_error: expected one of raise, skip, zeros, got 'ignore'"),
        ({"failures": ()}, InputTypeError, "failures: expected a list or None, got tuple"),
    ],
)
@pytest.mark.parametrize("function", [stack, read_batch])
def test_what_is_wrong_with_the_options_is_no_pictures_fault(function, options, error, message):
    given = [Image.open(io.BytesIO(png(channels=4)))] if function is stack else [png(channels=4)]
    with pytest.raises(error, match=f"^{message}"):
        function(given, **{"device": "cpu", "on_error": "skip"} | options)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"profile": "p3"}, "profile: expected"), ({"limits": 7}, "limits: expected Limits or None")],
)
def test_options_of_reading_are_no_files_fault(options, message):
    with pytest.raises((InputTypeError, InputValueError), match=f"^{message}"):
        read_batch([png()], device="cpu", on_error="skip", **options)


def test_work_that_was_cancelled_is_not_skipped(monkeypatch):
    def cancelled(*arguments, **options):
        raise WorkerError("a.svg", "its turn", "a cancelled call", "ask again", code="cancelled")

    monkeypatch.setattr(reading, "read_any", cancelled)
    with pytest.raises(WorkerError, match="cancelled call"):
        read_batch([png()], device="cpu", on_error="skip")


def test_what_is_no_error_of_ours_comes_out(monkeypatch):
    def broken(*arguments, **options):
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(reading, "read_any", broken)
    with pytest.raises(KeyError, match="a mistake of ours"):
        read_batch([png()], device="cpu", on_error="zeros", **SIZE, channels="rgb")


@pytest.mark.parametrize("on_error", ["skip", "zeros"])
def test_without_a_list_the_log_tells(caplog, on_error):
    with caplog.at_level(logging.WARNING, "aikit"):
        stack([GOOD[0], None], device="cpu", on_error=on_error)
        told = []
        stack([GOOD[0], None], device="cpu", on_error=on_error, failures=told)
    (record,) = caplog.records
    assert record.getMessage().startswith(f"images[1] failed (on_error={on_error!r}): images[1]: expected a PIL image")


def test_a_list_grows_and_stays_empty_where_all_is_well():
    told = [(9, ValueError("of another batch"))]
    stack([GOOD[0], None], device="cpu", on_error="skip", failures=told)
    assert [index for index, _ in told] == [9, 1]
    told = []
    stack(GOOD, device="cpu", on_error="skip", failures=told)
    assert told == []


def test_errors_that_are_kept_hold_no_pictures():
    told = []
    stack([GOOD[0], damaged()], device="cpu", on_error="skip", failures=told)
    frames = [frame for frame, _ in traceback.walk_tb(told[0][1].__traceback__)]
    # The last frames are those of the decoder, and over.
    assert len(frames) > 2
    assert frames[-1].f_locals == {}


# prefetch


def numbers(broken, error=ValueError):
    def make(number):
        if number in broken:
            raise error(f"batch {number}")
        return torch.full((2, 2), float(number))

    return [partial(make, number) for number in range(6)]


@pytest.mark.parametrize("ahead", [1, 2, 9])
@pytest.mark.parametrize("broken", [(0,), (5,), (2, 3), (0, 1, 2, 3, 4, 5)])
def test_batches_that_fail_are_left_out(broken, ahead):
    told = []
    batches = prefetch(numbers(broken), "cpu", ahead=ahead, on_error="skip", failures=told)
    assert [int(batch.max()) for batch in batches] == [number for number in range(6) if number not in broken]
    assert [(index, str(error)) for index, error in told] == [(number, f"batch {number}") for number in broken]


def test_failures_are_told_as_the_iteration_comes_to_them():
    told = []
    batches = prefetch(numbers((1, 4)), "cpu", on_error="skip", failures=told)
    assert (int(next(batches).max()), told) == (0, [])
    assert int(next(batches).max()) == 2
    assert [index for index, _ in told] == [1]
    batches.close()


def test_a_batch_left_out_is_logged_without_a_list(caplog):
    with caplog.at_level(logging.WARNING, "aikit"):
        assert len(list(prefetch(numbers((4,)), "cpu", on_error="skip"))) == 5
    assert [record.getMessage() for record in caplog.records] == [
        "batches[4] failed and is left out: ValueError: batch 4"
    ]


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_too_little_memory_ends_the_iteration(error):
    with pytest.raises(error, match="batch 2"):
        list(prefetch(numbers((2,), error), "cpu", on_error="skip"))


def test_what_the_iterable_raises_ends_the_iteration():
    def source():
        yield torch.zeros(1)
        raise ValueError("the source is broken")

    told, seen = [], []
    with pytest.raises(ValueError, match="the source is broken"):
        seen.extend(prefetch(source(), "cpu", on_error="skip", failures=told))
    assert told == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"on_error": "zeros"}, InputValueError, "on_error: expected one of raise, skip, got 'zeros'"),
        ({"failures": {}}, InputTypeError, "failures: expected a list or None, got dict"),
    ],
)
def test_prefetch_refuses_at_once(options, error, message):
    with pytest.raises(error, match=message):
        prefetch([], "cpu", **options)


def test_single_files_of_batches_that_are_fetched_ahead():
    told = []
    read = partial(read_batch, device="cpu", on_error="skip", failures=told)
    batches = list(prefetch([partial(read, [png(), b"junk"]), partial(read, [png()] * 2)], "cpu", ahead=1))
    assert [len(batch) for batch in batches] == [1, 2]
    assert [index for index, _ in told] == [1]


# On a card


@pytest.mark.gpu
@pytest.mark.parametrize("on_error", ["skip", "zeros"])
def test_cuda_leaves_out_what_the_cpu_leaves_out(on_error):
    sources = [png(), b"junk", png(6, 7), png()]
    told = {"cuda": [], "cpu": []}
    batches = [
        read_batch(sources, device=device, dtype="uint8", on_error=on_error, failures=told[device]).cpu()
        for device in ("cuda", "cpu")
    ]
    assert torch.equal(*batches)
    assert [index for index, _ in told["cuda"]] == [index for index, _ in told["cpu"]] == [1, 2]
