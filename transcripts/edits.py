"""What of an event readers get after a message was corrected or its words were taken out (MS-12, YA-21).

The log keeps what was said until a job has removed it; nobody above `Conversations` is given it. Both ways use the same
functions: `as_read` for readers at once, `without_words` for what is written over the stored batches. Doing it twice
changes nothing.
"""

import re
from collections.abc import Collection, Container, Iterable, Mapping
from typing import Any

import msgspec

from transcripts.events import (
    AnyEvent,
    BotStateChanged,
    DataCorrected,
    EmailSupplied,
    FileShared,
    MessageSent,
    NoteWritten,
    Numbered,
    TranscriptMailed,
    TranscriptNotMailed,
)
from transcripts.state import Edit

ERASED = "(erased address)"
"""What stands in words in place of an address whose owner was erased."""


def as_read(events: Iterable[Numbered], edits: Mapping[int, Edit]) -> list[Numbered]:
    """The events as readers get them."""
    return [Numbered(one.seq, edited(one.seq, one.event, edits)) for one in events] if edits else list(events)


def edited(seq: int, event: AnyEvent, edits: Mapping[int, Edit]) -> AnyEvent:
    """One event with what became of it; the same object when nothing did."""
    edit = edits.get(seq)
    if edit is not None and edit.text is not None and isinstance(event, MessageSent):
        return msgspec.structs.replace(event, text=edit.text, payload="", corrected=edit.at)
    return without_words(seq, event, {message: edit.at for message, edit in edits.items() if edit.text is None})


def without_words(seq: int, event: AnyEvent, redacted: Mapping[int, int]) -> AnyEvent:
    """One event without the words of the redacted messages; `redacted` is message → when it was done.

    What the bot took from such a message goes as well: entities, and the slots that its turn filled.
    """
    if isinstance(event, MessageSent) and seq in redacted:
        return msgspec.structs.replace(
            event, text="", payload="", buttons=(), image="", custom=None, redacted=redacted[seq]
        )
    if isinstance(event, NoteWritten) and seq in redacted:
        return msgspec.structs.replace(event, text="", redacted=redacted[seq])
    if isinstance(event, FileShared) and seq in redacted:
        return msgspec.structs.replace(event, name="", redacted=redacted[seq])
    if isinstance(event, DataCorrected) and event.what == "message" and event.message in redacted:
        return msgspec.structs.replace(event, value="", reason="")
    if isinstance(event, BotStateChanged) and _concerns(event, redacted):
        return msgspec.structs.replace(event, events=tuple(_emptied(one) for one in event.events))
    return event


def without_addresses(event: AnyEvent, contacts: Collection[str], addresses: Collection[str]) -> AnyEvent:
    """One event without these people's addresses, wherever in it one stands: in words, in the bot's slots, in what a
    mail was sent to. What else was said stays."""
    if isinstance(event, EmailSupplied) and event.contact in contacts:
        return msgspec.structs.replace(event, address="")
    if isinstance(event, DataCorrected) and event.contact and event.contact in contacts:
        return msgspec.structs.replace(event, value="")
    if isinstance(event, TranscriptMailed | TranscriptNotMailed) and event.address.lower() in addresses:
        return msgspec.structs.replace(event, address="")
    if not addresses:
        return event
    known = msgspec.to_builtins(event)
    words = re.compile("|".join(re.escape(address) for address in addresses), re.IGNORECASE)
    cleared = _cleared(known, words)
    return event if cleared == known else msgspec.convert(cleared, type(event))


def _cleared(value: Any, words: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return words.sub(ERASED, value)
    if isinstance(value, dict):
        return {_cleared(name, words): _cleared(inner, words) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cleared(inner, words) for inner in value]
    return value


def _concerns(event: BotStateChanged, redacted: Container[int]) -> bool:
    return event.answers in redacted or any(one.get("message") in redacted for one in event.events)


def _emptied(event: dict[str, Any]) -> dict[str, Any]:
    """A tracker event with its form and without anything that came from the message."""
    if event.get("event") == "user":
        intent = (event.get("parse_data") or {}).get("intent") or {}
        named = {name: intent[name] for name in ("name", "confidence") if name in intent}
        return {**event, "text": None, "parse_data": {"intent": named, "entities": []}, "metadata": {}}
    if event.get("event") == "slot" and not isinstance(event.get("value"), bool):
        return {**event, "value": None}
    return event
