"""Hashing passwords: argon2id, in threads, a few at a time (TI-4, A-1, Z-8).

One hash takes 64 MiB and about a fifth of a second, on purpose. So that a flood of logins takes neither the memory nor
the event loop, `at_once` run at a time and a bounded number may wait.
"""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from admin.password_rules import is_too_long, normal_password
from foundation.errors import TooMany

_SALT_BYTES = 16
_HASH_BYTES = 32


class Passwords:
    """Hashes and verifies. The defaults are the strength to run with; tests pass cheap ones.

    `memory_kib` per hash, `passes` over it, `lanes` in parallel; `at_once` hashes at a time, `waiting` callers behind.
    """

    def __init__(
        self, *, memory_kib: int = 65_536, passes: int = 3, lanes: int = 4, at_once: int = 2, waiting: int = 64
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=lanes, hash_len=_HASH_BYTES, salt_len=_SALT_BYTES
        )
        self._slots = asyncio.Semaphore(at_once)
        self._waiting = 0
        self._most_waiting = waiting
        self._dummy = _hash_of_nothing(memory_kib, passes, lanes)

    async def hash(self, password: str) -> str:
        """The hash to store. The password has passed `require_acceptable`. Raises `TooMany` in a flood."""
        async with self._slot():
            return await asyncio.to_thread(self._hasher.hash, normal_password(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether this is the password that was hashed.

        With `stored` as `None` (nobody has this name) it takes as long and is `False` (A-2). Raises `TooMany`.
        """
        possible = stored is not None and not is_too_long(password)
        typed = "" if is_too_long(password) else normal_password(password)
        async with self._slot():
            matches = await asyncio.to_thread(self._matches, stored or self._dummy, typed)
        return matches and possible

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than those of today (A-1)."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """A turn at hashing; nobody waits behind too many others."""
        if self._waiting >= self._most_waiting:
            raise TooMany("Too many people are logging in at this moment. Please try again.", retry_after=5)
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._slots.release()


def _hash_of_nothing(memory_kib: int, passes: int, lanes: int) -> str:
    """A well-formed hash that no password has; verifying against it costs what a real one costs."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (_SALT_BYTES, _HASH_BYTES)
    )
    return f"$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${digest}"
