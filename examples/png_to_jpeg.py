"""A transparent PNG to a JPEG: python examples/png_to_jpeg.py [logo.png] [out.jpg]."""

import sys

from PIL import Image

import aikit


def drawn() -> bytes:
    """A palette PNG in which two entries are the same red, one of them transparent."""
    picture = Image.new("P", (64, 64))
    picture.putpalette([255, 0, 0, 255, 0, 0, 0, 0, 255])
    picture.paste(1, (8, 8, 40, 40))
    picture.paste(2, (24, 24, 56, 56))
    picture.info["transparency"] = 0
    return aikit.encode(picture, "png")


source = sys.argv[1] if len(sys.argv) > 1 else drawn()
target = sys.argv[2] if len(sys.argv) > 2 else "flat.jpg"

image = aikit.read_pil(source)
print(f"{image.mode} {image.width}x{image.height}, transparent somewhere: {aikit.alpha.is_transparent(image)}")
aikit.write(aikit.flatten(image, background="white"), target, quality=92)
print(f"wrote {target}")
