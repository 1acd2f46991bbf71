"""A detection loop: read, letterbox, find, map back, draw: python examples/detection.py [photo.jpg] [out.jpg]."""

import sys

import cv2
import numpy as np
import torch
from skimage import data

import aikit

prepare = aikit.Recipe.parse("fit height=320 width=320 how=letterbox fill=gray method=bilinear")


def model(batch: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Stands for a detector: boxes in the 320 x 320 pictures, and scores. It finds what is brighter than its surroundings."""
    found = []
    for gray in batch.mean(1).numpy():
        bright = cv2.GaussianBlur(gray, None, 2) > cv2.GaussianBlur(gray, None, 40) + 0.03
        bright[gray == gray[0, 0]] = False  # the bars
        _, _, stats, _ = cv2.connectedComponentsWithStats(bright.astype(np.uint8))
        left, top, width, height, area = torch.from_numpy(stats[1:]).T
        boxes, fullness = torch.stack([left, top, left + width, top + height], 1), area / (width * height)
        kept = (area > 300) & (fullness > 0.5)  # a disc fills 0.79 of its box
        found.append((boxes[kept], fullness[kept]))
    return found


photo = aikit.read_numpy(sys.argv[1]) if len(sys.argv) > 1 else aikit.color.gray_to_rgb(data.coins())
target = sys.argv[2] if len(sys.argv) > 2 else "detection.jpg"

batch = aikit.stack([prepare(photo)], channels="rgb", device="cpu")
((boxes, scores),) = model(batch)
boxes = prepare.inverse(boxes, like=photo)  # in pixels of the photo, clipped at its edges

print(f"{len(boxes)} coins; the first at {[round(edge) for edge in boxes[0].tolist()]}")
aikit.write(aikit.draw_boxes(photo, boxes, classes=["coin"] * len(boxes), scores=scores), target, quality=85)
print(f"wrote {target}")
