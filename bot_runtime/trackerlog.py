"""The tracker of an assistant as it stands in the conversation's log, and back.

Rasa's events are stored in their own JSON form, but what somebody said stands there only as a reference: `"message":
seq` for the visitor's words, `"reply": 0, 1 …` for the bot's, counted over the bot's messages that follow in the log.
So a message is in one place, and whoever redacts it there has redacted the tracker.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from transcripts.events import BotStateChanged, MessageSent, Numbered

Event = dict[str, Any]

_RANKED = 5
"""Intents of a ranking that are kept; a domain may have hundreds, and nothing looks further down after the turn."""
_TEXTS = ("text", "text_tokens")


def stored(events: Sequence[Event], *, message: int) -> tuple[Event, ...]:
    """The events of one turn, which answered the visitor's message with this seq, as the log keeps them."""
    kept: list[Event] = []
    replies = 0
    for event in events:
        kind = event["event"]
        if kind == "user":
            kept.append(_without_words(event, message))
        elif kind == "bot":
            kept.append({name: value for name, value in event.items() if name not in {"text", "data"}} | {"reply": replies})
            replies += 1
        else:
            kept.append(event)
    return tuple(kept)


def restored(log: Sequence[Numbered]) -> Iterator[Event]:
    """The tracker's events, with what was said put back where it belongs. `log` is a whole conversation."""
    said = {one.seq: one.event for one in log if isinstance(one.event, MessageSent)}
    for place, one in enumerate(log):
        if isinstance(one.event, BotStateChanged):
            replies = _replies(log, place)
            for event in one.event.events:
                yield _with_words(event, said, replies)


def words(message: MessageSent) -> str:
    """What the assistant is told of a message: what a button sent, else what was written."""
    return message.payload or message.text


def data_of(reply: MessageSent) -> dict[str, Any]:
    """The `data` of a Rasa `bot` event for a message of ours."""
    buttons = [{"title": button.title, "payload": button.payload} for button in reply.buttons]
    return {
        "elements": None,
        "quick_replies": None,
        "buttons": buttons or None,
        "attachment": reply.image or None,
        "image": reply.image or None,
        "custom": reply.custom,
    }


def _without_words(event: Event, message: int) -> Event:
    parse = {name: value for name, value in (event.get("parse_data") or {}).items() if name not in _TEXTS}
    ranking = parse.get("intent_ranking")
    if ranking and len(ranking) > _RANKED:
        parse["intent_ranking"] = ranking[:_RANKED]
    return {**event, "text": None, "parse_data": parse, "message": message}


def _with_words(event: Event, said: Mapping[int, MessageSent], replies: Sequence[MessageSent]) -> Event:
    if "message" in event and event["event"] == "user":
        message = said.get(event["message"])
        text = words(message) if message is not None else ""
        rest = {name: value for name, value in event.items() if name != "message"}
        return {**rest, "text": text, "parse_data": {**event["parse_data"], "text": text}}
    if "reply" in event and event["event"] == "bot":
        rest = {name: value for name, value in event.items() if name != "reply"}
        if event["reply"] < len(replies):
            reply = replies[event["reply"]]
            return {**rest, "text": reply.text or None, "data": data_of(reply)}
        return {**rest, "text": None, "data": {}}
    return event


def _replies(log: Sequence[Numbered], place: int) -> list[MessageSent]:
    """The bot's messages right behind the turn at this place."""
    found: list[MessageSent] = []
    for one in log[place + 1 :]:
        if not isinstance(one.event, MessageSent) or one.event.by != "bot":
            break
        found.append(one.event)
    return found
