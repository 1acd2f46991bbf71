"""The pages in a real browser, in an environment that has Gradio: test_ui_environment.py makes one and runs this file there."""

import contextlib
import importlib.util
import os
import re
import subprocess
import sys
import time
import zlib
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

import aikit
from aikit import Limits, Recipe
from servers import free_port, program, wait_for

pytestmark = pytest.mark.slow
for package in ("gradio", "playwright", "streamlit"):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not here: test_ui_environment.py runs these tests", allow_module_level=True)

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
# Axe-core, where npm has put it; a person looks at what it finds.
AXE = Path(os.environ.get("AXE", "")) if os.environ.get("AXE") else None
WIDE, NARROW = {"width": 1400, "height": 1000}, {"width": 390, "height": 844}

# Tells of every address but this machine's own that any thread of the program asks for.
WATCHED = """
import ipaddress, json, sys

def heard(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0"):
        with open(sys.argv[1], "a") as file:
            file.write(f"{event} {host}\\n")

sys.addaudithook(heard)
from aikit.cli import main
if sys.argv[2] != "-":
    from aikit.ui import layout
    layout._LOOK, layout._KEEP = json.loads(sys.argv[2])
sys.exit(main(sys.argv[3:]))
"""


def strip_picture(height, width, channels=3, dtype="uint8"):
    """Smooth enough to be compressed, with every row, column and channel different."""
    top = np.iinfo(dtype).max
    y, x, c = np.ogrid[:height, :width, :channels]
    return ((y * 7 + x * 3 + c * 50) * (top // 255) % top).astype(dtype)


def bomb():
    """144 megapixels in 140 kB, every byte of it sound."""

    def chunk(name, body):
        return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")

    side, packer = 12_000, zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(side + 1)) for _ in range(side)) + packer.flush()
    head = side.to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def answers(url):
    try:
        return not httpx.get(url, timeout=5, trust_env=False).is_error
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def running(folder, *options, times="-", fails=False):
    """`aikit ui` at an address, what it asked of other machines, the folder of its files, and its process.

    `fails` is whether requests are to come that it has to refuse loudly.
    """
    folder.mkdir(exist_ok=True)
    port, heard, files = free_port(), folder / "heard", folder / "files"
    files.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(SRC), "GRADIO_TEMP_DIR": str(files)}
    command = [sys.executable, "-c", WATCHED, str(heard), times, "ui", "--port", str(port), *options]
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: answers(url), process, 60)
            yield url, heard, files, process
        finally:
            process.terminate()
            process.wait(20)
    log = (folder / "log").read_text()
    assert fails or "Traceback" not in log, log[-3000:]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("ui"), "--models", str(ROOT / "examples" / "web_models.py")) as found:
        yield found


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    path = program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(chromium, url, size=WIDE, scheme="light"):
    """A page, whose every request goes to this machine, and no script of which fails."""
    from playwright.sync_api import expect

    expect.set_options(timeout=int(os.environ.get("PATIENCE", "30000")))
    context = chromium.new_context(viewport=size, color_scheme=scheme, accept_downloads=True)
    page, asked, wrong = context.new_page(), [], []
    page.set_default_timeout(int(os.environ.get("PATIENCE", "30000")))
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    try:
        page.goto(url)
        page.get_by_role("heading", level=1).wait_for()
        yield page
    finally:
        context.close()
    assert not wrong
    assert {httpx.URL(each).host for each in asked if each.startswith("http")} <= {"127.0.0.1", "localhost"}
    assert any(each.startswith(url) for each in asked)


@pytest.fixture
def page(chromium, server):
    with opened(chromium, server[0]) as page:
        yield page


def choose(page, path, place="Picture"):
    """Upload a file, as by the dialog behind the place of that name."""
    panel = page.locator("[role=tabpanel]:visible").first
    if place == "button":
        with page.expect_file_chooser() as dialog:
            panel.get_by_role("button", name="TIFF, HEIC, JPEG XL and others").first.click()
        dialog.value.set_files(path)
    else:
        panel.locator("input[type=file]").first.set_input_files(path)


