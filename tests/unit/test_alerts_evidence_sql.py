"""The SQL of an alert as text: one statement that reads, quoted, and in the e-mail only where it can be copied."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from alerts.evidence_sql import quoted, sql_of
from alerts.receivers.email_values import values_of
from service.alert_text import same_in_sql
from store.statement import require_read_only
from tidings.types import Alert, Filters, Measured, Window

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALERT = Alert(
    "a", "f", "r", "entity", "O'Brien\\", "info", "firing", 9.0, 1.0, 1e-6, 7200, AT, AT,
    series=(Window("entity", "O'Brien\\", AT, 900),),
)  # fmt: skip


def test_it_reads_the_window_that_ends_with_the_chart() -> None:
    assert sql_of(ALERT) == (
        "SELECT sum(negative_story_sum) AS value\nFROM sentiment_1m\n"
        "WHERE scope = 'entity' AND key = 'O\\'Brien\\\\'\n"
        "  AND start >= toDateTime('2026-03-02 10:15:00', 'UTC')"
        " AND start < toDateTime('2026-03-02 12:15:00', 'UTC')"
    )


@pytest.mark.parametrize("key", ["a'; DROP TABLE items; --", "\\'", "'", "a\n\t\0b", "/*", "`"])
def test_whatever_the_key_it_is_one_statement_that_reads(key: str) -> None:
    alert = replace(ALERT, key=key, measured=Measured(filters=Filters(sources=(key,))))
    for one in (alert, replace(alert, measured=Measured()), replace(alert, scope="topic_entity")):
        require_read_only(sql_of(one))
        assert quoted(key) in sql_of(one)


def test_there_is_none_for_what_no_query_gives() -> None:
    assert sql_of(replace(ALERT, series=())) == ""
    assert sql_of(replace(ALERT, measured=Measured(measure="smoothed negative stories"))) == ""
    assert same_in_sql(replace(ALERT, series=())) == []


def test_people_get_it_where_they_can_copy_it() -> None:
    assert values_of(ALERT, "")["sql"] == sql_of(ALERT)
    assert values_of(replace(ALERT, key="Acme\u202e"), "")["sql"] == ""
    assert same_in_sql(ALERT)[1:] == [f"  {line}" for line in sql_of(ALERT).split("\n")]
