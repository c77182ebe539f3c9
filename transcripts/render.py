"""A transcript as people read it: lines for the page and for files, and plain text.

Everything here is made from views (`transcripts.views`) and never from events, so that no format can show what its
reader may not see (YA-12). Times are UTC and say so.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from transcripts.events import Numbered
from transcripts.masking import pseudonym
from transcripts.state import State
from transcripts.views import View, external_view, member_view

REMOVED = "[Message removed]"
"""What stands in place of words that were redacted (YA-21)."""

FILE_REMOVED = "[File removed]"
"""What stands in place of a sensitive file (YA-22)."""

Side = Literal["visitor", "house", "note", "course"]


class Line(msgspec.Struct, frozen=True):
    """One entry of the thread. `side` says how it stands there: left, right, as a note, or as what happened."""

    at: int
    side: Side
    text: str
    who: str = ""
    tag: str = ""
    buttons: Sequence[str] = ()
    image: str = ""
    file: str = ""
    """The id of a file that may be fetched; `text` says what it is."""


class Day(msgspec.Struct, frozen=True):
    """The lines of one day (UTC)."""

    date: str
    lines: Sequence[Line]


class Transcript(msgspec.Struct, frozen=True):
    """What one reader may see of a conversation, and nothing else."""

    reader: Literal["member", "external"]
    bot: str
    visitor: str
    opened_at: int
    last_at: int
    control: str
    views: Sequence[View]
    state: State | None
    """For members only: who it is, how far that is proven, what was consented to."""

    @property
    def messages(self) -> int:
        return sum(view["kind"] == "message" for view in self.views)


def for_member(state: State, events: Sequence[Numbered], bot: str) -> Transcript:
    """Everything (YA-14)."""
    views = [view for event in events if (view := member_view(event)) is not None]
    name = state.name or "Visitor"
    return Transcript("member", bot, name, state.opened_at, state.last_at, state.control, views, state)


def for_address(state: State, events: Sequence[Numbered], bot: str) -> Transcript:
    """Without notes, ids and personal data (YA-14)."""
    views = external_view(state.id, events)
    who = pseudonym(state.id)
    return Transcript("external", bot, who, state.opened_at, state.last_at, state.control, views, None)


def of(outcome: str, state: State | None, events: Sequence[Numbered], bot: str) -> Transcript:
    """What the guard's outcome lets its reader see. Raises `ValueError` when it lets out nothing."""
    if state is None or outcome not in ("member", "external"):
        raise ValueError(f"nothing is shown to whom the answer is {outcome}")
    return for_member(state, events, bot) if outcome == "member" else for_address(state, events, bot)


def count_of(transcript: Transcript) -> str:
    """`1 message`, `12 messages`."""
    return "1 message" if transcript.messages == 1 else f"{transcript.messages} messages"


def days(transcript: Transcript) -> list[Day]:
    """The lines in order, day by day."""
    found: dict[str, list[Line]] = {}
    for line in lines(transcript):
        found.setdefault(date_of(line.at), []).append(line)
    return [Day(date, of_day) for date, of_day in found.items()]


def lines(transcript: Transcript) -> Iterator[Line]:
    """The entries that people read; what only programs want (turns) is left out."""
    for view in transcript.views:
        kind = view["kind"]
        if kind == "message":
            yield _message(view, transcript)
        elif kind == "file":
            yield _file(view, transcript)
        elif kind == "note":
            text = REMOVED if view.get("redacted") else view["text"]
            yield Line(view["at"], "note", text, view["author_name"] or "Somebody", "Private note")
        elif (said := _COURSE.get(kind)) is not None and (text := said(view)):
            yield Line(view["at"], "course", text)


def as_text(transcript: Transcript) -> str:
    """A plain text file. What people wrote is indented, so that nothing they write can look like a line of ours."""
    head = [
        f"Transcript · {plain(transcript.bot)}",
        f"{full_time(transcript.opened_at)} to {full_time(transcript.last_at)}",
    ]
    if transcript.reader == "external":
        head.append("Read only. Personal data is masked.")
    body = []
    for line in lines(transcript):
        who = f"{plain(line.who)}{f' ({line.tag})' if line.tag else ''}" if line.who else "–"
        body.append(f"\n{full_time(line.at)}  {who}")
        said = line.text.splitlines() or [""]
        body += [f"    {plain(one)}" for one in said]
        body += [f"    [{plain(button)}]" for button in line.buttons]
        body += [f"    (image) {plain(line.image)}"] if line.image else []
    return "\n".join((*head, *body, ""))


def _file(view: View, transcript: Transcript) -> Line:
    who, tag = _sender(view, transcript)
    side: Side = "visitor" if view["by"] == "visitor" else "house"
    if view.get("redacted"):
        return Line(view["at"], side, FILE_REMOVED, who, tag)
    return Line(view["at"], side, f"File: {view['name']} ({_size(view['size'])})", who, tag, file=view["file"])


def _size(count: int) -> str:
    return f"{max(1, round(count / 1_000))} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def _sender(view: View, transcript: Transcript) -> tuple[str, str]:
    by = view["by"]
    who, tag = _WHO.get(by, ("Frontdesk", ""))
    if by == "visitor":
        who = transcript.visitor
    elif by == "bot":
        who = transcript.bot
    elif by == "agent":
        who = view["author_name"] or who
    return who, tag


def _message(view: View, transcript: Transcript) -> Line:
    by = view["by"]
    who, tag = _sender(view, transcript)
    buttons = [one if isinstance(one, str) else one["title"] for one in view["buttons"]]
    image = view["image"]
    side: Side = "visitor" if by == "visitor" else "course" if by == "system" else "house"
    text = REMOVED if view.get("redacted") else view["text"]
    return Line(view["at"], side, text, who, tag, buttons, ("shown" if image is True else image) or "")


