"""Drawing and editing SVG documents: new_svg, open_svg, Svg, SvgElement."""

import gzip
import io
import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from lxml import etree

import aikit
from aikit import (
    FileAccessError,
    FileFormatError,
    InputTypeError,
    InputValueError,
    LimitError,
    Limits,
    new_svg,
    open_svg,
)
from aikit.svg import Svg, SvgElement, SvgPath

SVG = "http://www.w3.org/2000/svg"
SAMPLES = Path(os.environ.get("AIKIT_SAMPLES", Path(__file__).parents[2] / "shared" / "samples")) / "svg"

# Everything an editor may not lose: declaration, comments, instructions, doctype, entities, CDATA, foreign elements and
# prefixes, character references, quotes, odd spacing, mixed text.
RICH = """<?xml version="1.0" encoding="utf-8" standalone="no"?>
<!-- made by hand, <svg> and ?> in it -->
<?xml-stylesheet href="a.css"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [
\t<!ENTITY red "#f00">
]>
<svg   xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
  xmlns:inkscape='http://www.inkscape.org/namespaces/inkscape' xmlns:u="urn:unused" viewBox="0 0 40 30" fill="&red;">
  <style><![CDATA[ g > path { stroke: blue } ]]></style>
  <inkscape:grid units="px"><deep xmlns="urn:other" a="1"/></inkscape:grid>
  <g id="layer" class="a  b" inkscape:label="Ebene&#160;1">
    <path id="p" d="M1 1h9" style="fill : red;/* a; b */ stroke:url(data:;a:b)  ;opacity:.5" />
    <use xlink:href="#p"   x="3"/>tail
    <!-- in the group -->
    <rect id="r" class="b" width="9" height="4"></rect>
  </g>
  <text id="t">One <tspan id="ts">two</tspan> three &amp; &red; é</text>
</svg>
<!-- after -->
""".encode()


def c14n(root):
    """The canonical form, comments included; entities have to be resolved for it."""
    parser = etree.XMLParser(resolve_entities="internal", no_network=True, load_dtd=False)
    data = root if isinstance(root, bytes) else root.encode()
    return etree.tostring(etree.fromstring(data, parser), method="c14n", with_comments=True)


def drawn(svg, **options):
    return np.asarray(svg.render(**options))


# ---------------------------------------------------------------- untouched


def documents():
    samples = sorted(SAMPLES.glob("*.svg")) if SAMPLES.is_dir() else []
    return [RICH, *(path.read_bytes() for path in samples)]


@pytest.mark.parametrize("data", documents(), ids=lambda data: data[:12].decode() + str(len(data)))
def test_an_untouched_document_is_the_same_bytes(data):
    assert open_svg(data).encode() == data


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "iso-8859-1", "us-ascii"]


def encoded(encoding):
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    letter = "e" if encoding == "us-ascii" else "é"
    text = f'<?xml version="1.0" encoding="{declared}"?>\r\n<svg xmlns="{SVG}">\r\n<text id="é">é</text></svg>\r\n'
    return text.replace("é", letter).encode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_encoding_and_the_line_ends_stay(encoding):
    data = encoded(encoding)
    svg = open_svg(data)
    assert svg.encode() == data
    svg.find("text").attributes["x"] = 5
    text = data.decode(encoding).replace('">é', '" x="5">é').replace('">e', '" x="5">e')
    assert svg.encode() == text.encode(encoding)


def test_utf_16_need_not_be_declared():
    data = f'<svg xmlns="{SVG}"><text>é</text></svg>'.encode("utf-16")
    svg = open_svg(data)
    svg.find("text").attributes["x"] = 5
    assert svg.encode().decode("utf-16") == data.decode("utf-16").replace("<text", '<text x="5"')


def test_what_an_encoding_lacks_is_written_as_a_reference():
    svg = open_svg(encoded("iso-8859-1"))
    svg.find("text").text = "é漢"
    assert ">\xe9&#28450;<".encode("iso-8859-1") in svg.encode()


def test_an_edit_leaves_all_else_the_same_xml():
    svg = open_svg(RICH)
    svg.find(id="r").attributes["width"] = 10
    text = svg.encode().decode()
    assert text.startswith(
        '<?xml version="1.0" encoding="utf-8" standalone="no"?>\n<!-- made by hand, <svg> and ?> in it -->\n'
    )
    for kept in (
        '<?xml-stylesheet href="a.css"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/',
        '<!ENTITY red "#f00">',
        'fill="&red;"',
        "<![CDATA[ g > path { stroke: blue } ]]>",
        'xmlns:u="urn:unused"',
        '<deep xmlns="urn:other" a="1"/>',
        'inkscape:label="Ebene\N{NO-BREAK SPACE}1"',
        "&amp; &red; é",
        "<!-- in the group -->",
        "</svg>\n<!-- after -->\n",
    ):
        assert kept in text
    assert c14n(svg) == c14n(RICH).replace(b'width="9"', b'width="10"')
    svg.find(id="r").attributes["width"] = 9
    assert svg.encode() == RICH


