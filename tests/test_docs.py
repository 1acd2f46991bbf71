"""The pages: links resolve, Python blocks run, `make` verbs and subcommands exist, and the site builds by itself.

How a block in a page is treated follows from the word after its fence:

- python: run, all blocks of a page in order, in one namespace and in an empty folder that holds the pictures of
  `pictures` below. A block with `<!-- not run: reason -->` on the line above is compiled and not run; a test counts
  these.
- console: what stands behind "$ aikit" is run, and prints the lines below it.
- sh: `aikit` commands are run and succeed; `make` verbs must exist. Others are not run, as they install or need a shell.
- text, right behind a python block: what that block prints.
- anything else, or nothing: text.
"""

import ast
import glob
import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tokenize
from html.parser import HTMLParser
from pathlib import Path

import pytest

import aikit
from pictures import codes

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])

FENCE = re.compile(r"^(?P<indent> *)```(?P<word>\w*)[^\n]*\n(?P<body>.*?)^(?P=indent)```", re.DOTALL | re.MULTILINE)
NOT_RUN = re.compile(r"<!-- not run: (?P<reason>.+) -->\n$")
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)[^)]*\)")

page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())


def blocks(text):
    """Every fenced block as (word, source, line, why it is not to be run or "")."""
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 2
        body = re.sub(rf"^{match['indent']}", "", match["body"], flags=re.MULTILINE)
        mark = NOT_RUN.search(text[: match.start()])
        yield match["word"], body, line, mark["reason"] if mark else ""


def anchors(text):
    """The anchors a page's headings get."""
    headings = re.findall(r"^#+ +(.+?) *$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(path):
    for match in LINK.finditer(FENCE.sub("", path.read_text())):
        target = match["target"]
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        other = (path.parent / file).resolve() if file else path
        if not other.exists() or (anchor and other.suffix == ".md" and anchor not in anchors(other.read_text())):
            yield target


def pictures(folder):
    """The files that examples may open."""
    import numpy as np
    from PIL import Image

    y, x = np.mgrid[0:48, 0:64]
    rgba = np.stack([x * 4, y * 5, x + y, np.clip((32 - np.hypot(x - 32, y - 24)) * 16, 0, 255)], -1).astype(np.uint8)
    Image.fromarray(rgba[..., :3]).save(folder / "photo.jpg")
    Image.fromarray(rgba[::-1, :, :3]).save(folder / "beach.jpg")
    Image.fromarray(rgba).save(folder / "logo.png")
    road = np.full((48, 64, 3), 90, np.uint8)
    road[:, 10:14], road[:, 50:54] = (250, 250, 250), (230, 200, 40)
    Image.fromarray(road).save(folder / "road.jpg")
    (folder / "icon.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><circle cx="12" cy="12" r="9" fill="#c06"/></svg>'
    )
    aikit.psd.psd_from_layers([rgba[..., :3], rgba], names=["Photo", "Logo"]).write(folder / "page.psd")
    aikit.new_mesh(
        [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)],
        [(0, 1, 2), (0, 2, 3)],
        uv=[(0, 1), (1, 1), (1, 0), (0, 0)],
        texture=rgba[..., :3],
    ).write(folder / "square.glb")
    for name in ("photos", "scans"):
        (folder / name).mkdir()
    shutil.copy(folder / "photo.jpg", folder / "photos")
    shutil.copy(folder / "logo.png", folder / "photos")
    aikit.write(rgba[..., :3], folder / "scans" / "page.tif")
    # Its head alone, of a size that no compressor changes.
    (folder / "photos" / "broken.png").write_bytes((folder / "logo.png").read_bytes()[:33])


@page
def test_links_resolve(page):
    assert not list(dead_links(page))


@page
def test_pictures_are_described(page):
    described = re.findall(r"!\[([^\]]*)\]\(", FENCE.sub("", page.read_text("utf-8")))
    assert [words for words in described if len(words) < 10] == []