def field(page, label):
    """The widget of that label, of all that are seen the last one."""
    named = page.get_by_test_id("block-info").get_by_text(label, exact=True)
    return page.locator(".block").filter(has=named).locator("visible=true").last.locator("input, textarea").first


def add_step(page, name):
    page.get_by_label("Operation").first.click()
    page.get_by_role("option", name=name, exact=True).click()
    page.get_by_role("button", name="Add step").click()
    page.get_by_role("checkbox", name=re.compile(rf"\d+\. {name}$")).last.wait_for()


def shown_after(page, text):
    """Wait for a result whose title has this in it."""
    page.locator(".aikit-compare, .aikit-pair").get_by_text(re.compile(rf"After: .*{re.escape(text)}")).wait_for()


def line_of(page):
    return page.get_by_label("The recipe on one line").input_value()


def wait_for_line(page, line):
    from playwright.sync_api import expect

    expect(page.get_by_label("The recipe on one line")).to_have_value(line)


def download(page, name="Download "):
    with page.expect_download() as found:
        page.get_by_role("tabpanel").locator("visible=true").get_by_role("button", name=re.compile(name)).or_(
            page.get_by_role("link", name=re.compile(name))
        ).first.click()
    return Path(found.value.path()).read_bytes(), found.value.suggested_filename


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "my photo.png"
    aikit.write(strip_picture(60, 80, 4), path)
    return path


# ---------------------------------------------------------------- pictures


def test_a_picture_goes_in_and_out_exactly(page, photo):
    choose(page, photo)
    add_step(page, "resize")
    shown_after(page, "512 x 384")
    assert line_of(page) == "resize width=512; to=png"
    data, name = download(page)
    assert name == "my photo-result.png"
    assert data == Recipe.parse("resize width=512; to=png").bytes(photo)


def picture_files():
    gray16 = np.arange(60 * 80, dtype=np.uint16).reshape(60, 80) * 13
    rgb = Image.fromarray(strip_picture(60, 80))
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "rgba.png": strip_picture(60, 80, 4),
        "gray alpha.png": strip_picture(60, 80, 2),
        "gray16.png": gray16,
        "color16.png": strip_picture(60, 80, 3, "uint16"),
        "palette.png": rgb.quantize(30),
        "palette.gif": rgb.quantize(30),
        "cmyk.jpg": rgb.convert("CMYK"),
        "turned.jpg": (rgb, {"exif": exif.tobytes()}),
        "deep.tif": strip_picture(60, 80, 3, "uint16"),
        "float.tif": strip_picture(60, 80, 1).astype(np.float32)[..., 0] / 255,
    }


@pytest.mark.parametrize("name", picture_files())
def test_every_kind_of_picture_comes_out_as_the_readers_read_it(page, tmp_path, name):
    path, picture = tmp_path / name, picture_files()[name]
    if isinstance(picture, tuple):
        picture[0].save(path, **picture[1])
    elif isinstance(picture, Image.Image):
        picture.save(path)
    else:
        aikit.write(picture, path)
    to = "tiff" if path.suffix == ".tif" else "png"
    choose(page, path, "button" if to == "tiff" else "Picture")
    page.locator(".aikit-compare, .aikit-pair").first.wait_for()
    if to == "tiff":
        page.get_by_role("button", name="How it is read and written").click()
        field(page, "to").click()
        page.get_by_role("option", name="tiff", exact=True).click()
        wait_for_line(page, "to=tiff")
    shown_after(page, to.upper())
    data, _ = download(page)
    assert data == Recipe([], to=to).bytes(path)
    # What stands in the file is what the reader gives, in every kind.
    expected = aikit.read_numpy(path, limits=Limits(), isolate=True)
    np.testing.assert_array_equal(aikit.read_numpy(data), expected)


