"""Each service's format and its way of saying no, against real HTTP servers that answer as it does.

The formats are those of the services' own documents (docs/receivers.md names them), written down here once more.
"""

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.contract.receiver_fixtures import (
    ALERT,
    AT,
    OK,
    RESOLVED,
    hook,
    many,
    note,
    receiver_to,
)
from tidings.errors import ConfigError
from tidings.types import Evidence, Notification

HEADLINE = "negative stories on Northgate Bank: 23 in 10 minutes (expected 0.8)"
HOSTILE = replace(
    ALERT,
    key="<!channel> **x** [y](http://evil.example) |",
    evidence=(
        Evidence(
            "1",
            "a <https://evil.example|click> [b](c) <at id=all></at>",
            AT,
            "*s*",
            "https://n.example/(1)",
            -0.9,
            0.9,
        ),
        Evidence("2", "t", AT, "s", "javascript:alert(1)", -0.9, 0.9),
    ),
)


def sent(kind: str, notification: Notification, **changes: Any) -> tuple[str, dict[str, str], Any]:
    with hook(OK[kind]) as server:
        receiver_to(kind, server.port, **changes).send(notification)
    (path, headers, _), (document,) = *server.requests, server.documents
    return path, headers, document


def test_slack_gets_blocks() -> None:
    _, _, document = sent("slack", note())
    assert document["text"] == f"Alert: {HEADLINE}"
    assert document["blocks"][0] == {
        "type": "header",
        "text": {"type": "plain_text", "text": f"Alert: {HEADLINE}", "emoji": False},
    }
    text = document["blocks"][1]["text"]["text"]
    assert document["blocks"][1]["text"]["type"] == "mrkdwn"
    assert "*Observed:* 23 negative stories in 10 minutes, where 0.8 would be usual" in text
    assert "• <https://n.example/1|Depositors queue at &lt;Northgate&gt;> (Wire &amp; Co)" in text
    assert "• Nothing to see Bcc: evil@x.example (posts)" in text
    assert "█" in document["blocks"][2]["elements"][0]["text"]


def test_slack_is_never_given_too_much() -> None:
    stories = tuple(replace(ALERT.evidence[0], title="&" * 200) for _ in range(5))
    alerts = [replace(alert, key="k" * 300, evidence=stories) for alert in many(12).alerts]
    _, _, document = sent("slack", note(*alerts))
    assert len(document["blocks"]) <= 50
    assert document["blocks"][-1]["elements"][0]["text"] == "and 2 more"
    for block in document["blocks"]:
        text = block.get("text", {}).get("text", "")
        assert len(text) <= {"header": 150}.get(block["type"], 3000)
        assert text.count("<") == text.count(">")


