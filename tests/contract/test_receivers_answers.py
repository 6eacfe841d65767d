"""How each service says no, against real HTTP servers that answer as it does: passing, final, without secrets."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contract.receiver_fixtures import ALERT, AT, OK, Reply, hook, note, receiver_to
from tidings.errors import TidingsError, Unavailable
from tidings.types import Alert

PASSING: list[tuple[str, Reply, float | None]] = [
    ("slack", Reply(429, "rate_limited", (("Retry-After", "30"),)), 30.0),
    ("slack", Reply(500, "rollup_error"), None),
    ("teams", Reply(429), None),
    ("wecom", Reply(body={"errcode": 45009, "errmsg": "api freq out of limit"}), 60.0),
    ("wecom", Reply(body={"errcode": -1, "errmsg": "system busy"}), None),
    (
        "dingtalk",
        Reply(body={"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}),
        600.0,
    ),
    ("dingtalk", Reply(body={"errcode": 410100, "errmsg": "发送速度太快而限流"}), 600.0),
    ("dingtalk", Reply(body={"errcode": 90030, "errmsg": "webhook over limit"}), 3600.0),
    ("dingtalk", Reply(body={"errcode": -1, "errmsg": "系统繁忙"}), None),
    ("dingtalk", Reply(503, "<html>busy</html>"), None),
    ("wecom", Reply(body={"errcode": 45033, "errmsg": "接口并发调用超过限制"}), 60.0),
    ("wecom", Reply(body={"errcode": 45011, "errmsg": "api minute-quota reach limit, frequency"}), 60.0),
    ("feishu", Reply(400, {"code": 9499, "msg": "too many request"}), 60.0),
    ("feishu", Reply(429, {"code": 99991400, "msg": "request trigger frequency limit"}), 60.0),
    ("feishu", Reply(body={"code": 11232, "msg": "frequency limited"}), 60.0),
    ("feishu", Reply(400, {"code": 99991400, "msg": "limit"}, (("x-ogw-ratelimit-reset", "52"),)), 52.0),
    ("feishu", Reply(500, {"code": 5000}), None),
    ("alertmanager", Reply(503), None),
    ("pagerduty", Reply(429, {"status": "throttle exceeded"}), 60.0),
    ("pagerduty", Reply(502), 60.0),
]


@pytest.mark.parametrize(("kind", "reply", "seconds"), PASSING)
def test_a_passing_no_is_unavailable(kind: str, reply: Reply, seconds: float | None) -> None:
    with hook(reply) as server, pytest.raises(Unavailable) as caught:
        receiver_to(kind, server.port).send(note())
    assert caught.value.retry_after_seconds == seconds


FINAL: list[tuple[str, Reply, str]] = [
    ("slack", Reply(404, "no_service"), r"answered 404 \(no_service\)"),
    ("slack", Reply(410, "channel_is_archived"), r"answered 410 \(channel_is_archived\)"),
    ("slack", Reply(200, "invalid_token"), "answered invalid_token"),
    ("teams", Reply(401, "T0KEN"), "answered 401"),
    (
        "wecom",
        Reply(body={"errcode": 93000, "errmsg": "invalid webhook url T0KEN"}),
        r"code 93000 \(no such robot, or",
    ),
    ("wecom", Reply(200, "<html>a log-in page</html>"), "is it the right address"),
    (
        "dingtalk",
        Reply(body={"errcode": 310000, "errmsg": "sign not match T0KEN"}),
        r"code 310000 \(its security",
    ),
    (
        "feishu",
        Reply(body={"code": 19021, "msg": "sign match fail T0KEN"}),
        r"code 19021 \(signature or clock",
    ),
    (
        "dingtalk",
        Reply(body={"errcode": 300005, "errmsg": "token is not exist"}),
        r"code 300005 \(no such token",
    ),
    (
        "dingtalk",
        Reply(body={"errcode": 400102, "errmsg": "机器人已停用"}),
        r"code 400102 \(the robot is turned off",
    ),
    (
        "wecom",
        Reply(403, {"errcode": 93000, "errmsg": "Invalid input : content exceed max length"}),
        "code 93000",
    ),
    ("feishu", Reply(400, {"code": 9499, "msg": "Bad Request"}), r"code 9499 \(the message was not"),
    (
        "feishu",
        Reply(body={"code": 19001, "msg": "param invalid: incoming webhook access token invalid"}),
        r"code 19001 \(no such bot",
    ),
    ("feishu", Reply(body={"code": 19007, "msg": "Bot Not Enabled"}), r"code 19007 \(the bot is turned off"),
    ("feishu", Reply(body={"code": 19024, "msg": "Key Words Not Found"}), r"code 19024 \(its key word"),
    ("alertmanager", Reply(400, "bad T0KEN"), "answered 400"),
    ("pagerduty", Reply(400, {"status": "invalid event", "errors": ["hush is wrong"]}), "answered 400"),
]


@pytest.mark.parametrize(("kind", "reply", "words"), FINAL)
def test_a_final_no_says_why_and_what_to_check_and_no_secret(
    kind: str, reply: Reply, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        hook(reply) as server,
        pytest.raises(TidingsError, match=words) as caught,
    ):
        receiver_to(kind, server.port).send(note())
    assert not isinstance(caught.value, Unavailable)
    assert f"{kind} at 127.0.0.1:{server.port}" in str(caught.value)
    assert f"check receivers.{kind}.url" in str(caught.value)
    for text in (str(caught.value), caplog.text):
        assert "T0KEN" not in text
        assert "hush" not in text


@pytest.mark.parametrize("kind", sorted(OK))
def test_an_alert_with_little_in_it_is_told_all_the_same(kind: str) -> None:
    bare: Alert = replace(
        ALERT, evidence=(), series=(), labels={}, fired_at=None, scope="all", key="", severity="odd"
    )
    with hook(OK[kind]) as server:
        receiver_to(kind, server.port).send(
            note(bare, replace(bare, state="resolved", resolved_at=AT + timedelta(1)))
        )
    assert server.requests