def test_a_dead_link_is_found(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(
        "# One\n[a](page.md#one) [b](#two) [c](gone.md) [d](https://example.org/x)\n```\n[e](code.md)\n```\n"
    )
    assert list(dead_links(path)) == ["#two", "gone.md"]


PRINTS = re.compile(
    r"^```python\n(?P<code>(?:(?!^```).*\n)+)```\n\n```text\n(?P<shown>(?:(?!^```).*\n)+)```", re.MULTILINE
)


@page
def test_python_blocks_run(page, tmp_path, monkeypatch, capsys):
    found = [(body, line, reason) for word, body, line, reason in blocks(page.read_text()) if word == "python"]
    prints = {match["code"]: match["shown"] for match in PRINTS.finditer(page.read_text())}
    if found:
        pictures(tmp_path)
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__page__"}
    for body, line, reason in found:
        # The empty lines in front make a traceback name the line of the page.
        code = compile("\n" * (line - 1) + body, str(page), "exec")
        if not reason:
            exec(code, namespace)
        printed = capsys.readouterr().out
        assert printed == prints.get(body, printed)


def test_each_recipe_runs_by_itself(tmp_path, monkeypatch):
    pictures(tmp_path)
    monkeypatch.chdir(tmp_path)
    recipes = (ROOT / "docs" / "recipes.md").read_text("utf-8").split("\n## ")[1:]
    assert len(recipes) >= 9
    for recipe in recipes:
        exec("\n".join(body for word, body, _, _ in blocks(recipe) if word == "python"), {"__name__": "__page__"})


def test_few_blocks_are_not_run():
    reasons = [reason for path in PAGES for _, _, _, reason in blocks(path.read_text()) if reason]
    assert reasons == ["compiling takes seconds", "needs the system's cairo"]


def shell_words(text, pattern):
    shell = [body for word, body, _, _ in blocks(text) if word in ("sh", "bash", "console")]
    return {found for body in shell for found in re.findall(pattern, body, re.MULTILINE)}


@page
def test_make_verbs_exist(page):
    verbs = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert shell_words(page.read_text(), r"^[$ ]*make ([a-z-]+)") <= verbs


def run_command(line, capsys):
    """What `aikit ...` prints, as a shell would call it, and its exit status."""
    from aikit.cli import main

    words = shlex.split(line, comments=True)[1:]
    status = main([found for word in words for found in (sorted(glob.glob(word)) if "*" in word else [word])])
    return status, "".join(capsys.readouterr())


@page
def test_commands_run(page, tmp_path, monkeypatch, capsys):
    shell = [body for word, body, _, _ in blocks(page.read_text()) if word == "sh"]
    lines = [line for body in shell for line in body.splitlines() if line.startswith("aikit ")]
    if lines:
        pictures(tmp_path)
    monkeypatch.chdir(tmp_path)
    for line in lines:
        status, printed = run_command(line, capsys)
        broken = "photos/" in line  # one file of this folder is
        assert status == int(broken), (line, printed)


@page
def test_consoles_show_what_is_printed(page, tmp_path, monkeypatch, capsys):
    shown = [body for word, body, _, _ in blocks(page.read_text()) if word == "console"]
    if shown:
        pictures(tmp_path)
    monkeypatch.chdir(tmp_path)
    for body in shown:
        for command in body.removeprefix("$ ").split("\n$ "):
            line, _, expected = command.partition("\n")
            assert run_command(line, capsys)[1].rstrip("\n") == expected.rstrip("\n")


def test_blocks_are_found_with_their_lines():
    text = "a\n```python\nx = 1\n```\n<!-- not run: needs CUDA -->\n```python\ny\n```\n- b\n  ```sh\n  make z\n  ```\n"
    assert list(blocks(text)) == [
        ("python", "x = 1\n", 3, ""),
        ("python", "y\n", 7, "needs CUDA"),
        ("sh", "make z\n", 11, ""),
    ]


def without_comments(word, body):
    if word != "python":
        return re.sub(r" *#.*", "", body)
    tokens = tokenize.generate_tokens(io.StringIO(body).readline)
    return [token.string for token in tokens if token.type != tokenize.COMMENT]


def test_both_readmes_say_the_same():
    english, chinese = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md"))
    code = [[without_comments(word, body) for word, body, _, _ in blocks(text)] for text in (english, chinese)]
    assert code[0] == code[1]
    shapes = [[line.count("|") for line in text.splitlines() if line[:1] in "|#"] for text in (english, chinese)]
    assert shapes[0] == shapes[1]
    links = [{match["target"] for match in LINK.finditer(text)} for text in (english, chinese)]
    assert links[0] - {"README.zh-CN.md"} == links[1] - {"README.md"}


def test_both_kinds_tables_are_one():
    tables = [
        re.findall(r"^\| (?:PIL|NumPy|OpenCV|torch) \|.*", (ROOT / name).read_text("utf-8"), re.MULTILINE)
        for name in ("README.md", "docs/kinds.md")
    ]
    assert len(tables[0]) == 4
    assert tables[0] == tables[1]


def in_words(result, bgr):
    """As the table writes it: "(3, H, W) float32"."""
    if not hasattr(result, "dtype"):
        return result.mode
    shape = tuple({48: "H", 64: "W"}.get(side, str(side)) for side in result.shape)
    order = {3: ", BGR", 4: ", BGRA"}.get(result.shape[-1], "") if bgr and result.ndim == 3 else ""
    return f"({', '.join(shape)}) {str(result.dtype).removeprefix('torch.')}{order}"


@pytest.mark.parametrize(
    ("row", "channels", "dtype"),
    [
        ("RGB, 8 bit", 3, "uint8"),
        ("RGBA, 8 bit", 4, "uint8"),
        ("gray, 8 bit", None, "uint8"),
        ("gray with alpha, 8 bit", 2, "uint8"),
        ("gray, 16 bit", None, "uint16"),
        ("RGB, 16 bit", 3, "uint16"),
    ],
)
def test_conversions_give_what_the_table_says(row, channels, dtype):
    text = (ROOT / "docs" / "kinds.md").read_text("utf-8")
    cells = re.search(rf"^\| {row} \| (.+) \|$", text, re.MULTILINE)[1].split(" | ")
    array = codes(48, 64, channels, dtype)
    found = [
        in_words(function(array), function is aikit.to_cv2)
        for function in (aikit.to_pil, aikit.to_numpy, aikit.to_cv2, aikit.to_tensor)
    ]
    assert found == [cell.removesuffix(", 8 bit") for cell in cells]


def test_every_picture_of_the_pages_is_drawn():
    spec = importlib.util.spec_from_file_location("draw", ROOT / "docs" / "draw.py")
    draw = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(draw)
    used = {
        Path(match["target"]).name
        for path in (ROOT / "docs").rglob("*.md")
        for match in LINK.finditer(path.read_text())
        if "pictures/" in match["target"]
    }
    assert used == {f"{function.__name__}.png" for function in draw.DRAWN}
    assert used == {path.name for path in draw.PICTURES.iterdir()}
    for function in draw.DRAWN[1:]:  # the first one takes seconds
        drawn, kept = aikit.to_numpy(function()), aikit.read_numpy(draw.PICTURES / f"{function.__name__}.png")
        assert drawn.shape == kept.shape
        # Another Pillow may draw its letters a little otherwise; they are about 1 % of a picture.
        near = 30 if function is draw.demo else 8  # which is kept in 256 colors
        assert (abs(drawn.astype(int) - kept) > near).mean() < 0.01


def public_names():
    """The functions and classes of the stub but for what has a new name, and the page of the reference they belong to."""
    for node in ast.parse((ROOT / "src" / "aikit" / "__init__.pyi").read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((alias.name, node.module) for alias in node.names if alias.name != "edit_svg")


def test_the_first_page_names_what_there_is():
    text = FENCE.sub("", (ROOT / "docs" / "index.md").read_text("utf-8"))
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", text))))
    results = {"DeviceInfo", "MemoryReport", "Outcome", "Failure", "Report", "Description", "Difference"}
    wanted = {name for name, module in public_names() if module not in ("color", "errors")} - results
    assert wanted - named == set()
    spaces = {re.sub("^rgb_to_|_to_rgb$", "", name) for name, module in public_names() if module == "color"}
    assert spaces - set(re.findall(r"\w+", text)) == set()


class Resources(HTMLParser):
    """What a page makes a browser load, and the ids in it."""

    def __init__(self):
        super().__init__()
        self.loaded, self.ids = [], set()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        link = attributes.get("href") if tag in ("link", "use", "image") else None
        self.loaded += [url for url in (attributes.get("src"), attributes.get("data"), link) if url]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_site_loads_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for path in pages:
        found = Resources()
        found.feed(path.read_text("utf-8"))
        assert len(found.loaded) > 3
        assert not [url for url in found.loaded if re.match(r"(https?:)?//", url)]
    for path in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", path.read_text("utf-8"))


@pytest.mark.slow
def test_tags_in_docstrings_are_text(site):
    page = (site / "api" / "svg.html").read_text("utf-8")
    assert "An SVG document: its &lt;svg&gt; element" in page


@pytest.mark.slow
def test_what_is_returned_is_not_taken_for_a_type(site):
    page = (site / "api" / "convert.html").read_text("utf-8")
    assert "(H, W) for one gray picture, else (..., H, W, C): BGR, or BGRA" in " ".join(page.split())


@pytest.mark.slow
def test_names_on_a_page_link_to_their_reference(site):
    page = (site / "recipes.html").read_text("utf-8")
    assert re.search(r'<a [^>]*href="api/alpha.html#aikit.alpha.estimate_foreground"[^>]*><code>', page)


@pytest.mark.slow
def test_the_site_describes_every_public_name(site):
    pages = {}
    for module in {module for _, module in public_names()}:
        pages[module] = Resources()
        pages[module].feed((site / "api" / f"{module}.html").read_text("utf-8"))
    assert [name for name, module in public_names() if f"aikit.{module}.{name}" not in pages[module].ids] == []
