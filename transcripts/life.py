"""How long transcript links live: what the account allows, and what one gets that asks for nothing (YA-11)."""

import msgspec

from admin import Accounts
from transcripts.links import LONGEST_DAYS

USUAL_DAYS = 180


class Life(msgspec.Struct, frozen=True):
    """In days."""

    usual: int
    most: int


class Lives:
    """`usual_days` is the installation's setting; an account may allow more or less."""

    def __init__(self, accounts: Accounts, *, usual_days: int = USUAL_DAYS) -> None:
        self._accounts = accounts
        self._usual = usual_days

    async def of(self, account: str) -> Life:
        """The life of this account's new links. An account that set nothing allows what is usual."""
        found = await self._accounts.get(account)
        set_ = found.body.link_days if found is not None else None
        most = min(set_ or self._usual, LONGEST_DAYS)
        return Life(min(self._usual, most), most)
