"""`tidings replay`: a file into Kafka, with progress where a person watches."""

from datetime import datetime
from pathlib import Path

from ingest.kafka import Producer, create_topics
from ingest.replay import ReplayReport, replay
from service.progress import counter
from tidings.settings import Settings


def replay_file(
    settings: Settings,
    file: Path,
    kafka_topic: str | None,
    start: datetime | None,
    end: datetime | None,
    speed: float | None,
    source: str,
) -> ReplayReport:
    """Publishes the file's rows to the settings' broker; returns the counts."""
    create_topics(settings.kafka)
    producer = Producer(settings.kafka)
    try:
        with counter() as progress:
            task = progress.add_task("reading")

            def show(report: ReplayReport) -> None:
                reached = f", up to {report.last:%Y-%m-%d %H:%M}" if report.last else ""
                progress.update(task, description=f"{report.published:,} published{reached}")

            return replay(
                file,
                producer,
                kafka_topic=kafka_topic,
                start=start,
                end=end,
                speed=speed,
                source=source,
                progress=show,
            )
    finally:
        producer.close()
