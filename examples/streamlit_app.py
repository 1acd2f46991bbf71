"""Upload a picture, choose operations, download the result: streamlit run examples/streamlit_app.py.

With a catalogue, AIKIT_CATALOG=pictures.sqlite, its table is shown below and may be searched.
"""

import json
import os

import streamlit as st

import aikit
from aikit.operations import Parameter

FORMATS = ["png", "jpeg", "webp", "avif", "tiff"]
LIMITS = aikit.Limits()


def ask(parameter: Parameter, key: str) -> object:
    """A widget for one keyword, from its schema; None where nothing is said."""
    label = parameter.name if parameter.unit is None else f"{parameter.name} ({parameter.unit})"
    help_, bounds = parameter.description, (parameter.minimum, parameter.maximum)
    if parameter.choices:
        at = 0 if parameter.required else parameter.choices.index(parameter.default)
        return st.selectbox(label, parameter.choices, at, key=key, help=help_)
    if parameter.type == ("boolean",):
        return st.checkbox(label, parameter.default, key=key, help=help_)
    if None not in bounds and parameter.type == ("number",):
        low, high = map(float, bounds)
        return st.slider(label, low, high, low if parameter.required else float(parameter.default), key=key, help=help_)
    default = "" if parameter.default is None else json.dumps(parameter.default).strip('"')
    text = st.text_input(label, default, key=key, help=help_)
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text  # a word, such as the name of a color


def ask_step(name: str) -> tuple[str, dict[str, object]]:
    """An operation and what is said of its keywords, those of arrays left out."""
    with st.expander(name, expanded=True):
        st.caption(aikit.operations.get(name).summary)
        parameters = [each for each in aikit.operations.get(name).parameters if each.name not in ("bgr", "channels")]
        said = {each.name: ask(each, f"{name}.{each.name}") for each in parameters}
    return name, {each.name: said[each.name] for each in parameters if said[each.name] not in (None, each.default)}


st.title("aikit")
upload = st.file_uploader("Picture", max_upload_size=LIMITS.max_bytes // 1_000_000)
names = st.multiselect("Operations, in this order", aikit.operations.names(), ["flip"])
to = st.selectbox("Format", FORMATS)
steps = [ask_step(name) for name in names]
if upload is not None:
    try:
        recipe = aikit.Recipe(steps, to=to)
        data = recipe.bytes(upload.getvalue(), limits=LIMITS)
    except aikit.AikitError as error:
        st.error(str(error))
    else:
        st.image(aikit.encode(aikit.thumbnail(aikit.read_pil(data), side=1000), "png"), caption="The result")
        st.download_button("Download", data, f"result.{to}")
        st.code(str(recipe))

address = os.environ.get("AIKIT_CATALOG")
if address:
    st.header("Catalogue")
    tag = st.text_input("Tag", key="catalogue.tag")
    failed = st.checkbox("Those that failed", key="catalogue.failed")
    try:
        with aikit.open_catalog(address) as catalog:
            rows = catalog.find(tag=tag or None, status="failed" if failed else None)
            st.dataframe([row.to_dict() for _, row in zip(range(1000), rows, strict=False)], key="catalogue.rows")
            st.caption("{files} files, {pictures} pictures, {missing} missing".format(**catalog.stats()))
    except aikit.AikitError as error:
        st.error(str(error))
