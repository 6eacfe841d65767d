"""Early 2008 of the Reuters stream, through broker, store and alert engine (make replay-2008)."""

import json
import sys
from collections import Counter
from datetime import date, datetime
from pathlib import Path

import pytest

from classifier.data import data_folder
from ingest.embedded import embedded_broker
from tests.e2e.test_service import stop, tidings, wait_for
from tests.started import started
from tidings.errors import ConfigError

TIDINGS = str(Path(sys.executable).with_name("tidings"))
FIRST, LAST = date(2008, 3, 14), date(2008, 3, 18)


def _stream() -> Path:
    try:
        return data_folder() / "stream_reuters_2006_2013.csv.gz"
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.mark.slow
@pytest.mark.data
def test_bear_stearns_is_noticed(tmp_path: Path) -> None:
    config = tmp_path / "tidings.toml"
    with embedded_broker() as broker:
        config.write_text(
            f'clock = "stream"\n[kafka]\nbootstrap_servers = ["{broker}"]\nsession_timeout_ms = 6000\n'
            f'[api]\nport = 0\n[store]\nfolder = "{tmp_path / "store"}"\n'
            "[alerts]\nevaluate_every_seconds = 1800\nroll_every_seconds = 2\n"
        )
        period = ("--from", "2008-01-01", "--to", "2008-04-01")
        sent = tidings(config, "replay", str(_stream()), *period)
        assert sent.returncode == 0, sent.stderr
        print(sent.stdout.strip())
        log = tmp_path / "log"
        with (
            log.open("w") as stream,
            started([TIDINGS, "run", "--config", str(config)], stream) as process,
        ):
            wait_for(lambda: "evaluated up to 2008-03-31 23:30" in log.read_text(), process, seconds=900)
            stop(process)
    alerts = [
        a
        for a in json.loads(tidings(config, "alerts", "list", "--limit", "999", "--json").stdout)
        if a["fired_at"]
    ]
    for alert in sorted(alerts, key=lambda alert: str(alert["fired_at"])):
        print(
            f"{alert['fired_at'][:16]}  {alert['key']:<24} {alert['value']:5.1f} expected {alert['expected']:.2f}"
        )

    def day(alert: dict[str, str]) -> date:
        return datetime.fromisoformat(alert["fired_at"]).date()

    bear = [alert for alert in alerts if alert["key"] == "Bear Stearns" and FIRST <= day(alert) <= LAST]
    assert bear
    assert all("Bear" in story["title"] for story in bear[0]["evidence"][:1])
    others = Counter(day(alert).isocalendar()[:2] for alert in alerts if alert not in bear)
    print(f"{len(alerts)} alerts in 13 weeks; others by week: {dict(sorted(others.items()))}")
    assert all(count <= 2 for count in others.values()), "no more than two others in any week"
