"""What SVG and PSD documents have in common: open and new, write and encode, render in the kind asked for."""

import inspect

import numpy as np
import pytest
import torch
from PIL import Image

import aikit
from aikit import InputValueError, Limits

# A column of each color: opaque red, half transparent blue, nothing.
SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2" shape-rendering="crispEdges">
<rect width="1" height="2" fill="#f00"/><rect x="1" width="1" height="2" fill="#00f" fill-opacity="0.2"/></svg>"""
RGBA = np.array([[(255, 0, 0, 255), (0, 0, 255, 51), (0, 0, 0, 0)]] * 2, np.uint8)


def psd(depth=8):
    document = aikit.new_psd(height=2, width=3, depth=depth)
    document.add(aikit.to_numpy(RGBA, dtype={8: "uint8", 16: "uint16", 32: "float32"}[depth]), name="Flag")
    return document


RENDERED = {
    "render_svg": lambda **how: aikit.render_svg(SVG, **how),
    "render_svg with limits": lambda **how: aikit.render_svg(SVG, limits=Limits(), **how),
    "Svg": lambda **how: aikit.open_svg(SVG).render(**how),
    "Psd": lambda **how: psd().render(**how),
    "Psd with limits": lambda **how: aikit.open_psd(psd().encode(), limits=Limits()).render(**how),
    "Layer": lambda **how: psd()["Flag"].render(**how),
    "Layer on the canvas": lambda **how: psd()["Flag"].render(canvas=True, **how),
}
AS_PIL = ["render_svg", "render_svg with limits", "Svg"]


@pytest.mark.parametrize("render", RENDERED.values(), ids=RENDERED)
def test_a_picture_comes_in_the_kind_asked_for(render):
    image = render(kind="pil")
    assert isinstance(image, Image.Image)
    assert image.mode == "RGBA"
    assert np.array_equal(np.asarray(image), RGBA)
    array = render(kind="numpy")
    assert (type(array), array.dtype) == (np.ndarray, np.uint8)
    assert np.array_equal(array, RGBA)
    assert np.array_equal(render(kind="cv2"), RGBA[..., [2, 1, 0, 3]])
    tensor = render(kind="tensor")
    assert (tensor.dtype, tensor.shape) == (torch.float32, (4, 2, 3))
    assert torch.equal((tensor * 255).round().to(torch.uint8), torch.from_numpy(RGBA).permute(2, 0, 1))


@pytest.mark.parametrize("name", RENDERED)
def test_the_kind_that_comes_without_asking(name):
    assert isinstance(RENDERED[name](), Image.Image if name in AS_PIL else np.ndarray)


@pytest.mark.parametrize("render", RENDERED.values(), ids=RENDERED)
def test_an_unknown_kind_is_refused(render):
    message = r"^kind: expected one of pil, numpy, cv2, tensor, got 'jax'; pass one of these\.$"
    with pytest.raises(InputValueError, match=message):
        render(kind="jax")


def test_an_unknown_kind_is_refused_before_any_work(monkeypatch):
    for place in ("svg.render._rendered", "psd.document.Psd._image", "psd.layers.Layer._pixels"):
        monkeypatch.setattr(f"aikit.{place}", lambda *job: pytest.fail("drawn"))
    for name in ("render_svg", "Psd", "Layer"):
        with pytest.raises(InputValueError, match=r"^kind: expected one of pil, .*, got 3; pass one of these\.$"):
            RENDERED[name](kind=3)


@pytest.mark.parametrize(("depth", "dtype", "top"), [(16, np.uint16, 65535), (32, np.float32, 1)])
def test_a_deep_document_keeps_its_depth_but_in_pil(depth, dtype, top):
    whole, layer = psd(depth).render(), psd(depth)["Flag"].render()
    assert whole.dtype == layer.dtype == dtype
    np.testing.assert_allclose(whole, RGBA.astype(np.float64) / 255 * top, atol=1e-6)
    assert psd(depth).render(kind="cv2").dtype == dtype
    np.testing.assert_allclose(psd(depth).render(kind="tensor").movedim(0, -1), RGBA / 255, atol=1e-6)
    assert np.array_equal(np.asarray(psd(depth).render(kind="pil")), RGBA)


def test_a_background_is_in_every_kind():
    # 51 of 255 blue over white.
    over = np.array([[(255, 0, 0, 255), (204, 204, 255, 255), (255, 255, 255, 255)]] * 2, np.uint8)
    for render in (lambda kind: psd().render(background="white", kind=kind),):
        assert np.array_equal(render("numpy"), over)
        assert np.array_equal(np.asarray(render("pil")), over)
        assert np.array_equal(render("cv2"), over[..., [2, 1, 0, 3]])


DOCUMENTS = {
    "svg": (aikit.open_svg, lambda: aikit.new_svg(width=3, height=2)),
    "psd": (aikit.open_psd, psd),
}


@pytest.mark.parametrize("suffix", DOCUMENTS)
def test_what_is_written_are_the_bytes_that_encode_gives(suffix, tmp_path):
    open_document, new = DOCUMENTS[suffix]
    document = new()
    path = tmp_path / f"a.{suffix}"
    document.write(path)
    assert path.read_bytes() == document.encode()
    assert open_document(path).encode() == path.read_bytes()
    assert type(open_document(document.encode())) is type(document)
    # So it may be handed to the readers, in memory.
    assert aikit.read_numpy(document.encode()).shape == (2, 3, 4)


@pytest.mark.parametrize("kind", [aikit.svg.Svg, aikit.psd.Psd])
def test_documents_are_alike(kind):
    render, write, encode = (
        inspect.signature(getattr(kind, name)).parameters for name in ("render", "write", "encode")
    )
    assert {"kind", "background"} <= {*render}
    assert all(p.kind is p.KEYWORD_ONLY for name, p in render.items() if name != "self")
    assert [*write] == ["self", "path"]
    assert [*encode] == ["self"]


@pytest.mark.parametrize(
    "path",
    """psd.EmbeddedFile psd.Layer psd.Mask psd.Psd svg.Svg svg.SvgElement svg.SvgInfo svg.SvgPath show.Description
    show.Difference folders.Failure folders.Outcome folders.Report memory.MemoryReport device.DeviceInfo
    transforms.Apply fusion.Fused""".split(),
)
def test_classes_can_be_imported_and_named(path):
    module, name = path.split(".")
    namespace = {}
    exec(f"from aikit.{module} import {name}\ndef f(x: {name}) -> {name} | None: return x", namespace)
    assert inspect.isclass(namespace[name])
    assert name in __import__(f"aikit.{module}", fromlist=["__all__"]).__all__
