"""The cards of documents, samples and recipes in notebooks: what they show, what they say where nothing can be drawn, and
that the style sheets of notebooks leave them whole.
"""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image

import aikit
from aikit import Limits, Recipe, Sample
from aikit.files import from_data_url
from aikit.show import describe
from html_card import card_of
from pictures import codes

RECIPE = "crop box=[0,0,100,80]; resize width=50; flatten background=white; to=webp quality=80"
DRAWING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><title>A &lt;b&gt; flag</title>'
    b'<rect width="20" height="20" fill="#ff0000"/><rect x="20" width="20" height="10" fill="#0000ff"/></svg>'
)


def drawn(card):
    return aikit.read_numpy(from_data_url(card.images[0]["src"]))


def document():
    doc = aikit.new_psd(height=60, width=80)
    doc.add(np.full((60, 40, 3), (0, 200, 0), np.uint8), name="Left <half>")
    inner = doc.add(np.full((10, 10, 3), (200, 0, 0), np.uint8), name="Spot", left=60, top=20, opacity=0.5)
    doc.add_group("Group", layers=[inner])
    return doc


def test_a_drawing_has_its_picture_and_says_what_it_holds():
    card = card_of(aikit.open_svg(DRAWING))
    picture = drawn(card)
    assert picture.shape == (120, 240, 3)
    assert picture[60, 60].tolist() == [255, 0, 0]
    assert picture[30, 180].tolist() == [0, 0, 255]
    assert len(np.unique(picture[70:, 130:].reshape(-1, 3), axis=0)) > 1, "a checkerboard where nothing is drawn"
    assert "A <b> flag" in card.text
    assert "20x40 px (height x width)" in card.text


def test_a_drawing_that_is_refused_says_why():
    card = card_of(aikit.open_svg(DRAWING, limits=Limits(max_output_pixels=100)))
    assert card.images == []
    assert "No picture" in card.labels
    assert "max_output_pixels" in card.text


def test_a_layered_document_shows_its_picture_and_its_layers_topmost_first():
    card = card_of(document())
    picture = drawn(card)
    assert picture.shape == (60, 80, 3)
    assert picture[30, 10].tolist() == [0, 200, 0]
    assert re.sub(r"\s+", "", card.text).endswith(
        "layerkindopacityblendmodeGroupgroup100%pass_throughSpotpixel50%normalLeft<half>pixel100%normal"
    )


def test_many_layers_are_counted():
    doc = aikit.new_psd(height=4, width=4)
    for number in range(30):
        doc.add(codes(2, 2, 3), name=f"n{number}")
    text = card_of(doc).text
    assert "n29" in text
    assert "n6" in text
    assert "n5pixel" not in text
    assert "and 6 more" in text


def test_a_sample_shows_what_is_known_of_it_where_it_is():
    photo = np.full((640, 1280, 3), 90, np.uint8)
    masks = np.zeros((1, 640, 1280), bool)
    masks[0, 400:600, 100:300] = True
    sample = Sample(
        photo, boxes=[[800, 100, 1200, 500]], classes=["<cat>"], masks=masks, keypoints=[[[1000, 300], [400, 100]]]
    )
    card = card_of(sample)
    picture = drawn(card).astype(int)
    assert picture.shape == (160, 320, 3)
    changed = np.abs(picture - 90).max(-1) > 20
    assert changed[110:140, 40:60].all(), "the mask"
    assert changed[25:125, 200:202].any(1).all(), "the left edge of the box"
    assert not changed[60:70, 210:240].any(), "inside the box"
    assert changed[75, 250], "a point"
    assert changed[25, 100], "the other point"
    assert not changed[150:, 150:].any()
    assert "<cat>" in card.text
    assert "640x1280" in card.text


@pytest.mark.parametrize("form", [np.asarray, lambda labels: torch.tensor(labels)[None], Image.fromarray])
@pytest.mark.parametrize("kind", ["numpy", "pil", "tensor"])
def test_samples_of_every_kind_and_label_maps(kind, form):
    labels = np.zeros((32, 48), np.int32)
    labels[:16] = 7
    labels[:, 40:] = 255
    sample = Sample(
        aikit.convert.as_kind(codes(32, 48, 3), kind), label_map=form(labels), boxes=np.zeros((0, 4)), classes=[]
    )
    card = card_of(sample)
    changed = (drawn(card) != codes(32, 48, 3)).any(-1)
    assert changed[:16, :40].mean() > 0.9
    assert not changed[17:].any()
    assert not changed[:, 41:].any()
    assert "0, 7, 255" in card.text


def test_a_recipe_shows_its_steps_and_the_line_that_makes_it():
    recipe = Recipe.parse(RECIPE)
    card = card_of(recipe)
    assert str(recipe) in card.text
    assert "Cut a part out of an image." in card.text
    assert "background=white" in card.text
    assert "to=webp quality=80" in card.text
    assert "Recipe of 0 steps" in card_of(Recipe()).text


def test_a_mesh_shows_its_picture_and_what_it_holds():
    corners = np.array([[-1.0, -1, 0], [1, -1, 0], [0, 1, 0]])
    mesh = aikit.new_mesh(corners, [[0, 1, 2]], uv=corners[:, :2], texture=np.full((4, 6, 3), (250, 0, 0), np.uint8))
    card = card_of(mesh)
    picture = drawn(card).astype(int)
    assert picture.shape == (240, 240, 3)
    assert picture[130, 120, 0] > picture[130, 120, 1] + 60
    assert "Mesh of 1 triangle" in card.text
    assert "2 x 2 x 0 (x, y, z)" in card.text
    assert "4x6" in card.text


