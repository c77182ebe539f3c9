"""Who may open sealed cases: age public keys of an account, each with a name. None at first: escrow is off (SECURITY 3.4)."""

from collections.abc import Sequence

import msgspec
import pyrage

from admin import AuditBook, By
from foundation.errors import Invalid
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Taken

RECIPIENTS = Kind("escrow_recipients", unique=(("account",),))

MOST = 20
MAX_NAME = 80


class Recipient(msgspec.Struct, frozen=True):
    """An age X25519 public key (`age1…`), and whose it is."""

    key: str
    name: str = ""


class _Body(msgspec.Struct, frozen=True):
    recipients: tuple[Recipient, ...] = ()


class Recipients:
    """The recipients of all accounts. Whoever calls has established that the person is a super admin."""

    def __init__(self, engine: Engine, keyring: Keyring, audit: AuditBook) -> None:
        self._rows: Collection[_Body] = Collection(engine, keyring, RECIPIENTS, _Body)
        self._audit = audit

    async def of(self, account: str) -> Sequence[Recipient]:
        """Empty while escrow is off."""
        found = await self._rows.lookup(account=account)
        return () if found is None else found.body.recipients

    async def choose(self, account: str, recipients: Sequence[Recipient], *, by: By) -> None:
        """These and no others, from now on; none turns escrow off. The keys are in the audit book, the names are not."""
        body = _Body(tuple(recipients))
        before = {"keys": [one.key for one in await self.of(account)]}
        after = {"keys": [one.key for one in recipients]}
        async with self._audit.recording(account, by, "escrow.recipients", before=before, after=after):
            try:
                await self._rows.insert(account, new_id(), body)
            except Taken:
                found = await self._rows.lookup(account=account)
                if found is not None:
                    await self._rows.update(account, found.id, lambda _: {"body": body})


def read_recipients(text: str) -> list[Recipient]:
    """One a line: the key, then a name. Raises `Invalid` with the line."""
    found: list[Recipient] = []
    for number, line in enumerate(text.splitlines(), 1):
        key, _, name = line.strip().partition(" ")
        if not key:
            continue
        name = " ".join(name.split())
        if key.upper().startswith("AGE-SECRET-KEY"):
            raise _invalid(number, "is a secret key. Keep it to yourself; give the public one, age1…")
        if len(name) > MAX_NAME or not name.isprintable():
            raise _invalid(number, f"has a name of more than {MAX_NAME} characters, or one that cannot be shown.")
        if any(key == one.key for one in found):
            raise _invalid(number, "stands there twice.")
        try:
            pyrage.x25519.Recipient.from_str(key)
        except pyrage.RecipientError:
            raise _invalid(number, "is no age public key (age1…).") from None
        found.append(Recipient(key, name))
    if len(found) > MOST:
        raise Invalid(f"At most {MOST} recipients, please.", field="recipients")
    return found


def _invalid(number: int, sentence: str) -> Invalid:
    return Invalid(f"Line {number} {sentence}", field="recipients", line=number)
