"""Colours that are told apart on white and on black, also by those who do not tell red from green."""

from typing import Any

import numpy as np

LIGHT, DARK = "#ffffff", "#14171c"
"""The two grounds of a page."""

LIGHTNESS, CHROMA, HUES = 0.6, 0.14, (262.0, 412.0)
"""A line of equal lightness in OKLCH, from blue over purple and red to orange; degrees."""

FROM_LAB = np.array(
    [[1.0, 0.3963377774, 0.2158037573], [1.0, -0.1055613458, -0.0638541728], [1.0, -0.0894841775, -1.2914855480]]
)
TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
"""OKLab to cone responses (before the cube), and these to linear sRGB: Ottosson, *A perceptual color space* (2020)."""


def ordered(count: int) -> list[str]:
    """One colour for each of ``count`` things in order, as #rrggbb."""
    hues = np.radians(np.linspace(*HUES, max(count, 1)))[:count]
    lab = np.stack([np.full(count, LIGHTNESS), CHROMA * np.cos(hues), CHROMA * np.sin(hues)], axis=-1)
    linear = np.clip((lab @ FROM_LAB.T) ** 3 @ TO_RGB.T, 0.0, 1.0)
    coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return ["#" + "".join(f"{round(255 * part):02x}" for part in color) for color in coded.tolist()]


SINGLE = ordered(1)[0]
"""The colour of what stands alone."""

GREY = "#7d848d"
"""Of what is said by theory, nets, and ground lines."""

COSINES: list[Any] = [[0.0, "#2166ac"], [0.25, "#92c5de"], [0.5, "#f7f7f7"], [0.75, "#f4a582"], [1.0, "#b2182b"]]
"""Blue -1, white 0, red 1."""
