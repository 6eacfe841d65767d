"""The chart of an alert as a PNG image: bars, the present window in colour, what is usual as a line."""

import io
from collections.abc import Sequence
from datetime import timedelta

from PIL import Image, ImageDraw, ImageFont

from alerts.receivers.words import bars_of, say_count, say_time
from tidings.types import Window

WIDTH, HEIGHT = 560, 150  # as shown; drawn at twice the size for sharp screens
_SCALE = 2
_LEFT, _TOP, _BOTTOM = 2, 18, 20
_GREY, _INK, _LINE = "#b8bec9", "#5c6370", "#1a4fa3"


def chart_png(
    series: Sequence[Window], window_seconds: int, colour: str, usual: float | None = None
) -> bytes | None:
    """A PNG of the series; None when there is none. `usual` is the expected value of one bar."""
    bars = bars_of(series, window_seconds)
    if not bars:
        return None
    image = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(11 * _SCALE)
    high, low = _TOP * _SCALE, (HEIGHT - _BOTTOM) * _SCALE
    left, right = _LEFT * _SCALE, (WIDTH - _LEFT) * _SCALE
    step = (right - left) / len(bars)
    top = max(bar.value for bar in bars) or 1.0
    for index, bar in enumerate(bars):
        x = left + index * step
        y = low - bar.height * (low - high)
        gap = max(0.0, min(2.0 * _SCALE, step * 0.2))
        if y < low:
            draw.rectangle((x, y, max(x, x + step - gap - 1), low), fill=colour if bar.present else _GREY)
    draw.line((left, low, right, low), fill=_INK, width=_SCALE)
    draw.text((left, 0), f"{say_count(top)} at most", fill=_INK, font=font)
    if usual is not None and 0 < usual <= top:
        y = low - usual / top * (low - high)
        draw.line((left, y, right, y), fill=_LINE, width=_SCALE)
        draw.text((right, 0), f"line: {say_count(usual)} is usual", fill=_LINE, font=font, anchor="ra")
    ends = series[-1].start + timedelta(seconds=series[-1].seconds)
    draw.text((left, low + 3 * _SCALE), say_time(bars[0].start), fill=_INK, font=font)
    draw.text((right, low + 3 * _SCALE), say_time(ends), fill=_INK, font=font, anchor="ra")
    file = io.BytesIO()
    image.quantize(32).save(file, "PNG", optimize=True)
    return file.getvalue()