def test_steps_are_moved_switched_off_and_removed(page, photo):
    choose(page, photo)
    for name in ("flip", "rot90", "blur"):
        add_step(page, name)
    wait_for_line(page, "flip; rot90; blur sigma=4.0; to=png")
    page.get_by_role("button", name="Up", exact=True).nth(2).click()
    wait_for_line(page, "flip; blur sigma=4.0; rot90; to=png")
    page.get_by_role("button", name="Down", exact=True).first.click()
    wait_for_line(page, "blur sigma=4.0; flip; rot90; to=png")
    page.get_by_role("checkbox", name="2. flip").uncheck()
    wait_for_line(page, "blur sigma=4.0; rot90; to=png")
    page.get_by_role("checkbox", name="2. flip").check()
    page.get_by_role("button", name="Remove", exact=True).first.click()
    wait_for_line(page, "flip; rot90; to=png")
    shown_after(page, "60 x 80")
    data, _ = download(page)
    assert data == Recipe.parse("flip; rot90; to=png").bytes(photo)


def test_widgets_say_what_is_in_them(page, photo):
    choose(page, photo)
    add_step(page, "crop")
    field(page, "width (pixels)").fill("40")
    field(page, "height (pixels)").fill("30")
    field(page, "left (pixels)").fill("-5")
    field(page, "top (pixels)").fill("3")
    field(page, "fill").fill("#ff880080")
    wait_for_line(page, "crop left=-5 top=3 width=40 height=30 fill=#ff880080; to=png")
    add_step(page, "sharpen")
    page.get_by_role("spinbutton", name=re.compile("strength")).fill("2.5")
    page.get_by_role("checkbox", name="overshoot").check()
    wait_for_line(
        page, "crop left=-5 top=3 width=40 height=30 fill=#ff880080; sharpen strength=2.5 overshoot=true; to=png"
    )
    shown_after(page, "40 x 30")
    assert download(page)[0] == Recipe.parse(line_of(page)).bytes(photo)


def test_a_slider_is_moved_by_the_keyboard(page, photo):
    choose(page, photo)
    add_step(page, "sharpen")
    slider = page.get_by_role("slider", name=re.compile("strength"))
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
    wait_for_line(page, "sharpen strength=1.3; to=png")


def test_a_color_is_picked(page, photo):
    choose(page, photo)
    add_step(page, "flatten")
    page.get_by_role("button", name="pick background").click()
    box = page.locator(".color-gradient").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 1, box["y"] + 1)
    text = field(page, "background")
    page.wait_for_function("each => /^#f[0-9a-f]0/.test(each.value)", arg=text.element_handle())
    wait_for_line(page, f"flatten background={text.input_value()}; to=png")
    shown_after(page, "RGB, 8 bit, 80 x 60")
    assert download(page)[0] == Recipe.parse(line_of(page)).bytes(photo)


def test_a_line_is_read_back(page, photo):
    choose(page, photo)
    shown_after(page, "80 x 60")
    line = "fit height=20 width=30 how=cover; blur sigma=0.5; to=webp quality=70"
    box = page.get_by_label("The recipe on one line")
    box.fill(line)
    box.press("Enter")
    page.get_by_role("checkbox", name="2. blur").wait_for()
    shown_after(page, "WEBP")
    assert line_of(page) == line
    assert download(page)[0] == Recipe.parse(line).bytes(photo)
    page.get_by_role("checkbox", name="2. blur").uncheck()
    wait_for_line(page, "fit height=20 width=30 how=cover; to=webp quality=70")


def test_what_is_wrong_is_said_and_mended(page, photo):
    choose(page, photo)
    add_step(page, "crop")
    field(page, "box").fill("[1, 2")
    page.get_by_role("alert").get_by_text("crop: recipe: expected a value in JSON or a word").wait_for()
    field(page, "box").fill("")
    field(page, "width (pixels)").fill("0")
    page.get_by_role("alert").get_by_text("crop.width: expected a whole number of 1 or more").wait_for()
    field(page, "width (pixels)").fill("10")
    shown_after(page, "10 x 256")
    assert page.get_by_role("alert").count() == 0


