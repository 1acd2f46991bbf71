"""Yellow lane lines by their hue in OpenCV's codes: python examples/lane_mask.py [road.jpg] [out.jpg]."""

import sys

import cv2
import numpy as np

import aikit

# The thresholds of the tutorials: hue 20 to 30 of OpenCV's 180, saturation and value above 100 of 255.
LOWEST, HIGHEST = (20, 101, 101), (30, 255, 255)
HEIGHT, WIDTH, HORIZON = 240, 400, 96


def drawn() -> np.ndarray:
    """A road at noon, BGR as a camera gives it: a yellow line, a white one in dashes, a shadow across, noise."""
    row, column = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    near = np.clip((row - HORIZON) / (HEIGHT - HORIZON), 0, 1)  # 0 at the horizon, 1 at the wheels
    beside = (column - WIDTH / 2) / (12 + 210 * near)  # -1 and 1 are the edges of the road
    ahead = 1 / (near + 0.05)

    below = row >= HORIZON
    road = np.empty((HEIGHT, WIDTH, 3), np.float32)
    road[:] = 235, 190, 140  # sky
    road[below] = 60, 130, 80  # grass
    road[below & (abs(beside) < 1)] = 95, 92, 90  # asphalt
    road[below & (abs(beside + 0.82) < 0.045)] = 20, 180, 235  # the yellow line
    road[below & (abs(beside - 0.05) < 0.03) & (ahead % 1.6 < 0.9)] = 235, 235, 235
    road[below & (abs(row - 180 - 0.1 * column) < 14)] *= 0.62  # a tree's shadow
    road += np.random.default_rng(0).normal(0, 3, road.shape)
    return aikit.to_cv2(road / 255, bgr=True, dtype="uint8")


frame = aikit.read_cv2(sys.argv[1]) if len(sys.argv) > 1 else drawn()
target = sys.argv[2] if len(sys.argv) > 2 else "lane_mask.jpg"

hsv = aikit.rgb_to_hsv(frame, encoding="cv2", bgr=True)  # uint8, exactly cv2.cvtColor's codes
mask = cv2.inRange(hsv, LOWEST, HIGHEST)

paint = np.empty_like(frame)
paint[:] = 255, 0, 255  # magenta, which no road has
overlay = aikit.composite(aikit.merge_alpha(paint, mask), frame, bgr=True)

print(f"{(mask > 0).mean():.2%} of the picture is yellow line")
titles = ["camera", "mask: H 20..30, S and V > 100", "overlay"]
sheet = aikit.show(frame, mask, overlay, titles=titles, columns=3, bgr=True)
aikit.write(sheet, target, quality=85)
print(f"wrote {target}")
