"""The frames of the agents' socket, as `docs/http.md` lists them; `type` is the class name in snake case."""

from typing import Any, Literal

from foundation.web import Frame


class Hello(Frame, frozen=True):
    """The first frame."""


class _OnConversation(Frame, frozen=True, kw_only=True):
    conversation: str


class Watch(_OnConversation, frozen=True):
    since: int = 0


class Unwatch(_OnConversation, frozen=True):
    pass


class Typing(_OnConversation, frozen=True):
    on: bool


class _Deed(_OnConversation, frozen=True, kw_only=True):
    client_id: str


class Message(_Deed, frozen=True):
    text: str


class Note(_Deed, frozen=True):
    text: str


class TakeOver(_Deed, frozen=True):
    pass


class Decline(_Deed, frozen=True):
    """Gives back a waiting chat that the house offers me."""


class HandBack(_Deed, frozen=True):
    pass


class Queue(_Deed, frozen=True):
    pass


class Close(_Deed, frozen=True):
    pass


class Email(_Deed, frozen=True):
    address: str


class Verify(_Deed, frozen=True):
    method: Literal["mail", "questions", "manual", "revoke"]
    reason: str = ""
    answered: tuple[int, ...] = ()


class Tag(_Deed, frozen=True):
    """The tags that the conversation is to have, all of them."""

    tags: tuple[str, ...]


class Redact(_Deed, frozen=True):
    """Takes the words out of the message or note with this number, for everybody and for good."""

    message: int
    reason: str = ""


class Status(Frame, frozen=True):
    """My status at the desk; answered by `me`."""

    status: Literal["available", "busy", "away"]


Deed = Message | Note | TakeOver | Decline | HandBack | Queue | Close | Email | Verify | Tag | Redact
AnyFrame = Status | Watch | Unwatch | Typing | Deed


def welcome(me: dict[str, Any], bots: list[dict[str, Any]], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer to `hello`: who you are, your bots, and the list as it stands."""
    return {"type": "welcome", "me": me, "bots": bots, "rows": rows}
