"""The events of a conversation: its log is the only truth, and its state is a fold over these (`transcripts.state`).

Events are facts in the past tense: frozen, tagged, never changed once they are stored. Each carries its time (`at`,
milliseconds UTC) because a batch may hold several. The number (`seq`) is given by the log and is not part of the event.

Adding a field needs a default, renaming one is not possible: old logs are read for as long as they are kept.
"""

from typing import Any, Literal

import msgspec

Control = Literal["bot", "queue", "agent", "closed"]
Role = Literal["visitor", "bot", "agent", "system"]


class Event(msgspec.Struct, frozen=True, tag_field="t", omit_defaults=True, kw_only=True, gc=False):
    """What all events share: when it happened. No event leads back to itself: the garbage collector need not look."""

    at: int


class Button(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A quick reply: what it says, and what pressing it sends (`/intent{…}` or plain text)."""

    title: str
    payload: str


class WebPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """The page of the host site on which the visitor opened the chat."""

    url: str = ""
    title: str = ""
    referrer: str = ""


class Opened(Event, frozen=True, tag="opened"):
    """The first event of every conversation. `visitor` is the hash of the browser's device secret."""

    bot: str
    visitor: str
    locale: str = "en"
    page: WebPage = WebPage()


class ConsentGiven(Event, frozen=True, tag="consent_given"):
    """The visitor accepted a notice; the full evidence is the consent record named here (MS-1, MS-3)."""

    record: str
    notice: str
    text_hash: str
    locale: str


class ConsentWithdrawn(Event, frozen=True, tag="consent_withdrawn"):
    """The visitor took the consent back; nothing more is accepted from him in this conversation."""

    record: str
    by: Role = "visitor"


class MessageSent(Event, frozen=True, tag="message"):
    """Somebody said something.

    `client_id` is the sender's UUID: a message is stored once however often it is sent. `payload` is what a button sent
    in place of its title (`/intent{"entity": "value"}`). `author` is the person's id for an agent's message, and
    `author_name` the name that the visitor may see. `card` asks the widget for more than text: `email` shows the
    address card, `code` the card for the six digits. `redacted` and `corrected` are times: readers get such a message
    with its words taken out, or with those put in their place (`transcripts.edits`).
    """

    by: Role
    text: str = ""
    client_id: str = ""
    payload: str = ""
    author: str = ""
    author_name: str = ""
    buttons: tuple[Button, ...] = ()
    image: str = ""
    card: Literal["", "email", "code"] = ""
    custom: dict[str, Any] | None = None
    redacted: int = 0
    corrected: int = 0


class NoteWritten(Event, frozen=True, tag="note"):
    """A private note between people of the house; never shown to the visitor or through an address range (YA-14)."""

    author: str
    author_name: str
    text: str
    client_id: str = ""
    redacted: int = 0


class BotStateChanged(Event, frozen=True, tag="bot_state"):
    """What a turn did to the bot's tracker: Rasa events in Rasa's JSON form, in order.

    `answers` is the seq of the visitor's message that this turn answered (0: a turn nobody's message caused). `user`
    and `bot` events hold `"message": seq` in place of their text, so that redacting the message redacts the tracker;
    replies of this same batch are referred to as `"reply": 0, 1 …` in the order of its `MessageSent` events.
    """

    answers: int
    events: tuple[dict[str, Any], ...]


class EmailSupplied(Event, frozen=True, tag="email_supplied"):
    """An address was given, by the visitor or by an agent (DD-1). `outcome` is for staff, never for the visitor."""

    contact: str
    address: str
    by: Role
    outcome: Literal["new", "unverified", "verified", "suppressed"]
    author: str = ""
    why: str = ""
    """Why this browser is not verified, as far as the house knows (DD-7): `other_browser`, `expired`, `revoked` …"""


class VerificationSent(Event, frozen=True, tag="verification_sent"):
    """A mail with a link and a code was queued (DD-5). `verification` names its record."""

    verification: str
    contact: str
    by: Role = "visitor"
    author: str = ""


class OptInConfirmed(Event, frozen=True, tag="opt_in_confirmed"):
    """Somebody who reads the mailbox pressed the button. That alone does not verify this chat (D-7, D-8)."""

    verification: str
    contact: str
    same_browser: bool


class EmailVerified(Event, frozen=True, tag="email_verified"):
    """This browser proved that it reads the mailbox, or a person vouched for it (DD-5, DD-6, DD-8)."""

    contact: str
    method: Literal["code", "link", "questions", "manual"]
    author: str = ""
    reason: str = ""


class VerificationLost(Event, frozen=True, tag="verification_lost"):
    """The chat is unverified again, and why: expired, revoked, another address (DD-7)."""

    contact: str
    reason: str
    author: str = ""


class NameGiven(Event, frozen=True, tag="named"):
    """The visitor's name became known."""

    name: str
    by: Role = "visitor"


class SiteIdentified(Event, frozen=True, tag="site_identified"):
    """The host site says who this visitor is (YA-29), with a signed token. `sub` is the site's id of him. Name and
    address are the site's word: they prove no mailbox and are no opt-in."""

    sub: str
    name: str = ""
    email: str = ""


class Tagged(Event, frozen=True, tag="tagged"):
    """Staff put tags on the conversation, or took some off (MS-6); `tags` are all that it has from now on."""

    tags: tuple[str, ...]
    author: str = ""
    author_name: str = ""


class FileShared(Event, frozen=True, tag="file"):
    """Somebody sent a file. `file` names its sealed blob, `key` the key that opens it and nothing else. `media` is what
    it is served as, found from its content; `by` is who sent it. `redacted` is when its name went (YA-22)."""

    file: str
    key: str
    by: Role
    name: str
    media: str
    size: int
    client_id: str = ""
    author: str = ""
    author_name: str = ""
    redacted: int = 0


class FileHidden(Event, frozen=True, tag="file_hidden"):
    """A person of the house said that the file is sensitive: it is hidden at once, and destroyed at `until` (YA-22)."""

    file: str
    until: int
    author: str
    author_name: str = ""
    reason: str = ""


class FileDestroyed(Event, frozen=True, tag="file_destroyed"):
    """The file's key and blob are gone for ever."""

    file: str
    reason: str


class MessageRedacted(Event, frozen=True, tag="redacted"):
    """A person of the house took the words out of the message (or note) with this number (YA-21)."""

    message: int
    author: str
    author_name: str = ""
    reason: str = ""


class DataCorrected(Event, frozen=True, tag="corrected"):
    """Something about the visitor was wrong and stands right from now on (MS-12, Art. 16 GDPR). `message` is the number
    of the message whose text it is. What stood there before stays in the log, for admins."""

    what: Literal["name", "address", "message"]
    value: str
    message: int = 0
    contact: str = ""
    by: Role = "visitor"
    author: str = ""
    reason: str = ""


class AddressErased(Event, frozen=True, tag="address_erased"):
    """The contact whose address stood in this conversation was erased; the conversation is somebody else's and stays.
    The address is in no event of it any more."""

    contact: str


class ProcessingRestricted(Event, frozen=True, tag="restricted"):
    """The conversation is frozen: kept, and used for nothing (Art. 18 GDPR)."""

    author: str
    reason: str


class RestrictionLifted(Event, frozen=True, tag="unrestricted"):
    """The conversation may be used again."""

    author: str
    reason: str


class ControlChanged(Event, frozen=True, tag="control"):
    """Who answers now; legal changes are listed in `transcripts.control`. `holder` is the agent's person id."""

    was: Control
    now: Control
    reason: str
    actor: Role
    author: str = ""
    holder: str = ""
    holder_name: str = ""


class ChatOffered(Event, frozen=True, tag="offered"):
    """The house offers a waiting chat to this person until a moment (YA-25). He has it when he takes it; until then it
    waits in the queue, and anybody else may take it."""

    person: str
    name: str
    until: int


class OfferEnded(Event, frozen=True, tag="offer_ended"):
    """The offer is over and the chat was not taken: he gave it back, did not answer in time, or is not free any more."""

    person: str
    name: str
    reason: Literal["declined", "missed", "withdrawn"]


class TranscriptMailed(Event, frozen=True, tag="transcript_mailed"):
    """A mail server took the transcript: for which address, over which TLS (`None`: in clear), with which words (PS-4,
    PS-5). `mail` names its record; `why` is `closed` or `asked`."""

    mail: str
    address: str
    tls: str | None
    reply: str
    why: Literal["closed", "asked"] = "closed"


class TranscriptNotMailed(Event, frozen=True, tag="transcript_not_mailed"):
    """The transcript could not be mailed, and will not be: the server refused it for good."""

    mail: str
    address: str
    reply: str
    why: Literal["closed", "asked"] = "closed"


class Closed(Event, frozen=True, tag="closed"):
    """The end, written together with the `ControlChanged` to `closed`."""

    by: Role
    reason: str
    author: str = ""


AnyEvent = (
    Opened
    | ConsentGiven
    | ConsentWithdrawn
    | MessageSent
    | NoteWritten
    | BotStateChanged
    | EmailSupplied
    | VerificationSent
    | OptInConfirmed
    | EmailVerified
    | VerificationLost
    | NameGiven
    | SiteIdentified
    | Tagged
    | FileShared
    | FileHidden
    | FileDestroyed
    | MessageRedacted
    | DataCorrected
    | AddressErased
    | ProcessingRestricted
    | RestrictionLifted
    | ControlChanged
    | ChatOffered
    | OfferEnded
    | Closed
    | TranscriptMailed
    | TranscriptNotMailed
)


class Numbered(msgspec.Struct, frozen=True, gc=False):
    """An event with the number that the log gave it."""

    seq: int
    event: AnyEvent
