"""Drawing what was found: where it is drawn, in which color, and that all else stays as it was."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps

import aikit
from aikit import InputTypeError, InputValueError, _fonts, draw_boxes, draw_keypoints, draw_masks, draw_text
from aikit.draw import colors
from pictures import codes, pil, tensor

PHOTO = codes(60, 80, 3)
BOX = [[10, 20, 50, 50]]
MASK = np.zeros((1, 60, 80), bool)
MASK[0, 10:30, 20:60] = True

EACH = [
    (draw_boxes, {"boxes": BOX, "colors": "#ff8000", "thickness": 3, "classes": ["cat"], "scores": [0.5]}),
    (draw_masks, {"masks": MASK, "colors": "#ff8000"}),
    (draw_keypoints, {"keypoints": [[20.5, 20.5], [60.0, 41.3]], "edges": [(0, 1)], "colors": "#ff8000"}),
    (draw_text, {"text": "aikit", "left": 5, "top": 7, "size": 20, "color": "#ff8000", "background": "black"}),
]
each = pytest.mark.parametrize(("draw", "keywords"), EACH, ids=[draw.__name__ for draw, _ in EACH])


# Oracle


@pytest.mark.parametrize("thickness", [1, 3, 9])
def test_a_frame_is_pillows_rectangle(thickness):
    expected = pil(PHOTO)
    # Pillow's last column and row are part of a rectangle.
    ImageDraw.Draw(expected).rectangle((10, 20, 49, 49), outline=(255, 128, 0), width=thickness)
    drawn = draw_boxes(PHOTO, BOX, colors=(255, 128, 0), thickness=thickness)
    np.testing.assert_array_equal(drawn, np.asarray(expected))


@pytest.mark.parametrize(
    ("box_format", "relative", "boxes"),
    [
        ("xywh", False, [[10, 20, 40, 30]]),
        ("cxcywh", False, [[30, 35, 40, 30]]),
        ("xyxy", True, [[1 / 8, 1 / 3, 5 / 8, 5 / 6]]),
    ],
)
def test_formats_of_boxes(box_format, relative, boxes):
    drawn = draw_boxes(PHOTO, torch.tensor(boxes), box_format=box_format, relative=relative, colors="red")
    np.testing.assert_array_equal(drawn, draw_boxes(PHOTO, BOX, colors="red"))


def test_a_mask_is_mixed_where_it_is():
    drawn = draw_masks(PHOTO, MASK, colors=(200, 100, 0), opacity=0.25, outline=False).astype(float)
    share = 64 / 255  # of 8 bits
    expected = np.where(MASK[0][..., None], PHOTO * (1 - share) + np.array([200, 100, 0]) * share, PHOTO)
    assert abs(drawn - expected).max() <= 1
    outlined = draw_masks(PHOTO, MASK, colors=(200, 100, 0), opacity=0)
    changed = (outlined != PHOTO).any(-1)
    inside = np.zeros_like(changed)
    inside[11:29, 21:59] = True
    assert (outlined[changed] == (200, 100, 0)).all()
    np.testing.assert_array_equal(changed, MASK[0] & ~inside)


@pytest.mark.parametrize("radius", [2.5, 6.0])
def test_a_point_is_a_disc_about_its_place(radius):
    black = np.zeros((60, 80, 3), np.float32)
    drawn = draw_keypoints(black, [[30.25, 22.75]], colors="white", radius=radius)[..., 0]
    y, x = np.mgrid[0:60, 0:80] + 0.5
    assert abs((drawn * x).sum() / drawn.sum() - 30.25) < 0.1
    assert abs((drawn * y).sum() / drawn.sum() - 22.75) < 0.1
    distance = np.hypot(x - 30.25, y - 22.75)
    assert (drawn[distance < radius - 1] == 1).all()
    assert (drawn[distance > radius + 1] < 0.2).all()
    assert (drawn[distance > radius + 2.5] == 0).all()


def test_a_line_joins_points_that_are_seen():
    black = np.zeros((60, 80, 3), np.uint8)
    points = [[10.5, 10.5, 2], [50.5, 30.5, 2], [10.5, 50.5, 0]]
    drawn = draw_keypoints(black, points, edges=[(0, 1), (1, 2)], colors="white", radius=0, thickness=1)
    assert drawn[20, 30, 0] > 200  # halfway
    assert not drawn[35:].any()


def test_text_is_what_pillow_writes():
    black = np.zeros((60, 120, 3), np.uint8)
    drawn = draw_text(black, "hello", left=10, top=8, size=24)[..., 0]
    expected = Image.new("L", (120, 60))
    font = ImageFont.load_default(24)
    ImageDraw.Draw(expected).text((10, 8), "hello", fill=255, font=font)
    rows, columns = (np.flatnonzero(np.asarray(expected).any(axis)) for axis in (1, 0))
    seen = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    assert (len(seen[0]), len(seen[1])) == (len(rows), len(columns))
    np.testing.assert_array_equal(
        drawn[seen[0][0] : seen[0][-1] + 1, seen[1][0] : seen[1][-1] + 1],
        np.asarray(expected)[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1],
    )
    assert seen[1][0] >= 10
    assert seen[0][0] >= 8


# Agreement


@each
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_every_kind_comes_back_as_it_is(draw, keywords, channels, dtype):
    array = codes(60, 80, channels, dtype)
    drawn = draw(array, **keywords)
    assert drawn.dtype == array.dtype
    assert drawn.shape == (60, 80, 4 if channels in (2, 4) else 3)
    result = draw(tensor(array), **keywords)
    assert result.dtype == tensor(array).dtype
    np.testing.assert_array_equal(np.moveaxis(result.numpy(), 0, -1), drawn)
    if dtype == "uint8":
        np.testing.assert_array_equal(np.asarray(draw(pil(array), **keywords)), drawn)
    if channels >= 3:
        order = [2, 1, 0, 3][:channels]
        np.testing.assert_array_equal(draw(array[..., order], bgr=True, **keywords)[..., order], drawn)


@each
def test_what_is_not_drawn_on_stays_and_so_does_the_input(draw, keywords):
    photo = PHOTO.copy()
    photo.flags.writeable = False
    drawn = draw(photo, **keywords)
    changed = (drawn != photo).any(-1)
    assert 0 < changed.sum() < 0.6 * changed.size
    np.testing.assert_array_equal(photo, PHOTO)
    clear = np.zeros((60, 80, 4), np.uint8)
    over = draw(clear, **keywords)
    assert (over[..., 3] > 0).sum() > 20
    assert (over[..., 3] == 0).sum() > 0.4 * changed.size


def test_a_gradient_goes_through():
    leaf = tensor(PHOTO).float().div(255).requires_grad_()
    draw_masks(leaf, MASK, opacity=0.5, outline=False).sum().backward()
    assert leaf.grad[0, 0, 0] == 1
    assert abs(leaf.grad[0, 15, 30] - 127 / 255) < 1e-6


def test_a_picture_on_its_side_is_drawn_on_upright():
    picture = pil(PHOTO)
    picture.getexif()[0x0112] = 6
    drawn = draw_boxes(picture, BOX, colors="red")
    assert drawn.size == (60, 80)
    assert drawn.getpixel((10, 20)) == (255, 0, 0)
    assert drawn.getpixel((30, 35)) == ImageOps.exif_transpose(picture).getpixel((30, 35))


# Colors


def test_colors_belong_to_classes():
    def at(drawn):
        return [tuple(drawn[0, 20 * k].tolist()) for k in range(4)]

    boxes = [[20 * k, 0, 20 * k + 10, 10] for k in range(4)]
    black = np.zeros((60, 80, 3), np.uint8)
    table = colors._TABLE
    assert at(draw_boxes(black, boxes)) == list(table[:4])
    assert at(draw_boxes(black, boxes, colors=["red", "lime", "blue", (1, 2, 3)])) == [
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (1, 2, 3),
    ]
    # Labels lie within frames at the upper edge of a picture: there are none here.
    rgb = colors.colors_for(4, ["cat", "dog", "cat", "bird"], None, aikit._pixels.load(black).spec)
    assert rgb == [table[0], table[1], table[0], table[2]]
    rgb = colors.colors_for(4, [3, 10, 3, 0], None, aikit._pixels.load(black).spec)
    assert rgb == [table[3], table[3], table[3], table[0]]
    rgb = colors.colors_for(2, ["cat", "dog"], {"dog": "red"}, aikit._pixels.load(black).spec)
    assert rgb == [table[0], (255, 0, 0)]


def test_the_table_can_be_told_apart_by_people_who_see_few_colors():
    # Viénot, Brettel and Mollon, "Digital video colourmaps", 1999: what a dichromat sees, in linear light.
    views = {
        "all": np.eye(3),
        "protan": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
        "deutan": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
    }
    table = np.array([colors._TABLE], np.float32) / 255
    light = aikit.color.rgb_to_linear_rgb(table)
    for matrix in views.values():
        lab = aikit.rgb_to_lab(aikit.color.linear_rgb_to_rgb((light @ matrix.T.astype(np.float32)).clip(0, 1)))[0]
        distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + 1000 * np.eye(len(lab))
        assert distances.min() > 8  # a just noticeable difference is about 2


@pytest.mark.parametrize("color", [*colors._TABLE, (0, 0, 0), (255, 255, 255), (128, 128, 128)])
def test_labels_can_be_read(color):
    def luminance(rgb):
        light = aikit.color.rgb_to_linear_rgb(np.array([[rgb]], np.float32) / 255)[0, 0]
        return float(light @ (0.2126, 0.7152, 0.0722)) + 0.05

    ratio = luminance(color) / luminance(colors.readable_on(color))
    assert max(ratio, 1 / ratio) >= 4.5  # WCAG 2.2, 1.4.3


# Labels


def test_a_label_lies_above_its_box_or_within_the_picture():
    black = np.zeros((100, 100, 3), np.uint8)
    options = {"classes": ["label"], "colors": "red", "thickness": 1, "text_size": 12}
    above = draw_boxes(black, [[20, 50, 90, 90]], **options)
    rows = np.flatnonzero((above == (255, 0, 0)).all(-1).sum(1) > 5)
    assert rows[0] < 48
    assert (above[:50].any((1, 2)).nonzero()[0] >= 30).all()
    at_the_top = draw_boxes(black, [[20, 2, 90, 90]], **options)
    assert not at_the_top[:2].any()
    assert at_the_top[4:10, 22:40].any()
    at_the_right = draw_boxes(black, [[95, 50, 140, 90]], **options)
    # Entire, as long as the one above.
    assert at_the_right[40:48].any((0, 2)).sum() == above[40:48].any((0, 2)).sum()


def test_boxes_beyond_the_picture_and_without_numbers():
    drawn = draw_boxes(
        PHOTO, [[-50, -50, -10, -10], [70, 50, 500, 500], [np.nan, 0, 1, 1]], colors="red", classes=[1, 2, 3]
    )
    assert drawn[50, 75].tolist() == [255, 0, 0]
    assert draw_keypoints(PHOTO, [[1e9, 5], [np.nan, 3]], edges=[(0, 1)]).shape == PHOTO.shape
    np.testing.assert_array_equal(draw_boxes(PHOTO, []), PHOTO)
    np.testing.assert_array_equal(draw_text(PHOTO, ""), PHOTO)


# Fonts


def test_pillows_own_font_is_taken_where_it_has_the_letters():
    assert _fonts.find_font("hello", 20).getname() == ImageFont.load_default(20).getname()


@pytest.fixture
def fonts_are(monkeypatch):
    """Other folders of fonts; what was remembered of the old ones is forgotten, and again afterwards."""

    def forget():
        for each in (_fonts._find_file, _fonts._ordered_files, _fonts._is_missing, _fonts._shape):
            each.cache_clear()

    def set_folders(*folders):
        monkeypatch.setattr(_fonts, "_folders", lambda: list(folders))
        forget()

    yield set_folders
    forget()


def test_an_installed_font_is_found_for_other_letters(fonts_are, tmp_path):
    fonts_are(tmp_path)
    own = ImageFont.load_default(20).getname()
    # Without any font letters are missing, which are seen as boxes.
    assert _fonts.find_font("слово", 20).getname() == own
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    fonts_are(tmp_path)
    assert _fonts.find_font("слово", 20).getname() == own


def test_a_font_of_the_machine_has_greek_letters():
    if not any("dejavusans" in name for name, _ in _fonts.font_files()):
        pytest.skip("no font here of which the letters are known")
    font = _fonts.find_font("φῶς слово", 20)
    assert font.getname() != ImageFont.load_default(20).getname()
    missing = font.getmask("\uffff")
    assert all(bytes(font.getmask(letter)) != bytes(missing) for letter in "φςслово")


# Message


@pytest.mark.parametrize(
    ("draw", "keywords", "kind", "message"),
    [
        (draw_boxes, {"boxes": [[1, 2, 3]]}, InputValueError, r"^boxes: expected shape \(N, 4\), got \(1, 3\)"),
        (draw_boxes, {"boxes": BOX, "classes": [1, 2]}, InputValueError, r"^classes: expected 1, one for each object, got 2"),
        (draw_boxes, {"boxes": BOX, "colors": ["red", "blue"]}, InputValueError, r"^colors: expected 1 colors, one for each"),
        (draw_boxes, {"boxes": BOX, "colors": {"a": "red"}}, InputValueError, r"^colors: expected classes= beside the colors"),
        (draw_boxes, {"boxes": BOX, "colors": "rouge"}, InputValueError, r"^colors: expected a CSS color name or a hex code"),
        (draw_boxes, {"boxes": BOX, "thickness": 0}, InputValueError, r"^thickness: expected 1 or more, got 0"),
        (draw_masks, {"masks": MASK[0]}, InputValueError, r"^masks: expected shape \(N, 60, 80\), got \(60, 80\); for one"),
        (draw_masks, {"masks": [MASK[0]]}, InputTypeError, r"^masks: expected an array or a tensor \(N, H, W\), got list"),
        (draw_masks, {"masks": MASK, "opacity": 2}, InputValueError, r"^opacity: expected a number from 0 to 1, got 2"),
        (draw_keypoints, {"keypoints": [[1, 2]], "edges": [(0, 1)]}, InputValueError, r"^edges: expected pairs of points fr"),
        (draw_text, {"text": 5}, InputTypeError, r"^text: expected a text, got 5; pass str"),
        (draw_text, {"text": "a", "size": 0}, InputValueError, r"^size: expected a number from 1 to 10000, got 0"),
    ],
)  # fmt: skip
def test_what_is_refused(draw, keywords, kind, message):
    with pytest.raises(kind, match=message):
        draw(PHOTO, **keywords)


@each
def test_batches_are_drawn_on_one_by_one(draw, keywords):
    with pytest.raises(
        InputValueError, match=r"image: expected one picture, got a batch of shape \(2,\); draw on each"
    ):
        draw(np.zeros((2, 60, 80, 3), np.uint8), **keywords)
