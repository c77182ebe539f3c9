"""What has to be mended by people, as a sentence at the top of every admin page until it is.

Packages above say what they watch (`watch`); the admin pages ask at every view, so an alarm ends when its cause does.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from admin.principals import Principal
from admin.roles import Role
from foundation.web.logs import log_failure


class Alarm(msgspec.Struct, frozen=True):
    """A sentence, the page where more stands, and the roles that may open it."""

    text: str
    path: str
    roles: frozenset[Role]


Watcher = Callable[[str], Awaitable[Sequence[Alarm]]]


class Alarms:
    """The watchers of the house, asked for one account."""

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """Have this asked, with the account, for each admin page."""
        self._watchers.append(watcher)

    async def of(self, person: Principal) -> list[Alarm]:
        """What this person should know. A watcher that fails is logged and hides no page."""
        found: list[Alarm] = []
        for watcher in self._watchers:
            try:
                found += [one for one in await watcher(person.account) if person.role in one.roles]
            except Exception as error:  # noqa: BLE001 - a page must not fail because its banner cannot be made
                log_failure("alarm", "looking for alarms", error)
        return found