_WHO = {"visitor": ("Visitor", ""), "bot": ("Bot", "Bot"), "agent": ("Agent", "Person")}

_REASONS: Mapping[str, str] = {
    "handoff_requested": "A person was asked for",
    "not_understood": "The bot did not understand and called a person",
    "bot_failed": "The bot failed and called a person",
    "taken": "A person took over",
    "handed_back": "Handed back to the bot",
    "returned": "Put back into the queue",
    "agent_silent": "Put back into the queue, because the agent did not answer",
    "timed_out": "Nobody was free; the bot answers again",
    "cancelled": "The wait for a person was cancelled; the bot answers again",
}

_ENDS: Mapping[str, str] = {
    "resolved": "Closed by the agent",
    "ended": "Ended by the visitor",
    "withdrawn": "Ended, because the consent was withdrawn",
    "timed_out": "Closed, because nobody wrote any more",
    "erased": "Closed, because it is erased",
    "restricted": "Closed, because its processing was restricted",
}

_EMAIL: Mapping[str, str] = {
    "sent": "A mail with a code was sent",
    "confirmed": "The address was confirmed in this browser",
    "confirmed_elsewhere": "The address was confirmed elsewhere, not in this browser",
    "lost": "The address is not verified any more",
}


def _opened(view: View) -> str:
    page = view.get("page") or {}
    where = page.get("title") or page.get("url")
    return f"Chat opened on {where}" if where else "Chat opened"


def _consent(view: View) -> str:
    return "The notice was accepted" if view["given"] else "The consent was withdrawn"


def _email(view: View) -> str:
    if view["state"] == "supplied":
        who = "The visitor" if view["by"] == "visitor" else "Staff"
        return f"{who} gave the address {view['address']}"
    if view["state"] == "verified":
        reason = f": {view['reason']}" if view["reason"] else ""
        return f"The address was verified ({view['method']}){reason}"
    return _EMAIL[view["state"]]


def _control(view: View) -> str:
    if view["now"] == "closed":
        return ""  # the event `closed` that is stored with it says so
    holder = view.get("holder_name")
    if view["now"] == "agent" and holder:
        return f"{holder} took over"
    return _REASONS.get(view["reason"], "Control changed")


def _closed(view: View) -> str:
    return _ENDS.get(view["reason"], "Closed")


def _redacted(view: View) -> str:
    who = view.get("author_name")
    return f"{who} removed a message" if who else "A message was removed"


def _file_hidden(view: View) -> str:
    return f"{view.get('author_name') or 'Somebody'} marked a file as sensitive; it is hidden"


def _file_destroyed(_: View) -> str:
    return "A sensitive file was destroyed"


def _corrected(view: View) -> str:
    what = view["what"]
    if what == "message":
        return "The text of a message was corrected"
    return f"The {what} was corrected to {view['value']}"


def _restriction(view: View) -> str:
    return "The processing was restricted" if view["on"] else "The restriction was lifted"


def _mailed(view: View) -> str:
    if not view["sent"]:
        return f"The transcript could not be mailed to {view['address']}: {view.get('reply', '')}".rstrip(": ")
    how = f" over {view['tls']}" if view.get("tls") else " without TLS" if "tls" in view else ""
    return f"The transcript was mailed to {view['address']}{how}"


def _named(view: View) -> str:
    return f"The name {view['name']} became known"


def _identified(view: View) -> str:
    said = ", ".join(one for one in (view["name"], view["address"]) if one)
    return f"The site says that this is its visitor {view['sub']}{f' ({said})' if said else ''}"


def _tagged(view: View) -> str:
    who = view["author_name"] or "Staff"
    return f"{who} set the tags: {', '.join(view['tags'])}" if view["tags"] else f"{who} took all tags off"


def _offer(view: View) -> str:
    who = view["author_name"] or "a colleague"
    return {
        "offered": f"The chat was offered to {who}",
        "declined": f"{who} gave the chat back",
        "missed": f"{who} did not answer in time",
        "withdrawn": f"{who} was not free any more",
    }[view["state"]]


_COURSE = {
    "opened": _opened,
    "consent": _consent,
    "email": _email,
    "control": _control,
    "offer": _offer,
    "closed": _closed,
    "named": _named,
    "identified": _identified,
    "tagged": _tagged,
    "file_hidden": _file_hidden,
    "file_destroyed": _file_destroyed,
    "redacted": _redacted,
    "corrected": _corrected,
    "restriction": _restriction,
    "transcript": _mailed,
}


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def date_of(at: int) -> str:
    """`Saturday, 21 November 2026`, UTC."""
    moment = _moment(at)
    return f"{moment:%A}, {moment.day} {moment:%B %Y}"


def full_time(at: int) -> str:
    """`2026-11-21 14:02:11 UTC`."""
    return f"{_moment(at):%Y-%m-%d %H:%M:%S} UTC"


def clock_time(at: int) -> str:
    """`14:02`, UTC."""
    return f"{_moment(at):%H:%M}"


def iso_time(at: int) -> str:
    """For `<time datetime>`."""
    return f"{_moment(at):%Y-%m-%dT%H:%M:%SZ}"


def plain(text: str) -> str:
    """One line of text without control characters and direction marks, which terminals and editors would obey (G-3)."""
    return "".join(one for one in text if one == "\t" or unicodedata.category(one) not in _UNPRINTED)


_UNPRINTED = {"Cc", "Cf", "Zl", "Zp", "Cs"}
