"""The port for whatever holds anything of a person outside of the log: proofs, mails, trackers, caches (MS-4)."""

from typing import Protocol

import msgspec


class Whose(msgspec.Struct, frozen=True, kw_only=True):
    """Whose data is erased. `visitors` (hashes of device secrets) and `addresses` are in memory only. `cleared` are
    conversations of other people that stay, and lose these addresses."""

    account: str
    conversations: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()
    visitors: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class Holding(Protocol):
    """A place that is told of every erasure. Both functions may be called again for the same, after a crash."""

    @property
    def name(self) -> str:
        """What it holds, as certificates name it: `opt-in requests`."""

    async def erase(self, whose: Whose) -> int:
        """Remove what there is of these; how many things went. When it raises, the erasure is tried again later."""

    def forget(self, whose: Whose) -> None:
        """Keep nothing of these in memory: another process erased them."""
