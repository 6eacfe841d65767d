"""`tidings alerts list`, `show`, `ack` and `silence` as people and scripts meet them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alerts.outbox import Outbox
from service import cli
from store.store import open_store
from tests.items import T0
from tests.unit.outbox_memory import Inbox, alert_of
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import StoreSettings
from tidings.types import Measured

MEASURED = Measured(
    lower=0.0, upper=3.0, threshold=0.001, stories=40, sources=7, share=0.6, share_expected=0.2
)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoreSettings:
    """A store with two alerts, told to a desk, to a pager that is down, and to a chat that refused."""
    monkeypatch.setenv("TIDINGS_STORE_FOLDER", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "200")
    settings = StoreSettings(folder=tmp_path / "store")
    store = open_store(settings)
    alert = replace(alert_of("Acme", T0), measured=MEASURED, annotations={"next": "call the desk"})
    store.save_alerts([alert, alert_of("Other", T0)])
    pager = Inbox("pager", Unavailable("pager: no answer"))
    outbox = Outbox(store.outbox, [Inbox("desk"), pager, Inbox("chat", TidingsError("chat: answered 403"))])
    outbox.run()
    assert outbox.wait(10)
    outbox.stop()
    store.close()
    return settings


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["alerts", *arguments])


def test_an_alert_shows_its_figures_and_which_notifications_went_where(told: StoreSettings) -> None:
    shown = run("show", "Acme").output
    assert "negative stories 23.2, expected 0.81 (usual 0 to 3), p 2e-12 (fires below 0.001)" in shown
    assert "negative share 60%, usual 20%" in shown
    assert "stories 40, sources 7" in shown
    assert "next: call the desk" in shown
    lines = {line.split(":")[0]: line for line in shown.splitlines()}
    assert ", sent " in lines["desk"]
    assert lines["chat"].endswith("failed (chat: answered 403)")
    assert "waiting" in lines["pager"]
    document = json.loads(run("show", "Acme", "--json").output)
    assert document["alert_id"] == "Acme-1"
    assert {one["receiver"]: one["state"] for one in document["notifications"]} == {
        "desk": "sent",
        "chat": "failed",
        "pager": "waiting",
    }


def test_an_alert_that_is_not_told_says_why(told: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not told now" not in run("show", "Acme").output
    assert json.loads(run("show", "Acme", "--json").output)["quiet"] == []
    run("silence", "add", "key=A*", "--author", "kim", "--reason", "known outage", "--for", "2h")
    monkeypatch.setenv("TIDINGS_ROUTING_MUTE_TIMES", "Mon-Sun 00:00-24:00 UTC receiver=desk")
    silenced, muted = [
        line for line in run("show", "Acme").output.splitlines() if line.startswith("not told now: ")
    ]
    assert "silenced by kim until " in silenced
    assert silenced.endswith(": known outage")
    assert "(to desk): quiet for" in muted
    assert "not told now" not in run("show", "Other").output.replace(muted, "")


def test_an_acknowledgement_is_kept_and_shown(told: StoreSettings) -> None:
    done = run("ack", "Acme", "--author", "kim", "--note", "on it", "--snooze", "2h")
    assert done.exit_code == 0, done.output
    assert "Acme-1 is acknowledged by kim, snoozed until" in done.output
    assert "seen by kim" in run("show", "Acme").output
    assert "kim" in run("list").output
    (seen,) = json.loads(run("show", "Acme", "--json").output)["acknowledgements"]
    assert (seen["author"], seen["note"]) == ("kim", "on it")
    assert run("ack", "nobody", "--author", "kim").exit_code == 1


def test_the_list_is_readable_in_80_columns_and_can_be_narrowed(
    told: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("list").output.splitlines()
    assert lines[0].startswith(f"firing   {T0:%Y-%m-%d %H:%M} critical ")
    assert lines[0].endswith(" on Acme")
    assert lines[1].strip() == "23 negative stories, expected 0.8  Acme-1"
    assert (len(lines), max(map(len, lines)) <= 80) == (4, True)
    (alert,) = json.loads(run("list", "--key", "Other", "--json").output)
    assert (alert["key"], alert["acknowledgement"], alert["measured"]["lower"]) == ("Other", None, 0.0)
    after = f"{T0 + timedelta(minutes=1):%Y-%m-%dT%H:%M}"
    for narrowed in (("--state", "resolved"), ("--rule", "none"), ("--since", after)):
        assert run("list", *narrowed).output == "no alerts\n"
    assert "Acme" in run("list", "--state", "firing", "--since", "3000d").output
    assert len(run("list", "--limit", "1").output.splitlines()) == 2
    assert run("list", "--state", "odd").exit_code == 2
    with pytest.raises(ConfigError, match="--since must be"):
        CliRunner().invoke(
            cli.app, ["alerts", "list", "--since", "soon"], catch_exceptions=False, standalone_mode=False
        )


def test_a_silence_is_made_listed_and_ended(told: StoreSettings) -> None:
    before = datetime.now(UTC)
    made = run(
        "silence", "add", "key=A*", "severity=critical", "--author", "kim", "--reason", "known", "--for", "2h"
    )
    assert made.exit_code == 0, made.output
    (silence,) = json.loads(run("silence", "list", "--json").output)
    assert silence["matchers"] == {"key": "A*", "severity": "critical"}
    ends = datetime.fromisoformat(silence["ends_at"])
    assert timedelta(hours=2) <= ends - before.replace(microsecond=0) < timedelta(hours=2, minutes=1)
    assert "key=A*, severity=critical" in run("silence", "list").output
    assert run("silence", "expire", silence["silence_id"][:5]).exit_code == 0
    assert run("silence", "list").output == "no silences are in force\n"
    assert run("silence", "expire", silence["silence_id"]).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("key", "--reason", "x", "--for", "2h"), "'key' is no matcher"),
        (("key=A", "--reason", " ", "--for", "2h"), "--reason must say something"),
        (("key=A", "--reason", "x", "--for", "2 hours"), "--for must be a duration"),
        (("key=A", "--reason", "x", "--for", "0m"), "--for must be more than nothing"),
    ],
)
def test_a_wrong_silence_is_refused_with_what_to_write(
    told: StoreSettings, arguments: tuple[str, ...], says: str
) -> None:
    done = run("silence", "add", *arguments, "--author", "kim")
    assert done.exit_code != 0
    assert says in (done.output + str(done.exception))
