"""Proving who somebody is: the right password for an address, and how often wrong ones may be tried (A-2, A-3, Z-8).

What an answer tells is the same for an unknown name and for a wrong password, in bytes and in time: both cost one hash
and one entry in an audit book. Wrong tries are counted by name and by client address, known names or not. A browser in
which the person logged in before has a count of its own, so that nobody can be locked out by strangers.
"""

from collections.abc import Awaitable, Callable

import msgspec

from admin.audit import AuditBook
from admin.passwords import Passwords
from admin.people import People, Person
from foundation.clock import MINUTE, Clock
from foundation.errors import Unauthenticated
from foundation.keys import Keyring
from foundation.web import Throttle

WINDOW = 10 * MINUTE
TRIES_PER_NAME = 5
TRIES_PER_ADDRESS = 20

_LONGEST_NAME = 254

DeviceOf = Callable[[str], Awaitable[str | None]]
"""Given a person's id: the name of the browser, if it is one in which the person logged in before."""


class Proven(msgspec.Struct, frozen=True):
    """Somebody who gave the right password; `device` is the known browser's name."""

    person: Person
    device: str | None


class Logins:
    """Checks names and passwords."""

    def __init__(self, people: People, passwords: Passwords, audit: AuditBook, keyring: Keyring, clock: Clock) -> None:
        self._people = people
        self._passwords = passwords
        self._audit = audit
        self._keyring = keyring
        self._clock = clock
        self._by_name = Throttle(clock, TRIES_PER_NAME, WINDOW)
        self._by_address = Throttle(clock, TRIES_PER_ADDRESS, WINDOW)
        self._by_device = Throttle(clock, TRIES_PER_NAME, WINDOW)

    async def prove(self, email: str, password: str, *, client: str, device_of: DeviceOf) -> Proven:
        """The person with this address and password, who may log in.

        `client` is what limits count by. Raises `Unauthenticated` (one error for all reasons) and `TooMany`.
        """
        name = email.strip(" ").lower()[:_LONGEST_NAME]
        name_key = await self._keyring.token("", "login-name", name)
        person = await self._people.by_email(name)
        device = None if person is None else await device_of(person.id)
        counts = [(self._by_name, name_key), (self._by_address, client)] if device is None else []
        counts += [] if device is None else [(self._by_device, device)]
        self._require_tries(counts)
        right = await self._is_right(person, password, counts)
        if person is None or not right or not person.body.may_log_in(self._clock.now()):
            for throttle, key in counts:
                throttle.hit(key)
            await self._write_down("login.failed", person, client)
            raise Unauthenticated("The e-mail address or the password is not right.")
        counts[0][0].reset(counts[0][1])
        await self._people.strengthen(person, password)
        await self._write_down("login.succeeded", person, client)
        return Proven(person, device)

    async def is_password_of(self, person: Person, password: str, *, client: str) -> bool:
        """Whether somebody who is logged in knows his password. Raises `TooMany`."""
        counts = [(self._by_device, f"own {person.id}"), (self._by_address, client)]
        self._require_tries(counts)
        right = await self._is_right(person, password, counts)
        if not right:
            for throttle, key in counts:
                throttle.hit(key)
        return right

    async def _is_right(self, person: Person | None, password: str, counts: list[tuple[Throttle, str]]) -> bool:
        """One hash, for somebody or for nobody. Those who waited for it while others failed are counted again."""
        right = await self._passwords.verify(None if person is None else person.body.password, password)
        self._require_tries(counts)
        return right

    def _require_tries(self, counts: list[tuple[Throttle, str]]) -> None:
        for throttle, key in counts:
            throttle.check(key)

    async def _write_down(self, action: str, person: Person | None, client: str) -> None:
        account, who = (person.account, person.id) if person is not None else ("", "")
        await self._audit.write(account, who, action, who, address=client)
