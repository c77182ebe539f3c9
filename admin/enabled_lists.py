"""The enabled lists of all accounts, in memory: whether an address is in one is a matter of microseconds.

A link is opened by a range of its own account and bot, by nobody else's (L-9). Lists that cannot be read are empty
lists: then members only (fail closed).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address

import msgspec

from admin.ranges import Segments, Span, number_of

log = logging.getLogger(__name__)

ACCOUNT_SCOPE = "account"
"""The scope of the account's own list; every other scope is a bot's id."""

Read = Callable[[str], Awaitable[Mapping[str, Sequence[tuple[Span, str]]]]]
"""Reads an account's enabled lists: for each scope its ranges with their ids."""


class Match(msgspec.Struct, frozen=True):
    """The range that lets an address in, and whose list it is in (`account` or a bot's id)."""

    scope: str
    range_id: str


class EnabledLists:
    """What `read` reads, laid out for looking up."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._lists: dict[str, dict[str, Segments]] = {}
        self._loading = asyncio.Lock()

    def allowed(self, account: str, bot: str, address: IPv4Address | IPv6Address | None) -> Match | None:
        """The range of an enabled list of this bot, or else of this account, that holds the address."""
        number = number_of(address)
        lists = self._lists.get(account)
        if number is None or lists is None:
            return None
        for scope in (bot, ACCOUNT_SCOPE):
            found = lists[scope].find(number) if scope in lists else None
            if found is not None:
                return Match(scope, found)
        return None

    async def reload(self, account: str) -> None:
        """Read the lists of an account again. If that fails they are taken for empty, and the failure is logged."""
        async with self._loading:  # the last to begin reading is the last to write
            try:
                lists = await self._read(account)
            except Exception:
                self._lists.pop(account, None)
                log.exception("the address ranges of an account cannot be read, so they open nothing")
                return
            self._lists[account] = {scope: Segments(ranges) for scope, ranges in lists.items()}
