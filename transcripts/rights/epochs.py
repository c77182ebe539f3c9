"""Key epochs: an account's wrapping key is replaced when its epoch is over, and the old one destroyed (SECURITY 3.3).

All living data keys are wrapped again before, so nothing is lost; what was erased has no living key and stays wrapped by
one that is nowhere any more. Readers and writers go on meanwhile; a run that was cut off is finished by the next.
"""

from admin import AuditBook
from foundation.clock import Clock
from foundation.keys import Keyring


class Epochs:
    """The epochs of all accounts, and of the installation itself (account "")."""

    def __init__(self, keyring: Keyring, audit: AuditBook, clock: Clock, *, epoch_ms: int) -> None:
        self._keyring = keyring
        self._audit = audit
        self._clock = clock
        self._epoch_ms = epoch_ms

    async def renew(self) -> int:
        """Begin a new epoch for every account whose last one is over; how many accounts that were."""
        due = await self._keyring.due(self._clock.now() - self._epoch_ms + 1)
        for account in due:
            wrapped = await self._keyring.rotate(account)
            await self._audit.write(account, "system", "keys.renewed", data_keys=wrapped)
        return len(due)

    async def ends_at(self, account: str) -> int:
        """When the account's present epoch is over (milliseconds UTC)."""
        return await self._keyring.final_at(account, epoch_ms=self._epoch_ms)
