"""A compositor of its own for the tests of layered documents, pixel for pixel in float64, written from the formulas.

Sources: W3C, "Compositing and Blending Level 1", sections 5, 9 and 10, equal to ISO 32000-1, 11.3 and 11.4, but for
isolated and other groups; what only Photoshop has as its documentation words it ("Blending mode descriptions").
"""

from dataclasses import dataclass, field

import numpy as np


def lum(c):
    return c @ np.array([0.3, 0.59, 0.11])


def clip_color(c):
    low, high, grey = c.min(-1, keepdims=True), c.max(-1, keepdims=True), lum(c)[..., None]
    with np.errstate(all="ignore"):
        c = np.where(low < 0, grey + (c - grey) * grey / (grey - low), c)
        return np.where(high > 1, grey + (c - grey) * (1 - grey) / (high - grey), c)


def set_lum(c, level):
    return clip_color(c + (level - lum(c))[..., None])


def sat(c):
    return c.max(-1) - c.min(-1)


def set_sat(c, s):
    low, high = c.min(-1, keepdims=True), c.max(-1, keepdims=True)
    with np.errstate(all="ignore"):
        return np.where(high > low, (c - low) * s[..., None] / (high - low), 0)


def divided(a, b):
    with np.errstate(all="ignore"):
        return np.where(b > 0, a / np.where(b > 0, b, 1), np.inf)


def dodge(b, s):
    return np.where(b == 0, 0, np.where(s == 1, 1, np.minimum(1, divided(b, 1 - s))))


def burn(b, s):
    return np.where(b == 1, 1, np.where(s == 0, 0, 1 - np.minimum(1, divided(1 - b, s))))


def vivid(b, s):
    dark = 1 - np.minimum(1, divided(1 - b, 2 * s))
    light = np.minimum(1, divided(b, 2 * (1 - s)))
    return np.where(s == 0, 0, np.where(s == 1, 1, np.where(s <= 0.5, dark, light)))


def soft(b, s):
    curve = np.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, np.sqrt(b))
    return np.where(s <= 0.5, b - (1 - 2 * s) * b * (1 - b), b + (2 * s - 1) * (curve - b))


def hard(b, s):
    return np.where(s <= 0.5, 2 * b * s, 1 - 2 * (1 - b) * (1 - s))


MODES = {
    "normal": lambda b, s: s,
    "darken": np.minimum,
    "multiply": lambda b, s: b * s,
    "color_burn": burn,
    "linear_burn": lambda b, s: np.maximum(0, b + s - 1),
    "darker_color": lambda b, s: np.where((lum(s) < lum(b))[..., None], s, b),
    "lighten": np.maximum,
    "screen": lambda b, s: b + s - b * s,
    "color_dodge": dodge,
    "linear_dodge": lambda b, s: np.minimum(1, b + s),
    "lighter_color": lambda b, s: np.where((lum(s) > lum(b))[..., None], s, b),
    "overlay": lambda b, s: hard(s, b),
    "soft_light": soft,
    "hard_light": hard,
    "vivid_light": vivid,
    "linear_light": lambda b, s: np.clip(b + 2 * s - 1, 0, 1),
    "pin_light": lambda b, s: np.where(s <= 0.5, np.minimum(b, 2 * s), np.maximum(b, 2 * s - 1)),
    # On a sum of exactly 1 Photoshop gives white where the backdrop is above half.
    "hard_mix": lambda b, s: (b + s + 1e-9 * np.sign(b - 0.5) > 1) * 1.0,
    "difference": lambda b, s: np.abs(b - s),
    "exclusion": lambda b, s: b + s - 2 * b * s,
    "subtract": lambda b, s: np.maximum(0, b - s),
    "divide": lambda b, s: np.where(s == 0, (b > 0) * 1.0, np.minimum(1, divided(b, s))),
    "hue": lambda b, s: set_lum(set_sat(s, sat(b)), lum(b)),
    "saturation": lambda b, s: set_lum(set_sat(b, sat(s)), lum(b)),
    "color": lambda b, s: set_lum(s, lum(b)),
    "luminosity": lambda b, s: set_lum(b, lum(s)),
}


@dataclass
class Paint:
    """A layer, or with `inside` a group. Pixels (H, W, 4) of the canvas's size, in [0, 1], straight alpha."""

    pixels: np.ndarray | None = None
    mode: str = "normal"
    opacity: float = 1.0
    mask: np.ndarray | float = 1.0
    clipping: bool = False
    inside: list = field(default_factory=list)


def over(color, alpha, source, share, mode):
    """W3C, section 5: Cs = (1 - ab) Cs + ab B(Cb, Cs); co = Cs as + Cb ab (1 - as); straight again."""
    mixed = (1 - alpha[..., None]) * source + alpha[..., None] * MODES[mode](color, source)
    total = share + alpha - share * alpha
    premultiplied = mixed * share[..., None] + color * (alpha * (1 - share))[..., None]
    return np.where(total[..., None] > 0, premultiplied / np.where(total > 0, total, 1)[..., None], 0), total


def compose(stack, color, alpha):
    """Lay a stack of paints, from bottom to top, over a backdrop."""
    at = 0
    while at < len(stack):
        base = stack[at]
        end = at + 1
        while end < len(stack) and stack[end].clipping:
            end += 1
        color, alpha = lay(base, stack[at + 1 : end], color, alpha)
        at = end
    return color, alpha


def lay(paint, clipped, color, alpha):
    share = np.ones(alpha.shape) * paint.opacity * paint.mask
    if paint.inside and paint.mode == "pass_through":
        # Its layers meet the backdrop one by one; of what comes out, as much is taken as opacity and mask say.
        after, total = compose(paint.inside, color, alpha)
        mixed = total * share + alpha * (1 - share)
        premultiplied = after * (total * share)[..., None] + color * (alpha * (1 - share))[..., None]
        return np.where(mixed[..., None] > 0, premultiplied / np.where(mixed > 0, mixed, 1)[..., None], 0), mixed
    if paint.inside:
        source, coverage = compose(paint.inside, np.zeros_like(color), np.zeros_like(alpha))
    else:
        source, coverage = paint.pixels[..., :3], paint.pixels[..., 3]
    for top in clipped:
        # On a base that is there or is not, clipping is painting atop.
        opaque = np.ones_like(alpha)
        amount = top.pixels[..., 3] * top.opacity * top.mask
        source, _ = over(source, opaque, top.pixels[..., :3], amount, top.mode)
    return over(color, alpha, source, coverage * share, paint.mode)


def picture(stack, height, width):
    """The stack over nothing, (H, W, 4)."""
    color, alpha = compose(stack, np.zeros((height, width, 3)), np.zeros((height, width)))
    return np.concatenate([color, alpha[..., None]], -1)


def linear(values):
    """IEC 61966-2-1."""
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0) + 0.055) / 1.055) ** 2.4)


def encoded(values):
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * np.maximum(values, 1e-9) ** (1 / 2.4) - 0.055)
