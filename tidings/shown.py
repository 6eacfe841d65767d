"""What strangers wrote, made fit to be shown to people. Pure."""

import unicodedata
from urllib.parse import urlsplit

_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control, direction and surrogate characters


def visible(text: str) -> str:
    """The text with a space for each character that could hide or turn round what stands there; spans still hold."""
    return "".join(" " if unicodedata.category(c) in _HIDDEN else c for c in text)


def safe_link(url: str) -> str:
    """The URL if it is a plain http or https link, else nothing."""
    try:
        parts = urlsplit(url)
        plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:
        return ""
    return url if plain and url.isprintable() and not any(c.isspace() or c in "<>\"'" for c in url) else ""