def test_the_source_may_be_a_path_a_file_or_bytes(tmp_path):
    (tmp_path / "a.svg").write_bytes(RICH)
    for source in (tmp_path / "a.svg", str(tmp_path / "a.svg"), io.BytesIO(RICH), bytearray(RICH), gzip.compress(RICH)):
        assert open_svg(source).encode() == RICH


def test_a_document_without_a_namespace_stays_one():
    svg = open_svg(b"<svg><g><path d='M0 0'/></g></svg>")
    assert svg.find(xpath="//g/path") == svg.find("path")
    svg.add("rect", width=3)
    assert svg.encode() == b'<svg><g><path d="M0 0"/></g><rect width="3"/></svg>'


def test_a_prefixed_document_stays_prefixed():
    data = f'<s:svg xmlns:s="{SVG}"><s:g><s:path d="M0 0"/></s:g></s:svg>'.encode()
    svg = open_svg(data)
    assert svg.find("path").tag == "path"
    assert svg.find(xpath="//g/path") == svg.find("path")
    svg.find("g").add("rect", width=3)
    svg.find("g").add("<circle r='2'/>".replace("circle", "s:circle"))
    assert svg.encode() == data.replace(b"</s:g>", b'<s:rect width="3"/><s:circle r="2"/></s:g>')


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<svg", r"source: expected well-formed XML, got .*"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><a:b/></svg>", r"source: expected well-formed XML, got .*prefix a"),
        (b"<html/>", r"source: expected <svg> as the first element, got <html>"),
        (b"\x1f\x8b\x08", r"source: expected a whole gzip file"),
        (
            b'<?xml version="1.0" encoding="ARMSCII-8"?><svg/>',
            r"source: expected a usual encoding, got 'ARMSCII-8'; .*",
        ),
        (
            b'<!DOCTYPE svg [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg><text>&e;</text></svg>',
            r"source: expected well-formed XML",
        ),
    ],
    ids="cut prefix html gzip encoding external".split(),
)
def test_what_is_no_svg_is_refused(data, message):
    with pytest.raises(FileFormatError, match=message):
        open_svg(data)


def test_limits_hold():
    with pytest.raises(LimitError, match=r"at most 100 bytes, got"):
        open_svg(RICH, limits=Limits(max_bytes=100))
    grown = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 20}">' for n in range(8))
    bomb = f'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaaaaaaaa">{grown}]><svg xmlns="{SVG}" fill="&i;"/>'
    with pytest.raises(LimitError, match=r"amplification"):
        open_svg(bomb.encode())


def test_a_dtd_is_never_loaded(tmp_path):
    (tmp_path / "a.dtd").write_text('<!ATTLIST svg fill CDATA "planted">')
    (tmp_path / "a.svg").write_text(f'<!DOCTYPE svg SYSTEM "{tmp_path}/a.dtd"><svg xmlns="{SVG}"/>')
    assert "fill" not in open_svg(tmp_path / "a.svg").attributes


def test_what_a_doctype_declares_is_no_attribute_of_an_element():
    declared = '<!DOCTYPE svg [<!ATTLIST image href CDATA "a.png" style CDATA "fill:red" xlink:href CDATA "b">]>'
    data = f'{declared}<svg xmlns="{SVG}" xmlns:xlink="http://www.w3.org/1999/xlink"><image/></svg>'.encode()
    # lxml frees the declaration when such an attribute is deleted: never reached, the process would end.
    image = open_svg(data).find("image")
    assert dict(image.attributes) == {}
    for name in ("href", "style", "xlink:href"):
        assert name not in image.attributes
        assert image.attributes.pop(name, "none") == "none"
        with pytest.raises(KeyError, match=name):
            del image.attributes[name]
    assert dict(image.style) == {}
    image.attributes["href"] = "c.png"
    del image.attributes["href"]
    image.style["fill"] = "teal"
    del image.style["fill"]
    assert dict(image.attributes) == {}


# ---------------------------------------------------------------- finding


@pytest.fixture
def rich():
    return open_svg(RICH)


