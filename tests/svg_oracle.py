"""Drawings with the CSS of today, made by a generator, and how Chromium draws them."""

import base64
import io
import json
import random
import re
import shutil
import subprocess

import numpy as np
from PIL import Image

SIDE = 120

COLORS = (
    """
rebeccapurple|rgb(10 200 30)|rgb(89.5% 20% 10% / 50%)|hsl(240 100% 50% / .5)|hsl(120deg,100%,25%)|hsl(0.4turn 60% 40%)
oklch(0.7 0.15 150)|lab(60 50 20)|color(srgb 1 0.5 0)|color(display-p3 0.88 0 0.6)|#f08a|#1188ffaa|transparent|hwb(120 0% 20%)
color-mix(in oklab, red, blue)|color-mix(in oklch longer hue, red 30%, blue)|color-mix(in srgb, teal 20%, white)
rgb(from teal calc(r + 50) g b)|oklch(from #f00 l c calc(h + 120))|hsl(from red h s 30%)|light-dark(orange, navy)
lch(50% 60 210)|oklab(0.6 -0.1 0.1)|color(rec2020 .5 .5 .2)|color(xyz-d50 .4 .5 .2)|rgba(0,100,200,.6)|gold|#0a0
""".strip()
    .replace("\n", "|")
    .split("|")
)

LEGACY = "rebeccapurple|rgb(10 200 30)|hsl(0.4turn 60% 40%)|#f08a|#1188ffaa|hsl(240 100% 50% / .5)|gold|#0a0".split("|")