def test_the_code_follows(page, photo):
    choose(page, photo)
    add_step(page, "flip")
    for tab, words in (
        ("Python", 'aikit.Recipe([("flip", {})], to="png")'),
        ("Shell", "aikit run 'flip; to=png' 'my photo.png'"),
        ("URL", "/v1/images?recipe=flip%3B%20to%3Dpng"),
        ("TOML", 'name = "flip"'),
    ):
        page.get_by_role("tab", name=tab, exact=True).click()
        page.locator(".cm-content:visible").get_by_text(words).wait_for()


def test_every_format_is_there_or_says_why(page, photo):
    choose(page, photo)
    page.locator(".aikit-compare").wait_for()
    page.get_by_role("button", name="In every format").click()
    page.get_by_role("button", name="Write it in every format").click()
    page.get_by_text("files written.").wait_for()
    assert "add the step flatten, or choose PNG or WebP" in page.locator(".aikit-table").inner_text()
    with page.expect_download() as found:
        page.locator("a[download$='.webp']").click()
    assert Path(found.value.path()).read_bytes() == Recipe([], to="webp").bytes(photo)


def test_several_pictures_and_one_that_is_none(page, photo, tmp_path):
    (tmp_path / "broken.png").write_bytes(photo.read_bytes()[:-30])
    aikit.write(strip_picture(9, 30), tmp_path / "small.png")
    add_step(page, "flip")
    page.get_by_role("button", name="Several pictures").click()
    files = [str(photo), str(tmp_path / "broken.png"), str(tmp_path / "small.png")]
    page.locator("input[type=file][multiple]").set_input_files(files)
    page.locator("[download='broken.png']").wait_for()
    page.get_by_role("button", name="Take all of them").click()
    page.get_by_text("2 of 3 files written.").wait_for()
    assert "broken.png" in page.locator(".aikit-table").inner_text()
    with page.expect_download() as found:
        page.locator("a[download='small-result.png']").click()
    assert Path(found.value.path()).read_bytes() == Recipe.parse("flip; to=png").bytes(tmp_path / "small.png")


def test_the_difference_to_another_picture(page, photo, tmp_path):
    aikit.write(255 - strip_picture(60, 80, 4), tmp_path / "other.png")
    choose(page, photo)
    shown_after(page, "80 x 60")
    page.get_by_role("button", name="Difference to another picture").click()
    page.locator("input[type=file]:not([multiple])").nth(2).set_input_files(tmp_path / "other.png")
    alt = page.locator(".aikit-sheet").get_attribute("alt")
    assert "PSNR" in alt


def test_what_is_in_it_is_described(page, photo):
    choose(page, photo)
    page.get_by_role("button", name="What is in it").click()
    page.locator(".aikit-card").get_by_text("RGBA").first.wait_for()


def test_before_and_after_are_compared_by_mouse_and_keyboard(page, photo):
    choose(page, photo)
    add_step(page, "rgb_to_gray")
    shown_after(page, "gray")
    slider = page.get_by_role("slider", name="Where before ends and after begins")
    slider.focus()
    for _ in range(10):
        slider.press("ArrowLeft")
    assert page.locator(".aikit-compare").evaluate("each => each.style.getPropertyValue('--at')") == "40%"


def test_a_picture_that_goes_takes_its_result_along(page, photo):
    choose(page, photo)
    shown_after(page, "80 x 60")
    page.get_by_role("button", name=re.compile("clear|remove", re.IGNORECASE)).first.click()
    page.get_by_text("Choose a picture, then add steps.").wait_for()
    assert page.locator(".aikit-compare, .aikit-pair").count() == 0
    assert page.get_by_role("button", name="Download the result").is_disabled()


