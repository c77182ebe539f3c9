"""A conversation as its own visitor takes it home: in the transcript mail and in the copy of his data (PS-5, MS-11).

Made from the visitor's views and nothing else, so it holds what he saw and what he said, in full and in his language:
no notes, no ids, no staff addresses, nothing that another reader was shown (YA-12, YA-14). It needs nothing from
elsewhere: no picture is fetched, none is named by its address.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from transcripts.events import Numbered
from transcripts.notices import language_of
from transcripts.render import Line
from transcripts.state import State
from transcripts.views import View, visitor_view
from transcripts.words import words


class Copy(msgspec.Struct, frozen=True):
    """What was said, in the visitor's language."""

    bot: str
    language: str
    opened_at: int
    last_at: int
    views: Sequence[View]
    lines: Sequence[Line]


def copy_of(state: State, events: Sequence[Numbered], bot: str, *, locale: str = "") -> Copy:
    """The copy of a conversation; `locale` is the reader's, by default the conversation's."""
    locale = locale or state.locale
    views = [view for event in events if (view := visitor_view(event)) is not None]
    return Copy(
        bot=bot,
        language=language_of(locale),
        opened_at=state.opened_at,
        last_at=state.last_at,
        views=views,
        lines=list(_lines(views, bot, words(locale))),
    )


def as_text(copy: Copy) -> str:
    """The lines as plain text. What people wrote is indented, so that nothing they write can look like a line of ours."""
    parts = []
    for line in copy.lines:
        if line.side == "course":
            parts.append(f"{when(line.at)}  – {line.text}")
            continue
        tag = f" ({line.tag})" if line.tag else ""
        said = "\n".join(f"    {one}" for one in line.text.splitlines() or [""])
        replies = "".join(f"\n    [{button}]" for button in line.buttons)
        parts.append(
            f"{when(line.at)}  {line.who}{tag}\n{said}{replies}{f'{chr(10)}    {line.image}' if line.image else ''}"
        )
    return "\n\n".join(parts)


def when(at: int) -> str:
    """`2026-11-21 14:02`, UTC."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M}"


def _lines(views: Sequence[View], bot: str, t: Mapping[str, str]) -> Iterator[Line]:
    for view in views:
        if view["kind"] == "message" and view["by"] != "system":
            yield _message(view, bot, t)
        elif text := _course(view, t):
            yield Line(view["at"], "course", text)


def _message(view: View, bot: str, t: Mapping[str, str]) -> Line:
    side, who, tag = {
        "visitor": ("visitor", t["you"], ""),
        "bot": ("house", bot, t["bot"]),
        "agent": ("house", view["author_name"] or t["someone"], t["person"]),
    }[view["by"]]
    buttons = [button["title"] for button in view["buttons"]]
    image = t["image"] if view["image"] else ""
    return Line(view["at"], "visitor" if side == "visitor" else "house", view["text"], who, tag, buttons, image)


def _course(view: View, t: Mapping[str, str]) -> str:
    match view["kind"]:
        case "message":
            return "" if view["card"] else str(view["text"])  # a card speaks to who sits before it
        case "consent":
            return t["consent_given" if view["given"] else "consent_withdrawn"]
        case "email":
            return t[f"email_{view['state']}"].format(address=view["address"])
        case "control" if view["now"] != "closed":
            return t[f"control_{view['now']}"].format(name=view["holder_name"] or t["someone"])
        case "closed":
            return t["closed_visitor" if view["by"] == "visitor" else "closed_other"]
        case "transcript":
            return t["transcript_sent" if view["sent"] else "transcript_failed"].format(address=view["address"])
    return ""
