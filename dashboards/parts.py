"""What the dashboards share: variables, links, alert marks, pieces of SQL."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    AnnotationTarget,
    CustomVariable,
    Dashboard,
    QueryVariable,
    TextBoxVariable,
)
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.query import Marks, source

PREFIX = "tidings-"
TAG = "tidings"
DRILL_DOWN = "tidings-drill-down"

TOPIC_IS_CHOSEN = "NOT ($__conditionalAll(0, $topic))"
ENTITY_IS_CHOSEN = "NOT ($__conditionalAll(0, $entity))"
# The key of scope topic_entity is "TOPIC | ENTITY"; topics have that stroke in their own names, too.
_ALERT_TOPIC = "if(scope = 'topic', key, arrayStringConcat(arrayPopBack(splitByString(' | ', key)), ' | '))"
_ALERT_ENTITY = "if(scope = 'entity', key, arrayElement(splitByString(' | ', key), -1))"
_OF_ENTITY = f"scope IN ('entity', 'topic_entity') AND {_ALERT_ENTITY} IN (${{entity:singlequote}})"
_OF_TOPIC = f"scope IN ('topic', 'topic_entity') AND {_ALERT_TOPIC} IN (${{topic:singlequote}})"
# Alerts about the chosen topic or name, and about the chosen name within the chosen topic.
ALERT_IS_CHOSEN = f"""$__conditionalAll({_OF_ENTITY}, $entity)
  AND ($__conditionalAll(scope = 'entity' OR ({_OF_TOPIC}), $topic))
  AND (scope != 'entity' OR {ENTITY_IS_CHOSEN} OR NOT {TOPIC_IS_CHOSEN})"""
# The drill-down's variables and period for an alert: its topic, name or source, and eight windows before its end.
ALERT_DRILL = f"""concat(
    'var-topic=', if(scope IN ('topic', 'topic_entity'), encodeURLComponent({_ALERT_TOPIC}), '%24__all'),
    '&var-entity=', if(scope IN ('entity', 'topic_entity'), encodeURLComponent({_ALERT_ENTITY}), '%24__all'),
    '&var-source=', if(scope = 'source', encodeURLComponent(key), '%24__all'),
    '&from=', toString(1000 * (toUnixTimestamp(ifNull(fired_at, started_at)) - 8 * window_seconds)),
    '&to=', toString(1000 * (toUnixTimestamp(ifNull(fired_at, started_at)) + window_seconds)))"""
ALERT_TEXT = (
    "concat(rule, ': ', if(key = '', scope, key), ', ', toString(round(value, 1)), ' ', measure, ', ', "
    "toString(round(expected, 1)), ' expected')"
)


def drill_link(what: str = "${__data.fields.drill:raw}") -> str:
    """The address of the drill-down; `what` chooses its variables."""
    return f"/d/{DRILL_DOWN}?{what}"


def start(
    uid: str, title: str, description: str, *, period: str = "now-24h", refresh: str = "1m"
) -> Dashboard:
    """A dashboard with our tag, in UTC, with links to the other ones. `uid` is its stable address in Grafana."""
    others = (
        dashboard.DashboardLink("Tidings")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .keep_time(True)
        .as_dropdown(True)
    )
    return (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .timezone("utc")
        .time(period, "now")
        .refresh(refresh)
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(others)
    )


def topic_variable() -> QueryVariable:
    """One topic, several, or all."""
    sql = "SELECT DISTINCT key FROM sentiment_1d WHERE scope = 'topic' ORDER BY key"
    return _choice("topic", "Topic", sql)


def entity_variable() -> QueryVariable:
    """Names of the period with most stories; any other may be typed or come with a link."""
    sql = (
        "SELECT key FROM sentiment_1h\nWHERE scope = 'entity' AND $__timeFilter(start)\n"
        "GROUP BY key ORDER BY sum(stories) DESC, key LIMIT 500"
    )
    return (
        _choice("entity", "Name", sql)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.DISABLED)
    )


def source_variable() -> QueryVariable:
    """One source, several, or all."""
    return _choice("source", "Source", "SELECT source FROM sources ORDER BY source")


def name_variable() -> TextBoxVariable:
    """Part of a name, for panels that compare names."""
    text = "A company, country or person; part of the name is enough."
    none = VariableOption(text="", value="")
    return TextBoxVariable("entity").label("Name contains").description(text).default_value("").current(none)


def period_variable(days: int, choices: Sequence[int]) -> CustomVariable:
    """How many days before count as usual; `days` is chosen at first."""
    said = {n: "the day before" if n == 1 else f"the {n} days before" for n in choices}
    return (
        CustomVariable("period")
        .label("Against")
        .description("What is compared with: the same hours of so many days before.")
        .values(", ".join(f"{text} : {n}" for n, text in said.items()))
        .current(VariableOption(text=said[days], value=str(days)))
    )


def alert_marks(condition: str = "") -> AnnotationQuery:
    """Alerts of the store on the time axis, from firing to the end."""
    sql = (
        f"SELECT fired_at AS time, resolved_at AS timeEnd,\n  {ALERT_TEXT} AS text,\n  severity AS tags\nFROM alerts\n"
        f"WHERE fired_at IS NOT NULL AND $__timeFilter(fired_at){condition and chr(10) + '  AND ' + condition}\n"
        "ORDER BY time\nLIMIT 500"
    )
    return (
        AnnotationQuery()
        .name("Alerts")
        .datasource(source())
        .enable(True)
        .icon_color("red")
        .target(Marks(sql))
    )


def grafana_marks() -> AnnotationQuery:
    """The same alerts as Tidings tells Grafana of them ([grafana] url); off at first, for they are above already."""
    target = AnnotationTarget().limit(100).match_any(False).tags([TAG]).type("tags")
    built_in = DataSourceRef(type_val="grafana", uid="-- Grafana --")
    return (
        AnnotationQuery()
        .name("Alerts told to Grafana")
        .datasource(built_in)
        .enable(False)
        .icon_color("orange")
        .target(target)
    )


def _choice(name: str, label: str, sql: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(source())
        .query(sql)
        .multi(True)
        .include_all(True)
        .current(VariableOption(text=["All"], value=["$__all"]))
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