# ---------------------------------------------------------------- documents and models


def test_an_svg_is_drawn_and_what_is_taken_out_is_said(page, tmp_path):
    path = tmp_path / "icon.svg"
    path.write_bytes(
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 2"><script>alert(1)</script>'
        b'<rect width="2" height="2" fill="#123456"/></svg>'
    )
    page.get_by_role("tab", name="SVG").click()
    choose(page, path)
    page.get_by_text("<script>").wait_for()
    field(page, "width").fill("40")
    page.get_by_text("40 x 20").wait_for()
    data, name = download(page, r"Download icon\.png")
    assert (name, data) == ("icon.png", aikit.encode(aikit.render_svg(path, width=40), "png"))
    data, name = download(page, "Download icon-sanitized")
    assert (name, data) == ("icon-sanitized.svg", aikit.svg.sanitize_svg(path))


def test_layers_of_a_psd_are_switched_on_and_off(page, tmp_path):
    document = aikit.new_psd(height=20, width=30)
    document.add(strip_picture(20, 30), name="below")
    document.add(strip_picture(20, 30)[::-1].copy(), name="above")
    document.write(tmp_path / "page.psd")
    page.get_by_role("tab", name="PSD").click()
    choose(page, tmp_path / "page.psd")
    layers = page.get_by_role("checkbox").locator("visible=true")
    page.get_by_text("30 x 20, RGB, 8 bits, 2 layers").wait_for()
    page.get_by_role("button", name=re.compile(r"Download page\.png")).wait_for()
    assert layers.count() == 2
    with page.expect_response(re.compile("queue/data")):
        page.get_by_role("checkbox", name=re.compile("above")).uncheck()
    document["above"].visible = False
    expected = aikit.encode(document.render(), "png")
    for _ in range(100):
        data, _ = download(page, r"Download page\.png")
        if data == expected:
            break
        page.wait_for_timeout(100)
    assert data == expected
    changed = aikit.open_psd(download(page, "Download page-changed")[0])
    assert [each.visible for each in changed.layers] == [True, False]


def test_a_mesh_is_seen_from_all_sides(page, tmp_path):
    corners = [(x, y, z) for x in (0, 1) for y in (0, 2) for z in (0, 3)]
    faces = [
        (0, 1, 3),
        (0, 3, 2),
        (4, 6, 7),
        (4, 7, 5),
        (0, 4, 5),
        (0, 5, 1),
        (2, 3, 7),
        (2, 7, 6),
        (0, 2, 6),
        (0, 6, 4),
    ]
    mesh = aikit.mesh.new_mesh(corners, faces, colors=[(x, y / 2, z / 3) for x, y, z in corners])
    mesh.write(tmp_path / "box.glb")
    page.get_by_role("tab", name="Meshes").click()
    choose(page, tmp_path / "box.glb")
    page.get_by_text("512 x 512").wait_for()
    assert "10 of" in page.locator(".aikit-table").inner_text()
    for name, value in (("width", "100"), ("height", "80"), ("yaw", "-60"), ("pitch", "45")):
        page.get_by_role("spinbutton", name=re.compile(f"for {name}$")).locator("visible=true").fill(value)
    page.get_by_text("100 x 80").wait_for()
    expected = aikit.encode(mesh.render(width=100, height=80, yaw=-60, pitch=45), "png")
    for _ in range(100):
        data, _ = download(page, r"Download box\.png")
        if data == expected:
            break
        page.wait_for_timeout(100)
    assert data == expected


