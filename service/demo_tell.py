"""What the demo says on the console: while it runs, at its end, and until it is left."""

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from threading import Event

from rich.console import Console
from rich.live import Live

from alerts.receivers.webhook import verify
from service import demo_view as view
from service.demo_catchers import Hook
from service.demo_watch import Watch
from tidings.clock import StreamClock

LIMIT_SECONDS = 300


def show(
    console: Console, watch: Watch, clock: StreamClock, stop: Event, evaluated: Callable[[], bool]
) -> None:
    """The live view, or plain lines where there is no terminal, until all is handled and evaluated."""
    deadline = time.monotonic() + LIMIT_SECONDS

    def going() -> bool:
        done = watch.handled >= watch.total and evaluated()
        return not done and not stop.is_set() and time.monotonic() < deadline

    def phase() -> str:
        return "streaming" if watch.handled < watch.total else "evaluating"

    if console.is_terminal:
        with Live(console=console, screen=True, auto_refresh=False) as screen:
            while going():
                screen.update(view.live(watch.snapshot(phase(), clock.now())), refresh=True)
                time.sleep(0.2)
            screen.update(view.live(watch.snapshot("done", clock.now())), refresh=True)
            time.sleep(4)  # to read the alert
        return
    told: set[str] = set()
    while going():
        snapshot = watch.snapshot(phase(), clock.now())
        console.print(view.plain_line(snapshot), markup=False, highlight=False)
        _tell(console, snapshot, told)
        stop.wait(2)


def _tell(console: Console, snapshot: view.Snapshot, told: set[str]) -> None:
    for alert in snapshot.alerts:
        if alert.alert_id not in told:
            told.add(alert.alert_id)
            console.print("\n".join(view.alert_lines(alert)), markup=False, highlight=False, soft_wrap=True)


def finish(
    console: Console,
    numbers: view.Summary,
    mails: Sequence[EmailMessage],
    hook: Hook,
    secret: str,
    folder: Path,
) -> None:
    for alert in numbers.alerts:
        console.print("\n".join(view.alert_lines(alert)), markup=False, highlight=False, soft_wrap=True)
    if mails:
        console.print(view.mail(mails[0]))
    if hook.received:
        first = hook.received[0]
        headers = {name.lower(): value for name, value in first.headers.items()}
        signature, timestamp = headers.get("x-tidings-signature", ""), headers.get("x-tidings-timestamp", "")
        verified = verify(secret, timestamp, first.body, signature, datetime.now(UTC))
        console.print(view.hook(first, verified))
    console.print(view.summary(numbers))
    command = "tidings" if shutil.which("tidings") else str(Path(sys.argv[0]))
    prefix = "" if folder == Path("tidings-data") else f"TIDINGS_STORE_FOLDER={folder / 'store'} "
    console.print("\nThe data stay in", str(folder), "- try next:", highlight=False)
    for query in (
        "SELECT published_at, headline, p_negative FROM top_negative LIMIT 1 BY headline LIMIT 5",
        "SELECT title, reach, sources FROM stories WHERE day >= today() - 1 ORDER BY reach DESC LIMIT 5",
        "SELECT start, items, stories, negative_stories FROM sentiment_5m_by_key"
        " WHERE scope = 'entity' AND key = 'Northgate Bank' ORDER BY start DESC LIMIT 8",
    ):
        console.print(f'  {prefix}{command} sql "{query}"', markup=False, highlight=False, soft_wrap=True)
    console.print(
        "The live page and SQL over HTTP (docs/sql.md) over the same data, until Ctrl-C:", highlight=False
    )
    console.print(
        f"  {prefix}TIDINGS_SQL_PORT=8123 {command} run --only api",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def wait(console: Console, page: str) -> None:
    """Until Ctrl-C."""
    line = f"\nThe live page stays up: {page} - Ctrl-C ends it; the commands above work then."
    console.print(line, highlight=False, soft_wrap=True)
    try:
        Event().wait()
    except KeyboardInterrupt:
        console.print("The live page is closed.")
