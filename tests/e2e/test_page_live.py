"""The live page in a real browser: a spike is played in; chart, tape and alert follow without a reload."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

from service.demo_story import BANK, Message
from tests.e2e.page_service import PageService, browsing, send

LONG = 90_000  # ms: the spike goes through broker, classifier, store and engine


@pytest.fixture(scope="module")
def browser(page_service: PageService) -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, page_service: PageService) -> Iterator[Page]:
    """A page whose errors, and whose requests to other hosts, fail the test at its end."""
    context = browser.new_context(base_url=page_service.url, locale="en-GB")
    page = context.new_page()
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:  # a CSP violation is an error here
            wrong.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith(page_service.url):
            wrong.append(request.url)

    page.on("console", heard)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", asked)
    yield page
    context.close()
    assert not wrong


def test_a_spike_moves_the_chart_and_its_alert_appears_and_opens(
    page: Page, page_service: PageService
) -> None:
    page.goto("/")
    expect(page.locator("[data-connection]")).to_have_text("Live")
    expect(page.locator('[data-live="alerts"]')).not_to_contain_text(BANK)
    chart = page.locator("figure.chart").first
    expect(chart.locator("canvas")).to_be_visible()
    table = chart.locator("tbody")
    before = (chart.locator("canvas").screenshot(), table.text_content())
    page.evaluate("window.sameDocument = true")

    page_service.play_spike()
    alert = page.locator('[data-live="alerts"] .alerts > li').filter(has_text=BANK)
    expect(alert).to_be_visible(timeout=LONG)
    expect(page.locator("[data-announcer]")).to_contain_text(BANK)
    expect(page.locator('[data-live="tape"]')).to_contain_text(BANK)
    assert chart.locator("canvas").screenshot() != before[0], "the chart moved"
    assert table.text_content() != before[1], "and so did its table"
    assert page.evaluate("window.sameDocument"), "without a reload"

    alert.locator("summary").click()
    evidence = alert.locator("details li").first
    expect(evidence).to_contain_text(BANK)
    alert.locator("h3 a").click()
    expect(page).to_have_url(re.compile("/alerts/"))
    expect(page.locator("h1")).to_contain_text(BANK)
    expect(page.locator("figure.chart canvas").first).to_be_visible()
    expect(page.locator("main mark.neg").first).to_be_visible()


def test_an_open_alert_follows_what_happens_to_it(page: Page, page_service: PageService) -> None:
    page_service.play_spike()
    page.goto("/alerts")
    link = page.locator(".alerts > li").filter(has_text=BANK).locator("a[data-row]")
    expect(link.first).to_be_visible(timeout=LONG)
    link.first.click()
    expect(page.locator("[data-connection]")).to_have_text("Live")
    told = page.locator('[data-live="told"]')
    expect(told).to_contain_text("nobody yet")
    evidence = page.locator('[data-live="evidence"] li a').first
    evidence.focus()
    page.evaluate("window.sameDocument = true")
    page.get_by_label("Note").fill("calling the desk")
    page.get_by_label("Snooze").select_option(label="4 hours")
    page.get_by_label("API key").fill(page_service.key)
    page.keyboard.press("Enter")
    expect(page.locator("[data-ack-answer]")).to_have_text("Acknowledged")
    expect(told).to_contain_text("by kim")
    expect(told).to_contain_text("calling the desk")
    expect(told).to_contain_text("Snoozed")
    assert page.evaluate("window.sameDocument"), "without a reload"
    assert page_service.key not in page.content()


def test_a_command_is_copied(page: Page, page_service: PageService) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/alerts")
    page.locator(".alerts > li a[data-row]").first.click()
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#ack-command").text_content()
    assert copied.startswith("tidings alerts ack ")


def test_the_page_of_a_name_hears_of_its_next_story(page: Page, page_service: PageService) -> None:
    page.goto("/names/Northgate%20Bank?period=hours")
    expect(page.locator("[data-connection]")).to_have_text("Live")
    chart = page.locator("figure.chart tbody").first
    stories = page.locator('[data-live="stories"]')
    before = chart.text_content()
    stories.locator("a[data-row]").nth(1).focus()
    held = page.evaluate("document.activeElement.getAttribute('href')")
    now = datetime.now(UTC)
    title = "Northgate Bank shares plunge again as its rescue collapses"
    row = {"id": "next", "title": title, "source": "Desk", "kind": "news", "published_at": now.isoformat()}
    send(page_service.settings, [Message("news.raw", json.dumps(row).encode(), now, "item")])
    expect(stories.locator("a[data-row]").first).to_have_text(title, timeout=LONG)
    assert page.evaluate("document.activeElement.getAttribute('href')") == held, "the focus stays"
    expect(chart).not_to_have_text(before or "")


def test_the_tape_is_paused_and_goes_on(page: Page, page_service: PageService) -> None:
    page.goto("/")
    expect(page.locator("[data-connection]")).to_have_text("Live")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-connection]")).to_have_text("Paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("[data-connection]")).to_have_text("Live")


def test_the_keyboard_searches_a_company_and_opens_an_item(page: Page, page_service: PageService) -> None:
    page.goto("/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("northgate j")  # typed here, j is a letter
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    page.get_by_role("main").get_by_role("link", name=BANK).first.click()
    expect(page).to_have_url(re.compile("/names/"))
    expect(page.locator("h1")).to_contain_text(BANK)
    expect(page.locator("figure.chart canvas").first).to_be_visible()

    page.goto("/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    first = page.locator("[data-row]").first
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/(alerts|items)/"))


def test_help_opens_and_the_keys_can_be_switched_off(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("?")
    help_dialog = page.get_by_role("dialog")
    expect(help_dialog).to_be_visible()
    help_dialog.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    expect(help_dialog).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).not_to_be_focused()


def test_the_theme_is_kept(page: Page) -> None:
    page.goto("/")
    toggle = page.locator("[data-theme-toggle]")
    expect(toggle).to_have_text("Dark theme")  # what it does
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    toggle.click()
    expect(toggle).to_have_text("Light theme")
    page.reload()
    expect(toggle).to_have_text("Light theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
