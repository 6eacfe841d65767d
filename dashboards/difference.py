"""What would change in a dashboard, for people to read. Pure."""

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any

# What Grafana writes by itself into a dashboard, and into its panels.
_GRAFANAS = {"": {"id", "version", "iteration"}, "panels": {"id", "pluginVersion"}}
# Lists whose entries have a name: by it they are told apart, wherever they stand.
_NAMED = {"panels": "title", "list": "name", "targets": "refId"}
_LONGEST = 120


def differences(there: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """A line per value that differs (texts of several lines as a unified diff), none where nothing does.

    Ids of panels are left out: they say nothing of what is shown.
    """
    return list(_mapping(there, ours, "", ""))


def _mapping(there: Mapping[str, Any], ours: Mapping[str, Any], at: str, within: str) -> Iterator[str]:
    """`within` is the list that holds these, empty for the dashboard itself and `-` elsewhere."""
    for name in [*ours, *(name for name in there if name not in ours)]:
        if name not in _GRAFANAS.get(within, ()):
            yield from _value(there.get(name), ours.get(name), f"{at}.{name}".lstrip("."), name, "-")


def _value(there: Any, ours: Any, at: str, name: str, within: str) -> Iterator[str]:
    if there == ours:
        return
    if isinstance(there, Mapping) and isinstance(ours, Mapping):
        yield from _mapping(there, ours, at, within)
    elif isinstance(there, list) and isinstance(ours, list):
        yield from _entries(there, ours, at, name)
    elif isinstance(there, str) and isinstance(ours, str) and "\n" in there + ours:
        lines = list(unified_diff(there.splitlines(), ours.splitlines(), n=1, lineterm=""))[2:]
        yield f"{at}:"
        yield from (f"    {line}" for line in lines if not line.startswith("@@"))
    else:
        yield f"{at}: {_short(there)} -> {_short(ours)}"


def _entries(there: list[Any], ours: list[Any], at: str, within: str) -> Iterator[str]:
    old, new = _keyed(there, _NAMED.get(within)), _keyed(ours, _NAMED.get(within))
    for name, entry in new.items():
        if name in old:
            yield from _value(old[name], entry, f"{at}[{name}]", "", within)
        else:
            yield f"{at}[{name}]: added"
    yield from (f"{at}[{name}]: removed" for name in old if name not in new)
    if old.keys() == new.keys() and list(old) != list(new):
        yield f"{at}: in another order"


def _keyed(entries: list[Any], key: str | None) -> dict[str, Any]:
    """Entries by name; by place where they have none, or one name stands twice."""
    names = [str(entry.get(key)) if key and isinstance(entry, Mapping) else "" for entry in entries]
    unique = all(names) and len(set(names)) == len(names)
    return {(names[at] if unique else str(at)): entry for at, entry in enumerate(entries)}


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
