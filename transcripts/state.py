"""What a conversation is now: a fold over its events, and nothing else.

A `State` is a value. `apply` and `fold` give a new one and leave the old as it was, so whoever holds a state (a
`decide` that runs again, a socket that compares) can rely on it. A state is copied once for a batch of events, and a
copy costs the same however long the conversation is; the known `client_ids` are shared by the copies (`ClientIds`).

The fold never refuses: what stands in a log has happened. Whether something may be appended is decided before, by
`transcripts.control` and by the `decide` functions of those who write.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from types import MappingProxyType
from typing import Any, Literal

import msgspec
from msgspec.structs import force_setattr

from transcripts.events import (
    AddressErased,
    AnyEvent,
    BotStateChanged,
    ChatOffered,
    Closed,
    ConsentGiven,
    ConsentWithdrawn,
    Control,
    ControlChanged,
    DataCorrected,
    EmailSupplied,
    EmailVerified,
    FileDestroyed,
    FileHidden,
    FileShared,
    MessageRedacted,
    MessageSent,
    NameGiven,
    NoteWritten,
    Numbered,
    OfferEnded,
    Opened,
    OptInConfirmed,
    ProcessingRestricted,
    RestrictionLifted,
    Role,
    SiteIdentified,
    Tagged,
    TranscriptMailed,
    TranscriptNotMailed,
    VerificationLost,
    VerificationSent,
    WebPage,
)

_RECENT = 64


class ClientIds(Mapping[str, int]):
    """client_id → seq of what was stored under it; never changed, only followed by a longer one.

    The newest entries stand apart, so that adding one copies at most 64 entries and not all of them.
    """

    __slots__ = ("_old", "_recent")

    def __init__(self, old: dict[str, int] | None = None, recent: dict[str, int] | None = None) -> None:
        self._old = old or {}
        self._recent = recent or {}

    def having(self, client_id: str, seq: int) -> "ClientIds":
        """The same with one more."""
        recent = {**self._recent, client_id: seq}
        return ClientIds(self._old, recent) if len(recent) < _RECENT else ClientIds({**self._old, **recent})

    def __contains__(self, client_id: object) -> bool:
        return client_id in self._recent or client_id in self._old

    def __getitem__(self, client_id: str) -> int:
        seq = self._recent.get(client_id)
        return self._old[client_id] if seq is None else seq

    def __iter__(self) -> Iterator[str]:
        yield from self._old
        yield from self._recent

    def __len__(self) -> int:
        return len(self._old) + len(self._recent)


class Verification(msgspec.Struct, frozen=True, gc=False):
    """How far the person behind this chat is proven to own the address (DD-4 … DD-7).

    `confirmed_elsewhere`: somebody who reads the mailbox pressed the button, but not in this browser (D-7, D-8).
    `by` is the person who vouched, empty when the visitor proved it. `why` is a sentence for staff.
    """

    state: Literal["none", "preliminary", "confirmed_elsewhere", "verified"] = "none"
    method: str = ""
    at: int = 0
    by: str = ""
    why: str = "No e-mail address was given."


class Edit(msgspec.Struct, frozen=True, gc=False):
    """What became of a message after it was said: other words, or none (`None`) for anybody to read."""

    at: int
    text: str | None


NO_EDITS: Mapping[int, Edit] = MappingProxyType({})


class Shared(msgspec.Struct, frozen=True, gc=False):
    """A file of the conversation: where its event stands, what it is, and whether it is hidden or gone (YA-22)."""

    seq: int
    event: FileShared
    hidden_at: int | None = None
    destroyed: bool = False


NO_FILES: Mapping[str, Shared] = MappingProxyType({})


class State(msgspec.Struct, frozen=True, gc=False):
    """A conversation as it stands after its event number `seq`.

    `waiting_since`: since when the visitor waits for whoever has control; `None` when nobody waits. In the queue it is
    the time he came there, with an agent the time he was taken over or wrote first without an answer.
    `offer`: to whom the waiting chat is offered now; `declined`: who gave it back since it waits (YA-25).
    `site`: what the host site says of the visitor (YA-29).
    `mails`: the transcript mails whose end stands in the log.
    `unanswered`: seq of the visitor's last message that neither a turn nor a person answered. `answered`: the highest
    message seq that a turn answered. `code_asked_at`: when the visitor was last asked for a code that went to this address,
    or that he is to believe went there (D-1). `unread`: visitor's messages since anybody answered. `edits`: what became of single
    messages, by their number. `restricted`: the event that froze the conversation, while it is frozen.
    """

    id: str
    account: str
    bot: str = ""
    visitor: str = ""
    seq: int = 0
    control: Control = "bot"
    holder: str | None = None
    holder_name: str = ""
    opened_at: int = 0
    last_at: int = 0
    closed_at: int | None = None
    locale: str = "en"
    page: WebPage = WebPage()
    consent: ConsentGiven | None = None
    withdrawn_at: int | None = None
    name: str = ""
    contact: str | None = None
    address: str = ""
    verification: Verification = Verification()
    code_asked_at: int = 0
    messages: int = 0
    last_text: str = ""
    last_by: Role | Literal[""] = ""
    last_said: int = 0
    waiting_since: int | None = None
    unread: int = 0
    unanswered: int | None = None
    answered: int = 0
    tags: frozenset[str] = frozenset()
    client_ids: Mapping[str, int] = ClientIds()
    edits: Mapping[int, Edit] = NO_EDITS
    files: Mapping[str, Shared] = NO_FILES
    restricted: ProcessingRestricted | None = None
    mails: tuple[str, ...] = ()
    site: SiteIdentified | None = None
    offer: ChatOffered | None = None
    declined: frozenset[str] = frozenset()

    @property
    def closed(self) -> bool:
        return self.control == "closed"


def apply(state: State, seq: int, event: AnyEvent) -> State:
    """The state after this event, which must be the next one: a gap raises `ValueError`."""
    return apply_all(state, seq, (event,))


def apply_all(state: State, first: int, events: Iterable[AnyEvent]) -> State:
    """The state after these events, the first of which has the number `first`."""
    if first != state.seq + 1:
        raise ValueError(f"event {first} cannot follow event {state.seq}")
    after = copy(state)
    seq = state.seq
    for event in events:
        seq += 1
        _set(after, "seq", seq)
        if event.at > after.last_at:
            _set(after, "last_at", event.at)
        change = _CHANGES.get(type(event))
        if change is not None:
            change(after, seq, event)
    return after


def fold(account: str, id: str, events: Iterable[Numbered]) -> State:
    """The state after all events of a conversation, from the first."""
    return apply_all(State(id=id, account=account), 1, (numbered.event for numbered in events))


_set = force_setattr
"""Used on the fresh copy only, before anybody else sees it."""


def _opened(state: State, _: int, event: Opened) -> None:
    _set(state, "bot", event.bot)
    _set(state, "visitor", event.visitor)
    _set(state, "opened_at", event.at)
    _set(state, "locale", event.locale)
    _set(state, "page", event.page)


def _consent_given(state: State, _: int, event: ConsentGiven) -> None:
    _set(state, "consent", event)
    _set(state, "withdrawn_at", None)


def _consent_withdrawn(state: State, _: int, event: ConsentWithdrawn) -> None:
    _set(state, "consent", None)
    _set(state, "withdrawn_at", event.at)


def _message(state: State, seq: int, event: MessageSent) -> None:
    _set(state, "messages", state.messages + 1)
    _set(state, "last_text", event.text)
    _set(state, "last_by", event.by)
    _set(state, "last_said", seq)
    if event.card == "code" and event.by == "system":
        _set(state, "code_asked_at", event.at)
    if event.client_id:
        _know(state, event.client_id, seq)
    if event.by == "visitor":
        _set(state, "unread", state.unread + 1)
        _set(state, "unanswered", seq)
        if state.waiting_since is None:
            _set(state, "waiting_since", event.at)
    elif event.by == "agent" or (event.by == "bot" and state.control == "bot"):
        _set(state, "unread", 0)
        if event.by == "agent":
            _set(state, "unanswered", None)
        if state.control != "queue":
            _set(state, "waiting_since", None)


def _note(state: State, seq: int, event: NoteWritten) -> None:
    if event.client_id:
        _know(state, event.client_id, seq)


def _bot_state(state: State, _: int, event: BotStateChanged) -> None:
    _set(state, "answered", max(state.answered, event.answers))
    if state.unanswered is not None and event.answers >= state.unanswered:
        _set(state, "unanswered", None)
        if state.control == "bot":
            _set(state, "waiting_since", None)
            _set(state, "unread", 0)


def _control(state: State, _: int, event: ControlChanged) -> None:
    _set(state, "control", event.now)
    _set(state, "offer", None)
    _set(state, "declined", frozenset())
    if event.now != "closed":  # who held it last still finds it among his own (YA-24)
        _set(state, "holder", event.holder or None)
        _set(state, "holder_name", event.holder_name)
    _set(state, "waiting_since", event.at if event.now in ("queue", "agent") else None)
    if event.now == "bot":  # what was said to people is not the bot's to answer
        _set(state, "unanswered", None)
    if event.now == "closed":
        _set(state, "closed_at", event.at)
        _set(state, "unanswered", None)
        _set(state, "unread", 0)


def _email_supplied(state: State, _: int, event: EmailSupplied) -> None:
    _set(state, "address", event.address)
    _set(state, "code_asked_at", 0)
    if event.outcome == "suppressed":
        _set(state, "contact", None)
        why = "This address is on the suppression list: it gets no mail and is not added."
        _set(state, "verification", Verification(at=event.at, why=why))
        return
    known = state.verification.state == "verified" and state.contact == event.contact
    _set(state, "contact", event.contact)
    if known:
        return
    if event.outcome == "verified":
        why = "This browser proved the address earlier."
        _set(state, "verification", Verification(state="verified", at=event.at, why=why))
        return
    who = "The visitor gave" if event.by == "visitor" else "Staff entered"
    why = f"{who} this address; it is not proven in this chat yet."
    if event.why:
        why = f"{who} this address. {_LOSSES.get(event.why, event.why)}"
    _set(state, "verification", Verification(state="preliminary", at=event.at, by=event.author, why=why))


def _verification_sent(state: State, _: int, event: VerificationSent) -> None:
    if state.verification.state != "verified" and state.contact == event.contact:
        why = "A mail with a code was sent; it is not answered yet."
        if state.verification.at == event.at:  # the address came with it: what was known of it stays told
            why = f"{state.verification.why} {why}"
        _set(state, "verification", Verification(state="preliminary", method="mail", at=event.at, why=why))


def _opt_in_confirmed(state: State, _: int, event: OptInConfirmed) -> None:
    if state.verification.state != "verified" and state.contact == event.contact and not event.same_browser:
        why = "The address was confirmed elsewhere, not in this browser. Ask for the code from the mail."
        _set(state, "verification", Verification(state="confirmed_elsewhere", method="link", at=event.at, why=why))


_HOW = {
    "code": "The code from the mail was typed into this chat.",
    "link": "The link in the mail was confirmed in this browser.",
    "questions": "An agent asked the verification questions.",
    "manual": "An agent vouched for it.",
}


def _email_verified(state: State, _: int, event: EmailVerified) -> None:
    why = _HOW[event.method] + (f" {event.reason}" if event.reason else "")
    proven = Verification(state="verified", method=event.method, at=event.at, by=event.author, why=why)
    _set(state, "contact", event.contact)
    _set(state, "verification", proven)


_LOSSES = {
    "expired": "The proof has expired.",
    "revoked": "The proof was revoked.",
    "this_chat": "This browser proved it for an earlier chat only; the visitor did not choose to stay recognised.",
    "denied": "The reader of the mailbox said that it was not he.",
    "other_browser": "This is another browser or device than the one that was proven, or its storage was cleared.",
    "other_address": "Another address was given.",
    "withdrawn": "The visitor withdrew the consent.",
}


def _verification_lost(state: State, _: int, event: VerificationLost) -> None:
    if state.contact == event.contact:
        why = _LOSSES.get(event.reason, event.reason)
        _set(state, "verification", Verification(state="preliminary", at=event.at, by=event.author, why=why))


def _named(state: State, _: int, event: NameGiven) -> None:
    _set(state, "name", event.name)


def _site_identified(state: State, _: int, event: SiteIdentified) -> None:
    _set(state, "site", event)


def _tagged(state: State, _: int, event: Tagged) -> None:
    _set(state, "tags", frozenset(event.tags))


def _redacted(state: State, _: int, event: MessageRedacted) -> None:
    _edit(state, event.message, Edit(event.at, None))
    for file, shared in state.files.items():  # an old copy is told by the ledger, which knows numbers only
        if shared.seq == event.message:
            _change_file(state, file, msgspec.structs.replace(shared, hidden_at=event.at, destroyed=True))
            return


def _corrected(state: State, _: int, event: DataCorrected) -> None:
    if event.what == "name":
        _set(state, "name", event.value)
    elif event.what == "message":
        known = state.edits.get(event.message)
        if known is None or known.text is not None:  # what was redacted stays so
            _edit(state, event.message, Edit(event.at, event.value))
    else:
        _set(state, "address", event.value)
        _set(state, "contact", event.contact or None)
        why = "The address was corrected; the new one is not proven in this chat yet."
        _set(state, "verification", Verification(state="preliminary", at=event.at, by=event.author, why=why))


def _address_erased(state: State, _: int, event: AddressErased) -> None:
    if state.contact == event.contact:
        _set(state, "address", "")
        _set(state, "contact", None)
        _set(state, "verification", Verification(at=event.at, why="The address was erased."))


def _edit(state: State, message: int, edit: Edit) -> None:
    _set(state, "edits", MappingProxyType({**state.edits, message: edit}))
    if state.last_said == message:
        _set(state, "last_text", edit.text or "")


def _file_shared(state: State, seq: int, event: FileShared) -> None:
    """A visitor's file waits for people like a message of his, but not for the bot, which does not look into files."""
    _set(state, "files", MappingProxyType({**state.files, event.file: Shared(seq, event)}))
    if event.client_id:
        _know(state, event.client_id, seq)
    if event.by == "visitor":
        _set(state, "unread", state.unread + 1)
        if state.waiting_since is None and state.control == "agent":
            _set(state, "waiting_since", event.at)
    elif event.by == "agent":
        _set(state, "unread", 0)
        _set(state, "unanswered", None)
        _set(state, "waiting_since", None)


