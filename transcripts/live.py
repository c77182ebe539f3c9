"""What a page that is open shows besides its lines, and what it lacks.

The page is drawn by the server once; then lines are added to it. When anything that it shows has become wrong, because a
name became known late or who has the chat changed, it is told to load itself anew instead.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from transcripts import render
from transcripts.events import FileDestroyed, FileHidden, MessageRedacted
from transcripts.guard import Opening
from transcripts.render import Line, Transcript
from transcripts.state import State, fold

News = dict[str, Any]

_CHANGES_WHAT_STANDS = (MessageRedacted, FileHidden, FileDestroyed)
"""Events after which something that a page shows already must go from it."""


def news_of(opening: Opening, bot: str, since: int) -> News:
    """What a page lacks that has everything up to event `since`."""
    state = opening.state
    if state is None:
        raise ValueError("nothing is shown")
    if state.seq == since:
        return {"seq": state.seq, "lines": []}
    known = [event for event in opening.events if event.seq <= since]
    if not 0 < since < state.seq or len(known) != since:
        return {"seq": state.seq, "reload": True}
    if any(isinstance(one.event, _CHANGES_WHAT_STANDS) for one in opening.events if one.seq > since):
        return {"seq": state.seq, "reload": True}
    outcome = opening.decision.outcome
    now = render.of(outcome, state, opening.events, bot)
    then = render.of(outcome, fold(state.account, state.id, known), known, bot)
    before, lines = list(render.lines(then)), list(render.lines(now))
    if lines[: len(before)] != before or _around(then) != _around(now):
        return {"seq": state.seq, "reload": True}
    return {"seq": state.seq, "count": render.count_of(now), "lines": [_line(line) for line in lines[len(before) :]]}


def facts_of(transcript: Transcript) -> Sequence[tuple[str, str]]:
    """Names and values for the head of the page."""
    state = transcript.state
    facts = [("State", _STATES[transcript.control])]
    if state is None:
        return facts
    if state.address:
        facts.append(("E-mail", state.address))
    if state.holder_name:
        facts.append(("With", state.holder_name))
    if state.page.title or state.page.url:
        facts.append(("Opened on", state.page.title or state.page.url))
    facts.append(("Notice", _consented(state)))
    facts.append(("Language", state.locale))
    return facts


def mark_of(transcript: Transcript) -> dict[str, str] | None:
    """The green check or the warning beside the name, with the reason in words (DD-4, DD-6)."""
    if transcript.state is None or transcript.state.verification.state == "none":
        return None
    verification = transcript.state.verification
    if verification.state == "verified":
        return {"tone": "ok", "sign": "✓", "words": "verified", "why": verification.why}
    return {"tone": "warn", "sign": "!", "words": "not verified", "why": verification.why}


def _around(transcript: Transcript) -> object:
    return transcript.visitor, facts_of(transcript), mark_of(transcript)


def _line(line: Line) -> dict[str, Any]:
    shown = msgspec.structs.asdict(line)
    return shown | {
        "date": render.date_of(line.at),
        "clock": render.clock_time(line.at),
        "iso": render.iso_time(line.at),
    }


_STATES: Mapping[str, str] = {
    "bot": "With the bot",
    "queue": "Waiting in the queue",
    "agent": "With a person",
    "closed": "Closed",
}


def _consented(state: State) -> str:
    if state.consent is not None:
        return f"Accepted, version {state.consent.notice}"
    return "Consent withdrawn" if state.withdrawn_at is not None else "Not accepted"