def test_models_answer_with_pictures_and_json(page, photo):
    page.get_by_role("tab", name="Models").click()
    page.get_by_role("tab", name="words").click()
    page.get_by_label("text").locator("visible=true").fill("to be or not to be")
    page.get_by_role("button", name="Ask").locator("visible=true").click()
    page.get_by_text("different").first.wait_for()
    page.get_by_role("tab", name="twice").click()
    page.locator("[role=tabpanel]:visible").last.locator("input[type=file]").first.set_input_files(photo)
    page.locator("[role=tabpanel] img").locator("visible=true").first.wait_for()
    page.get_by_role("button", name="Ask").locator("visible=true").click()
    page.get_by_text("160 x 120").wait_for()
    data, _ = download(page, r"Download twice\.png")
    np.testing.assert_array_equal(
        aikit.read_numpy(data), aikit.to_numpy(aikit.upsample(aikit.read_pil(photo), 2, sharpen=0.5))
    )


def test_a_model_is_a_page_in_ten_lines(chromium, tmp_path):
    from aikit.ui import launch, page as make_page

    module = aikit.plugins.load_file(ROOT / "examples" / "gradio_model.py")
    path = tmp_path / "a.png"
    picture = np.full((30, 40, 3), 255, np.uint8)
    picture[5:25, 10:30] = strip_picture(20, 20) // 2
    aikit.write(picture, path)
    blocks = make_page(module.cut_out)
    try:
        url = launch(blocks, port=free_port(), wait=False)
        with opened(chromium, url.rstrip("/")) as page:
            page.get_by_text("A picture without its white background and its margins.").wait_for()
            page.locator("input[type=file]").first.set_input_files(path)
            page.locator("img").locator("visible=true").first.wait_for()
            page.get_by_role("button", name="Ask").click()
            page.get_by_text("RGBA, 8 bit, 20 x 20").wait_for()
    finally:
        blocks.close(verbose=False)


def test_an_answer_that_does_not_come_says_why(page):
    page.get_by_role("tab", name="Models").click()
    page.get_by_role("tab", name="twice").click()
    page.get_by_role("button", name="Ask").locator("visible=true").click()
    page.get_by_role("alert").get_by_text("picture: expected one, got none; choose one.").wait_for()


def test_what_is_no_model_is_refused():
    with pytest.raises(aikit.InputValueError, match="function: expected a model of the service, got <function"):
        aikit.ui.page(strip_picture)


# ---------------------------------------------------------------- what is never done


def test_a_bomb_is_refused_as_by_the_readers(page, server, tmp_path):
    import psutil

    path = tmp_path / "bomb.png"
    path.write_bytes(bomb())
    with pytest.raises(aikit.LimitError, match="at most 50000000 pixels, got 144000000") as expected:
        aikit.read_pil(path, limits=Limits(), isolate=True)
    process = psutil.Process(server[3].pid)
    before = process.memory_info().rss
    choose(page, path)
    said = page.get_by_role("alert").inner_text()
    assert expected.value.got in said
    assert "take a smaller one" in said
    assert process.memory_info().rss - before < 50_000_000  # 144 of the pixels alone


def test_a_planted_file_is_not_to_be_had(tmp_path):
    models = ["--models", str(ROOT / "examples" / "web_models.py")]
    with running(tmp_path / "ui", *models, fails=True) as (url, heard, files, _):
        planted = [tmp_path / "secret.png", files / "secret.png", ROOT / "README.md"]
        for path in planted[:2]:
            aikit.write(strip_picture(9, 9), path)
        assert_not_served(url, planted, files)
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            assert_not_read(client, planted[0])
        assert not heard.exists(), heard.read_text()


def assert_not_served(url, planted, files):
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        for path in planted:
            for name in (str(path), f"/..{path}", f"{files}/../{path.name}"):
                assert client.get(f"/gradio_api/file={name}").status_code in (403, 404)


def upload_events(client):
    """The numbers of what happens when a picture is chosen, and how many values each is sent."""
    config = client.get("/config").json()
    kinds = {each["id"]: each["type"] for each in config["components"]}
    return [
        (each["id"], len(each["inputs"]))
        for each in config["dependencies"]
        if each["inputs"] and kinds.get(each["inputs"][0]) in ("image", "uploadbutton", "file")
    ]


