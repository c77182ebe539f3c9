"""What processes of one installation say to one another, and the part that every way of saying it shares.

A hint is a signal with the name of the process that sent it. Within a process signals are `LocalSignals` as ever; a relay
passes on what was said here and takes in what others said. Whatever is heard is looked at first: a hint that cannot be
meant is none.
"""

import secrets
from abc import ABC, abstractmethod

import msgspec

from foundation.live import LocalListener, LocalSignals

LARGEST = 4_096
"""Bytes of a hint as it travels."""
_HIGHEST = 2**53


class Hint(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """`number` is absent in a whisper, which has a `note`."""

    node: str
    topic: str
    number: int | None
    subject: str = ""
    note: bytes = b""


encoded = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Hint).decode


def decoded(data: bytes) -> Hint | None:
    """The hint, if it is one and can be meant."""
    try:
        hint = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return hint if hint.number is None or 0 <= hint.number <= _HIGHEST else None


class Relay(ABC):
    """`Signals` that other processes hear too; `_send` says how. It must neither block nor fail."""

    def __init__(self) -> None:
        self._local = LocalSignals()
        self._node = secrets.token_urlsafe(9)

    def publish(self, topic: str, number: int, subject: str = "") -> None:
        self._local.publish(topic, number, subject)
        self._send(Hint(self._node, topic, number, subject))

    def whisper(self, topic: str, note: bytes) -> None:
        self._local.whisper(topic, note)
        if len(note) <= LARGEST // 2:
            self._send(Hint(self._node, topic, None, "", note))

    def listen(self, *topics: str) -> LocalListener:
        return self._local.listen(*topics)

    def topics(self) -> int:
        """How many topics somebody of this process listens to."""
        return self._local.topics()

    @abstractmethod
    def _send(self, hint: Hint) -> None: ...

    def _take(self, hint: Hint) -> None:
        """Let the listeners of this process hear what another one said."""
        if hint.node == self._node:
            return
        if hint.number is None:
            self._local.whisper(hint.topic, hint.note)
        else:
            self._local.publish(hint.topic, hint.number, hint.subject)