@pytest.mark.parametrize(
    ("criteria", "ids"),
    [
        ({"tag": "path"}, ["p"]),
        ({"class_": "b"}, ["layer", "r"]),
        ({"class_": "b", "tag": "g"}, ["layer"]),
        ({"class_": "a  b"}, []),
        ({"id": "ts"}, ["ts"]),
        ({"id": "ts", "tag": "g"}, []),
        ({"tag": "inkscape:grid"}, [None]),
        ({"tag": f"{{{SVG}}}rect"}, ["r"]),
        ({"css": "rect"}, ["r"]),
        ({"css": "g > path, #t tspan"}, ["p", "ts"]),
        ({"css": "g .b"}, ["r"]),
        ({"css": "rect", "class_": "nope"}, []),
        ({"css": "rect::before"}, []),
        ({"css": "path ~ rect:last-child"}, ["r"]),
        ({"xpath": "//g/rect"}, ["r"]),
        ({"xpath": "//g/rect", "class_": "nope"}, []),
        ({"xpath": "//*[@width and @height]"}, ["r"]),
        ({"xpath": "//text | //g/path[@d='M1 1h9']"}, ["p", "t"]),
        ({"xpath": "descendant::g[rect and path]/child::path"}, ["p"]),
        ({"xpath": "//path[following-sibling::rect[1]/@class = 'b']"}, ["p"]),
        ({"xpath": "//*[name() = 'rect' and position() mod 2 = 0 or self::tspan]"}, ["ts"]),
        ({"xpath": "//*[count(*) * 2 > 3]/rect"}, ["r"]),
        ({"xpath": "//g[@inkscape:label]"}, ["layer"]),
        ({"xpath": "//*[* and @id = 't']"}, ["t"]),
        ({"xpath": "//*[g[1] and text]"}, [None]),
        ({"xpath": "//inkscape:grid"}, [None]),
        ({"xpath": "//svg:rect"}, ["r"]),
        ({"xpath": "//rect[attribute::class='b']/parent::g"}, ["layer"]),
        ({"xpath": "//g[div or mod or and]"}, []),
        ({"xpath": "(//path | //use)[2]/@*/.."}, [None]),
    ],
    ids=str,
)
def test_find_all(rich, criteria, ids):
    found = rich.find_all(**criteria)
    assert [element.attributes.get("id") for element in found] == ids
    assert all(isinstance(element, SvgElement) for element in found)
    if found:
        assert rich.find(**criteria) == found[0]


def test_names_in_xpath_mean_svg_as_prefixes_do(rich):
    # The oracle: lxml with every name prefixed by hand.
    pairs = [
        ("//g//rect/ancestor::svg", "//s:g//s:rect/ancestor::s:svg"),
        ("//g/*[last()]/preceding-sibling::path", "//s:g/*[last()]/preceding-sibling::s:path"),
        ("//tspan/../../g", "//s:tspan/../../s:g"),
        ("/svg/g[path]/path[2 - 1]", "/s:svg/s:g[s:path]/s:path[2 - 1]"),
        ("//rect[../path][string-length('a//b') = 4]", "//s:rect[../s:path][string-length('a//b') = 4]"),
    ]
    for plain, prefixed in pairs:
        wanted = rich.raw.xpath(prefixed, namespaces={"s": SVG})
        assert wanted
        assert [each.raw for each in rich.find_all(xpath=plain)] == wanted


def test_find_starts_at_the_element(rich):
    layer = rich.find(id="layer")
    assert [each.tag for each in layer.find_all()] == ["path", "use", "rect"]
    assert not layer.find_all("tspan")
    assert layer.find(css="svg rect") == layer.find(xpath=".//rect") == layer.find("rect") == rich.find("rect")
    assert layer.parent == rich
    assert rich.parent is None
    assert [each.tag for each in rich.children] == ["style", "inkscape:grid", "g", "text"]
    assert len({layer, rich.find(id="layer")}) == 1
    assert layer != rich


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        (
            {"id": "nope"},
            r"find: expected an element with id='nope', got none; the ids in <svg> are layer, p, r, t, ts\.",
        ),
        ({"class_": "c"}, r"with class_='c', got none; the classes in <svg> are a, b\."),
        ({"tag": "circle"}, r"with tag='circle', got none; the tags in <svg> are style, inkscape:grid, .*tspan\."),
        ({"tag": "g", "id": "p"}, r"with tag='g' and id='p', got none"),
        ({"css": "g["}, r"css: expected a selector, got 'g\[' \(.*\); write for instance \"g.icon > path\""),
        ({"css": 3}, r"css: expected a selector, got 3 \(.*\); write"),
        ({"css": ".c"}, r"find: expected an element with css='\.c', got none; the tags in <svg> are"),
        (
            {"xpath": "//g["},
            r"xpath: expected an XPath 1\.0 expression, got '//g\[' \(.*\); names of SVG need no prefix",
        ),
        ({"xpath": "//nope:g"}, r"xpath: expected .*these are known: .*inkscape.*svg\."),
        ({"xpath": "//path/@d"}, r"xpath: expected an expression that selects elements, got '//path/@d'"),
        ({"xpath": "count(//g)"}, r"xpath: expected an expression that selects elements"),
        ({"xpath": "//comment()"}, r"xpath: expected an expression that selects elements"),
        ({"tag": "nope:g"}, r"name: expected a prefix that the document declares \(.*inkscape.*\), got 'nope:g'"),
    ],
    ids=str,
)
def test_what_is_not_found_is_said(rich, criteria, message):
    with pytest.raises(InputValueError, match=message):
        rich.find(**criteria)


