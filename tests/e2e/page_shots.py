"""The pictures of the live page in docs/img, taken of the demo's story.

    python -m tests.e2e.page_shots [NAME …]

They are best taken where the fonts Inter and Noto Sans CJK are (Debian: fonts-inter, fonts-noto-cjk).
"""

import io
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import requests
from PIL import Image
from playwright.sync_api import Browser

from service.demo_story import BANK
from tests.e2e.page_service import PageService, browsing, running_page

FOLDER = Path(__file__).parents[2] / "docs/img"


@dataclass(frozen=True)
class Shot:
    """One picture: which page, how wide and high (CSS pixels), the theme, the browser's language."""

    name: str
    path: str
    width: int
    height: int
    theme: Literal["light", "dark"] = "light"
    locale: str = "en-GB"


SHOTS = (
    Shot("page_light", "/", 1280, 1000),
    Shot("page_dark", "/alerts/", 1280, 1000, "dark"),
    Shot("page_phone", "/", 390, 844),
    Shot("page_chinese", "/", 1280, 1000, locale="zh-CN"),
)


def take(browser: Browser, service: PageService, shot: Shot) -> None:
    context = browser.new_context(
        base_url=service.url,
        viewport={"width": shot.width, "height": shot.height},
        device_scale_factor=2 if shot.width < 500 else 1,
        color_scheme=shot.theme,
        locale=shot.locale,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto("/")
    page.wait_for_selector("[data-connection=live]")
    if shot.path != "/":
        page.locator(f'[data-live="alerts"] a[href^="{shot.path}"]').first.click()
    page.wait_for_selector("figure.chart canvas")
    page.wait_for_timeout(500)
    picture = Image.open(io.BytesIO(page.screenshot()))
    # Few colours suffice for text and lines, and halve the file.
    picture.convert("RGB").quantize(128).save(FOLDER / f"{shot.name}.png", optimize=True)
    context.close()


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_page(Path(folder)) as service:
        service.play_spike()
        service.wait_for(lambda: BANK in requests.get(f"{service.url}/alerts", timeout=10).text)
        service.wait_until_read(service.rest)
        time.sleep(8)  # the windows and the alert catch up with the last item
        with browsing() as browser:
            for shot in SHOTS:
                if not sys.argv[1:] or shot.name in sys.argv[1:]:
                    take(browser, service, shot)


if __name__ == "__main__":
    main()
