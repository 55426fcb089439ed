"""Pictures that are no photographs: text, plots, codes, drawings, screens, stars. Each is a function of a side in pixels.

`PICTURES` has thirty of them, 8-bit grey (H, W) or colour (H, W, 3); `noisy` adds noise. Nothing is read from disk but the font
that Pillow ships, and nothing is random but by a fixed seed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]

_WORDS = (
    "The quick brown fox jumps over the lazy dog. Pack my box with five dozen jugs: 0123456789, i.e. 42 % of it (all) in "
    "1910.14634; sphinx of black quartz, judge my vow! How vexingly quick daft zebras jump; bright vixens dozy fowl quack. "
)


def text(side: int, height: int, *, white_on_black: bool = False, antialiased: bool = True) -> Picture:
    """Lines of text of a height in pixels."""
    image = Image.new("L", (side, side), 255)
    draw = ImageDraw.Draw(image)
    draw.fontmode = "L" if antialiased else "1"
    font = ImageFont.load_default(height)
    for number, top in enumerate(range(2, side, round(1.25 * height))):
        draw.text((3, top), (_WORDS * 3)[number * 37 :][: 4 * side // height], fill=0, font=font)
    drawn = np.asarray(image)
    return 255 - drawn if white_on_black else drawn


def plot(side: int, width: int = 1, *, antialiased: bool = False) -> Picture:
    """Two curves, axes, ticks and labels."""
    factor = 4 if antialiased else 1
    image = Image.new("L", (side * factor, side * factor), 255)
    draw = ImageDraw.Draw(image)
    x = np.linspace(0.12, 0.95, 200)
    for curve in (0.5 + 0.3 * np.sin(12 * x), 0.85 - 0.6 * x**2):
        draw.line([(a * side * factor, b * side * factor) for a, b in zip(x, curve, strict=True)], fill=0, width=width * factor)
    left, bottom = round(0.12 * side) * factor, round(0.9 * side) * factor
    draw.line([(left, 4 * factor), (left, bottom), (side * factor - 4 * factor, bottom)], fill=0, width=factor)
    image = image.resize((side, side), Image.Resampling.BOX) if antialiased else image
    draw = ImageDraw.Draw(image)
    for tick in range(5):
        place = round((0.12 + 0.2 * tick) * side)
        draw.line([(place, bottom // factor), (place, bottom // factor + 3)], fill=0)
        draw.text((place - 5, bottom // factor + 2), f"0.{2 * tick}", fill=0, font=ImageFont.load_default(9))
    return np.asarray(image)


def bars(side: int, module: int) -> Picture:
    """A bar code."""
    lines = np.random.default_rng(1).integers(0, 2, -(-side // module)).repeat(module)[:side]
    image = np.full((side, side), 255, np.uint8)
    image[side // 8 : -side // 8] = 255 * lines.astype(np.uint8)
    return image


def modules(side: int, module: int) -> Picture:
    """A two-dimensional code with a white border."""
    count = (side - 16) // module
    code = np.random.default_rng(2).integers(0, 2, (count, count)).repeat(module, 0).repeat(module, 1)
    image = np.full((side, side), 255, np.uint8)
    image[8 : 8 + len(code), 8 : 8 + len(code)] = 255 * code.astype(np.uint8)
    return image


def checkerboard(side: int, square: int) -> Picture:
    """Black and white squares."""
    rows, columns = np.indices((side, side)) // square
    return (255 * ((rows + columns) % 2)).astype(np.uint8)


def comb(side: int, period: int, *, white_on_black: bool = False) -> Picture:
    """Lines of a single pixel."""
    image = np.full((side, side), 255, np.uint8)
    image[4:-4, ::period] = 0
    return 255 - image if white_on_black else image


def drawing(side: int, width: int) -> Picture:
    """Ellipses, polygons and hatching."""
    image = Image.new("L", (side, side), 255)
    draw = ImageDraw.Draw(image)
    rng = np.random.default_rng(3)
    for _ in range(6):
        (left, top), size = rng.integers(0, side // 2, 2), rng.integers(side // 8, side // 2, 2)
        draw.ellipse((left, top, left + size[0], top + size[1]), outline=0, width=width)
        draw.line([tuple(point) for point in rng.integers(0, side, (4, 2)).tolist()], fill=0, width=width)
    for start in range(0, side // 3, 4):
        draw.line([(start, side - 1), (side // 3, side - 1 - side // 3 + start)], fill=0)
    return np.asarray(image)


def screen(side: int, *, dark: bool = False) -> Picture:
    """A window with a title, buttons, a list and an icon, in colour."""
    ground, ink = ((30, 30, 36), (220, 220, 220)) if dark else ((246, 246, 246), (20, 20, 20))
    image = Image.new("RGB", (side, side), ground)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, side, 14), fill=(60, 90, 160))
    draw.text((4, 1), "Untitled - Editor", fill=(255, 255, 255), font=ImageFont.load_default(10))
    for row, top in enumerate(range(20, side - 24, 12)):
        draw.text((6, top), _WORDS[row * 17 :][: side // 7], fill=ink, font=ImageFont.load_default(10))
        draw.line([(4, top + 11), (side - 30, top + 11)], fill=(128, 128, 128))
    draw.rectangle((side - 26, 20, side - 6, 40), fill=(200, 60, 40), outline=ink)
    draw.ellipse((side - 24, 46, side - 8, 62), fill=(240, 190, 40), outline=ink)
    draw.rectangle((side - 60, side - 20, side - 8, side - 6), outline=ink)
    draw.text((side - 50, side - 19), "Cancel", fill=ink, font=ImageFont.load_default(10))
    return np.asarray(image)


def stars(side: int, radius: float) -> Picture:
    """Stars of all magnitudes on black; `radius` is the standard deviation of their image in pixels."""
    rng = np.random.default_rng(4)
    rows, columns = np.indices((side, side))
    sky = np.full((side, side), 4.0)
    for _ in range(side * side // 250):
        row, column = rng.random(2) * side
        sky += 30 * (1 - rng.random()) ** -1.2 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * radius**2))
    return np.clip(np.round(sky), 0, 255).astype(np.uint8)


def ramp(side: int) -> Picture:
    """A smooth gradient with a thin grid on it."""
    image = np.tile(np.linspace(30, 225, side), (side, 1))
    image[::16], image[:, ::16] = 255, 255
    return np.round(image).astype(np.uint8)


PICTURES: dict[str, Callable[[int], Picture]] = {
    "text 8": lambda side: text(side, 8),
    "text 8, two values": lambda side: text(side, 8, antialiased=False),
    "text 10": lambda side: text(side, 10),
    "text 10, two values": lambda side: text(side, 10, antialiased=False),
    "text 10, white on black": lambda side: text(side, 10, white_on_black=True),
    "text 14": lambda side: text(side, 14),
    "text 14, white, two values": lambda side: text(side, 14, white_on_black=True, antialiased=False),
    "text 20": lambda side: text(side, 20),
    "text 20, two values": lambda side: text(side, 20, antialiased=False),
    "text 40": lambda side: text(side, 40),
    "text 40, white, two values": lambda side: text(side, 40, white_on_black=True, antialiased=False),
    "plot": plot,
    "plot, antialiased": lambda side: plot(side, antialiased=True),
    "plot, thick": lambda side: plot(side, 3),
    "bar code 1": lambda side: bars(side, 1),
    "bar code 3": lambda side: bars(side, 3),
    "modules 2": lambda side: modules(side, 2),
    "modules 4": lambda side: modules(side, 4),
    "checkerboard 1": lambda side: checkerboard(side, 1),
    "checkerboard 2": lambda side: checkerboard(side, 2),
    "checkerboard 4": lambda side: checkerboard(side, 4),
    "checkerboard 8": lambda side: checkerboard(side, 8),
    "comb 3": lambda side: comb(side, 3),
    "comb 16, white on black": lambda side: comb(side, 16, white_on_black=True),
    "drawing": lambda side: drawing(side, 1),
    "drawing, thick": lambda side: drawing(side, 3),
    "screen": screen,
    "screen, dark": lambda side: screen(side, dark=True),
    "stars 0.7": lambda side: stars(side, 0.7),
    "stars 1.2": lambda side: stars(side, 1.2),
}


def noisy(picture: Picture, sigma: float, seed: int) -> Picture:
    """Return a picture with white Gaussian noise, in 8 bits."""
    noise = sigma * np.random.default_rng(seed).standard_normal(picture.shape)
    return np.clip(np.round(picture + noise), 0, 255).astype(np.uint8)