def test_a_long_inventory_is_cut():
    svg = new_svg(width=1, height=1)
    for number in range(50):
        svg.add("g", id=f"g{number}")
    with pytest.raises(InputValueError, match=r"g19, \.\.\.\.$"):
        svg.find(id="nope")
    with pytest.raises(InputValueError, match=r"ids in <g> are none at all"):
        svg.find("g").find(id="nope")


# ---------------------------------------------------------------- attributes and text


def test_attributes_are_a_dict(rich):
    layer = rich.find(id="layer").attributes
    assert dict(layer) == {"id": "layer", "class": "a  b", "inkscape:label": "Ebene\N{NO-BREAK SPACE}1"}
    assert len(layer) == 3
    assert "fill" not in layer
    layer["inkscape:label"] = "B"
    layer.update({"data-n": 3, "transform": "rotate(5)"})
    del layer["class"]
    assert dict(layer) == {"id": "layer", "inkscape:label": "B", "data-n": "3", "transform": "rotate(5)"}
    assert repr(layer) == repr(dict(layer))
    assert b'<g id="layer" inkscape:label="B" data-n="3" transform="rotate(5)">' in rich.encode()
    use = rich.find("use").attributes
    use["xlink:href"] = "#r"
    use["xml:space"] = "preserve"
    assert dict(use) == {"xlink:href": "#r", "x": "3", "xml:space": "preserve"}
    with pytest.raises(KeyError, match="nope"):
        _ = layer["nope"]
    with pytest.raises(KeyError, match="nope"):
        del layer["nope"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (3.0, "3"),
        (-0.0, "0"),
        (1 / 3, "0.333333333"),
        (1e-7, "1e-07"),
        (np.float32(0.1), "0.100000001"),
        (np.int64(7), "7"),
        (True, "true"),
        (np.bool_(False), "false"),
        ("rgba(0, 0, 0, .5)", "rgba(0, 0, 0, .5)"),
        ([(0, 1), (2.5, 3)], "0 1 2.5 3"),
        (np.array([[0, 1], [2.5, 3]]), "0 1 2.5 3"),
        (("M", 0, 0, "L", 5, 5), "M 0 0 L 5 5"),
    ],
    ids=repr,
)
def test_values_are_written_as_svg_has_them(rich, value, text):
    rich.attributes["data-x"] = value
    assert rich.attributes["data-x"] == text


@pytest.mark.parametrize(
    ("name", "value", "kind", "message"),
    [
        ("x", float("nan"), InputValueError, r"x: expected a finite number, got nan"),
        ("x", [1, float("inf")], InputValueError, r"x: expected a finite number, got inf"),
        ("x", None, InputTypeError, r"x: expected text, a number or a sequence of these, got NoneType"),
        ("href", object(), InputTypeError, r"href: expected text, .*got object; .*data URL"),
        ("x", "a\0b", InputValueError, r"x: expected a name and text that XML can hold, got 'a\\x00b'"),
        ("a b", "1", InputValueError, r"a b: expected a name and text that XML can hold"),
        ("nope:b", "1", InputValueError, r"name: expected a prefix that the document declares"),
        ("xmlns", "1", InputValueError, r"name: expected an attribute, got 'xmlns'"),
        (5, "1", InputTypeError, r"name: expected text such as \"rect\" or \"xlink:href\", got 5"),
    ],
)
def test_what_is_no_attribute_is_refused(rich, name, value, kind, message):
    with pytest.raises(kind, match=message):
        rich.attributes[name] = value
    assert rich.encode() == RICH


def test_text(rich):
    text = rich.find("text")
    assert text.text.startswith("One two three & ")
    assert rich.find("tspan").text == "two"
    rich.find("tspan").text = "<2>"
    assert b'<tspan id="ts">&lt;2&gt;</tspan> three' in rich.encode()
    text.text = "new"
    assert text.children == []
    assert b'<text id="t">new</text>\n</svg>' in rich.encode()
    with pytest.raises(InputTypeError, match=r"text: expected a str, got 5; pass str"):
        text.text = 5
    with pytest.raises(InputValueError, match=r"text: expected a name and text that XML can hold"):
        text.text = "\x01"
    assert text.text == "new"


# ---------------------------------------------------------------- style


def style_of(text):
    svg = open_svg(f'<svg xmlns="{SVG}"/>'.encode())
    svg.attributes["style"] = text
    return svg


