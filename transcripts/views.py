"""What of an event each reader sees, as plain JSON values, the same on sockets, pages and in files (YA-12, YA-14).

- the visitor: what was said to him, and what became of his chat. No notes, no inner events, no outcome of a look-up of
  an address (D-1), no person's id;
- a member: everything, with reasons;
- whoever reads by address (`External`): what was said, masked; no notes, no ids, nobody's name.

A view of `None` means that this event is not for this reader. Every view has `seq`, `at` and `kind`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard

from foundation.files.kinds import INLINE
from transcripts.events import (
    AddressErased,
    AnyEvent,
    BotStateChanged,
    Button,
    ChatOffered,
    Closed,
    ConsentGiven,
    ConsentWithdrawn,
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
    SiteIdentified,
    Tagged,
    TranscriptMailed,
    TranscriptNotMailed,
    VerificationLost,
    VerificationSent,
)
from transcripts.masking import Veil, mask_address

View = dict[str, Any]
_Members = dict[str, Any] | None


def visitor_view(numbered: Numbered) -> View | None:
    """The event as its own visitor sees it (`docs/http.md`)."""
    return _view(numbered, _FOR_VISITOR)


def member_view(numbered: Numbered) -> View | None:
    """The event as a person of the house with access to the bot sees it."""
    return _view(numbered, _FOR_MEMBER)


class External:
    """The events of one conversation as they are seen by address. Made from all its events, because names that become
    known late are hidden from the beginning."""

    def __init__(self, conversation: str, events: Iterable[Numbered]) -> None:
        events = list(events)
        names = [one.event.name for one in events if isinstance(one.event, NameGiven)]
        names += [one.event.value for one in events if _corrects(one.event, "name")]
        said = [one.event for one in events if isinstance(one.event, MessageSent)]
        agents = {event.author: event.author_name for event in said if event.author}
        self._veil = Veil(conversation, names, agents)

    def view(self, numbered: Numbered) -> View | None:
        """The event, masked; `None` when it is not for this reader."""
        event = numbered.event
        if isinstance(event, MessageSent):
            return _numbered(numbered, self._message(event))
        if isinstance(event, ControlChanged):
            return _numbered(numbered, {"kind": "control", "now": event.now, "reason": event.reason})
        if isinstance(event, FileShared):
            return _numbered(numbered, self._file(event))
        if isinstance(event, Opened):
            return _numbered(numbered, {"kind": "opened", "locale": event.locale})
        if isinstance(event, MessageRedacted):
            return _numbered(numbered, {"kind": "redacted", "message": event.message})
        if isinstance(event, DataCorrected) and event.what == "message":
            text = self._veil.text(event.value)
            return _numbered(
                numbered, {"kind": "corrected", "what": "message", "message": event.message, "value": text}
            )
        if isinstance(event, Closed):
            return _numbered(numbered, {"kind": "closed", "by": event.by, "reason": event.reason})
        return None

    def _file(self, event: FileShared) -> View:
        """Its extension says what it is; the rest of the name says who somebody is."""
        members = _file(event)
        dot, extension = event.name.rpartition(".")[1:]
        names = {"visitor": self._veil.visitor, "agent": self._veil.agent(event.author), "bot": "Bot"}
        masked = {"name": event.name and f"file{dot}{extension if dot else ''}", "author_name": names.get(event.by, "")}
        return members | masked

    def _message(self, event: MessageSent) -> View:
        names = {"visitor": self._veil.visitor, "agent": self._veil.agent(event.author), "bot": "Bot"}
        return {
            "kind": "message",
            "by": event.by,
            "text": self._veil.text(event.text),
            "author_name": names.get(event.by, ""),
            "buttons": [self._veil.text(button.title) for button in event.buttons],
            "image": bool(event.image),
            **_edits(event),
        }


def external_view(conversation: str, events: Iterable[Numbered]) -> list[View]:
    """All of a conversation as it is seen by address."""
    events = list(events)
    external = External(conversation, events)
    return [view for one in events if (view := external.view(one)) is not None]


def _view(numbered: Numbered, table: Mapping[type, Callable[[Any], _Members]]) -> View | None:
    build = table.get(type(numbered.event))
    members = None if build is None else build(numbered.event)
    return None if members is None else _numbered(numbered, members)


def _numbered(numbered: Numbered, members: View) -> View:
    return {"seq": numbered.seq, "at": numbered.event.at, **members}


# Messages


def _message_for_visitor(event: MessageSent) -> _Members:
    return {
        "kind": "message",
        "by": event.by,
        "text": event.text,
        "buttons": _buttons(event.buttons),
        "image": event.image,
        "card": event.card,
        "author_name": event.author_name,
        "client_id": event.client_id if event.by == "visitor" else "",
        **_edits(event),
    }


def _message_for_member(event: MessageSent) -> _Members:
    return {
        "kind": "message",
        "by": event.by,
        "text": event.text,
        "payload": event.payload,
        "buttons": _buttons(event.buttons),
        "image": event.image,
        "card": event.card,
        "author": event.author,
        "author_name": event.author_name,
        "client_id": event.client_id,
        "custom": event.custom,
        **_edits(event),
    }


def _file(event: FileShared) -> View:
    """`shows`: whether it is a picture that may be shown in a page. A hidden file has no name and cannot be fetched."""
    return {
        "kind": "file",
        "file": event.file,
        "by": event.by,
        "name": event.name,
        "media": event.media,
        "size": event.size,
        "shows": event.media in INLINE and not event.redacted,
        "author_name": event.author_name,
        **({"redacted": True} if event.redacted else {}),
    }


def _file_for_visitor(event: FileShared) -> _Members:
    return _file(event) | {"client_id": event.client_id if event.by == "visitor" else ""}


def _file_for_member(event: FileShared) -> _Members:
    return _file(event) | {"client_id": event.client_id, "author": event.author}


def _file_hidden_for_visitor(event: FileHidden | FileDestroyed) -> _Members:
    return {"kind": "file_hidden", "file": event.file}


def _file_hidden(event: FileHidden) -> _Members:
    return {
        "kind": "file_hidden",
        "file": event.file,
        "until": event.until,
        "author": event.author,
        "author_name": event.author_name,
        "reason": event.reason,
    }


def _file_destroyed(event: FileDestroyed) -> _Members:
    return {"kind": "file_destroyed", "file": event.file, "reason": event.reason}


def _edits(event: MessageSent) -> View:
    """Said only of messages that it happened to."""
    marks: View = {"redacted": True} if event.redacted else {}
    return marks | ({"corrected": True} if event.corrected else {})


def _corrects(event: AnyEvent, what: str) -> TypeGuard[DataCorrected]:
    return isinstance(event, DataCorrected) and event.what == what


def _buttons(buttons: Iterable[Button]) -> list[dict[str, str]]:
    return [{"title": button.title, "payload": button.payload} for button in buttons]


def _note(event: NoteWritten) -> _Members:
    return {
        "kind": "note",
        "author": event.author,
        "author_name": event.author_name,
        "text": event.text,
        "client_id": event.client_id,
        **({"redacted": True} if event.redacted else {}),
    }


# Consent and address


def _consent_for_visitor(event: ConsentGiven | ConsentWithdrawn) -> _Members:
    return {"kind": "consent", "given": isinstance(event, ConsentGiven)}


def _consent_given(event: ConsentGiven) -> _Members:
    return {
        "kind": "consent",
        "given": True,
        "record": event.record,
        "notice": event.notice,
        "text_hash": event.text_hash,
        "locale": event.locale,
    }


def _consent_withdrawn(event: ConsentWithdrawn) -> _Members:
    return {"kind": "consent", "given": False, "record": event.record, "by": event.by}


def _email(state: str, **members: Any) -> View:
    return {"kind": "email", "state": state, **members}


def _supplied_for_visitor(event: EmailSupplied) -> _Members:
    """`sent` whatever was found (D-1), unless this browser itself was recognised: then nothing was sent."""
    state = "verified" if event.by == "system" else "sent"
    return _email(state, address=mask_address(event.address))


def _supplied(event: EmailSupplied) -> _Members:
    return _email(
        "supplied",
        address=event.address,
        contact=event.contact,
        outcome=event.outcome,
        by=event.by,
        author=event.author,
        why=event.why,
    )


def _sent(event: VerificationSent) -> _Members:
    return _email("sent", contact=event.contact, by=event.by, author=event.author)


def _confirmed(event: OptInConfirmed) -> _Members:
    state = "confirmed" if event.same_browser else "confirmed_elsewhere"
    return _email(state, contact=event.contact)


def _verified(event: EmailVerified) -> _Members:
    return _email("verified", contact=event.contact, method=event.method, author=event.author, reason=event.reason)


def _lost(event: VerificationLost) -> _Members:
    return _email("lost", contact=event.contact, reason=event.reason, author=event.author)


# The course of the chat


def _opened(event: Opened) -> _Members:
    page = {"url": event.page.url, "title": event.page.title, "referrer": event.page.referrer}
    return {"kind": "opened", "locale": event.locale, "page": page}


def _turn(event: BotStateChanged) -> _Members:
    """Of the tracker only what explains the answer: what was understood, and what was done."""
    users = [one for one in event.events if one.get("event") == "user"]
    intent = (users[-1].get("parse_data") or {}).get("intent") or {} if users else {}
    return {
        "kind": "turn",
        "answers": event.answers,
        "intent": intent.get("name") or "",
        "confidence": intent.get("confidence"),
        "actions": [str(one.get("name")) for one in event.events if one.get("event") == "action"],
    }


def _named(event: NameGiven) -> _Members:
    return {"kind": "named", "name": event.name, "by": event.by}


def _site_identified(event: SiteIdentified) -> _Members:
    return {"kind": "identified", "sub": event.sub, "name": event.name, "address": event.email}


def _tagged(event: Tagged) -> _Members:
    return {"kind": "tagged", "tags": list(event.tags), "author": event.author, "author_name": event.author_name}


def _redacted_for_visitor(event: MessageRedacted) -> _Members:
    return {"kind": "redacted", "message": event.message}


def _redacted(event: MessageRedacted) -> _Members:
    return {
        "kind": "redacted",
        "message": event.message,
        "author": event.author,
        "author_name": event.author_name,
        "reason": event.reason,
    }


def _corrected_for_visitor(event: DataCorrected) -> _Members:
    value = mask_address(event.value) if event.what == "address" else event.value
    return {"kind": "corrected", "what": event.what, "message": event.message, "value": value}


def _corrected(event: DataCorrected) -> _Members:
    return {
        "kind": "corrected",
        "what": event.what,
        "message": event.message,
        "value": event.value,
        "by": event.by,
        "author": event.author,
        "reason": event.reason,
    }


def _restriction(event: ProcessingRestricted | RestrictionLifted) -> _Members:
    on = isinstance(event, ProcessingRestricted)
    return {"kind": "restriction", "on": on, "author": event.author, "reason": event.reason}


def _control_for_visitor(event: ControlChanged) -> _Members:
    return {"kind": "control", "now": event.now, "reason": event.reason, "holder_name": event.holder_name}


def _control(event: ControlChanged) -> _Members:
    return {
        "kind": "control",
        "was": event.was,
        "now": event.now,
        "reason": event.reason,
        "actor": event.actor,
        "author": event.author,
        "holder": event.holder,
        "holder_name": event.holder_name,
    }


def _offer(event: ChatOffered | OfferEnded) -> _Members:
    state = "offered" if isinstance(event, ChatOffered) else event.reason
    return {"kind": "offer", "state": state, "author": event.person, "author_name": event.name}


def _closed_for_visitor(event: Closed) -> _Members:
    return {"kind": "closed", "by": event.by, "reason": event.reason}


def _closed(event: Closed) -> _Members:
    return {"kind": "closed", "by": event.by, "reason": event.reason, "author": event.author}


def _mailed_for_visitor(event: TranscriptMailed | TranscriptNotMailed) -> _Members:
    sent = isinstance(event, TranscriptMailed)
    return {"kind": "transcript", "sent": sent, "address": mask_address(event.address)}


def _mailed(event: TranscriptMailed | TranscriptNotMailed) -> _Members:
    return {
        "kind": "transcript",
        "sent": isinstance(event, TranscriptMailed),
        "address": event.address,
        "tls": event.tls if isinstance(event, TranscriptMailed) else None,
        "reply": event.reply,
        "why": event.why,
    }


_FOR_VISITOR: Mapping[type[AnyEvent], Callable[[Any], _Members]] = {
    MessageSent: _message_for_visitor,
    ConsentGiven: _consent_for_visitor,
    ConsentWithdrawn: _consent_for_visitor,
    EmailSupplied: _supplied_for_visitor,
    EmailVerified: lambda _: _email("verified", address=""),
    VerificationLost: lambda _: _email("lost", address=""),
    FileShared: _file_for_visitor,
    FileHidden: _file_hidden_for_visitor,
    FileDestroyed: _file_hidden_for_visitor,
    MessageRedacted: _redacted_for_visitor,
    DataCorrected: _corrected_for_visitor,
    ControlChanged: _control_for_visitor,
    Closed: _closed_for_visitor,
    TranscriptMailed: _mailed_for_visitor,
    TranscriptNotMailed: _mailed_for_visitor,
}

_FOR_MEMBER: Mapping[type[AnyEvent], Callable[[Any], _Members]] = {
    Opened: _opened,
    MessageSent: _message_for_member,
    NoteWritten: _note,
    BotStateChanged: _turn,
    ConsentGiven: _consent_given,
    ConsentWithdrawn: _consent_withdrawn,
    EmailSupplied: _supplied,
    VerificationSent: _sent,
    OptInConfirmed: _confirmed,
    EmailVerified: _verified,
    VerificationLost: _lost,
    NameGiven: _named,
    SiteIdentified: _site_identified,
    Tagged: _tagged,
    FileShared: _file_for_member,
    FileHidden: _file_hidden,
    FileDestroyed: _file_destroyed,
    MessageRedacted: _redacted,
    DataCorrected: _corrected,
    AddressErased: lambda _: {"kind": "address_erased"},
    ProcessingRestricted: _restriction,
    RestrictionLifted: _restriction,
    ControlChanged: _control,
    ChatOffered: _offer,
    OfferEnded: _offer,
    Closed: _closed,
    TranscriptMailed: _mailed,
    TranscriptNotMailed: _mailed,
}
