"""A model of the service as a page: run this file, or `aikit ui --models examples/gradio_model.py`."""

from PIL import Image

import aikit


@aikit.serve.model("cut-out", recipe="make_transparent color=white tolerance=0.05 feather=0.2; trim")
def cut_out(images: list[Image.Image]) -> list[Image.Image]:
    """A picture without its white background and its margins."""
    return images


if __name__ == "__main__":
    aikit.ui.launch(aikit.ui.page(cut_out))
