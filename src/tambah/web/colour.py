"""The operator's colour made readable: contrast as WCAG 2.2 reckons it."""

from tambah.config import COLOUR, ConfigError

Rgb = tuple[int, int, int]

BLACK: Rgb = (0, 0, 0)
WHITE: Rgb = (255, 255, 255)


def parse_colour(text: str) -> Rgb:
    """Read `#0b5d57`. Raises ConfigError."""
    if not COLOUR.fullmatch(text):
        raise ConfigError(f"brand.colour: {text!r} is not a colour such as #0b5d57")
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def show_colour(colour: Rgb) -> str:
    """Write a colour as a stylesheet has it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast of two colours, 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable_on(colour: Rgb, background: Rgb, least: float) -> Rgb:
    """Return the colour, moved towards black or white until it stands off the background enough.

    It moves to whichever of the two stands off more; `least` out of reach gives that one itself.
    """
    aim = max(BLACK, WHITE, key=lambda end: contrast(end, background))
    for percent in range(0, 100, 2):
        moved = mix(colour, aim, percent)
        if contrast(moved, background) >= least:
            return moved
    return aim


def mix(colour: Rgb, other: Rgb, percent: int) -> Rgb:
    """Return `colour` with so many parts in a hundred of `other`."""
    red, green, blue = (
        (mine * (100 - percent) + theirs * percent) // 100
        for mine, theirs in zip(colour, other, strict=True)
    )
    return red, green, blue


def _luminance(colour: Rgb) -> float:
    red, green, blue = (_linear(channel / 255) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
