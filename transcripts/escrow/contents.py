"""What goes into a case: each chosen conversation as JSON and as text, with what the manifest says of it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from foundation.clock import DAY
from foundation.errors import Invalid
from transcripts import files, render
from transcripts.contacts import Contacts
from transcripts.conversations import Conversations
from transcripts.escrow.package import Item
from transcripts.escrow.selection import Chosen, Selection, chosen
from transcripts.rights.holds import Covered, Holds
from transcripts.rights.retention import Retention
from transcripts.state import State

MOST_CONVERSATIONS = 5_000
MOST_BYTES = 64 * 1024 * 1024
"""Of the items of one case, which is put together in memory."""

BotNames = Callable[[str], Awaitable[Mapping[str, str]]]
"""The names of an account's bots, by id."""


class Collected(msgspec.Struct, frozen=True):
    """The items, and the ids of the conversations: in it, held, restricted, left out; how many cannot be read."""

    items: list[Item]
    conversations: tuple[str, ...]
    held: tuple[str, ...]
    frozen: tuple[str, ...]
    left_out: tuple[str, ...]
    gone: int


class Collector:
    """Reads what was chosen."""

    def __init__(
        self,
        conversations: Conversations,
        contacts: Contacts,
        *,
        holds: Holds,
        retention: Retention,
        bot_names: BotNames,
    ) -> None:
        self._conversations = conversations
        self._contacts = contacts
        self._holds = holds
        self._retention = retention
        self._bot_names = bot_names

    async def collect(self, account: str, selection: Selection, basis: str, *, restricted: bool) -> Collected:
        """Raises `Invalid` when nothing is left, or when it is too much for one case."""
        names, covered = await self._bot_names(account), await self._holds.active(account)
        days: dict[str, int | None] = {}
        items: list[Item] = []
        found: dict[str, list[str]] = {"in": [], "held": [], "frozen": [], "left": []}
        gone = size = 0
        async for one in chosen(self._conversations, self._contacts, account, selection):
            if one.state is None:
                gone += 1
                continue
            if one.state.restricted is not None and not restricted:
                found["left"].append(one.id)
                continue
            if one.state.bot not in days:
                days[one.state.bot] = await self._retention.days(account, one.state.bot)
            facts = _facts(one.state, basis, days[one.state.bot], covered)
            made = _items(one, one.state, names.get(one.state.bot, "Bot"), facts)
            size += sum(len(item.data) for item in made)
            _note(found, one.state, facts)
            if len(found["in"]) > MOST_CONVERSATIONS or size > MOST_BYTES:
                raise Invalid(
                    f"That is more than one case can hold ({MOST_CONVERSATIONS:,} conversations, "
                    f"{MOST_BYTES // 1024**2} MB). Choose fewer days, and make several cases."
                )
            items += made
        if not items:
            raise Invalid("No conversation that may be exported was found.")
        ids = {name: tuple(those) for name, those in found.items()}
        return Collected(items, ids["in"], ids["held"], ids["frozen"], ids["left"], gone)


def _note(found: dict[str, list[str]], state: State, facts: Mapping[str, Any]) -> None:
    found["in"].append(state.id)
    if facts["legal_hold"]:
        found["held"].append(state.id)
    if state.restricted is not None:
        found["frozen"].append(state.id)


def _facts(state: State, basis: str, days: int | None, covered: Covered) -> dict[str, Any]:
    hold = covered.of(bot=state.bot, conversation=state.id, contact=state.contact)
    return {
        "conversation": state.id,
        "bot": state.bot,
        "from": state.opened_at,
        "to": state.last_at,
        "tags": sorted(state.tags),
        "legal_basis": basis,
        "retention_date": None if days is None else state.last_at + days * DAY,
        "legal_hold": None if hold is None else hold.id,
        "restricted": state.restricted is not None,
    }


def _items(one: Chosen, state: State, bot: str, facts: Mapping[str, Any]) -> list[Item]:
    transcript = render.for_member(state, one.events, bot)
    return [
        Item(f"items/{one.id}.json", files.as_json(transcript), {**facts, "kind": "json"}),
        Item(f"items/{one.id}.txt", files.as_text(transcript), {**facts, "kind": "text"}),
    ]
