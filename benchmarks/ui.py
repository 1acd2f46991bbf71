"""How long the page takes in a browser: .venv-ui/bin/python -m benchmarks.ui, a minute; it needs Gradio, playwright, Chromium.

By the browser's own clock and on this machine alone: the first paint, the first picture of 12 megapixels from the choice of
the file until the result is seen, and that result again after a step has changed.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

import aikit

from .machine import describe
from .pictures import jpeg

TIMES = 3
HEIGHT, WIDTH = 3000, 4000


def main() -> None:
    """Measure and print."""
    print(describe())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        pictures = {}
        for name in ("jpeg", "png"):
            pictures[name] = Path(folder, f"photo.{name}")
            aikit.write(aikit.read_pil(jpeg(HEIGHT, WIDTH)), pictures[name])
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        begun = time.perf_counter()
        command = [sys.executable, "-m", "aikit", "ui"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as server:
            try:
                assert server.stdout is not None
                url = server.stdout.readline().split()[-1]
                print(f"from the command to its address: {time.perf_counter() - begun:.1f} s")
                measure(browser, url, pictures)
            finally:
                server.terminate()


def measure(browser: Browser, url: str, pictures: dict[str, Path]) -> None:
    """All jobs on one server, whose children are warm after the first one."""
    paints = [first_paint(browser, url) for _ in range(TIMES)]
    print(f"first paint: {statistics.median(each[0] for each in paints):.0f} ms")
    print(f"the page can be used: {statistics.median(each[1] for each in paints):.0f} ms")
    for name, path in pictures.items():
        for line, title in (
            ("resize width=1024; to=jpeg", "1024 x 768"),
            ("to=jpeg", "4000 x 3000, JPEG"),
            ("to=webp", "4000 x 3000, WEBP"),
            ("to=png", "4000 x 3000, PNG"),
        ):
            rounds = [round_trip(browser, url, path, line, title) for _ in range(TIMES)]
            first, again = (statistics.median(each[at] for each in rounds) for at in (0, 1))
            print(
                f"12 megapixels, {name}, {line}: {first:.2f} s from the file to the result, {again:.2f} s after a change"
            )


def first_paint(browser: Browser, url: str) -> tuple[float, float]:
    """Milliseconds until something is seen, and until steps can be added, each time with an empty cache."""
    page = browser.new_context().new_page()
    begun = time.perf_counter()
    page.goto(url)
    page.get_by_role("button", name="Add step").wait_for()
    usable = (time.perf_counter() - begun) * 1000
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    page.context.close()
    return paint, usable


def round_trip(browser: Browser, url: str, path: Path, line: str, title: str) -> tuple[float, float]:
    """Seconds from the choice of a file to its result, and from a change of the recipe to the next one."""
    page = browser.new_context().new_page()
    page.goto(url)
    page.get_by_role("button", name="Add step").wait_for()
    say(page, line)
    page.wait_for_timeout(500)
    first = seconds(
        lambda: (page.locator("input[type=file]").first.set_input_files(path), wait_for_result(page, title))
    )
    page.wait_for_timeout(500)
    page.evaluate("document.querySelector('.aikit-compare, .aikit-pair').classList.add('old')")
    again = seconds(lambda: (say(page, f"flip; {line}"), wait_for_result(page, title)))
    page.context.close()
    return first, again


def say(page: Page, line: str) -> None:
    """Set the recipe by its line."""
    box = page.get_by_label("The recipe on one line")
    box.fill(line)
    box.press("Enter")


def wait_for_result(page: Page, title: str) -> None:
    """Wait until the result is there and drawn."""
    made = page.locator(".aikit-compare:not(.old), .aikit-pair:not(.old)")
    done = made.get_by_text(re.compile(f"After: .*{re.escape(title)}"))
    done.or_(page.get_by_role("alert")).first.wait_for(timeout=120_000)
    if page.get_by_role("alert").count():
        raise RuntimeError(page.get_by_role("alert").first.inner_text())
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def seconds(job: Callable[[], Any]) -> float:
    """How long it takes."""
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
