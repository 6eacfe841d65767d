"""Grafana as code: provisioning files for a Grafana we start, HTTP for one that runs already."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests
import yaml
from grafana_api.grafana_api import GrafanaClientError, GrafanaException, GrafanaUnauthorizedError
from grafana_api.grafana_face import GrafanaFace

from dashboards.overview import DASHBOARDS
from dashboards.panels import DATASOURCE_TYPE, DATASOURCE_UID, to_json
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import StoreSettings, read_secret

FOLDER = "Tidings"
_NOTE = "# Written by `tidings dashboards build`: change dashboards/*.py instead.\n"
# Where deploy/compose.yaml mounts the dashboards in Grafana's container.
_MOUNTED = "/etc/grafana/dashboards"


def build(folder: Path) -> list[Path]:
    """Writes Grafana's provisioning files and dashboards under `folder`; returns them."""
    files = {
        folder / "provisioning/datasources/tidings.yaml": _NOTE
        + yaml.safe_dump(_provisioned_datasource(), sort_keys=False),
        folder / "provisioning/dashboards/tidings.yaml": _NOTE + yaml.safe_dump(_provider(), sort_keys=False),
    }
    for dashboard in DASHBOARDS:
        name = dashboard.uid.removeprefix("tidings-")
        text = json.dumps(to_json(dashboard), indent=2, ensure_ascii=False) + "\n"
        files[folder / f"dashboards/{name}.json"] = text
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be written ({error.strerror}); choose another folder"
            ) from None
    return list(files)


def push(
    url: str,
    *,
    token: str = "",
    user: str = "",
    password: str = "",
    folder_title: str = FOLDER,
    store: StoreSettings | None = None,
    dry_run: bool = False,
) -> list[str]:
    """Creates or updates folder, data source and dashboards in the Grafana at `url`.

    Pushing twice leaves one of each. `store` says how Grafana reaches ClickHouse; without it the data
    source must be there already. A dry run only reads. Returns what was (or would be) done, a line each.
    Raises ConfigError (address, login), Unavailable, or TidingsError; none of them shows a secret.
    """
    where = _address(url)
    if not token and not (user and password):
        raise ConfigError("Grafana needs a login: give a service account token, or user and password")
    client = GrafanaFace(
        token or (user, password),
        host=where.hostname,
        port=where.port,
        url_path_prefix=f"{where.path.strip('/')}/".lstrip("/"),
        protocol=where.scheme,
        timeout=10.0,
    )
    try:
        done = [_push_datasource(client, url, store, dry_run)]
        uid, line = _push_folder(client, url, folder_title, dry_run)
        done.append(line)
        for dashboard in DASHBOARDS:
            body = {
                "dashboard": to_json(dashboard),
                "folderUid": uid,
                "message": "tidings dashboards push",
                "overwrite": True,
            }
            if not dry_run:
                _call(url, partial(client.dashboard.update_dashboard, body))
            done.append(f"dashboard {dashboard.title}: {'would be written' if dry_run else 'written'}")
        return done
    finally:
        client.api.s.close()


def datasource(store: StoreSettings) -> dict[str, Any]:
    """The data source as Grafana's HTTP API takes it, with the password it must keep."""
    if store.backend != "server":
        raise ConfigError(
            "store.backend is embedded: Grafana can only read a ClickHouse server; set it to server"
        )
    plain = {"host": store.host, "port": store.port, "username": store.user, "secure": store.secure}
    secret = {"password": read_secret(store.password, store.password_file)}
    return _datasource({**plain, "defaultDatabase": store.database}, secret)


def _datasource(plain: dict[str, Any], secret: dict[str, str]) -> dict[str, Any]:
    return {
        "name": "Tidings",
        "type": DATASOURCE_TYPE,
        "uid": DATASOURCE_UID,
        "access": "proxy",
        "jsonData": {"protocol": "native", **plain},
        "secureJsonData": secret,
    }


