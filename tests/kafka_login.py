"""The broker's side of a SASL login: PLAIN, and SCRAM (RFC 5802) by scramp, in the frames of Kafka's protocol."""

import socket
import struct
from collections.abc import Mapping
from typing import Protocol

from scramp import ScramException, ScramMechanism

SASL_HANDSHAKE, SASL_AUTHENTICATE = 17, 36
FLEXIBLE_FROM = 2  # versions of SaslAuthenticate from here on have compact lengths and tags
UNSUPPORTED_MECHANISM, FAILED = 33, 58
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


class _Refused(Exception):
    """The login is not right."""


class _Login(Protocol):
    done: bool

    def answer(self, token: bytes) -> bytes:
        """What the broker says to the client's next words."""
        ...


class _Plain:
    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users
        self.done = False

    def answer(self, token: bytes) -> bytes:
        _, user, password = token.decode().split("\0")
        if self._users.get(user) != password:
            raise _Refused
        self.done = True
        return b""


class _Scram:
    def __init__(self, mechanism: str, users: Mapping[str, str]) -> None:
        hashed = ScramMechanism(mechanism)
        self._server = hashed.make_server(lambda user: hashed.make_auth_info(users[user]))
        self._began = self.done = False

    def answer(self, token: bytes) -> bytes:
        try:
            if not self._began:
                self._began = True
                self._server.set_client_first(token.decode())
                return self._server.get_server_first().encode()
            self._server.set_client_final(token.decode())
        except (ScramException, KeyError):
            raise _Refused from None
        self.done = True
        return self._server.get_server_final().encode()


def logged_in(client: socket.socket, upstream: socket.socket, users: Mapping[str, str]) -> bool:
    """Answers the login; the frames before it (which versions does the broker speak?) are the broker's to answer."""
    login: _Login = _Plain(users)
    while not login.done:
        frame = _frame(client)
        key, version, correlation, name = struct.unpack(">hhih", frame[:10])
        body = frame[10 + max(0, name) :]
        if key == SASL_HANDSHAKE:
            (size,) = struct.unpack(">h", body[:2])
            mechanism = body[2 : 2 + size].decode()
            known = mechanism in MECHANISMS
            offered = b"".join(struct.pack(">h", len(each)) + each.encode() for each in MECHANISMS)
            error = 0 if known else UNSUPPORTED_MECHANISM
            _send(client, struct.pack(">ihi", correlation, error, len(MECHANISMS)) + offered)
            if not known:
                return False
            login = _Plain(users) if mechanism == "PLAIN" else _Scram(mechanism, users)
        elif key == SASL_AUTHENTICATE:
            # Of a flexible version one byte of tags ends the header, one the body.
            token = _unsized(body[1:]) if version >= FLEXIBLE_FROM else body[4:]
            try:
                error, words, said = 0, None, login.answer(token)
            except _Refused:  # Kafka's own words
                words, said = b"Authentication failed during authentication due to invalid credentials", b""
                error = FAILED
            _send(client, struct.pack(">i", correlation) + _authenticated(version, error, words, said))
            if error:
                return False
        else:
            _send(upstream, frame)
            _send(client, _frame(upstream))
    return True


def _authenticated(version: int, error: int, words: bytes | None, said: bytes) -> bytes:
    """A SaslAuthenticate response: error, its words, the mechanism's own, and from version 1 on the session's life."""
    if version >= FLEXIBLE_FROM:
        head = b"\0" + struct.pack(">h", error)
        return head + (b"\0" if words is None else _sized(words)) + _sized(said) + b"\0" * 8 + b"\0"
    told = struct.pack(">h", -1) if words is None else struct.pack(">h", len(words)) + words
    body = struct.pack(">h", error) + told + struct.pack(">i", len(said)) + said
    return body + (b"\0" * 8 if version == 1 else b"")


def _sized(data: bytes) -> bytes:
    """The data after its compact length, which is one more than it has bytes."""
    size, head = len(data) + 1, b""
    while size > 127:
        head += bytes([size & 127 | 128])
        size >>= 7
    return head + bytes([size]) + data


def _unsized(data: bytes) -> bytes:
    size = shift = at = 0
    while True:
        size |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return data[at : at + size - 1]


def _frame(connection: socket.socket) -> bytes:
    (size,) = struct.unpack(">i", _exactly(connection, 4))
    return _exactly(connection, size)


def _exactly(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        data = connection.recv(size - len(found))
        if not data:
            raise OSError("closed")
        found += data
    return found


def _send(connection: socket.socket, frame: bytes) -> None:
    connection.sendall(struct.pack(">i", len(frame)) + frame)
