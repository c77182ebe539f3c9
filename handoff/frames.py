"""The frames of the agents' socket, as `docs/http.md` lists them. One tagged struct each; unknown members are refused."""

from typing import Any, Literal

import msgspec


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="hello"):
    """The first frame."""


class _OnConversation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    conversation: str


class Watch(_OnConversation, frozen=True, tag="watch"):
    since: int = 0


class Unwatch(_OnConversation, frozen=True, tag="unwatch"):
    pass


class Typing(_OnConversation, frozen=True, tag="typing"):
    on: bool


class _Deed(_OnConversation, frozen=True):
    client_id: str


class Message(_Deed, frozen=True, tag="message"):
    text: str


class Note(_Deed, frozen=True, tag="note"):
    text: str


class TakeOver(_Deed, frozen=True, tag="take_over"):
    pass


class HandBack(_Deed, frozen=True, tag="hand_back"):
    pass


class Requeue(_Deed, frozen=True, tag="queue"):
    pass


class Close(_Deed, frozen=True, tag="close"):
    pass


class Email(_Deed, frozen=True, tag="email"):
    address: str


class Verify(_Deed, frozen=True, tag="verify"):
    method: Literal["mail", "questions", "manual"]
    reason: str = ""


Frame = Watch | Unwatch | Typing | Message | Note | TakeOver | HandBack | Requeue | Close | Email | Verify
Deed = Message | Note | TakeOver | HandBack | Requeue | Close | Email | Verify


def welcome(me: dict[str, Any], bots: list[dict[str, Any]], rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "welcome", "me": me, "bots": bots, "rows": rows}