def _provisioned_datasource() -> dict[str, Any]:
    plain = {
        "host": "${CLICKHOUSE_HOST}",
        "port": 9000,
        "username": "${CLICKHOUSE_USER}",
        "defaultDatabase": "tidings",
    }
    source = _datasource(plain, {"password": "${CLICKHOUSE_PASSWORD}"})
    return {"apiVersion": 1, "datasources": [{**source, "editable": False}]}


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


def _push_datasource(client: Any, url: str, store: StoreSettings | None, dry_run: bool) -> str:
    there = _find(_call(url, client.datasource.list_datasources), "uid", DATASOURCE_UID)
    if store is None:
        if not there:
            raise ConfigError(
                f"Grafana at {_shown(url)} has no data source {DATASOURCE_UID}:"
                " push with the store's settings, or add it"
            )
        return "data source Tidings: left as it is"
    body = datasource(store)
    if not dry_run and there:
        # The package's own update goes by number, which Grafana no longer recommends.
        _call(url, lambda: client.api.PUT(f"/datasources/uid/{DATASOURCE_UID}", json=body))
    elif not dry_run:
        _call(url, lambda: client.datasource.create_datasource(body))
    return f"data source Tidings: {'would be ' if dry_run else ''}{'updated' if there else 'created'}"


def _push_folder(client: Any, url: str, title: str, dry_run: bool) -> tuple[str, str]:
    """The folder's uid and what was done."""
    there = _find(_call(url, client.folder.get_all_folders), "title", title)
    if there:
        return str(there["uid"]), f"folder {title}: left as it is"
    if dry_run:
        return "", f"folder {title}: would be created"
    return str(_call(url, lambda: client.folder.create_folder(title))["uid"]), f"folder {title}: created"


def _find(rows: Any, key: str, value: str) -> dict[str, Any]:
    if not isinstance(rows, list):
        raise TidingsError("Grafana answered with something else than a list; is the address right?")
    return next((row for row in rows if isinstance(row, dict) and row.get(key) == value), {})


def _address(url: str) -> SplitResult:
    try:
        where = urlsplit(url)
        port = where.port
    except ValueError:
        where, port = urlsplit(""), None
    if where.scheme not in ("http", "https") or not where.hostname or port == 0:
        raise ConfigError("Grafana's address must look like http://host:3000")
    if "@" in where.netloc:
        raise ConfigError("Grafana's address must not hold a login: give token, or user and password")
    return where


def _shown(url: str) -> str:
    where = urlsplit(url)
    return f"{where.scheme}://{where.netloc}{where.path}"


def _call(url: str, action: Callable[[], Any]) -> Any:
    where = f"Grafana at {_shown(url)}"
    try:
        return action()
    except GrafanaUnauthorizedError:
        raise ConfigError(f"{where} refuses the login (401): check the token, or user and password") from None
    except GrafanaClientError as error:
        if error.status_code == 403:
            raise ConfigError(f"{where} forbids this (403): the account needs the role Admin") from None
        raise TidingsError(f"{where} refused ({error.status_code}): {_reason(error)}") from None
    except GrafanaException as error:
        raise Unavailable(f"{where} failed ({error.status_code}): {_reason(error)}; try again") from None
    except requests.JSONDecodeError:
        raise TidingsError(f"{where} did not answer in JSON; is the address right?") from None
    except TypeError:  # grafana_api looks for a "message" in error pages of proxies
        raise TidingsError(f"{where} answered with an error page; is the address right?") from None
    except requests.RequestException as error:
        raise Unavailable(f"{where} cannot be reached ({type(error).__name__}); is it running?") from None


def _reason(error: GrafanaException) -> str:
    """Grafana's own words for it; never the request, which holds the data source's password."""
    answer = error.response
    text = answer.get("message") or answer.get("status") if isinstance(answer, dict) else "no reason given"
    return str(text)[:200]
