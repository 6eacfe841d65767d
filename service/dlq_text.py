"""Bytes and texts that nobody vouches for, as a terminal may show them."""

_MOST = 4096


def safe(text: str) -> str:
    """The text with everything that a terminal could take for a command (or hide) escaped; line breaks stay."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode("ascii") for c in text
    )


def printable(value: bytes, most: int = _MOST) -> str:
    """The bytes as text where they are UTF-8, else as a hex dump; cut after `most` bytes, and says so."""
    head = value[:most]
    try:
        shown = safe(_decoded(head, whole=len(head) == len(value)))
    except UnicodeDecodeError:
        shown = _hex_dump(head)
    left = len(value) - len(head)
    return f"{shown}\n… {left:,} more bytes; --raw writes all of them" if left else shown


def _decoded(head: bytes, whole: bool) -> str:
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        if not whole and error.start > len(head) - 4:  # cut within a character
            return head[: error.start].decode("utf-8")
        raise


def _hex_dump(value: bytes) -> str:
    lines = []
    for at in range(0, len(value), 16):
        part = value[at : at + 16]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{at:08x}  {part.hex(' '):<47}  {letters}")
    return "\n".join(lines)
