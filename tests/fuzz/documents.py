"""SVG, PSD and GLB files with a mistake or two, always the same for a seed and a number."""

import io
import json
import re
import struct

import numpy as np

import aikit
from aikit.psd import new_psd
from mesh_files import everything

from .mutations import mutate

# What stands in attributes that a program has written badly, or somebody on purpose.
_GARBAGE = """
    |nan|inf|1e999|-1e999|1e-999|abc|-|.|e|1e|0|-1|99999999999|1,|,1|1 2 3 4 5 6 7 8 9|%|5%|px|1em|1foo|url(|url()|url(#)
    |url(#p|url(#f)|url(#none)|#|#s|data:|data:image/png;base64,|()|((((|matrix()|matrix(1)|matrix(0 0 0 0 0 0)|scale(0)
    |rotate()|M|M0|M0 0L|M0 0A|z|none|inherit|initial|var(--x)|calc(1px + 2px)|é|'|0 0 0 0|0 0 -1 5|0 0 1e-30 1e-30|1;1
    |0 0 1e30 1e30|rgb(|#12|currentColor|blur()|blur(|blur(1e9px)|drop-shadow()|hue-rotate(1e30deg)|-1e5| ||<|&
""".replace("\n", "").split("|")
_DRAWING = """
<linearGradient id="l" x1="0" gradientTransform="rotate(3)" href="#r"><stop offset="0" stop-color="red"/></linearGradient>
<radialGradient id="r" r="1" fx="0"><stop offset="1"/></radialGradient><clipPath id="c"><rect width="5" height="5"/></clipPath>
<pattern id="p" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="scale(2)"><rect width="2" height="2"/>
</pattern><mask id="m" x="0" width="1"><rect width="5" height="5" fill="#fff"/></mask><style type="text/css" media="all">.a
{fill:url(#l)}</style><marker id="k" markerWidth="3" refX="1" orient="auto" viewBox="0 0 3 3"><path d="M0 0h2v2"/></marker>
<symbol id="s" viewBox="0 0 3 3" preserveAspectRatio="none"><rect width="3" height="3"/></symbol><filter id="f" x="0"
width="1" filterUnits="objectBoundingBox"><feGaussianBlur stdDeviation="1"/><feMorphology radius="1"/><feTurbulence
baseFrequency=".1" numOctaves="2" seed="1"/><feConvolveMatrix order="3" kernelMatrix="1 1 1 1 1 1 1 1 1" divisor="2"/>
<feColorMatrix type="saturate" values="1"/><feComponentTransfer><feFuncR type="table" tableValues="0 1"/></feComponentTransfer>
<feOffset dx="1" dy="1"/><feFlood flood-color="red" flood-opacity="1" result="q"/><feImage href="#s"/><feTile in="q"/>
<feDropShadow dx="1" stdDeviation="1"/><feDisplacementMap in2="q" scale="2" xChannelSelector="R"/><feDiffuseLighting
surfaceScale="1" lighting-color="red"><feDistantLight azimuth="3"/></feDiffuseLighting><feSpecularLighting
specularExponent="1"><feSpotLight x="1" limitingConeAngle="3"/></feSpecularLighting><feComposite in2="q" operator="xor"
k1="1"/><feBlend in2="q" mode="screen"/></filter><rect class="a" x="0" y="0" width="9" height="9" rx="1" opacity=".5"
transform="scale(1)" style="fill:red"/><rect fill="url(#p)" stroke="url(#r)" width="9" height="9" filter="url(#f)"
mask="url(#m)" clip-path="url(#c)"/><circle cx="1" r="3"/><ellipse rx="2" ry="3"/><line x1="0" x2="4" stroke="red"/><polygon
points="0 0 1 1 3 4"/><path d="M0 0h3v3" marker-mid="url(#k)" stroke="red" stroke-width="1" stroke-dasharray="1 2"/><text
x="1" y="5" dx="1" font-size="5" rotate="1" textLength="9" letter-spacing="1">a<tspan dy="1">b</tspan></text><use href="#s"
x="1" width="2"/><image href="data:" width="1"/><g filter="blur(1px)"><use href="#s"/></g>
"""
_ATTRIBUTE = re.compile(r'="([^"]*)"')


def drawing(seed, number):
    """An SVG in which some attributes are garbage, and some bytes of every fourth."""
    rng = np.random.default_rng([seed, number])
    text = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" viewBox="0 0 9 9">{_DRAWING}</svg>'
    places = list(_ATTRIBUTE.finditer(text))[1:]
    for at in sorted(rng.choice(len(places), rng.integers(1, 4), replace=False), reverse=True):
        garbage = str(rng.choice(_GARBAGE)).replace("&", "&amp;").replace("<", "&lt;")
        text = text[: places[at].start(1)] + garbage + text[places[at].end(1) :]
    data = text.encode()
    return mutate(data, rng) if number % 4 == 3 else data


