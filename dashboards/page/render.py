"""The page as HTML: Jinja2 templates, escaped by default, every text from the catalogue."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dashboards.page import links
from dashboards.page.charts import figure_id
from dashboards.page.language import LANGUAGES, Words
from dashboards.page.marks import marked_html
from dashboards.page.sentences import measure_name, sentence_of, subject_of
from dashboards.page.told import outcome, said_of
from tidings.shown import safe_link, visible

TEMPLATES = Path(__file__).with_name("templates")
FRAME = "base.html"
_LIVE = "live_"


def render(template: str, words: Words, values: Mapping[str, Any]) -> str:
    """The template's HTML in the language of `words`."""
    return _environment().get_template(template).render(words=words, t=words.text, **values)


def render_parts(template: str, words: Words, values: Mapping[str, Any]) -> dict[str, str]:
    """The HTML of each live part of the page by its name: of the blocks live_NAME, which stand in data-live="NAME"."""
    parts = {}
    for source in (FRAME, template):
        found = _environment().get_template(source)
        context = found.new_context({"words": words, "t": words.text, **values})
        for name, block in found.blocks.items():
            if name.startswith(_LIVE):
                parts[name.removeprefix(_LIVE)] = "".join(block(context))
    return parts


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": visible, "at": at}
    environment.globals |= {
        "name_path": links.name_path,
        "topic_path": links.topic_path,
        "item_path": links.item_path,
        "alert_path": links.alert_path,
        "query": links.query,
        "safe_link": safe_link,
        "figure_id": figure_id,
        "sentence_of": sentence_of,
        "subject_of": subject_of,
        "measure_name": measure_name,
        "side": side,
        "languages": LANGUAGES,
        "said_of": said_of,
        "outcome": outcome,
        "marked": lambda text, found: Markup(marked_html(visible(text), found)),  # noqa: S704  # it escapes the text itself
    }
    # The macros of parts.html, by their names.
    pieces = vars(environment.get_template("parts.html").module)
    environment.globals |= {name: macro for name, macro in pieces.items() if not name.startswith("_")}
    return environment


def at(epoch_seconds: int) -> datetime:
    """The moment in UTC."""
    return datetime.fromtimestamp(epoch_seconds, UTC)


def side(sentiment: float) -> str:
    """Which side of zero a sentiment is on, as it is shown: neg, pos or nothing."""
    shown = round(sentiment, 2)
    return "neg" if shown < 0 else "pos" if shown > 0 else ""
