"""GET /v1/docs: the API's document as a page. One file without scripts: it works offline, under a strict policy."""

import base64
import hashlib
import re
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

import dashboards.page
from service.api_docs import operations
from service.api_keys import SCOPES

_HERE = Path(__file__).parent
_SHEETS = (Path(dashboards.page.__file__).with_name("static") / "page.css", _HERE / "api_docs.css")


def docs_page(document: dict[str, Any], request: Request) -> Response:
    """The page, with examples for the address that it was asked at."""
    style, policy = _style()
    found = operations(document, f"{request.url.scheme}://{request.url.netloc}")
    html = _template().render(
        info=document["info"],
        tags={tag["name"]: tag["description"] for tag in document["tags"]},
        sections=[
            (tag, list(group)) for tag, group in groupby(_by_tag(document, found), lambda one: one.tag)
        ],
        scopes=SCOPES,
        style=Markup(style),  # noqa: S704  # our own file
    )
    return HTMLResponse(html, headers={"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"})


def _by_tag(document: dict[str, Any], found: list[Any]) -> list[Any]:
    order = [tag["name"] for tag in document["tags"]]
    return sorted(found, key=lambda one: order.index(one.tag))


@cache
def _style() -> tuple[str, str]:
    """The style sheet, and the policy that allows this one and nothing else."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in _SHEETS)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return text, (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    return environment.get_template("api_docs.html")


def _prose(text: str) -> Markup:
    """Words between backquotes as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped before