def _documents():
    for depth, mode in ((8, "RGB"), (16, "RGB"), (32, "RGB"), (8, "L"), (8, "CMYK")):
        rng = np.random.default_rng(depth)
        document = new_psd(height=9, width=11, mode=mode, depth=depth)
        dtype = {8: "uint8", 16: "uint16", 32: "float32"}[depth]
        for name, size in (("a", (3, 5)), ("b", (9, 11))):
            pixels = rng.random((*size, 4), np.float32)
            document.add(aikit.to_numpy(pixels, dtype=dtype), name=name, opacity=0.5, left=1)
        yield document.encode()


DOCUMENTS = list(_documents())


def document(seed, number):
    """A mutated PSD; most mutations are among the first bytes, where the sizes are."""
    rng = np.random.default_rng([seed, number])
    data = DOCUMENTS[number % len(DOCUMENTS)]
    head = 2000
    return mutate(data[:head], rng) + data[head:] if rng.random() < 0.6 else mutate(data, rng)


def use_drawing(data):
    """Do with an SVG whatever can be done."""
    for engine in ("resvg", "cairosvg"):
        yield lambda engine=engine: aikit.render_svg(data, engine=engine)
    yield lambda: aikit.svg.sanitize_svg(data)
    yield lambda: aikit.svg.svg_info(data)
    yield lambda: aikit.svg.svg_paths(data)
    yield lambda: aikit.svg.svg_to_pdf(data)
    yield lambda: aikit.open_svg(data).encode()


def use_document(data):
    """Do with a PSD whatever can be done."""
    yield lambda: aikit.read_numpy(data)
    yield lambda: str(aikit.open_psd(data))
    yield lambda: aikit.open_psd(data).unsupported()
    yield lambda: [layer.render() for layer in aikit.open_psd(data).walk()]
    yield lambda: [
        (each.kind, each.bbox, each.mask, each.text, each.embedded, each.blend_mode, each.fill_opacity, each.path)
        for each in aikit.open_psd(io.BytesIO(data)).walk()
    ]
    yield lambda: _add_to(aikit.open_psd(data))


def _add_to(document):
    document.add(np.zeros((2, 2, 4), np.uint8), name="new")
    document.encode()


def mesh(seed, number):
    """The mesh with one of everything, some of whose JSON is garbage, or some of whose bytes."""
    rng = np.random.default_rng([seed, number])
    data = everything()
    length = struct.unpack_from("<I", data, 12)[0]
    gltf, rest = json.loads(data[20 : 20 + length]), data[20 + length :]
    if number % 4 == 3:
        return mutate(data, rng)
    _spoil(gltf, rng)
    text = json.dumps(gltf).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text + rest
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


_NONSENSE = [
    None,
    True,
    -1,
    0,
    1,
    3,
    2.5,
    1e300,
    2**40,
    "",
    "a",
    "LINEAR",
    [],
    {},
    [0],
    [[]],
    [-1],
    {"a": 1},
    [1e300] * 3,
    "data:,",
    "VEC2",
    5120,
]


def _spoil(value, rng):
    """Put garbage in one place of a JSON value, deep in it as a rule."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        return
    key = keys[rng.integers(len(keys))]
    if isinstance(value[key], (dict, list)) and value[key] and rng.random() < 0.85:
        _spoil(value[key], rng)
    elif rng.random() < 0.2 and isinstance(value, dict):
        del value[key]
    else:
        value[key] = _NONSENSE[rng.integers(len(_NONSENSE))]


def use_mesh(data):
    """Do with a mesh whatever can be done."""
    yield lambda: aikit.open_mesh(data).info()
    yield lambda: [aikit.open_mesh(data).arrays(time=time) for time in (0, 1.5)]
    yield lambda: aikit.open_mesh(data).scene(time=0.5)
    yield lambda: [each.read("numpy") for each in aikit.open_mesh(data).textures.values()]
    yield lambda: [aikit.open_mesh(data).encode(kind) for kind in ("gltf", "obj", "stl", "ply")]
    yield lambda: _edit(aikit.open_mesh(data))


def _edit(mesh):
    for material in mesh.materials.values():
        material.roughness = 0.5
    mesh.spin()
    mesh.translate((1, 2, 3))
    mesh.add(aikit.open_mesh(everything()))
    aikit.open_mesh(mesh.encode()).merge()