# Notebooks' own style sheets

MEASURE = """<script>
const out = [...document.querySelectorAll('.aikit-card')].map(card => ({
  width: card.getBoundingClientRect().width,
  terms: [...card.querySelectorAll('dl')].flatMap(list => [...list.children]).map(each => ({
    name: each.tagName, text: each.textContent, left: each.getBoundingClientRect().left,
    top: each.getBoundingClientRect().top, height: each.getBoundingClientRect().height,
    weight: getComputedStyle(each).fontWeight})),
  striped: [...card.querySelectorAll('tr')].some(row => getComputedStyle(row).backgroundColor != 'rgba(0, 0, 0, 0)'),
}));
const found = document.createElement('pre'); found.id = 'measured'; found.textContent = JSON.stringify(out);
document.body.appendChild(found);
</script>"""

# What JupyterLab 4, Notebook 6 and VS Code say of lists and tables in outputs, as far as it concerns a card.
RULES = {
    "jupyterlab": (
        ".jp-OutputArea-output dl,.jp-OutputArea-output dt,.jp-OutputArea-output dd{display:block}"
        ".jp-OutputArea-output dl{width:100%;overflow:hidden;padding:0;margin:0}"
        ".jp-OutputArea-output dt{font-weight:bold;float:left;width:20%;padding:0;margin:0}"
        ".jp-OutputArea-output dd{float:left;width:80%;padding:0;margin:0}"
        ".jp-RenderedHTMLCommon tbody tr:nth-child(odd){background:#eee}"
        ".jp-RenderedHTMLCommon td,.jp-RenderedHTMLCommon th{padding:.5em;max-width:none;text-align:right}"
    ),
    "notebook": (
        ".rendered_html dl{margin:1em 2em}.rendered_html dt{font-weight:bold;display:block;float:left}"
        ".rendered_html tbody tr:nth-child(odd){background:#f5f5f5}.rendered_html th{font-weight:bold}"
    ),
    "vscode": ".output dt{font-weight:bold}.output dd{margin-left:40px}.output table{width:100%}.output tr{background:#222}",
}


def measured(page, folder):
    """What stands where on a page, by Chromium."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium here: apt install chromium")
    path = folder / "page.html"
    path.write_text(page.replace("</body>", MEASURE + "</body>"), "utf-8")
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--window-size=900,1200",
        "--dump-dom",
        path.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="measured">(.*?)</pre>', done.stdout, re.DOTALL)
    return json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def check_layout(cards):
    """Every name stands left of its text, on its line, and no line is broken into letters."""
    for card in cards:
        assert card["width"] > 600
        assert not card["striped"]
        for name, text in zip(card["terms"][::2], card["terms"][1::2], strict=True):
            assert (name["name"], text["name"]) == ("DT", "DD")
            assert abs(name["top"] - text["top"]) < 3
            assert name["left"] + 20 < text["left"] < name["left"] + 200
            assert max(name["height"], text["height"]) < 45, name["text"]
            assert name["weight"] == "400"


def values():
    return [
        describe(codes(40, 60, 4)), aikit.open_svg(DRAWING), document(), Recipe.parse(RECIPE),
        Sample(codes(40, 60, 3), boxes=[[1, 2, 30, 30]]), aikit.new_mesh(np.eye(3), [[0, 1, 2]]),
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("host", RULES)
@pytest.mark.parametrize("where", ["before", "after"])
def test_cards_stand_as_they_are_meant_to_under_the_rules_of_notebooks(host, where, tmp_path):
    style = f"<style>{RULES[host]}</style>"
    cards = "<p></p>".join(each._repr_html_() for each in values())
    frame = f'<div class="jp-OutputArea-output jp-RenderedHTMLCommon rendered_html output">{cards}</div>'
    body = f"{style}{frame}" if where == "before" else f"{frame}{style}"
    check_layout(measured(f'<!doctype html><meta charset="utf-8"><body>{body}</body>', tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("template", ["lab", "classic"])
def test_cards_stand_in_what_nbconvert_writes(template, tmp_path):
    nbconvert = pytest.importorskip("nbconvert")
    nbformat = pytest.importorskip("nbformat")
    outputs = [
        nbformat.v4.new_output("execute_result", {"text/html": each._repr_html_(), "text/plain": repr(each)})
        for each in values()
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[each]) for each in outputs])
    page, _ = nbconvert.HTMLExporter(template_name=template).from_notebook_node(notebook)
    cards = measured(page, tmp_path)
    assert len(cards) == 6
    check_layout(cards)


def test_the_picture_of_a_card_needs_nothing_from_outside():
    for each in values():
        html = each._repr_html_()
        assert not re.findall(r"(?:src|href)=\"(?!data:)|url\(", html)
        assert "<script" not in html


def test_pictures_are_small_however_large_the_document():
    doc = aikit.new_psd(height=1000, width=3000)
    doc.add(codes(1000, 3000, 3), name="all")
    assert drawn(card_of(doc)).shape == (80, 240, 3)
    assert drawn(card_of(Sample(Image.fromarray(codes(1000, 3000, 3))))).shape == (107, 320, 3)