STYLES = [
    "fill:red;stroke:blue",
    " fill : red ; stroke : blue ; ",
    "fill:red !important; fill:blue; stroke: red; stroke: blue",
    'background: url(data:image/png;base64,AA==:x); font-family: "a;b: c", serif; fill: red',
    "/* fill: no; */ fill/**/: /* ; */ red; --Custom: {a: b; c: d}; FILL-Opacity: .5",
    r"content: 'it\'s; fine'; fill: red; broken; : empty; a-b:;color:url( 'x;y' )",
    "grid: calc((1px + 2px) * 3); fill:url(#a) red;",
    "mask: url(//x/*y;z); fill: red; stroke: url( //x/*y*/z );",
    "",
    ";;",
]


def by_tinycss2(text):
    """The declarations as an independent parser reads them: the last counts, or the last important one."""
    import tinycss2

    found = {}
    for each in tinycss2.parse_declaration_list(text, skip_comments=True, skip_whitespace=True):
        if each.type == "declaration" and (each.important or not found.get(each.name, ("", False))[1]):
            name = each.name if each.name.startswith("--") else each.lower_name
            kept = [token for token in each.value if token.type != "comment"]
            found[name] = tinycss2.serialize(kept).strip(), each.important
    return {name: value + " !important" * important for name, (value, important) in found.items() if value}


@pytest.mark.parametrize("text", STYLES)
def test_style_reads_what_a_css_parser_reads(text):
    import tinycss2

    # Its own hand, in which strings have double quotes.
    read = {
        name: tinycss2.serialize(tinycss2.parse_component_value_list(value))
        for name, value in style_of(text).style.items()
        if value
    }
    assert read == by_tinycss2(text)


PIECES = [
    "fill",
    "stroke",
    "--x",
    ":",
    ";",
    " ",
    "red",
    "url(#a)",
    "url(a;b:c)",
    "!important",
    '"a;b"',
    "'",
    "/*",
    "*/",
    "(",
    ")",
    "\\",
    ".5",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_changing_one_property_leaves_the_others_alone(text):
    svg = style_of(text)
    before = dict(svg.style)
    try:
        svg.style["opacity"] = 0.5
    except InputValueError:  # something is open at the end
        assert svg.attributes["style"] == text
        return
    assert dict(svg.style) == before | {"opacity": "0.5"}
    del svg.style["opacity"]
    assert dict(svg.style) == before


def test_setting_a_property_changes_only_its_own_characters(rich):
    path = rich.find("path")
    path.style["fill"] = "teal"
    assert path.attributes["style"] == "fill: teal;/* a; b */ stroke:url(data:;a:b)  ;opacity:.5"
    path.style["stroke-width"] = 2
    assert path.attributes["style"].endswith(";opacity:.5; stroke-width: 2")
    del path.style["fill"], path.style["stroke"]
    assert path.attributes["style"] == "opacity:.5; stroke-width: 2"
    assert len(path.style) == 2
    assert repr(path.style) == "{'opacity': '.5', 'stroke-width': '2'}"
    del path.style["opacity"], path.style["stroke-width"]
    assert "style" not in path.attributes


def test_a_new_value_replaces_the_fallbacks_and_wins():
    svg = style_of("fill: red; FILL: oklch(.5 .1 90); stroke: a ! IMPORTANT; stroke: b")
    assert dict(svg.style) == {"fill": "oklch(.5 .1 90)", "stroke": "a !important"}
    svg.style["Fill"] = "teal"
    svg.style["stroke"] = "c"
    assert svg.attributes["style"] == " Fill: teal; stroke: c"
    assert dict(svg.style) == {"fill": "teal", "stroke": "c"}
    svg.style["stroke"] = "d !important"
    assert svg.style["stroke"] == "d !important"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fill", "red; stroke: blue"),
        ("fill", ""),
        ("fill", "!important"),
        ("a b", "red"),
        ("fill", '"open'),
        ("", "red"),
        ("fill", "("),
    ],
)
def test_what_is_no_declaration_is_refused(rich, name, value):
    with pytest.raises(
        InputValueError, match=r"style: expected a property and its value, got .*; write one declaration"
    ):
        rich.style[name] = value
    assert rich.encode() == RICH


def test_an_unclosed_style_is_not_written_behind():
    svg = style_of('fill: "red')
    with pytest.raises(
        InputValueError, match=r"style: expected one whose strings .* got 'fill: \"red'; replace it whole"
    ):
        svg.style["stroke"] = "blue"
    with pytest.raises(KeyError, match="stroke"):
        del svg.style["stroke"]


