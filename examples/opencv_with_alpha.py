"""OpenCV on a picture with alpha: python examples/opencv_with_alpha.py [logo.png] [out.png]."""

import sys

import cv2
import numpy as np

import aikit


def drawn() -> bytes:
    """A red disc on transparent green: what is hidden must not show after a blur."""
    row, column = np.mgrid[0:96, 0:96]
    inside = np.hypot(row - 48, column - 48) < 32
    picture = np.zeros((96, 96, 4), np.uint8)
    picture[inside] = 255, 0, 0, 255
    picture[~inside] = 0, 255, 0, 0
    return aikit.encode(picture, "png")


source = sys.argv[1] if len(sys.argv) > 1 else drawn()
target = sys.argv[2] if len(sys.argv) > 2 else "blurred.png"

frame = aikit.read_cv2(source)  # BGRA where there is alpha
if not aikit.has_alpha(frame):
    frame = aikit.merge_alpha(frame)
light = aikit.premultiply(aikit.to_cv2(frame, bgr=True, dtype="float32"))  # floats: 8 bits would lose color
blurred = aikit.unpremultiply(cv2.GaussianBlur(light, (0, 0), 3))
aikit.write(blurred, target, bgr=True)

visible = blurred[blurred[..., 3] > 0.02]
print(f"largest green in what is visible: {visible[:, 1].max():.3f}")
print(f"wrote {target}")
