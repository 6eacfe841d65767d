"""The API for the contract tests: `tidings run`'s own server over a real store, a real broker and the shipped model."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import requests

from service.api_keys import SCOPES, create_key
from service.web import serving_web
from service.wiring import lazy_model
from store.store import Store, open_store
from tests.items import T0, scored
from tidings.settings import ApiSettings, KafkaSettings, Settings, StoreSettings
from tidings.types import Alert, Evidence, Window

ALERT_ID = "a1b2c3d4e5f60718"


@dataclass(frozen=True)
class Desk:
    """Where the API is, a key with every scope, and what stands behind it."""

    url: str
    key: str
    keys_file: Path
    store: Store
    settings: Settings

    def ask(self, method: str, path: str, key: str = "", **more: object) -> requests.Response:
        """One request, with the key of every scope where no other is given."""
        headers = {"Authorization": f"Bearer {key or self.key}"} | dict(more.pop("headers", {}))  # type: ignore[call-overload]
        return requests.request(method, self.url + path, headers=headers, timeout=30, **more)  # type: ignore[arg-type]

    def new_key(self, name: str, *scopes: str) -> str:
        """One more key."""
        return create_key(self.keys_file, name, scopes)


@contextmanager
def api_desk(
    folder: Path, kafka: KafkaSettings, api: ApiSettings | None = None, store: StoreSettings | None = None
) -> Iterator[Desk]:
    """Serves until the block ends, with thirty items of half an hour, their windows, and two alerts."""
    keys_file = folder / "keys.json"
    key = create_key(keys_file, "tests", SCOPES)
    settings = Settings(
        kafka=kafka,
        store=store or StoreSettings(folder=folder / "store"),
        api=replace(
            api or ApiSettings(requests_per_minute=0, request_bytes=4_000_000), port=0, keys_file=keys_file
        ),
    )
    with closing(open_store(settings.store)) as opened:
        fill(opened)
        with _served(settings, opened, key, keys_file) as desk:
            yield desk


@contextmanager
def same_desk(desk: Desk, folder: Path, kafka: KafkaSettings, api: ApiSettings) -> Iterator[Desk]:
    """The API once more over the same store, with other settings and a key of its own."""
    keys_file = folder / "keys.json"
    key = create_key(keys_file, "tests", SCOPES)
    settings = replace(desk.settings, kafka=kafka, api=replace(api, port=0, keys_file=keys_file))
    with _served(settings, desk.store, key, keys_file) as other:
        yield other


@contextmanager
def _served(settings: Settings, store: Store, key: str, keys_file: Path) -> Iterator[Desk]:
    with serving_web(settings, store, lazy_model(settings)) as port:
        yield Desk(f"http://127.0.0.1:{port}", key, keys_file, store, settings)


def fill(store: Store) -> None:
    """Thirty items, some of them of one story, and two alerts."""
    names = ("Acme", "Bolt", "Crux")
    store.insert(
        [
            scored(
                f"i{n}",
                n,
                story=f"s{n // 2}" if n < 10 else "",
                entities=(names[n % 3],),
                topic=("Macro", "IPO")[n % 2],
                source=("wire", "blog")[n % 2],
                p_negative=0.25 + 0.5 * (n % 2),
            )
            for n in range(30)
        ]
    )
    store.roll()
    store.save_alerts([alert(ALERT_ID), alert("b1b2c3d4e5f60718", key="Bolt", minutes=5)])


def alert(alert_id: str, key: str = "Acme", minutes: int = 0) -> Alert:
    """A firing alert with evidence."""
    at = T0 + timedelta(minutes=minutes)
    return Alert(
        alert_id=alert_id,
        fingerprint="f" + alert_id,
        rule="negative-spike",
        scope="entity",
        key=key,
        severity="warning",
        state="firing",
        value=9.0,
        expected=0.5,
        p_value=1e-6,
        window_seconds=1800,
        started_at=at,
        fired_at=at,
        updated_at=at,
        labels={"scope": "entity", "key": key},
        evidence=(Evidence("i1", "headline of s0", at, "wire", "", -0.5, 0.75, 2),),
        series=(Window("entity", key, at, 1800, 9, 9, 0, -4.5, 9, 9, 9.0),),
    )