def test_which_of_the_three_wins():
    # What the docstring of SvgElement says, asked of a renderer.
    data = f'<svg xmlns="{SVG}" width="3" height="1"><style>.s{{fill:#00f}}</style><rect id="r" class="s" width="3" height="1"/></svg>'
    svg = open_svg(data.encode())
    rect = svg.find("rect")
    rect.attributes["fill"] = "#f00"
    assert drawn(svg)[0, 0].tolist() == [0, 0, 255, 255]
    rect.style["fill"] = "#0f0"
    assert drawn(svg)[0, 0].tolist() == [0, 255, 0, 255]
    del rect.style["fill"], rect.attributes["class"]
    assert drawn(svg)[0, 0].tolist() == [255, 0, 0, 255]


# ---------------------------------------------------------------- adding, wrapping, moving, removing


def small():
    return open_svg(f'<svg xmlns="{SVG}">0<a id="a"/>1<!--c-->2<g id="g">3<b/>4</g>5<?p?>6<path/>7</svg>'.encode())


def inside(svg):
    return svg.encode().decode().split(">", 1)[1].removesuffix("</svg>")


def test_add_puts_elements_where_asked():
    svg = small()
    svg.add("rect", x=1)
    svg.add("circle", index=1)
    svg.add("line", index=-1)
    svg.add("image", index=-50)
    svg.add("use", index=50)
    svg.find("g").add("text", "<hi>", index=0)
    assert inside(svg) == (
        '0<image/><a id="a"/>1<!--c-->2<circle/><g id="g">3<text>&lt;hi&gt;</text><b/>4</g>5<?p?>6<path/>7<line/><rect x="1"/><use/>'
    )


def test_names_of_keywords():
    svg = new_svg(width=1, height=1)
    added = svg.add(
        "feBlend",
        class_="a",
        in_="SourceGraphic",
        stroke_width=2,
        data_my_id="x",
        id=None,
        **{"xlink:href": "#a", "mix-blend-mode": "x"},
    )
    names = {
        "class": "a",
        "in": "SourceGraphic",
        "stroke-width": "2",
        "data-my-id": "x",
        "xlink:href": "#a",
        "mix-blend-mode": "x",
    }
    assert dict(added.attributes) == names


def test_xlink_is_declared_where_it_is_not():
    svg = small()
    svg.add("use", **{"xlink:href": "#a"})
    svg.add('<use xlink:href="#b"/>')
    assert inside(svg).endswith(
        '7<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="#a"/>'
        '<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="#b"/>'
    )


def test_add_takes_markup_and_what_gives_markup():
    import svgwrite

    svg = small()
    svg.add(' <g class="m"><rect width="3"/><!--x-->t</g>\n', id="n", index=0)
    svg.add(svg.find("g").find("rect"), width=4)
    svg.add(SvgPath.from_d("M0 0L1 1", fill='url("#a")', id="q&"), stroke="red")
    svg.add(svgwrite.Drawing(debug=False).ellipse((1, 2), (3, 4), fill="rgba(0,0,0,.5)", data_x=1), text="t")
    text = inside(svg)
    assert text.startswith('0<g class="m" id="n"><rect width="3"/><!--x-->t</g><a id="a"/>1')
    assert text.endswith(
        '7<rect width="4"/><path d="M0 0L1 1" fill="url(&quot;#a&quot;)" id="q&amp;" stroke="red"/>'
        '<ellipse cx="1" cy="2" data-x="1" fill="rgba(0,0,0,.5)" rx="3" ry="4">t</ellipse>'
    )


@pytest.mark.parametrize(
    ("what", "kind", "message"),
    [
        ("cirle", InputValueError, r"tag: expected the name of an SVG element, got 'cirle'; use for instance circle, "),
        ("Rect", InputValueError, r"tag: expected the name of an SVG element, got 'Rect'; use for instance rect"),
        ("", InputValueError, r"tag: expected the name of an SVG element, got ''"),
        ("nope:a", InputValueError, r"name: expected a prefix that the document declares \(none\), got 'nope:a'"),
        ("<rect>", InputValueError, r"markup: expected one element, got '<rect>' \(.*\); close what is open"),
        ("<rect/><rect/>", InputValueError, r"markup: expected one element, got 2 in"),
        ("<!-- c -->", InputValueError, r"markup: expected one element, got 0 in"),
        ("<rect/>\ud800", InputValueError, r"markup: expected one element, got"),
        (5, InputTypeError, r"what: expected a tag, markup or an element, got 5"),
        (None, InputTypeError, r"what: expected a tag, markup or an element, got None"),
    ],
    ids=repr,
)
def test_what_cannot_be_added_is_refused(what, kind, message):
    svg = small()
    before = svg.encode()
    with pytest.raises(kind, match=message):
        svg.add(what)
    with pytest.raises(InputTypeError, match=r"index: expected an integer or None, got 'x'"):
        svg.add("g", index="x")
    with pytest.raises(InputTypeError, match=r"x: expected text"):
        svg.add("g", x=object())
    assert svg.encode() == before


