"""The pages: every link resolves, every Python block runs, every `make` verb and subcommand exists.

How a block in a page is treated follows from the word after its fence:

- python: run, all blocks of a page in order, in one namespace and in an empty folder that holds the pictures of
  `pictures` below. A block with `<!-- not run: reason -->` on the line above is compiled and not run.
- sh, bash, console: not run, as they install or need a shell; the `make` verbs in them must exist.
- anything else, or nothing: text.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])

FENCE = re.compile(r"^(?P<indent> *)```(?P<word>\w*)[^\n]*\n(?P<body>.*?)^(?P=indent)```", re.DOTALL | re.MULTILINE)
NOT_RUN = re.compile(r"<!-- not run: .+ -->\n$")
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)[^)]*\)")

page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())


def blocks(text):
    """Every fenced block as (word, source, line, whether it is to be run)."""
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 2
        body = re.sub(rf"^{match['indent']}", "", match["body"], flags=re.MULTILINE)
        yield match["word"], body, line, not NOT_RUN.search(text[: match.start()])


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
    (folder / "icon.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><circle cx="12" cy="12" r="9" fill="#c06"/></svg>'
    )


@page
def test_links_resolve(page):
    assert not list(dead_links(page))


def test_a_dead_link_is_found(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(
        "# One\n[a](page.md#one) [b](#two) [c](gone.md) [d](https://example.org/x)\n```\n[e](code.md)\n```\n"
    )
    assert list(dead_links(path)) == ["#two", "gone.md"]


@page
def test_python_blocks_run(page, tmp_path, monkeypatch):
    found = [(body, line, run) for word, body, line, run in blocks(page.read_text()) if word == "python"]
    if found:
        pictures(tmp_path)
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__page__"}
    for body, line, run in found:
        # The empty lines in front make a traceback name the line of the page.
        code = compile("\n" * (line - 1) + body, str(page), "exec")
        if run:
            exec(code, namespace)


@page
def test_make_verbs_exist(page):
    verbs = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shell = [body for word, body, _, _ in blocks(page.read_text()) if word in ("sh", "bash", "console")]
    used = {verb for body in shell for verb in re.findall(r"^[$ ]*make ([a-z-]+)", body, re.MULTILINE)}
    assert used <= verbs


def test_blocks_are_found_with_their_lines():
    text = "a\n```python\nx = 1\n```\n<!-- not run: needs CUDA -->\n```python\ny\n```\n- b\n  ```sh\n  make z\n  ```\n"
    assert list(blocks(text)) == [
        ("python", "x = 1\n", 3, True),
        ("python", "y\n", 7, False),
        ("sh", "make z\n", 11, True),
    ]
