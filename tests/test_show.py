"""The contact sheet: layout, titles, what a cell shows, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from aikit import InputTypeError, InputValueError, flatten, show, to_pil
from pictures import channels_first, codes

CELL, MARGIN, LABEL = 240, 12, 22
STEP = CELL + MARGIN


def cell(sheet, column, row_top, size):
    """The pixels of a picture on the sheet, by its column, the top of its row, and (height, width)."""
    top, left = row_top + LABEL, MARGIN + column * STEP
    return np.asarray(sheet)[top : top + size[0], left : left + size[1]]


def kinds():
    import torch

    color, gray = codes(30, 40, 3), codes(30, 40)
    yield "pil", Image.fromarray(color), color
    yield "array", color, color
    yield "uint16", color * np.uint16(257), color
    yield "float", (color / 255).astype(np.float32), color
    yield "tensor", torch.from_numpy(channels_first(color)), color
    yield "tensor-float-grad", (torch.from_numpy(channels_first(color)) / 255).requires_grad_(), color
    yield "gray", gray, np.stack([gray] * 3, -1)
    yield "gray-float", Image.fromarray((gray / 255).astype(np.float32)), np.stack([gray] * 3, -1)
    yield "bool", gray > 99, np.stack([(gray > 99) * np.uint8(255)] * 3, -1)
    yield "palette", Image.fromarray(gray).convert("P"), np.stack([gray] * 3, -1)


KINDS = list(kinds())


@pytest.mark.parametrize(("image", "expected"), [kind[1:] for kind in KINDS], ids=[kind[0] for kind in KINDS])
def test_a_small_picture_of_any_kind_keeps_its_pixels(image, expected):
    sheet = show(image)
    assert sheet.mode == "RGB"
    assert sheet.size == (STEP + MARGIN, 30 + LABEL + 2 * MARGIN)
    np.testing.assert_array_equal(cell(sheet, 0, MARGIN, (30, 40)), expected)


def test_alpha_is_shown_over_a_checkerboard():
    rgba = codes(30, 40, 4)
    rgba[:16, :, 3] = 0
    np.testing.assert_array_equal(cell(show(rgba), 0, MARGIN, (30, 40)), flatten(rgba, background="checker"))


def test_the_checkerboard_is_not_reduced_with_the_picture():
    clear = cell(show(np.zeros((3000, 4000, 4), np.uint8)), 0, MARGIN, (180, 240))
    np.testing.assert_array_equal(clear, flatten(np.zeros((180, 240, 4), np.uint8), background="checker"))
    assert len(np.unique(clear)) == 2


def test_hidden_colors_do_not_bleed_when_reduced():
    rgba = np.zeros((960, 960, 4), np.uint8)
    rgba[..., 1] = 255
    rgba[300:600, 300:600] = (255, 0, 0, 255)
    small = cell(show(rgba), 0, MARGIN, (240, 240)).astype(int)
    assert (small[..., 1] - np.maximum(small[..., 0], small[..., 2])).max() <= 1


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((480, 240), (240, 120)),
        ((240, 480), (120, 240)),
        ((1, 5000), (1, 240)),
        ((5000, 1), (240, 1)),
        ((240, 9), (240, 9)),
    ],
)
def test_large_pictures_are_reduced_to_their_cell(size, shown):
    y, x = np.mgrid[: size[0], : size[1]]
    gradient = np.stack([255 * (y + 0.5) / size[0], 255 * (x + 0.5) / size[1], 128 + 0 * x], -1).astype(np.uint8)
    picture = cell(show(gradient), 0, MARGIN, shown).astype(int)
    centers = (np.arange(shown[0]) + 0.5) / shown[0] * 255, (np.arange(shown[1]) + 0.5) / shown[1] * 255
    assert np.abs(picture[2:-2, :, 0] - centers[0][2:-2, None]).max(initial=0) < 3
    assert np.abs(picture[:, 2:-2, 1] - centers[1][None, 2:-2]).max(initial=0) < 3
    assert (picture[..., 2] == 128).all()


@pytest.mark.parametrize(
    ("count", "columns", "grid"),
    [(1, None, (1, 1)), (2, None, (1, 2)), (7, None, (2, 4)), (7, 3, (3, 3)), (3, 9, (1, 3)), (5, 1, (5, 1))],
)
def test_pictures_fill_rows_in_order(count, columns, grid):
    images = [np.full((20, 30), 10 + 20 * at, np.uint8) for at in range(count)]
    sheet = show(*images, columns=columns)
    rows, across = grid
    assert sheet.size == (across * STEP + MARGIN, rows * (20 + LABEL + MARGIN) + MARGIN)
    for at, image in enumerate(images):
        top = MARGIN + at // across * (20 + LABEL + MARGIN)
        assert (cell(sheet, at % across, top, (20, 30)) == image[0, 0]).all()


def test_a_row_is_as_high_as_its_highest_picture():
    images = [np.full((height, 10), 9, np.uint8) for height in (10, 50, 20, 30, 25)]
    sheet = show(*images, columns=2)
    assert sheet.height == 50 + 30 + 25 + 3 * (LABEL + MARGIN) + MARGIN
    assert (cell(sheet, 0, 2 * MARGIN + LABEL + 50, (20, 10)) == 9).all()
    assert (cell(sheet, 0, 3 * MARGIN + 2 * LABEL + 80, (25, 10)) == 9).all()


@pytest.mark.parametrize("size", [(30, 40), (1, 1), (240, 240), (500, 3)])
def test_a_line_shows_where_a_white_picture_ends(size):
    """All around it, and nowhere else; against the paper it stands out by 3 to 1, as WCAG 2.2 asks of graphics."""
    sheet = np.asarray(show(np.full(size, 255, np.uint8), np.full(size, 255, np.uint8), columns=2))
    height, width = min(size[0], CELL), max(1, round(size[1] * min(1, CELL / size[0])))
    expected = np.full_like(sheet, 255)
    for column in range(2):
        top, left = MARGIN + LABEL - 1, MARGIN + column * STEP - 1
        expected[top : top + height + 2, left : left + width + 2] = sheet[top, left]
        expected[top + 1 : top + 1 + height, left + 1 : left + 1 + width] = 255
    np.testing.assert_array_equal(sheet, expected)
    light = ((sheet[MARGIN + LABEL - 1, MARGIN - 1, 0] / 255 + 0.055) / 1.055) ** 2.4
    assert 1.05 / (light + 0.05) >= 3


def inked(sheet, column=0):
    """The columns of the label that bear ink."""
    left = MARGIN + column * STEP
    label = np.asarray(sheet.convert("L"))[MARGIN : MARGIN + LABEL - 1, left - MARGIN : left + STEP]
    return np.flatnonzero((label < 200).any(0)) - MARGIN


@pytest.mark.parametrize(
    "title",
    [
        "short",
        "long " * 40,
        "W" * 400,
        "東京の写真.jpg " * 9,
        "фото ñ عربي 🙂",
        "two\nlines\tand a tab",
        "a\0b\x1b[31m",
        7,
    ],
    ids="short long wide cjk mixed newline control number".split(),
)
def test_titles_stay_within_their_cell(title):
    ink = inked(show(np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8), titles=[title, ""], columns=2))
    assert ink.size
    assert ink.min() >= -1
    assert ink.max() < CELL


def test_a_title_of_none_is_none():
    sheet = show(np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8), titles=[None, "x"], columns=np.int64(2))
    assert inked(sheet).size == 0
    assert "1: gray, 9x9" in sheet.info["alt"]


def test_titles_stand_over_their_pictures():
    sheet = show(*[np.zeros((9, 9), np.uint8)] * 3, titles=["", "iii", "mmmmmm"], columns=3)
    assert [inked(sheet, column).size > 0 for column in range(3)] == [False, True, True]
    assert np.ptp(inked(sheet, 2)) > 2 * np.ptp(inked(sheet, 1))
    assert inked(show(np.zeros((9, 9), np.uint8))).size == 0


def test_bgr_is_said_and_never_guessed():
    color = codes(30, 40, 3)
    np.testing.assert_array_equal(cell(show(color[..., ::-1], bgr=True), 0, MARGIN, (30, 40)), color)
    with pytest.raises(InputValueError, match="bgr"):
        show(Image.fromarray(color), bgr=True)


def test_inputs_stay_as_they_were():
    big = codes(500, 600, 4)
    image, array = Image.fromarray(big), big.copy()
    array.flags.writeable = False
    show(image, array)
    assert image.size == (600, 500)
    np.testing.assert_array_equal(np.asarray(image), big)
    np.testing.assert_array_equal(array, big)


GRAY = codes(3, 4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: show(), InputValueError, r"images: expected at least one image, got none; pass one or more\."),
        (lambda: show([GRAY, GRAY]), InputTypeError, r"image: expected .* got a list; pass the images one at a time"),
        (lambda: show("photo.jpg"), InputTypeError, r"image: .*read_"),
        (lambda: show(GRAY.astype(np.int64)), InputTypeError, r"image: expected dtype .* got int64"),
        (lambda: show(Image.new("I", (3, 4))), InputTypeError, r"mode I .*value_range"),
        (lambda: show(GRAY, titles=["a", "b"]), InputValueError, r"titles: expected 1 of them, one an image, got 2"),
        (lambda: show(GRAY, titles="a"), InputTypeError, r"titles: expected a list of str, got 'a'"),
        (lambda: show(GRAY, titles=5), InputTypeError, r"titles: expected a list of str, got 5"),
        (lambda: show(GRAY, columns=0), InputValueError, r"columns: expected 1 or more, got 0"),
        (lambda: show(GRAY, columns=True), InputTypeError, r"columns: expected a whole number, got True"),
        (lambda: show(GRAY, columns=2.0), InputTypeError, r"columns: expected a whole number, got 2\.0"),
        (lambda: show(GRAY, zoom=0), InputValueError, r"zoom: expected 1 or more, got 0"),
        (lambda: show(GRAY, zoom=1.5), InputTypeError, r"zoom: expected a whole number, got 1\.5"),
        (
            lambda: show(GRAY, zoom=3000),
            InputValueError,
            r"images: expected a sheet of at most 100,000,000 pixels, got 108",
        ),
        (lambda: show(np.zeros((20000, 1, 1, 1))), InputValueError, r"images: expected a sheet of at most 100,000,000"),
        (lambda: show(GRAY.astype(complex)), InputTypeError, r"image: expected dtype .* got complex128"),
    ],
)
def test_what_cannot_be_shown_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_batch_taken_apart_is_the_batch():
    batch = codes(9, 11, 3, batch=(3,))
    sheet = show(*batch, columns=3)
    for column, picture in enumerate(batch):
        np.testing.assert_array_equal(cell(sheet, column, MARGIN, (9, 11)), np.asarray(to_pil(picture)))
    np.testing.assert_array_equal(
        np.asarray(show(batch, columns=3))[MARGIN + LABEL :], np.asarray(sheet)[MARGIN + LABEL :]
    )


def test_batches_and_single_pictures_mix_and_are_numbered():
    import torch

    batch = torch.from_numpy(channels_first(codes(9, 11, 3, batch=(2, 2))))
    sheet = show(codes(9, 11), batch, titles=["one", "many"], columns=5)
    assert inked(sheet, 4).size
    assert sheet.info["alt"] == (
        "Sheet of 5 pictures, 5 in a row. 1: one, gray, 9x11 (height x width), uint8. "
        "2: many [0, 0], RGB, 9x11 (height x width), uint8. 3: many [0, 1], RGB, 9x11 (height x width), uint8. "
        "4: many [1, 0], RGB, 9x11 (height x width), uint8. 5: many [1, 1], RGB, 9x11 (height x width), uint8."
    )
    for column, index in enumerate(np.ndindex(2, 2), 1):
        np.testing.assert_array_equal(cell(sheet, column, MARGIN, (9, 11)), np.asarray(to_pil(batch[index])))


# What cannot be seen is stretched


NOTE = 17
RAMP = np.linspace(0, 1, 12).reshape(3, 4)


@pytest.mark.parametrize(
    ("image", "expected", "note"),
    [
        (RAMP * 2 - 1, RAMP * 255, "-1 to 1 stretched"),
        (RAMP * 255, RAMP * 255, "0 to 255 stretched"),
        ((RAMP * 6 - 2).astype(np.float16), RAMP * 255, "-2 to 4 stretched"),
        (RAMP * 0.05, RAMP * 255, "0 to 0.05 stretched"),
        (np.arange(12, dtype=np.uint8).reshape(3, 4) % 2, np.arange(12).reshape(3, 4) % 2 * 255, "0 to 1 stretched"),
        ((RAMP * 4095).round().astype(np.uint16), (RAMP * 4095).round() / 4095 * 255, "0 to 4095 stretched"),
        (RAMP * 1.1 - 0.05, np.clip(RAMP * 1.1 - 0.05, 0, 1) * 255, "-0.05 to 1.05 clipped"),
        ((RAMP * 2 - 1) * 1e308, RAMP * 255, "-1e+308 to 1e+308 stretched"),
        (RAMP, RAMP * 255, ""),
        ((RAMP * 17).round().astype(np.uint8), (RAMP * 17).round(), ""),
        (np.full((3, 4), 3, np.uint8), np.full((3, 4), 3), ""),
        (np.full((3, 4), 7.0), np.full((3, 4), 255), "7 to 7 clipped"),
        (np.full((3, 4), -7.0), np.zeros((3, 4)), "-7 to -7 clipped"),
    ],
    ids="signed codes half faint mask 12bit overshoot huge unit dark constant white black".split(),
)
def test_values_that_cannot_be_seen_are_stretched_and_the_label_says_so(image, expected, note):
    sheet = show(image)
    picture = cell(sheet, 0, MARGIN + (NOTE if note else 0), (3, 4))
    assert np.abs(picture - np.asarray(expected)[..., None]).max() <= 0.51
    assert sheet.info["alt"].endswith(f", {note}." if note else f"{image.dtype}.")
    # The note is drawn under the title, on a line of its own.
    label = np.asarray(sheet.convert("L"))[MARGIN + LABEL - 2 : MARGIN + LABEL + NOTE]
    assert (label[:, CELL // 4 :] < 200).any() == bool(note) or len(note) < 18


@pytest.mark.parametrize("alpha", [255.0, 1.0])
def test_alpha_is_stretched_with_its_own_range(alpha):
    rgba = np.zeros((16, 4, 4))
    rgba[..., 1], rgba[8:, :, 3] = np.linspace(0, 255, 4), alpha
    rgba[12:, :, 3] /= 2
    picture = cell(show(rgba), 0, MARGIN + NOTE, (16, 4))
    assert (picture[8:12, :, 1] == [0, 85, 170, 255]).all()
    assert (abs(picture[12:, :, 0].astype(int) - 102) <= 1).all()  # half of the checkerboard's gray
    assert (picture[:8] == 255).all()


def test_nan_is_marked_even_where_a_large_picture_is_reduced():
    image = np.full((80, 9600, 3), 0.5, np.float32)
    image[45, 4805, 1] = np.nan
    sheet = show(image)
    picture = cell(sheet, 0, MARGIN + NOTE, (2, 240)).astype(int)
    assert picture[1, 120].tolist() == [255, 0, 255]
    assert (picture == [255, 0, 255]).all(-1).sum() == 1
    assert "NaN in 1 pixel, marked" in sheet.info["alt"]


def test_a_picture_of_nothing_but_nan_or_infinity_is_shown():
    sheet = show(np.full((3, 4), np.nan), np.array([[np.inf, -np.inf, 0.5]]), columns=2)
    assert (cell(sheet, 0, MARGIN + NOTE, (3, 4)) == [255, 0, 255]).all()
    assert cell(sheet, 1, MARGIN + NOTE, (1, 3))[0, :, 0].tolist() == [255, 0, 128]
    assert sheet.info["alt"].endswith("2 infinite values, clipped.")


# Zoom


@pytest.mark.parametrize("zoom", [1, 3, np.int64(40)])
def test_zoom_makes_every_pixel_a_square(zoom):
    color = codes(7, 9, 3)
    sheet = show(color, color[:2], zoom=zoom, columns=2)
    wide = max(CELL, 9 * zoom)
    assert sheet.size == (2 * wide + 3 * MARGIN, 7 * zoom + LABEL + 2 * MARGIN)
    np.testing.assert_array_equal(cell(sheet, 0, MARGIN, (7 * zoom, 9 * zoom)), color.repeat(zoom, 0).repeat(zoom, 1))


def test_zoom_reduces_nothing():
    color = codes(300, 500, 3)
    np.testing.assert_array_equal(cell(show(color, zoom=1), 0, MARGIN, (300, 500)), color)


def test_labels_are_legible():
    """Dark enough on the paper, and letters of eight pixels or more."""
    sheet = np.asarray(show(RAMP * 9, titles=["H"]).convert("L")).astype(int)
    title = sheet[MARGIN : MARGIN + LABEL - 2, MARGIN : MARGIN + 20]
    note = sheet[MARGIN + LABEL - 2 : MARGIN + LABEL + NOTE - 2, MARGIN : MARGIN + CELL]
    assert (title < 120).any(1).sum() >= 9
    assert (note < 160).any(1).sum() >= 8
    assert title.min() < 60
    assert note.min() < 110
