"""Where things are on the page, and which links of others are safe to offer. Pure."""

from urllib.parse import quote, urlencode


def name_path(key: str) -> str:
    """The page of a name."""
    return f"/names/{_quoted(key)}"


def topic_path(key: str) -> str:
    """The page of a topic."""
    return f"/topics/{_quoted(key)}"


def item_path(item_id: str) -> str:
    """The page of an item."""
    return f"/items/{_quoted(item_id)}"


def alert_path(alert_id: str) -> str:
    """The page of an alert."""
    return f"/alerts/{_quoted(alert_id)}"


def query(**values: str) -> str:
    """'?a=b' of the values that are not empty; '' when all are."""
    given = {name: value for name, value in values.items() if value}
    return f"?{urlencode(given)}" if given else ""


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")