def test_teams_gets_an_adaptive_card() -> None:
    _, _, document = sent("teams", note())
    assert document["type"] == "message"
    (attachment,) = document["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["body"][0]["text"] == f"Alert: {HEADLINE}"
    assert card["body"][0]["color"] == "Attention"
    (facts,) = [element for element in card["body"] if element["type"] == "FactSet"]
    assert {"title": "Rule", "value": "name-breaking"} in facts["facts"]
    assert "[Depositors queue at \uff1cNorthgate\uff1e](https://n.example/1) (Wire & Co)" in str(card)
    resolved = sent("teams", note(RESOLVED))[2]["attachments"][0]["content"]["body"][0]
    assert (resolved["text"][:9], resolved["color"]) == ("Resolved:", "Good")


def test_wecom_gets_markdown_of_at_most_4096_bytes() -> None:
    path, _, document = sent("wecom", note())
    assert path == "/T0KEN?k=T0KEN"
    assert document["msgtype"] == "markdown"
    content = document["markdown"]["content"]
    assert content.startswith(f"**Alert: {HEADLINE}**\n\nFiring since 6 May 2024, 12:30 UTC\n\n")
    assert "> [Depositors queue at \uff1cNorthgate\uff1e](https://n.example/1) (Wire & Co)" in content
    long = [replace(alert, key="银行" * 40) for alert in many(30).alerts]
    content = sent("wecom", note(*long))[2]["markdown"]["content"]
    assert 3000 < len(content.encode()) <= 4096
    assert content.endswith("…")


def test_dingtalk_gets_signed_markdown() -> None:
    path, _, document = sent("dingtalk", note())
    assert document["msgtype"] == "markdown"
    assert document["markdown"]["title"] == f"Alert: {HEADLINE}"
    assert document["markdown"]["text"].startswith(f"**Alert: {HEADLINE}**")
    query = parse_qs(urlsplit(path).query)
    timestamp = str(int(AT.timestamp() * 1000))
    wanted = hmac.new(b"hush", f"{timestamp}\nhush".encode(), hashlib.sha256).digest()
    assert query == {"k": ["T0KEN"], "timestamp": [timestamp], "sign": [base64.b64encode(wanted).decode()]}
    assert "sign" not in sent("dingtalk", note(), secret="")[0]


def test_feishu_gets_a_signed_card() -> None:
    _, _, document = sent("feishu", note())
    timestamp = str(int(AT.timestamp()))
    wanted = hmac.new(f"{timestamp}\nhush".encode(), digestmod=hashlib.sha256).digest()
    assert (document["timestamp"], document["sign"]) == (timestamp, base64.b64encode(wanted).decode())
    assert document["msg_type"] == "interactive"
    assert document["card"]["header"] == {
        "title": {"tag": "plain_text", "content": f"Alert: {HEADLINE}"},
        "template": "red",
    }
    (element,) = document["card"]["elements"]
    assert element["tag"] == "markdown"
    assert "Rule: name-breaking" in element["content"]
    assert sent("feishu", note(RESOLVED))[2]["card"]["header"]["template"] == "green"
    assert "sign" not in sent("feishu", note(), secret="")[2]


@pytest.mark.parametrize("kind", ["slack", "teams", "wecom", "dingtalk", "feishu"])
def test_texts_of_others_cannot_write_mark_up_to_chats(kind: str) -> None:
    document = sent(kind, note(HOSTILE))[2]
    if kind == "slack":  # its header is plain text
        del document["blocks"][0]
    if kind == "feishu":
        del document["card"]["header"]
    document = str(document)
    for mark in ("<!channel>", "<at", "**x**", "](c)", "](http://evil", "<https://evil", "javascript"):
        assert mark not in document or (kind == "slack" and mark in ("**x**", "](c)", "](http://evil"))
    assert "https://n.example/%281%29" in document or kind == "slack"


@pytest.mark.parametrize(("kind", "longest"), [("teams", 28_000), ("dingtalk", 20_000), ("feishu", 20_000)])
def test_a_storm_fits_into_one_message(kind: str, longest: int) -> None:
    story = replace(ALERT.evidence[0], title="危机" * 90, url="https://n.example/" + "p" * 300)
    long = [replace(alert, key="银行" * 40, evidence=(story,) * 9) for alert in many(30).alerts]
    with hook(OK[kind]) as server:
        receiver_to(kind, server.port).send(note(*long))
    ((_, _, body),) = server.requests
    assert len(body) <= longest


def test_alertmanager_gets_labels_annotations_and_times() -> None:
    path, headers, document = sent_to_base()
    assert path == "/base/api/v2/alerts"
    assert headers["Authorization"] == "Bearer hush"
    firing, resolved = document
    assert firing["labels"] == {
        "alertname": "name-breaking",
        "severity": "critical",
        "scope": "entity",
        "key": "Northgate Bank",
        "team": "desk",
        "alert_id": ALERT.alert_id,
    }
    assert firing["annotations"]["summary"] == HEADLINE
    assert (
        "Depositors queue at <Northgate> (Wire & Co) https://n.example/1" in firing["annotations"]["stories"]
    )
    assert firing["startsAt"] == "2024-05-06T12:30:00Z"
    assert firing["endsAt"] == "2024-05-13T12:30:00Z"  # else it is resolved after five minutes
    assert resolved["labels"] == firing["labels"]
    assert (resolved["startsAt"], resolved["endsAt"]) == (firing["startsAt"], "2024-05-06T13:30:00Z")


def sent_to_base() -> tuple[str, dict[str, str], Any]:
    with hook(200) as server:
        receiver_to("alertmanager", 0, url=f"http://127.0.0.1:{server.port}/base/").send(
            note(ALERT, RESOLVED)
        )
    (path, headers, _), (document,) = *server.requests, server.documents
    return path, headers, document


def test_pagerduty_gets_trigger_and_resolve_with_one_key() -> None:
    with hook(OK["pagerduty"]) as server:
        annotated = replace(ALERT, annotations={"dashboard": "https://g.example/d", "note": "no link"})
        receiver_to("pagerduty", server.port).send(note(annotated, RESOLVED))
    trigger, resolve = server.documents
    assert (trigger["routing_key"], trigger["event_action"]) == ("hush", "trigger")
    assert trigger["dedup_key"] == resolve["dedup_key"] == ALERT.alert_id
    assert trigger["payload"]["summary"] == HEADLINE
    assert (trigger["payload"]["severity"], trigger["payload"]["source"]) == ("critical", "tidings")
    assert trigger["payload"]["timestamp"] == "2024-05-06T12:30:00Z"
    assert trigger["payload"]["custom_details"]["Rule"] == "name-breaking"
    assert trigger["links"] == [
        {"href": "https://g.example/d", "text": "dashboard"},
        {"href": "https://n.example/1", "text": "Depositors queue at <Northgate>"},
    ]
    assert resolve == {"routing_key": "hush", "event_action": "resolve", "dedup_key": ALERT.alert_id}
    with pytest.raises(ConfigError, match=r"receivers\.pagerduty\.secret or secret_file must be set"):
        receiver_to("pagerduty", 80, secret="")
