"""The tracker of an assistant as it stands in the conversation's log, and back.

Rasa's events are stored in their own JSON form, but what somebody said stands there only as a reference: `"message":
seq` for the visitor's words, `"reply": 0, 1 …` for the bot's, counted over the bot's messages that follow in the log.
So a message is in one place, and whoever redacts it there has redacted the tracker.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from bot_runtime.assistants import CARD, Reply
from transcripts.events import BotStateChanged, Button, MessageSent, Numbered

Event = dict[str, Any]

_RANKED = 5
"""Intents of a ranking that are kept; a domain may have hundreds, and nothing looks further down after the turn."""
_WORDS = frozenset({"text", "text_tokens", "response_selector"})
_SAID = frozenset({"text", "data"})


def stored(events: Sequence[Event], *, message: int, replies: Mapping[int, int]) -> tuple[Event, ...]:
    """The events of one turn as the log keeps them. `message` is the seq of the visitor's message that it answered, 0
    for a turn that no words caused;
    `replies` gives, by its place in `events`, the number of a bot event among the replies that are shown."""
    kept: list[Event] = []
    for place, event in enumerate(events):
        kind = event["event"]
        if kind == "user" and message:
            kept.append(_without_words(event, message))
        elif kind == "bot" and place in replies:
            kept.append({name: value for name, value in event.items() if name not in _SAID} | {"reply": replies[place]})
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


def message_of(reply: Reply, metadata: Mapping[str, Any], at: int) -> MessageSent | None:
    """A reply of the assistant as the visitor gets it; `None` when there is nothing in it to be shown.

    An author's action may put any JSON anywhere; what comes out has the types that can be read again."""
    buttons = tuple(_button(one) for one in (*reply.buttons, *reply.quick_replies) if one.get("title"))
    custom = {str(name): value for name, value in reply.custom.items()} if isinstance(reply.custom, dict) else {}
    if reply.attachment:
        custom["attachment"] = reply.attachment
    if reply.elements:
        custom["elements"] = list(reply.elements)
    if not (reply.text or buttons or reply.image or custom):
        return None
    return MessageSent(
        at=at,
        by="bot",
        text=str(reply.text or ""),
        buttons=buttons,
        image=str(reply.image or ""),
        card=_card(metadata.get(CARD)),
        custom=custom or None,
    )


def _card(said: object) -> Literal["", "email", "code"]:
    if said == "email":
        return "email"
    return "code" if said == "code" else ""


def _button(button: Mapping[str, Any]) -> Button:
    title = str(button["title"])
    return Button(title=title, payload=str(button.get("payload") or title))


def _without_words(event: Event, message: int) -> Event:
    parse = {name: value for name, value in (event.get("parse_data") or {}).items() if name not in _WORDS}
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
        known = replies[event["reply"]] if event["reply"] < len(replies) else None
        return {**rest, "text": known.text if known else None, "data": _data(known) if known else {}}
    return event


def _replies(log: Sequence[Numbered], place: int) -> list[MessageSent]:
    """The bot's messages right behind the turn at this place."""
    found: list[MessageSent] = []
    for at in range(place + 1, len(log)):
        event = log[at].event
        if not isinstance(event, MessageSent) or event.by != "bot":
            break
        found.append(event)
    return found


def _data(reply: MessageSent) -> Event:
    """The `data` of a Rasa `bot` event for a message of ours."""
    return {
        "elements": None,
        "quick_replies": None,
        "buttons": [{"title": button.title, "payload": button.payload} for button in reply.buttons] or None,
        "attachment": reply.image or None,
        "image": reply.image or None,
        "custom": reply.custom,
    }
