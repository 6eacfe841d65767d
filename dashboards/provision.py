"""Files for a Grafana that we start: it reads data source, folder and dashboards at its start."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dashboards.catalogue import dashboards, to_json
from dashboards.datasource import Protocol, provisioned
from dashboards.parts import PREFIX
from tidings.errors import ConfigError

FOLDER = "Tidings"
_NOTE = "# Written by `tidings dashboards build`: change dashboards/*.py instead.\n"
# Where deploy/compose.yaml mounts the dashboards in Grafana's container.
_MOUNTED = "/etc/grafana/dashboards"


def build(folder: Path, budgets: Mapping[str, float], protocol: Protocol = "native") -> list[Path]:
    """Writes Grafana's provisioning files and dashboards under `folder`; returns them.

    Dashboards there that are no longer built are deleted: those whose file holds a uid of ours. ConfigError names the
    file that cannot be written.
    """
    texts = {
        folder / "provisioning/datasources/tidings.yaml": _NOTE + _yaml(provisioned(protocol)),
        folder / "provisioning/dashboards/tidings.yaml": _NOTE + _yaml(_provider()),
    }
    for board in dashboards(budgets):
        path = folder / f"dashboards/{str(board.uid).removeprefix(PREFIX)}.json"
        texts[path] = json.dumps(to_json(board), indent=2, ensure_ascii=False) + "\n"
    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be written ({error.strerror}); choose another folder"
            ) from None
    for path in set((folder / "dashboards").glob("*.json")) - texts.keys():
        if _is_ours(path):
            path.unlink()
    return list(texts)


def _is_ours(path: Path) -> bool:
    try:
        model = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(model, dict) and str(model.get("uid")).startswith(PREFIX)


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False)


def _provider() -> dict[str, Any]:
    provider = {
        "name": "tidings",
        "type": "file",
        "folder": FOLDER,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 30,
        "options": {"path": _MOUNTED},
    }
    return {"apiVersion": 1, "providers": [provider]}