def _file_hidden(state: State, _: int, event: FileHidden) -> None:
    shared = state.files.get(event.file)
    if shared is not None and shared.hidden_at is None:
        _change_file(state, event.file, msgspec.structs.replace(shared, hidden_at=event.at))
        _edit(state, shared.seq, Edit(event.at, None))


def _file_destroyed(state: State, _: int, event: FileDestroyed) -> None:
    shared = state.files.get(event.file)
    if shared is not None:
        _change_file(state, event.file, msgspec.structs.replace(shared, destroyed=True))
        _edit(state, shared.seq, Edit(event.at, None))


def _change_file(state: State, file: str, shared: Shared) -> None:
    _set(state, "files", MappingProxyType({**state.files, file: shared}))


def _restricted(state: State, _: int, event: ProcessingRestricted) -> None:
    _set(state, "restricted", event)


def _unrestricted(state: State, _: int, __: RestrictionLifted) -> None:
    _set(state, "restricted", None)


def _offered(state: State, _: int, event: ChatOffered) -> None:
    _set(state, "offer", event)


def _offer_ended(state: State, _: int, event: OfferEnded) -> None:
    _set(state, "offer", None)
    if event.reason == "declined":
        _set(state, "declined", state.declined | {event.person})


def _closed(state: State, _: int, event: Closed) -> None:
    _set(state, "closed_at", event.at)