def ask(client, number, data, session):
    """What a page is told when it sends this."""
    sent = {"data": data, "fn_index": number, "session_hash": session, "trigger_id": None, "event_data": None}
    answer = client.post("/gradio_api/queue/join", json=sent)
    if answer.is_error:
        return answer.text
    with client.stream("GET", f"/gradio_api/queue/data?session_hash={session}") as stream:
        return "".join(stream.iter_lines())


def assert_not_read(client, path):
    """No event takes the name of a file that was not uploaded, nor an address."""
    events = upload_events(client)
    assert events
    for number, count in events:
        for name in (str(path), "https://example.com/a.png", "http://169.254.169.254/a.png"):
            file = {"path": name, "url": None, "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
            told = ask(client, number, [file] + [None] * (count - 1), f"s{number}")
            assert '"success":false' in told or '"success": false' in told, told
            assert "9 x 9" not in told


@pytest.mark.parametrize(
    "address", ["file=https://example.com/a.png", "file=http://example.com", "proxy=https://example.com/a"]
)
def test_nothing_is_fetched_for_a_visitor(server, address):
    url, heard, _, _ = server
    assert httpx.get(f"{url}/gradio_api/{address}", trust_env=False).status_code == 403
    assert not heard.exists(), heard.read_text()


def test_files_go_after_an_hour(chromium, tmp_path, photo):
    from aikit.ui import build

    assert build().delete_cache == (600, 3600)
    with running(tmp_path / "short", times="[1, 4]") as (url, _, files, _), opened(chromium, url) as page:
        choose(page, photo)
        shown_after(page, "80 x 60")
        found = [each for each in files.rglob("*") if each.is_file()]
        assert {each.name for each in found} >= {"my photo-result.png"}
        assert len(found) >= 2
        until = time.monotonic() + 30
        while time.monotonic() < until and any(each.is_file() for each in files.rglob("*")):
            time.sleep(0.2)
        assert [each for each in files.rglob("*") if each.is_file()] == []
        assert httpx.get(f"{url}/gradio_api/file={found[0]}", trust_env=False).status_code == 403
        add_step(page, "flip")
        page.get_by_role("alert").get_by_text("expected a file that can be read").or_(
            page.get_by_role("alert")
        ).wait_for()


def test_the_folder_of_files_is_the_visitors_own_and_goes_with_the_page(tmp_path):
    with running(tmp_path / "a") as (_, _, files, process):
        (folder,) = files.iterdir()
        assert folder.stat().st_mode & 0o077 == 0
        process.terminate()
        assert process.wait(20) == 0
        assert list(files.iterdir()) == []


def test_what_is_too_large_is_refused_before_it_is_read(server, tmp_path):
    answer = httpx.post(
        f"{server[0]}/gradio_api/upload", files={"files": ("a.png", bytes(Limits().max_bytes + 1000))}, trust_env=False
    )
    assert answer.status_code == 413


def test_the_program_asks_nothing_of_other_machines(server):
    assert not server[1].exists(), server[1].read_text()


def test_two_pages_at_one_port_is_said(server, capfd):
    port = httpx.URL(server[0]).port
    command = [sys.executable, "-m", "aikit", "ui", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert f"aikit ui: port: expected an address that is free, 127.0.0.1:{port} is not" in done.stderr


# ---------------------------------------------------------------- for everyone


@pytest.mark.skipif(AXE is None, reason="axe-core is not here: npm install axe-core, and name axe.min.js in AXE")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(chromium, server, photo, size, scheme):
    with opened(chromium, server[0], size, scheme) as page:
        choose(page, photo)
        for name in ("resize", "make_transparent"):
            add_step(page, name)
        shown_after(page, "512 x 384")
        for name in ("What is in it", "In every format", "Several pictures", "Difference to", "How it is read"):
            page.get_by_role("button", name=name).first.click()
        page.evaluate(AXE.read_text())
        for tab in ("Pictures", "SVG", "PSD", "Meshes", "Models"):
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(500)
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
            told = [(each["id"], each["impact"], each["nodes"][0]["html"][:200]) for each in found]
            assert not [each for each in told if each[1] in ("serious", "critical")], tab
            assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, (
                tab
            )


def test_fonts_are_those_that_are_there(page):
    fonts = page.evaluate("[...document.fonts].filter(each => each.status != 'unloaded').map(each => each.family)")
    assert fonts == []
    assert page.evaluate("getComputedStyle(document.querySelector('.gradio-container')).fontFamily").startswith(
        "system-ui"
    )


# ---------------------------------------------------------------- the examples of the docstrings


def test_the_examples_of_docstrings_run():
    import doctest

    from aikit.ui import start

    for function in (start.build, start.page, start.launch):
        for test in doctest.DocTestFinder().find(function, function.__name__, globs={}):
            for example in test.examples:
                example.options.pop(doctest.SKIP, None)
            if function is start.launch:
                test.examples = [each for each in test.examples if "launch" not in each.source]
            assert doctest.DocTestRunner().run(test).failed == 0


# ---------------------------------------------------------------- Streamlit


def test_the_streamlit_app_under_its_own_test(photo):
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(ROOT / "examples" / "streamlit_app.py"), default_timeout=60).run()
    assert not app.exception
    app.file_uploader[0].upload(photo.name, photo.read_bytes(), "image/png").run()
    assert not app.error
    assert app.code[0].value == "flip; to=png"
    app.multiselect[0].set_value(["resize"]).run()
    app.text_input(key="resize.width").set_value("20").run()
    assert not app.exception
    assert app.code[0].value == "resize width=20; to=png"
    app.multiselect[0].set_value(["resize", "blur"]).run()
    app.slider(key="blur.sigma").set_value(2.0).run()
    assert not app.exception
    assert app.code[0].value == "resize width=20; blur sigma=2.0; to=png"
    next(each for each in app.selectbox if each.label == "Format").set_value("jpeg").run()
    assert "flatten" in app.error[0].value


def test_the_streamlit_app_shows_a_catalogue(photo, tmp_path, monkeypatch):
    from streamlit.testing.v1 import AppTest

    pytest.importorskip("sqlalchemy")
    path = tmp_path / "pictures.sqlite"
    with aikit.open_catalog(path) as catalog:
        catalog.scan(photo)
        catalog.tag(photo, "mine")
    monkeypatch.setenv("AIKIT_CATALOG", str(path))
    app = AppTest.from_file(str(ROOT / "examples" / "streamlit_app.py"), default_timeout=60).run()
    assert not app.exception
    assert app.dataframe[0].value["path"].tolist() == [str(photo)]
    assert app.caption[-1].value == "1 files, 1 pictures, 0 missing"
    app.text_input(key="catalogue.tag").set_value("yours").run()
    assert app.dataframe[0].value.empty


def test_the_streamlit_app_in_the_browser(chromium, photo, tmp_path):
    port = free_port()
    command = [
        sys.executable, "-m", "streamlit", "run", str(ROOT / "examples" / "streamlit_app.py"), "--server.port", str(port),
        "--server.address", "127.0.0.1", "--server.headless", "true", "--browser.gatherUsageStats", "false",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(SRC), "HOME": str(tmp_path)}
    url = f"http://127.0.0.1:{port}"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: answers(f"{url}/_stcore/health"), process, 60)
            with opened(chromium, url) as page:
                page.locator("input[type=file]").set_input_files(photo)
                page.get_by_text("flip; to=png").wait_for()
                page.wait_for_timeout(1000)
                with page.expect_download() as found:
                    page.get_by_role("button", name="Download").click()
                expected = Recipe.parse("flip; to=png").bytes(photo)
                assert Path(found.value.path()).read_bytes() == expected
        finally:
            process.terminate()
            process.wait(20)
