"""The picture that social networks show beside a link to a page of ours."""

from io import BytesIO

from PIL import Image, ImageDraw

from tambah.web.colour import BLACK, WHITE, contrast, parse_colour

SIZE = (1200, 630)
_FINER = 2  # drawn larger and made smaller, for smooth edges
_SIM = ((0, 0), (25, 0), (40, 15), (40, 47), (0, 47))
_UPRIGHT = ((17, 18), (23, 18), (23, 40), (17, 40))
_ACROSS = ((9, 26), (31, 26), (31, 32), (9, 32))
_UNIT = 8


def draw_preview(colour: str) -> bytes:
    """Draw our mark, a SIM card with a plus, on the operator's colour; return a PNG.

    Without letters: the text beside it is in the reader's language, and this is in none.
    """
    ground = parse_colour(colour)
    card = max(BLACK, WHITE, key=lambda end: contrast(end, ground))
    width, height = SIZE
    picture = Image.new("RGB", (width * _FINER, height * _FINER), ground)
    draw = ImageDraw.Draw(picture)
    draw.polygon(_place(_SIM), fill=card)
    draw.polygon(_place(_UPRIGHT), fill=ground)
    draw.polygon(_place(_ACROSS), fill=ground)
    small = picture.reduce(_FINER).quantize(32)
    content = BytesIO()
    small.save(content, "PNG", optimize=True)
    return content.getvalue()


def _place(points: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """Put a shape of the mark (40 by 48 units) into the middle of the picture."""
    left, top = (SIZE[0] - 40 * _UNIT) // 2, (SIZE[1] - 48 * _UNIT) // 2
    return [((left + x * _UNIT) * _FINER, (top + y * _UNIT) * _FINER) for x, y in points]
