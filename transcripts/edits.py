"""What of an event readers get after a message was corrected or its words were taken out (MS-12, YA-21).

The log keeps what was said until a job has removed it; nobody above `Conversations` is given it. Both ways use the same
functions: `as_read` for readers at once, `without_words` for what is written over the stored batches. Doing it twice
changes nothing.
"""

from collections.abc import Container, Iterable, Mapping
from typing import Any

import msgspec

from transcripts.events import AnyEvent, BotStateChanged, DataCorrected, FileShared, MessageSent, NoteWritten, Numbered
from transcripts.state import Edit


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
