"""Proving who somebody is: the right password for an address, and how often wrong ones may be tried (A-2, A-3, Z-8).

What an answer tells is the same for an unknown name and for a wrong password, in bytes and in time: both cost one hash
and one entry in an audit book. Wrong tries are counted by name and by client address, known names or not, in all
processes together. A browser in which the person logged in before has a count of its own, so that nobody can be locked
out by strangers.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from admin.audit import AuditBook
from admin.passwords import Passwords
from admin.people import People, Person
from foundation.clock import MINUTE, Clock
from foundation.errors import Unauthenticated
from foundation.keys import Keyring
from foundation.live import Signals
from foundation.web import SharedThrottles, Throttle

WINDOW = 10 * MINUTE
TRIES_PER_NAME = 5
TRIES_PER_ADDRESS = 20

_LONGEST_NAME = 254

_Counts = Sequence[tuple[str, str]]

DeviceOf = Callable[[str], Awaitable[str | None]]
"""Given a person's id: the name of the browser, if it is one in which the person logged in before."""


class Proven(msgspec.Struct, frozen=True):
    """Somebody who gave the right password; `device` is the known browser's name."""

    person: Person
    device: str | None


class Logins:
    """Checks names and passwords."""

    def __init__(
        self,
        people: People,
        passwords: Passwords,
        audit: AuditBook,
        keyring: Keyring,
        clock: Clock,
        *,
        signals: Signals,
    ) -> None:
        self._people = people
        self._passwords = passwords
        self._audit = audit
        self._keyring = keyring
        self._clock = clock
        limits = {"name": TRIES_PER_NAME, "address": TRIES_PER_ADDRESS, "device": TRIES_PER_NAME}
        throttles = {by: Throttle(clock, limit, WINDOW) for by, limit in limits.items()}
        self.tries = SharedThrottles("logins", signals, throttles)

    async def prove(self, email: str, password: str, *, client: str, device_of: DeviceOf) -> Proven:
        """The person with this address and password, who may log in.

        `client` is what limits count by. Raises `Unauthenticated` (one error for all reasons) and `TooMany`.
        """
        name = email.strip(" ").lower()[:_LONGEST_NAME]
        name_key = await self._keyring.token("", "login-name", name)
        person = await self._people.by_email(name)
        device = None if person is None else await device_of(person.id)
        counts = [("name", name_key), ("address", client)] if device is None else [("device", device)]
        self._require_tries(counts)
        right = await self._is_right(person, password, counts)
        if person is None or not right or not person.body.may_log_in(self._clock.now()):
            self._count(counts)
            await self._write_down("login.failed", person, client)
            raise Unauthenticated("The e-mail address or the password is not right.")
        self.tries.reset(*counts[0])
        await self._people.strengthen(person, password)
        await self._write_down("login.succeeded", person, client)
        return Proven(person, device)

    async def is_password_of(self, person: Person, password: str, *, client: str) -> bool:
        """Whether somebody who is logged in knows his password. Raises `TooMany`."""
        counts = [("device", f"own {person.id}"), ("address", client)]
        self._require_tries(counts)
        right = await self._is_right(person, password, counts)
        if not right:
            self._count(counts)
        return right

    async def _is_right(self, person: Person | None, password: str, counts: _Counts) -> bool:
        """One hash, for somebody or for nobody. Those who waited for it while others failed are counted again."""
        right = await self._passwords.verify(None if person is None else person.body.password, password)
        self._require_tries(counts)
        return right

    def _require_tries(self, counts: _Counts) -> None:
        for by, key in counts:
            self.tries.check(by, key)

    def _count(self, counts: _Counts) -> None:
        for by, key in counts:
            self.tries.hit(by, key)

    async def _write_down(self, action: str, person: Person | None, client: str) -> None:
        account, who = (person.account, person.id) if person is not None else ("", "")
        await self._audit.write(account, who, action, who, address=client)