class Maker:
    """One drawing for each seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.sheets, self.body, self.count = [], [], 0

    def color(self):
        return self.random.choice(COLORS)

    def name(self):
        self.count += 1
        return f"n{self.count}"

    def place(self):
        x, y = self.random.randrange(0, 80), self.random.randrange(0, 80)
        return x, y, self.random.randrange(20, 60), self.random.randrange(20, 60)

    def rect(self, more=""):
        x, y, w, h = self.place()
        return f'<rect x="{x}" y="{y}" width="{w}" height="{h}" {more}/>'

    def colors(self):
        name = self.name()
        how = self.random.randrange(3)
        color = self.color()
        if how == 0:
            self.body.append(self.rect(f'fill="{color}"'))
        elif how == 1:
            self.body.append(self.rect(f'style="fill:{color};stroke:{self.color()};stroke-width:5"'))
        else:
            self.sheets.append(f".{name}{{fill:red;fill:{color};fill:nonsense(1)}}")
            self.body.append(self.rect(f'class="{name}"'))

    def variables(self):
        name, other = self.name(), self.name()
        first, second = self.color(), self.color()
        self.sheets.append(f":root{{--{name}:{first};--Big:{second};--loop:var(--loop2);--loop2:var(--loop)}}")
        ways = [
            f'fill="var(--{name})"', f'style="fill:var(--{other}, var(--Big))"', f'fill="var(--{other}, {second})"',
            f'style="--{other}:{first};fill:var(--{other})"', 'style="fill:var(--loop, lime)"', 'fill="var(--loop)" ',
            'fill="var(--big, aqua)"', f'style="stroke:red;stroke:var(--{other});stroke-width:8"',
        ]  # fmt: skip
        self.body.append(self.rect(self.random.choice(ways)))
        inner = self.rect(f"fill='var(--{name})'")
        self.body.append(f'<g style="--{name}:{self.color()};fill:var(--Big)">{self.rect()}{inner}</g>')

    def lengths(self):
        ways = [
            "width:calc(10px + 20%);height:calc(2 * 15px)", "x:calc(50% - 20px);y:10px;width:30px;height:min(40px, 50%)",
            "stroke:black;stroke-width:calc(2px * 3)", "stroke:teal;stroke-width:max(1px, .5em);font-size:10px",
            "rx:calc(1px + 5%);ry:4px", "stroke:purple;stroke-width:1rem", "stroke:olive;stroke-width:5vw",
            "width:clamp(10px, 50%, 45px)", "opacity:calc(.2 + .3)", "fill-opacity:40%", "width:50%;height:25%",
            "stroke:black;stroke-width:4;stroke-dasharray:calc(3px * 2) 4px", "width:calc(100px * sin(30deg))",
        ]  # fmt: skip
        self.body.append(self.rect(f'fill="tomato" style="{self.random.choice(ways)}"'))
        self.body.append(
            f'<circle cx="20" cy="20" r="9" fill="{self.color()}" style="cx:calc(100% - 30px);r:calc(8px + 5%)"/>'
        )

    def selectors(self):
        picks = [
            "g > rect:not(.a)", "rect:nth-child(2)", "rect:nth-of-type(2n+1)", ":is(.a, .b) + rect", ".a ~ .b", "g rect:last-child",
            ":where(.b)", "rect[data-k='v']", "rect[class^=a]", "g:has(> circle) rect", "*:first-child", "#only.b", "rect:only-of-type",
            "svg:root rect.b", "rect:nth-last-child(1)", ":not(g):not(svg)", "rect:hover", "rect::before", "rect:empty",
        ]  # fmt: skip
        for _ in range(3):
            mark = self.random.choice(["", "", "!important"])
            self.sheets.append(f"{self.random.choice(picks)}{{fill:{self.color()}{mark}}}")
        inner = [self.rect("class='a'"), self.rect("class='b' data-k='v'"), '<circle cx="90" cy="90" r="12"/>']
        inner.append(self.rect("id='only' class='b' style='stroke:black'"))
        self.body.append(f'<g fill="silver">{"".join(inner)}</g>')

    def media(self):
        name = self.name()
        query = self.random.choice([
            "screen", "print", "not print", "(min-width: 100px)", "(max-width: 100px)", "(width >= 120px)", "(50px < width < 200px)",
            "(prefers-color-scheme: dark)", "(prefers-color-scheme: light)", "screen and (orientation: portrait)",
            "only screen and (max-height: 20em)", "(min-width: 500px), screen", "not (min-width: 500px)", "(grid)", "(not (grid))",
            "(min-aspect-ratio: 1/1) and (max-aspect-ratio: 2/1)", "(nonsense: 3)", "not all",
        ])  # fmt: skip
        self.sheets.append(f"@media {query}{{.{name}{{fill:{self.color()};stroke:black}}}}")
        self.sheets.append(f"@supports (fill: red){{.{name}{{stroke-width:6}}}}")
        self.body.append(self.rect(f'class="{name}" fill="pink"'))

    def layers(self):
        name = self.name()
        self.sheets.append(
            f"@layer one,two;@layer two{{.{name}{{fill:{self.color()};stroke:red!important;stroke-width:4}}}}"
            f"@layer one{{.{name}{{fill:{self.color()};stroke:blue!important}}}}"
        )
        if self.random.random() < 0.5:
            self.sheets.append(f".{name}{{fill:{self.color()}}}")
        self.body.append(self.rect(f'class="{name}"'))

    def transforms(self):
        made = self.random.choice([
            "translate(20px,30px)", "rotate(30deg)", "scale(1.5)", "translateX(25%)", "rotate(.1turn) scale(.8,1.2)", "skewX(20deg)",
            "matrix(1,.2,-.2,1,10,5)", "scaleY(.5) translateY(40px)", "rotate(0.5rad)", "translate(calc(10px + 5%), 2em)", "none",
        ])  # fmt: skip
        origin = self.random.choice(
            ["", "center", "0 0", "50px 50px", "100% 0", "top right", "left", "25% 75%", "bottom"]
        )
        box = self.random.choice(["", "fill-box", "view-box", "fill-box"])
        more = self.random.choice(["", "", "rotate:15deg", "scale:1.2 .8", "translate:10px 5px"])
        parts = [f"transform:{made}", origin and f"transform-origin:{origin}", box and f"transform-box:{box}", more]
        style = ";".join(filter(None, parts))
        self.body.append(self.rect(f'fill="{self.color()}" style="{style}"'))
        if self.random.random() < 0.4:
            self.body.append(f'<g style="{style}" fill="steelblue">{self.rect()}{self.rect()}</g>')

    def strokes(self):
        turn = self.random.randrange(0, 90)
        self.body.append(
            f'<g transform="rotate({turn} 60 60) scale(3)" stroke="crimson" stroke-width="4" fill="none">'
            f'<rect x="8" y="8" width="16" height="12" vector-effect="non-scaling-stroke"/>'
            '<path d="M4 30h30" style="vector-effect:non-scaling-stroke;stroke-dasharray:12 6"/></g>'
        )

    def words(self):
        word = self.random.choice(["inherit", "initial", "unset", "revert"])
        inner = self.rect(f"style='fill:{word};stroke:{word}'")
        self.body.append(f'<g fill="coral" stroke="navy" stroke-width="5" opacity=".9">{inner}</g>')
        plain, lined = self.rect("fill='currentColor'"), self.rect("stroke='currentcolor' stroke-width='6'")
        self.body.append(f'<g color="{self.color()}">{plain}<g style="color:teal">{lined}</g></g>')

    def paints(self):
        # Between colors that are not legacy ones Chromium mixes in OKLab, where SVG 2 says sRGB.
        name, first, last = self.name(), self.random.choice(LEGACY), self.random.choice(LEGACY)
        self.sheets.append(f":root{{--s{name}:{last}}}")
        self.body.append(
            f'<linearGradient id="{name}"><stop stop-color="{first}"/><stop offset="1" style="stop-color:var(--s{name})"/></linearGradient>'
            + self.rect(f'fill="url(#{name}) red"')
            + self.rect('fill="url(#nothing) rgb(0 120 200)"')
        )

    def filters(self):
        self.body.append(
            self.rect(
                f'fill="gold" style="filter:drop-shadow(6px calc(2px + 4px) 0 {self.random.choice(["rebeccapurple", "rgb(0 0 255)", "hsl(120 50% 30%)"])})"'
            )
        )

    def geometry(self):
        self.body.append('<path d="M0 0h10" style="d:path(\'M10 10h40v30z\');fill:' + self.color() + '"/>')
        self.body.append('<ellipse style="cx:70px;cy:60%;rx:20px;ry:auto;fill:' + self.color() + '"/>')
        self.sheets.append(".geo{x:5px;y:70%;width:30%;height:2em;font-size:12px}")
        self.body.append(f'<rect class="geo" fill="{self.color()}"/>')

    def reused(self):
        name, var = self.name(), self.name()
        self.body.append(
            f'<defs><g id="{name}"><rect width="30" height="20" fill="var(--{var}, gray)"/><rect x="30" width="10" height="20" fill="currentColor"/></g></defs>'
            f'<use href="#{name}" x="10" y="80"/><use href="#{name}" x="60" y="20" style="--{var}:{self.color()};color:{self.color()}"/>'
        )

    def markers(self):
        name = self.name()
        self.body.append(
            f'<marker id="{name}" markerWidth="4" markerHeight="4" refX="2" refY="2"><circle cx="2" cy="2" r="2" fill="{self.color()}"/></marker>'
            f'<path d="M20 20L60 50 90 20" fill="none" stroke="black" stroke-width="3" style="marker:url(#{name})"/>'
        )

    def nested(self):
        self.body.append(
            f'<svg x="50%" y="30" width="50" height="40" viewBox="0 0 100 80"><rect style="width:calc(50% + 10px);height:50%" fill="{self.color()}"/></svg>'
        )

    FEATURES = (
        "colors variables lengths selectors media layers transforms strokes words paints filters geometry reused markers nested"
    ).split()

    def document(self, feature):
        getattr(self, feature)()
        for other in self.random.sample(self.FEATURES, 2):
            if self.random.random() < 0.5:
                getattr(self, other)()
        style = f"<style>{' '.join(self.sheets)}</style>" if self.sheets else ""
        style = style.replace("<style>", "<style><![CDATA[").replace("</style>", "]]></style>")
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE}" height="{SIDE}" viewBox="0 0 {SIDE} {SIDE}">'
            f"{style}{''.join(self.body)}</svg>"
        )


def documents(count, seed=0):
    """So many drawings, each about one feature and up to two others; names and texts."""
    features = Maker.FEATURES
    return [
        (
            f"{features[number % len(features)]}-{number}",
            Maker(seed + number).document(features[number % len(features)]),
        )
        for number in range(count)
    ]


def find_browser():
    return shutil.which("chromium") or shutil.which("google-chrome")


_PAGE = """<!doctype html><meta charset="utf-8"><pre id="found"></pre><script>
const drawings = %s, side = %d, found = [];
async function draw(text) {
  const picture = new Image(), canvas = document.createElement('canvas');
  picture.src = 'data:image/svg+xml;base64,' + text;
  await picture.decode();
  canvas.width = canvas.height = side;
  canvas.getContext('2d').drawImage(picture, 0, 0, side, side);
  return canvas.toDataURL('image/png').split(',')[1];
}
(async () => {
  for (const text of drawings) { try { found.push(await draw(text)); } catch (error) { found.push(null); } }
  document.getElementById('found').textContent = JSON.stringify(found);
})();
</script>"""


def draw_in_chromium(texts, folder):
    """Each SVG as Chromium draws it in an <img>, (SIDE, SIDE, 4), or None where it refuses it."""
    encoded = json.dumps([base64.b64encode(text.encode()).decode() for text in texts])
    page = folder / "drawings.html"
    page.write_text(_PAGE % (encoded, SIDE), "utf-8")
    options = "--headless --no-sandbox --disable-gpu --force-color-profile=srgb --virtual-time-budget=60000 --dump-dom".split()
    done = subprocess.run(
        [find_browser(), *options, page.as_uri()], capture_output=True, text=True, timeout=300, check=True
    )
    found = json.loads(re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)[1])
    return [text and np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA")) for text in found]


def differing(ours, theirs):
    """The share of pixels that differ by more than 8 codes over white from all that lie around them in the other."""
    first, second = (_over_white(each) for each in (ours, theirs))
    return max(_unlike(first, second), _unlike(second, first))


def _over_white(picture):
    alpha = picture[..., 3:].astype(float) / 255
    return picture[..., :3] * alpha + 255 * (1 - alpha)


def _unlike(first, second):
    padded = np.pad(second, ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = first.shape[:2]
    around = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    low, high = np.min(around, 0) - 8, np.max(around, 0) + 8
    return ((first < low) | (first > high)).any(-1).mean()
