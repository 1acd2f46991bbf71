"""Pictures and documents inside of SVGs, open documents as sources, and PDFs of several pages."""

import re
import time

import numpy as np
import pytest
import torch
from PIL import Image

import aikit
from aikit import InputTypeError, InputValueError, Limits
from aikit.files import from_data_url
from aikit.svg import new_svg, sanitize_svg, svg_info, svg_to_pdf
from pictures import codes

ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><style>.a{fill:#0a0}</style>'
    b'<clipPath id="c"><rect width="10" height="20"/></clipPath><g clip-path="url(#c)" aria-labelledby="t">'
    b'<title id="t">half</title><rect id="r" class="a" width="20" height="20"/></g><use href="#r" y="15"/></svg>'
)


@pytest.mark.parametrize("kind", ["numpy", "pil", "tensor"])
@pytest.mark.parametrize("channels", [None, 3, 4])
def test_a_picture_is_drawn_pixel_by_pixel(kind, channels):
    picture = codes(20, 30, channels)
    given = (
        torch.from_numpy(picture if channels is None else picture.transpose(2, 0, 1)) if kind == "tensor" else picture
    )
    given = given[None] if kind == "tensor" and channels is None else given
    given = Image.fromarray(picture) if kind == "pil" else given
    drawing = new_svg(width=40, height=40)
    drawing.add_image(given, x=4, y=6)
    drawn = drawing.render(kind="numpy")
    expected = aikit.to_numpy(aikit.to_pil(picture).convert("RGBA"))
    seen = drawn[6:26, 4:34].astype(float)
    np.testing.assert_array_equal(seen[..., 3], expected[..., 3])
    # The renderer's pixels are premultiplied with 8 bits.
    assert abs((seen[..., :3] - expected[..., :3]) * expected[..., 3:] / 255).max() <= 1
    assert drawn[:6].max() == drawn[26:].max() == drawn[:, :4].max() == 0


def test_an_array_as_href_is_embedded_and_not_written_as_numbers():
    picture = codes(5, 7, 3)
    for drawing in (new_svg(width=9, height=9), new_svg(width=9, height=9)):
        image = drawing.add("image", href=torch.from_numpy(picture.transpose(2, 0, 1)), width=7, height=5)
        np.testing.assert_array_equal(aikit.read_numpy(from_data_url(image.attributes["href"])), picture)
    assert drawing.add("polyline", points=[[1, 2], [3, 4]]).attributes["points"] == "1 2 3 4"


def test_sizes_follow_from_one_side_and_formats_are_chosen():
    drawing = new_svg(width=90, height=90)
    picture = codes(20, 40, 3)
    sizes = [
        [image.attributes[side] for side in ("width", "height")]
        for image in (
            drawing.add_image(picture),
            drawing.add_image(picture, width=80),
            drawing.add_image(picture, height=10),
            drawing.add_image(picture, width=5, height=6),
        )
    ]
    assert sizes == [["40", "20"], ["80", "40"], ["20", "10"], ["5", "6"]]
    jpeg = drawing.add_image(picture, format="jpeg", quality=40, index=0)
    assert from_data_url(jpeg.attributes["href"])[:3] == b"\xff\xd8\xff"
    assert drawing.children[0] == jpeg
    bgr = drawing.add_image(picture[..., ::-1], bgr=True)
    np.testing.assert_array_equal(aikit.read_numpy(from_data_url(bgr.attributes["href"])), picture)
    with pytest.raises(InputValueError, match="format: expected one of png, jpeg, webp, got 'tiff'"):
        drawing.add_image(picture, format="tiff")
    with pytest.raises(
        InputTypeError, match="image: expected a PIL image, a NumPy array or a torch tensor, got the path"
    ):
        drawing.add_image("photo.png")


def test_a_document_in_a_document_keeps_its_looks_and_its_ids_apart():
    drawing = new_svg(width=60, height=20)
    drawing.add("rect", id="r", class_="a", x=45, width=15, height=20, fill="#00f")
    first, second = drawing.add_svg(ICON), drawing.add_svg(aikit.open_svg(ICON), x=20)
    assert [each.attributes["id"] for each in first.find_all("clipPath")] == ["c"]
    assert [each.attributes["id"] for each in second.find_all("clipPath")] == ["c-2"]
    assert second.find("use").attributes["href"] == "#r-3"
    assert second.find("g").attributes["clip-path"] == "url(#c-2)"
    assert second.find("g").attributes["aria-labelledby"] == "t-2"
    drawn, alone = drawing.render(kind="numpy"), aikit.render_svg(ICON, kind="numpy")
    np.testing.assert_array_equal(drawn[:, :20], alone)
    np.testing.assert_array_equal(drawn[:, 20:40], alone)
    assert drawn[5, 50].tolist() == [0, 0, 255, 255], "the rules of the icon hold for the icon alone"


def test_a_document_is_scaled_into_its_place():
    drawing = new_svg(width=60, height=60)
    drawing.add_svg(
        b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="10" height="10"/></svg>',
        x=10,
        y=20,
        width=30,
        height=30,
    )
    assert drawing.render().getbbox() == (10, 20, 40, 50)


def test_open_documents_are_sources_as_they_are_now():
    document = aikit.open_svg(ICON)
    document.find("rect", id="r").attributes["width"] = 5
    np.testing.assert_array_equal(aikit.render_svg(document, kind="numpy"), document.render(kind="numpy"))
    assert svg_info(document).bytes == len(document.encode())
    assert b'width="5"' in sanitize_svg(document)
    assert svg_to_pdf(document) == svg_to_pdf(document.encode())
    strict = aikit.open_svg(ICON, limits=Limits(max_output_pixels=10))
    with pytest.raises(aikit.LimitError, match="max_output_pixels"):
        aikit.render_svg(strict)


def pages(pdf):
    """The width and height of each page, in points."""
    return [tuple(map(float, box.split()))[2:] for box in re.findall(rb"/MediaBox \[ ([\d. ]+) \]", pdf)]


def test_a_pdf_has_a_page_for_each():
    tall = new_svg(width=20, height=40)
    pdf = svg_to_pdf([ICON, tall, codes(30, 60, 3), Image.fromarray(codes(8, 4))])
    assert pages(pdf) == [(15, 15), (15, 30), (45, 22.5), (3, 6)]
    assert pages(svg_to_pdf(codes(30, 60, 3))) == [(45, 22.5)]
    assert pages(svg_to_pdf([ICON, ICON], limits=Limits())) == [(15, 15), (15, 15)]
    with pytest.raises(InputValueError, match="source: expected at least one page, got none"):
        svg_to_pdf([])
    with pytest.raises(aikit.FileFormatError, match="expected well-formed XML"):
        svg_to_pdf([ICON, b"nothing"])


def test_the_same_source_is_the_same_pdf_at_any_time():
    before = svg_to_pdf(ICON)
    time.sleep(1.1)
    assert svg_to_pdf(ICON) == before
    assert b"CreationDate" not in before
