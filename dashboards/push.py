"""Folder, data source and dashboards into a Grafana that runs already."""

from collections.abc import Mapping
from typing import Any

from dashboards.catalogue import dashboards, to_json
from dashboards.difference import differences
from dashboards.grafana import Grafana
from dashboards.parts import PREFIX, TAG
from dashboards.provision import FOLDER
from dashboards.query import DATASOURCE_UID
from tidings.errors import ConfigError

_MOST_FOUND = 5000  # Grafana's own limit of one page


def push(
    grafana: Grafana,
    budgets: Mapping[str, float],
    source: dict[str, Any] | None = None,
    folder_title: str = FOLDER,
    dry_run: bool = False,
) -> list[str]:
    """Creates or updates folder, data source and dashboards; deletes dashboards of ours that are no longer built.

    Pushing twice leaves one of each, and writes no dashboard that is there already. Without `source` (see
    datasource()) the data source must be there. A dry run only reads. Returns what was, or would be, done, a line each,
    and under a dashboard what changes in it. Raises what Grafana.call raises.
    """
    done = [_push_source(grafana, source, dry_run)]
    folder, line = _push_folder(grafana, folder_title, dry_run)
    done.append(line)
    built = [to_json(board) for board in dashboards(budgets)]
    for model in built:
        done += _push_dashboard(grafana, model, folder, dry_run)
    return [*done, *_delete_others(grafana, {model["uid"] for model in built}, dry_run)]


def _push_source(grafana: Grafana, body: dict[str, Any] | None, dry_run: bool) -> str:
    rows = grafana.rows(lambda client: client.datasource.list_datasources())
    there = next((row for row in rows if row.get("uid") == DATASOURCE_UID), None)
    if body is None:
        if there is None:
            raise ConfigError(
                f"{grafana.where} has no data source {DATASOURCE_UID}: push with the store's settings, or add it"
            )
        return "data source Tidings: left as it is"
    if not dry_run and there is None:
        grafana.call(lambda client: client.datasource.create_datasource(body))
    elif not dry_run:
        # Always, since Grafana does not show the password. grafana-api's own update goes by number: deprecated.
        grafana.call(lambda client: client.api.PUT(f"/datasources/uid/{DATASOURCE_UID}", json=body))
    changes = differences(there.get("jsonData", {}), body["jsonData"]) if there is not None else []
    what = f"{'would be ' if dry_run else ''}{'created' if there is None else 'updated'}"
    return f"data source Tidings: {what}" + (f" ({'; '.join(changes)})" if changes else "")


def _push_folder(grafana: Grafana, title: str, dry_run: bool) -> tuple[str, str]:
    """The folder's uid and what was done."""
    rows = grafana.rows(lambda client: client.folder.get_all_folders())
    there = next((row for row in rows if row.get("title") == title), None)
    if there is not None:
        return str(there["uid"]), f"folder {title}: left as it is"
    if dry_run:
        return "", f"folder {title}: would be created"
    made = grafana.call(lambda client: client.folder.create_folder(title))
    return str(made["uid"]), f"folder {title}: created"


def _push_dashboard(grafana: Grafana, model: dict[str, Any], folder: str, dry_run: bool) -> list[str]:
    there = grafana.found(lambda client: client.dashboard.get_dashboard(model["uid"]))
    name, would = f"dashboard {model['title']}", "would be " if dry_run else ""
    if there is None:
        changes, what = [], f"{would}created ({len(model['panels'])} panels)"
    else:
        changes = differences(there["dashboard"], model)
        moved = bool(folder) and there.get("meta", {}).get("folderUid", folder) != folder
        changes += ["in another folder"] if moved else []
        if not changes:
            return [f"{name}: left as it is"]
        what = f"{would}changed"
    body = {"dashboard": model, "folderUid": folder, "message": "tidings dashboards push", "overwrite": True}
    if not dry_run:
        grafana.call(lambda client: client.dashboard.update_dashboard(body))
    return [f"{name}: {what}", *(f"  {change}" for change in changes)]


def _delete_others(grafana: Grafana, built: set[str], dry_run: bool) -> list[str]:
    """Dashboards with our tag and a uid of ours that nothing builds any more."""
    rows = grafana.rows(
        lambda client: client.search.search_dashboards(tag=TAG, type_="dash-db", limit=_MOST_FOUND)
    )
    done = list[str]()
    for row in rows:
        uid = str(row.get("uid", ""))
        if not uid.startswith(PREFIX) or TAG not in row.get("tags", ()) or uid in built:
            continue
        if not dry_run:
            _delete(grafana, uid)
        done.append(
            f"dashboard {row.get('title', uid)}: {'would be ' if dry_run else ''}deleted, nothing builds it"
        )
    return done


def _delete(grafana: Grafana, uid: str) -> None:
    grafana.call(lambda client: client.dashboard.delete_dashboard(uid))
