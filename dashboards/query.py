"""A ClickHouse query as Grafana Labs' data source stores it, for the builders of grafana-foundation-sdk.

The SDK has no type for this data source; what is stored is written after the plug-in's src/types/sql.ts (version 4).
"""

from dataclasses import dataclass
from typing import Any, Literal, Self

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.runtime import DataqueryConfig
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import AnnotationTarget

DATASOURCE_TYPE = "grafana-clickhouse-datasource"
DATASOURCE_UID = "tidings-clickhouse"
# The plug-in's numbers for how a result is read.
_FORMATS = {"timeseries": 0, "table": 1}


@dataclass(frozen=True)
class Query(Dataquery, Builder[Dataquery]):
    """One query. A `timeseries` result has a column `time`; its text columns become labels."""

    sql: str
    result: Literal["timeseries", "table"] = "table"
    ref: str = "A"

    def build(self) -> Dataquery:
        """Itself: there is nothing left to choose."""
        return self

    def to_json(self) -> dict[str, object]:
        """As the plug-in stores it."""
        return {
            "datasource": source().to_json(),
            "editorType": "sql",
            "format": _FORMATS[self.result],
            "queryType": self.result,
            "rawSql": self.sql,
            "refId": self.ref,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Reads what to_json wrote."""
        return cls(data["rawSql"], data["queryType"], data["refId"])


class Marks(AnnotationTarget, Builder[AnnotationTarget]):
    """An annotation's query: columns time, timeEnd, text and tags. The SDK's own type is for Grafana's annotations."""

    def __init__(self, sql: str) -> None:
        super().__init__()
        self.query = Query(sql, ref="Annotation")

    def build(self) -> AnnotationTarget:
        """Itself."""
        return self

    def to_json(self) -> dict[str, object]:
        """As the plug-in stores it."""
        return self.query.to_json()


def source() -> DataSourceRef:
    """How panels and variables name the data source."""
    return DataSourceRef(type_val=DATASOURCE_TYPE, uid=DATASOURCE_UID)


def variant_config() -> DataqueryConfig:
    """How the SDK reads these queries back from JSON."""
    return DataqueryConfig(identifier=DATASOURCE_TYPE, from_json_hook=Query.from_json)
