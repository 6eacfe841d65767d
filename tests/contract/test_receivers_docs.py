"""docs/receivers.md: its verification snippets accept what the webhook sends, and nothing else."""

import json
import re
import shutil
import subprocess
import textwrap
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from alerts.receivers.receiver import HttpReceiver
from alerts.receivers.webhook import WEBHOOK
from tests.contract.receiver_fixtures import LOOPBACK, Fixed, hook, note
from tidings.settings import ReceiverSettings

TEXT = (Path(__file__).parents[2] / "docs" / "receivers.md").read_text(encoding="utf-8")
Verify = Callable[[str, dict[str, str], bytes], bool]


def snippet(after: str) -> str:
    found = re.search(rf"^{after}.*:\n\n((?:    .*\n|\n)+)", TEXT, re.MULTILINE)
    assert found
    return textwrap.dedent(found[1])


def in_python(secret: str, headers: dict[str, str], body: bytes) -> bool:
    names: dict[str, Any] = {}
    exec(snippet("Python"), names)
    return bool(names["verify"](secret, headers, body))


def in_node(secret: str, headers: dict[str, str], body: bytes) -> bool:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    lower = {name.lower(): value for name, value in headers.items()}
    call = f"verify({json.dumps(secret)}, {json.dumps(lower)}, Buffer.from({json.dumps(body.hex())}, 'hex'))"
    script = f"{snippet('Node')}\nprocess.stdout.write(String({call}));"
    return subprocess.run([node, "-e", script], check=True, capture_output=True, text=True).stdout == "true"


@pytest.mark.parametrize("verify", [in_python, in_node])
def test_the_snippets_verify(verify: Verify) -> None:
    now = datetime.now(UTC)
    with hook(200) as server:
        settings = ReceiverSettings(url=f"http://127.0.0.1:{server.port}/", secret="hush")
        for moment in (now, datetime.fromtimestamp(now.timestamp() - 400, UTC)):
            HttpReceiver("webhook", WEBHOOK, settings, LOOPBACK, Fixed(moment)).send(note())
        HttpReceiver("webhook", WEBHOOK, replace(settings, secret="other"), LOOPBACK, Fixed(now)).send(note())
    fresh, old, forged = server.requests
    assert verify("hush", fresh[1], fresh[2])
    assert not verify("hush", fresh[1], fresh[2] + b" ")
    assert not verify("hush", old[1], old[2])
    assert not verify("hush", forged[1], forged[2])


def test_every_key_and_kind_is_listed() -> None:
    for field in fields(ReceiverSettings):
        assert f"| `{field.name}` |" in TEXT
    for kind in get_args(get_type_hints(ReceiverSettings)["kind"]):
        assert not kind or f"`{kind}`" in TEXT