@pytest.mark.parametrize("tag", ["feDropShadow", "linearGradient", "foreignObject", "video", "textPath"])
def test_svg_2_and_filters_are_known(tag):
    assert new_svg(width=1, height=1).add(tag).tag == tag


def test_wrap_takes_the_place():
    svg = small()
    group = svg.find("g").wrap(transform="rotate(5)")
    assert inside(svg) == '0<a id="a"/>1<!--c-->2<g transform="rotate(5)"><g id="g">3<b/>4</g></g>5<?p?>6<path/>7'
    assert group.children == [svg.find(id="g")]
    svg.find("path").wrap("a", href="#x")
    assert inside(svg).endswith('6<a href="#x"><path/></a>7')


def test_wrap_contents_takes_all():
    svg = small()
    within = inside(svg)
    group = svg.wrap_contents(id="all")
    assert inside(svg) == f'<g id="all">{within}</g>'
    assert svg.children == [group]
    empty = new_svg(width=1, height=1).find("defs").wrap_contents()
    assert empty.children == []


def test_move_to():
    svg = small()
    svg.find(id="a").move_to(svg.find("g"), index=0)
    assert inside(svg) == '01<!--c-->2<g id="g">3<a id="a"/><b/>4</g>5<?p?>6<path/>7'
    svg.find(id="a").move_to(svg.find("g"))
    assert inside(svg) == '01<!--c-->2<g id="g">3<b/>4<a id="a"/></g>5<?p?>6<path/>7'
    svg.find("path").move_to(svg, index=0)
    assert inside(svg) == '01<!--c-->2<path/><g id="g">3<b/>4<a id="a"/></g>5<?p?>67'
    other = small()
    svg.find("path").move_to(other.find("g"))
    assert inside(other).count("<path/>") == 2
    assert "path" not in inside(svg)


def test_moving_to_another_document_takes_the_prefixes_along():
    svg, other = open_svg(RICH), small()
    svg.find("use").move_to(other)
    assert other.find("use").attributes["xlink:href"] == "#p"
    assert open_svg(other.encode()).find("use").attributes["xlink:href"] == "#p"


def test_remove_leaves_the_text_behind():
    svg = small()
    for tag in ("path", "g", "a"):
        svg.find(tag).remove()
    assert inside(svg) == "01<!--c-->25<?p?>67"
    text = open_svg(RICH).find("text")
    text.find("tspan").remove()
    assert text.text.startswith("One  three &")


def test_the_outermost_element_stays():
    svg = small()
    with pytest.raises(InputValueError, match=r"remove: expected an element inside the document, got <svg> itself"):
        svg.remove()
    with pytest.raises(InputValueError, match=r"wrap: expected an element inside .*; use wrap_contents"):
        svg.wrap()
    with pytest.raises(InputValueError, match=r"move_to: expected an element inside"):
        svg.move_to(small())
    with pytest.raises(InputTypeError, match=r"parent: expected an SvgElement, got str"):
        svg.find("g").move_to("g")
    for inner in (svg.find("g"), svg.find("g").find(xpath="./*")):
        with pytest.raises(InputValueError, match=r"parent: expected an element outside <g id=\"g\">, got <"):
            svg.find("g").move_to(inner)


@given(st.randoms(use_true_random=False))
def test_any_edits_undone_give_the_document_back(random: random.Random):
    svg = open_svg(RICH)
    for _ in range(3):
        element = random.choice([each for each in svg.find_all() if each.tag not in ("deep", "tspan")])
        group = element.wrap("g", id="new")
        element.move_to(group.parent, index=group.parent.children.index(group))
        group.remove()
        element.attributes["data-x"] = 1
        element.add("title", "x").remove()
        del element.attributes["data-x"]
    assert c14n(svg) == c14n(RICH)


# ---------------------------------------------------------------- out


def test_write(tmp_path, rich):
    rich.attributes["fill"] = "red"
    rich.write(tmp_path / "a.svg")
    rich.write(str(tmp_path / "a.SVGZ"))
    assert (tmp_path / "a.svg").read_bytes() == rich.encode()
    packed = (tmp_path / "a.SVGZ").read_bytes()
    assert packed[:2] == b"\x1f\x8b"
    assert gzip.decompress(packed) == rich.encode()
    assert open_svg(tmp_path / "a.SVGZ").encode() == rich.encode()
    assert sorted(os.listdir(tmp_path)) == ["a.SVGZ", "a.svg"]


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("a.png", InputValueError, r"path: expected a name that ends in \.svg or \.svgz, got 'a\.png'; for a picture"),
        ("a", InputValueError, r"path: expected a name that ends in"),
        (5, InputTypeError, r"path: expected a path, got int"),
        ("no/such/folder/a.svg", FileAccessError, r"a\.svg: expected a writable path"),
    ],
)
def test_where_nothing_can_be_written(rich, path, kind, message):
    with pytest.raises(kind, match=message):
        rich.write(path)


