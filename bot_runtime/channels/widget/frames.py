"""The frames of the visitor's socket, as `docs/http.md` lists them: one tagged struct each, unknown members refused.

No frame names a conversation, a sender, a time or a number: all of these are the server's to say (SECURITY M-2, M-7).
Every value has one plain type, so that an object in place of a string is malformed, never an operator (N-1 … N-4).
"""

import re
from typing import Annotated, Literal

import msgspec

from foundation.web import Body, Frame
from transcripts.events import WebPage

MAX_TEXT = 4_000

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
Payload = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
ClientId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")]
Secret = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z")]
Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{22}\Z")]
Locale = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,3}\Z")]
Digits = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}\Z")]
Address = Annotated[str, msgspec.Meta(min_length=3, max_length=254)]

_WEB = re.compile(r"https?://", re.IGNORECASE)


class Site(Body, frozen=True):
    """The host page, as the loader saw it. It is the visitor's word: shown as text, never opened by us."""

    url: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    title: Annotated[str, msgspec.Meta(max_length=300)] = ""
    referrer: Annotated[str, msgspec.Meta(max_length=2_000)] = ""

    def as_page(self) -> WebPage:
        """What is kept of it: web addresses only, without query and fragment, where secrets of the host may stand."""
        return WebPage(url=_bare(self.url), title=self.title, referrer=_bare(self.referrer))


class Hello(Frame, frozen=True):
    """The first frame; `since` is the last seq that this browser has. `key`: it holds the key of its device and will
    sign. `identity` is what the host site says of the visitor, a signed token (YA-29), and `use` the secret that this
    page drew for it."""

    bot: Id
    device: Secret | None = None
    since: Annotated[int, msgspec.Meta(ge=0)] = 0
    locale: Locale = "en"
    page: Site = Site()
    key: bool = False
    identity: Annotated[str, msgspec.Meta(max_length=3_000)] = ""
    use: Secret | None = None


class Signed(Frame, frozen=True):
    """Answers `challenge`; without a signature it says that the key is gone."""

    signature: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9_-]{86})?\Z")] = ""


class Consent(Frame, frozen=True):
    """Accepts the notice of `welcome`; `device` is the secret that the browser drew, `key` the public half of its key."""

    notice: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    device: Secret
    key: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9_-]{87})?\Z")] = ""


class Message(Frame, frozen=True):
    client_id: ClientId
    text: Text
    payload: Payload = ""


class Email(Frame, frozen=True):
    client_id: ClientId
    address: Address


class Code(Frame, frozen=True):
    client_id: ClientId
    code: Digits
    stay: bool = False


class Resend(Frame, frozen=True):
    client_id: ClientId


class Handoff(Frame, frozen=True):
    client_id: ClientId


class Transcript(Frame, frozen=True):
    """Asks for the transcript by mail (PS-7)."""

    client_id: ClientId


class End(Frame, frozen=True):
    client_id: ClientId


class Withdraw(Frame, frozen=True):
    client_id: ClientId


class Typing(Frame, frozen=True):
    on: bool


AnyFrame = Signed | Consent | Message | Email | Code | Resend | Handoff | Transcript | End | Withdraw | Typing


class BotCard(msgspec.Struct, frozen=True):
    """What the widget shows of the bot."""

    id: str
    name: str
    language: str
    accent: str
    greeting: str
    files: bool = False
    """Whether it takes any files (PS-8)."""
    accepts: str = ""


class NoticeCard(msgspec.Struct, frozen=True):
    """The notice that is to be accepted before anything is stored (MS-1)."""

    version: str
    text: str
    hash: str
    locale: str


class Challenge(msgspec.Struct, frozen=True, tag_field="type", tag="challenge"):
    nonce: str


class Welcome(msgspec.Struct, frozen=True, tag_field="type", tag="welcome"):
    bot: BotCard
    notice: NoticeCard
    consented: bool
    conversation: str | None
    seq: int
    control: str
    holder: str | None
    secure: bool
    transcripts: bool = False
    other_browser: bool = False
    ticket: str = ""


class Events(msgspec.Struct, frozen=True, tag_field="type", tag="events"):
    events: list[dict[str, object]]


class Ack(msgspec.Struct, frozen=True, tag_field="type", tag="ack"):
    client_id: str
    seq: int


Outcome = Literal["sent", "verified", "wrong", "expired", "too_many", "queued", "asked", "ended", "withdrawn"]


class Done(msgspec.Struct, frozen=True, tag_field="type", tag="done"):
    client_id: str
    outcome: Outcome


class TypingNow(msgspec.Struct, frozen=True, tag_field="type", tag="typing"):
    by: str
    name: str
    on: bool


def _bare(url: str) -> str:
    return re.split(r"[?#]", url, maxsplit=1)[0] if _WEB.match(url) else ""
