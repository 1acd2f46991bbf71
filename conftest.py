"""What pytest leaves alone: modules of an extra that is not installed, which cannot be imported for their examples."""

import importlib.util
import re
from pathlib import Path

_PAGES = Path(__file__).parent / "src" / "aikit" / "ui"

collect_ignore = (
    [str(path) for path in _PAGES.glob("*.py") if re.search("^import gradio", path.read_text("utf-8"), re.MULTILINE)]
    if importlib.util.find_spec("gradio") is None
    else []
)