def test_render_draws_what_is_there_now():
    svg = new_svg(width=4, height=2)
    svg.add("rect", width=2, height=2, fill="rgba(255, 0, 0, 0.5)")
    picture = svg.render()
    assert (picture.mode, picture.size) == ("RGBA", (4, 2))
    assert np.asarray(picture)[1].tolist() == [[255, 0, 0, 128]] * 2 + [[0, 0, 0, 0]] * 2
    svg.find("rect").remove()
    assert np.asarray(svg.render(scale=2, background="#0f0"))[3, 7].tolist() == [0, 255, 0, 255]
    assert svg.render(width=8, height=8).size == (8, 8)
    with pytest.raises(InputValueError, match=r"engine"):
        svg.render(engine="nope")


# ---------------------------------------------------------------- new


@pytest.mark.parametrize(
    ("width", "height", "written"),
    [
        (120, 80, ("120", "80", "0 0 120 80")),
        (12.5, np.float32(8), ("12.5", "8", "0 0 12.5 8")),
        ("120", "80px", ("120", "80", "0 0 120 80")),
        ("10mm", "20 mm".replace(" ", ""), ("10mm", "20mm", "0 0 10 20")),
        ("2.5in", "1in", ("2.5in", "1in", "0 0 2.5 1")),
        ("10Q", "1e1q", ("10q", "1e1q", "0 0 10 1e1")),
    ],
)
def test_new_svg_is_measured_in_its_own_unit(width, height, written):
    svg = new_svg(width=width, height=height)
    assert isinstance(svg, Svg)
    assert (svg.attributes["width"], svg.attributes["height"], svg.attributes["viewBox"]) == written
    assert open_svg(svg.encode()).encode() == svg.encode()


def test_a_millimetre_is_a_millimetre():
    svg = new_svg(width="25.4mm", height="12.7mm")
    svg.add("rect", width=12.7, height=12.7)
    picture = drawn(svg)
    assert picture.shape == (48, 96, 4)
    assert picture[:, :48, 3].min() == 255
    assert picture[:, 48:, 3].max() == 0


@pytest.mark.parametrize(
    ("width", "height", "kind", "message"),
    [
        (
            0,
            5,
            InputValueError,
            r"width: expected a positive number of pixels or text such as \"10mm\", got 0; units are px",
        ),
        (5, -1, InputValueError, r"height: expected a positive number"),
        ("50%", 5, InputValueError, r"width: expected a positive number .* got '50%'"),
        ("5em", 5, InputValueError, r"width: expected a positive number"),
        (float("nan"), 5, InputValueError, r"width: expected a finite number, got nan"),
        (True, 5, InputTypeError, r"width: expected a number or text such as \"10mm\", got True"),
        (None, 5, InputTypeError, r"width: expected text, a number"),
        ("5mm", 5, InputValueError, r"height: expected the unit of width, got '5mm' and 5; write both in one unit"),
    ],
)
def test_sizes_that_are_none_are_refused(width, height, kind, message):
    with pytest.raises(kind, match=message):
        new_svg(width=width, height=height)


def test_svg_2_is_drawn_and_not_refused():
    # svgwrite's own checks refuse rgba(), data-* and mix-blend-mode.
    svg = new_svg(width=2, height=1)
    svg.add("rect", width=2, height=1, fill="#ff0")
    svg.add("rect", width=1, height=1, fill="#0ff", style="mix-blend-mode: multiply", data_x="1")
    assert drawn(svg)[0].tolist() == [[0, 255, 0, 255], [255, 255, 0, 255]]


def test_a_picture_goes_in_as_a_data_url():
    codes = np.array([[[255, 0, 0, 255], [0, 0, 255, 255]]], np.uint8)
    svg = new_svg(width=2, height=1)
    svg.add("image", href=aikit.files.to_data_url(codes, "png"), width=2, height=1)
    assert drawn(svg).tolist() == codes.tolist()


def test_repr_shows_what_it_is(rich):
    assert repr(rich) == "<svg>"
    assert repr(rich.find(id="layer")) == '<g id="layer" class="a  b">'
    assert rich.find("tspan").tostring().startswith("<tspan xmlns=")
    assert rich.find("tspan").tostring().endswith(' id="ts">two</tspan>')


def test_gzip_bombs_behind_many_members_are_refused():
    import gzip

    members = b"".join(gzip.compress(b"<svg/>"[at : at + 1]) for at in range(100))
    with pytest.raises(LimitError, match=r"^source: expected at most 100 gzip members, got more"):
        open_svg(members + gzip.compress(bytes(200_000_000)), limits=Limits())


def test_what_stands_behind_a_gzip_file_is_left_out():
    import gzip

    data = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    assert open_svg(gzip.compress(data) + b"garbage").encode() == data
