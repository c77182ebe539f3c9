"""Which conversations belong to a case: by their ids, or by tag, address, bot and days together."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import msgspec

from foundation.clock import DAY
from foundation.errors import Invalid, NotFound
from foundation.ids import is_id
from foundation.keys import Damaged, KeyDestroyed
from transcripts.contacts import Contacts
from transcripts.conversations import Conversations
from transcripts.events import Numbered
from transcripts.heads import Row
from transcripts.state import State
from transcripts.tags import tag_of

MOST_IDS = 500


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. With ids nothing else counts; otherwise all that is given must hold. `until` is excluded."""

    ids: tuple[str, ...] = ()
    tag: str = ""
    address: str = ""
    bot: str = ""
    since: int | None = None
    until: int | None = None


class Chosen(msgspec.Struct, frozen=True):
    """A conversation of the case, read; `None` for one that cannot be read any more."""

    id: str
    state: State | None
    events: tuple[Numbered, ...] = ()


def selection_of(*, ids: str, tag: str, address: str, bot: str, since: str, until: str) -> Selection:
    """A selection as a form spells it. Raises `Invalid`."""
    named = tuple(dict.fromkeys(ids.split()))
    if len(named) > MOST_IDS:
        raise Invalid(f"At most {MOST_IDS} ids at once, please.", field="ids")
    for one in named:
        if not is_id(one):
            raise Invalid("One of these is not the id of a conversation.", field="ids")
    if named and any((tag.strip(), address.strip(), bot, since, until)):
        raise Invalid("Give ids, or what to look for, and not both.", field="ids")
    begin, end = _day(since, "since"), _day(until, "until")
    if begin is not None and end is not None and begin > end:
        raise Invalid("The first day is after the last one.", field="since")
    selection = Selection(
        ids=named,
        tag=_tag(tag),
        address=address.strip(),
        bot=bot,
        since=begin,
        until=None if end is None else end + DAY,
    )
    if selection == Selection():
        raise Invalid("Say which conversations belong to the case.", field="ids")
    return selection


async def require_there(conversations: Conversations, account: str, selection: Selection) -> None:
    """Raise `Invalid` when an id names no conversation of the account."""
    missing = [one for one in selection.ids if not await conversations.heads.exists(account, one)]
    if missing:
        raise Invalid(f"There is no conversation {missing[0]}.", field="ids")


async def chosen(
    conversations: Conversations, contacts: Contacts, account: str, selection: Selection
) -> AsyncIterator[Chosen]:
    """The conversations, read one after another; nothing of them stays in the caches."""
    async for one in _ids(conversations, contacts, account, selection):
        try:
            state, events = await conversations.passing(account, one)
        except (NotFound, KeyDestroyed, Damaged):
            yield Chosen(one, None)
            continue
        if not selection.tag or selection.tag in state.tags:
            yield Chosen(one, state, tuple(events))


async def _ids(
    conversations: Conversations, contacts: Contacts, account: str, selection: Selection
) -> AsyncIterator[str]:
    if selection.ids:
        for one in selection.ids:
            yield one
        return
    bots = frozenset({selection.bot}) if selection.bot else None
    contact: str | None = None
    if selection.address:
        found = await contacts.by_address(account, selection.address)
        if found is None:
            return
        contact = found.id
    async for row in conversations.heads.recent(account, bots):
        if (contact is None or row.contact == contact) and _overlaps(row, selection):
            yield row.id


def _overlaps(row: Row, selection: Selection) -> bool:
    return (selection.since is None or row.updated_at >= selection.since) and (
        selection.until is None or row.opened_at < selection.until
    )


def _tag(text: str) -> str:
    if not text.strip():
        return ""
    try:
        return tag_of(text)
    except Invalid as problem:
        raise Invalid(problem.detail, field="tag") from None


def _day(text: str, field: str) -> int | None:
    if not text.strip():
        return None
    try:
        return int(datetime.combine(date.fromisoformat(text.strip()), datetime.min.time(), UTC).timestamp()) * 1000
    except (ValueError, OverflowError):
        raise Invalid("Give a day such as 2026-11-21.", field=field) from None