def _mailed(state: State, _: int, event: TranscriptMailed | TranscriptNotMailed) -> None:
    _set(state, "mails", (*state.mails, event.mail))


def _know(state: State, client_id: str, seq: int) -> None:
    ids = state.client_ids
    if isinstance(ids, ClientIds) and client_id not in ids:
        _set(state, "client_ids", ids.having(client_id, seq))


_CHANGES: Mapping[type, Callable[[State, int, Any], None]] = {
    Opened: _opened,
    ConsentGiven: _consent_given,
    ConsentWithdrawn: _consent_withdrawn,
    MessageSent: _message,
    NoteWritten: _note,
    BotStateChanged: _bot_state,
    EmailSupplied: _email_supplied,
    VerificationSent: _verification_sent,
    OptInConfirmed: _opt_in_confirmed,
    EmailVerified: _email_verified,
    VerificationLost: _verification_lost,
    NameGiven: _named,
    SiteIdentified: _site_identified,
    Tagged: _tagged,
    FileShared: _file_shared,
    FileHidden: _file_hidden,
    FileDestroyed: _file_destroyed,
    MessageRedacted: _redacted,
    DataCorrected: _corrected,
    AddressErased: _address_erased,
    ProcessingRestricted: _restricted,
    RestrictionLifted: _unrestricted,
    ControlChanged: _control,
    ChatOffered: _offered,
    OfferEnded: _offer_ended,
    Closed: _closed,
    TranscriptMailed: _mailed,
    TranscriptNotMailed: _mailed,
}
