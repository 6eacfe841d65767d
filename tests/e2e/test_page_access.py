"""The live page for everyone: axe on every page and theme, a phone's width, Chinese, and no JavaScript."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page

from service.demo_story import BANK
from tests.e2e.page_service import PageService, browsing

AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text(encoding="utf-8")
PAGES = ("overview", "search", "name", "topic", "alerts", "alert", "item", "missing")


@pytest.fixture(scope="module")
def browser(page_service: PageService) -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="module")
def paths(page_service: PageService) -> dict[str, str]:
    """One address of each kind of page, after the spike."""
    page_service.play_spike()
    page_service.wait_for(lambda: _links(page_service, "/alerts", "/alerts/"))
    return {
        "overview": "/",
        "search": "/names?q=bank",
        "name": _links(page_service, "/names?q=northgate", "/names/")[0],
        "topic": _links(page_service, "/", "/topics/")[0],
        "alerts": "/alerts",
        "alert": _links(page_service, "/alerts", "/alerts/")[0],
        "item": _links(page_service, "/", "/items/")[0],
        "missing": "/items/there-is-none",
    }


def _links(service: PageService, page: str, start: str) -> list[str]:
    text = requests.get(service.url + page, headers={"Accept-Language": "en"}, timeout=20).text
    return re.findall(rf'href="({re.escape(start)}[^"?#]+)', text)


def _open(browser: Browser, service: PageService, path: str, **options: Any) -> Page:
    context = browser.new_context(base_url=service.url, **options)
    page = context.new_page()
    page.goto(path)
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(
    browser: Browser, page_service: PageService, paths: dict[str, str], name: str, theme: Any
) -> None:
    page = _open(browser, page_service, paths[name], color_scheme=theme, reduced_motion="reduce")
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    page.evaluate(AXE)
    found = page.evaluate("axe.run()")
    page.context.close()
    assert [
        (rule["id"], rule["help"], [node["html"][:200] for node in rule["nodes"][:3]])
        for rule in found["violations"]
    ] == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_a_phone_scrolls_one_way_only(
    browser: Browser, page_service: PageService, paths: dict[str, str], name: str, language: str
) -> None:
    page = _open(
        browser,
        page_service,
        paths[name],
        viewport={"width": 360, "height": 740},
        locale=language,
        is_mobile=True,
    )
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    page.context.close()
    assert widths == [360, 360]


def test_in_chinese_the_interface_is_chinese_and_stays_so(
    browser: Browser, page_service: PageService, paths: dict[str, str]
) -> None:
    page = _open(browser, page_service, "/", locale="en-GB")
    page.get_by_role("link", name="中文").click()
    assert str(page.locator("html").get_attribute("lang")).startswith("zh")
    # Not wait_for_function: it polls by eval, which the page's policy forbids.
    page.locator("[data-connection='live']").first.wait_for(state="attached")
    for name in PAGES:
        page.goto(paths[name])
        words = page.locator("h1, h2, nav a, button, dt").all_inner_texts()
        assert re.search("[一-鿿]", " ".join(words)), name
    page.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_it_works_without_javascript(
    browser: Browser, page_service: PageService, paths: dict[str, str], name: str
) -> None:
    page = _open(browser, page_service, paths[name], java_script_enabled=False, color_scheme="dark")
    assert page.locator("h1").is_visible()
    assert page.locator("[data-theme-toggle], [data-help], [data-pause]").filter(visible=True).count() == 0
    if name in {"overview", "name", "topic", "alert"}:
        page.locator("figure.chart details > summary").first.click()
        assert page.locator("figure.chart tbody tr").first.is_visible(), (
            "the chart's table says what it draws"
        )
    if name == "overview":
        page.get_by_role("searchbox").fill("northgate")
        page.keyboard.press("Enter")
        assert BANK in page.get_by_role("main").inner_text()
    page.context.close()
