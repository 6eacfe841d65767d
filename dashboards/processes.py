"""Panels over the metrics of tidings/metrics.py, as Prometheus keeps them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from grafana_foundation_sdk.builders import prometheus, timeseries
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards import panels

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${prometheus}")
_PARTITION = "kafka_topic, kafka_partition"
_GPU = "From NVIDIA's dcgm-exporter, where there is one."


@dataclass(frozen=True)
class Metric:
    """One panel: `lines` maps a legend to an expression; `unit` is Grafana's word for it."""

    title: str
    description: str
    unit: str
    lines: Mapping[str, str]


def rate(name: str, *by: str) -> str:
    """So many a second; by labels, or over all."""
    return f"sum{_by(by)} (rate({name}[$__rate_interval]))"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""


METRICS = (
    Metric(
        "Lag",
        "Kafka messages behind the last commit.",
        "short",
        {"{{kafka_topic}} {{kafka_partition}}": f"sum by ({_PARTITION}) (tidings_ingest_lag_messages)"},
    ),
    Metric(
        "Throughput",
        "Messages read and items stored, a second.",
        "cps",
        {
            "messages": rate("tidings_ingest_messages_total"),
            "items": rate("tidings_ingest_items_stored_total"),
        },
    ),
    Metric(
        "Seconds of a batch in each step",
        "95 of 100 batches are faster.",
        "s",
        {"{{step}}": f"histogram_quantile(0.95, {rate('tidings_ingest_step_seconds_bucket', 'le', 'step')})"},
    ),
    Metric(
        "Age of the latest stored item",
        "When its batch was stored.",
        "s",
        {"{{instance}}": "tidings_ingest_behind_seconds"},
    ),
    Metric(
        "Dead letters, a second",
        "By reason.",
        "cps",
        {"{{reason}}": rate("tidings_ingest_dead_letters_total", "reason")},
    ),
    Metric(
        "Retries, a second",
        "Steps tried again after an error.",
        "cps",
        {"{{step}} {{error}}": rate("tidings_ingest_retries_total", "step", "error")},
    ),
    Metric(
        "Alert engine",
        "Which process is the active one; evaluations a second.",
        "short",
        {
            "active {{instance}}": "tidings_alerts_engine_active",
            "evaluations": rate("tidings_alerts_evaluations_total"),
        },
    ),
    Metric(
        "Notifications, a second",
        "By receiver and outcome.",
        "cps",
        {"{{receiver}} {{outcome}}": rate("tidings_alerts_notifications_total", "receiver", "outcome")},
    ),
    Metric(
        "Proof of the counts",
        "What the last proof found; both should be 0.",
        "short",
        {
            "lost offsets": "max(tidings_store_unexplained_offsets)",
            "windows that differ": "max(tidings_store_differing_windows)",
        },
    ),
    Metric(
        "Where the model runs",
        "Processes per execution provider.",
        "short",
        {"{{provider}}": "count by (provider) (tidings_classifier_provider_info == 1)"},
    ),
    Metric("GPU busy", _GPU, "percent", {"{{Hostname}} {{gpu}}": "DCGM_FI_DEV_GPU_UTIL"}),
    Metric("GPU memory", _GPU, "decmbytes", {"{{Hostname}} {{gpu}}": "DCGM_FI_DEV_FB_USED"}),
)


def panels_of_metrics() -> Iterator[timeseries.Panel]:
    """One panel per metric, over the dashboard's Prometheus variable."""
    for metric in METRICS:
        asked = [
            prometheus.Dataquery().datasource(PROMETHEUS).expr(text).legend_format(legend).range().ref_id(ref)
            for ref, (legend, text) in zip("AB", metric.lines.items(), strict=False)
        ]
        yield (
            panels.lines(metric.title, metric.description, "", width=8, height=8, every="")
            .datasource(PROMETHEUS)
            .unit(metric.unit)
            .min(0)
            .targets([*asked])
        )
