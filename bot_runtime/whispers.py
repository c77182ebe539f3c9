"""Who is typing: a whisper on the topic of the conversation, which may be lost and is stored nowhere."""

from typing import Literal

import msgspec


class Typing(msgspec.Struct, frozen=True):
    """`name` is what the other side may see of the writer; empty for visitor and bot."""

    by: Literal["visitor", "bot", "agent"]
    name: str
    on: bool

    def as_note(self) -> bytes:
        """The bytes of the whisper."""
        return msgspec.json.encode(self)


def typing_of(note: bytes) -> Typing | None:
    """What a whisper says about typing, `None` when it says something else."""
    try:
        return msgspec.json.decode(note, type=Typing)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
