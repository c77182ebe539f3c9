"""The chain of the audit book: each entry carries a hash over itself and the hash before it (G-1). No I/O.

Whoever changes, removes, adds or moves an entry has to change every later one as well, and the last hash no longer is
what was noted down elsewhere. An entry names people, contacts and conversations by id only, so that an erasure leaves
the chain whole.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

GENESIS = base64.urlsafe_b64encode(bytes(32)).rstrip(b"=").decode()
"""What stands before the first entry."""

Facts = Mapping[str, Any]


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the book: who (`actor`: a person's id, `system`, `visitor`, or empty for a stranger) did what, when,
    to which object, from which address; what it was before and after."""

    at: int
    actor: str
    action: str
    object: str = ""
    address: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    data: dict[str, Any] = {}
    hash: str = ""


def entry_of(  # noqa: PLR0917 - the columns of the book
    at: int,
    actor: str,
    action: str,
    object: str,
    address: str | None,
    before: Facts | None,
    after: Facts | None,
    data: Facts,
) -> Entry:
    """An entry of plain values, not linked yet. Raises `TypeError` for what has no plain form."""
    plain = [None if facts is None else msgspec.to_builtins(dict(facts), order="sorted") for facts in (before, after)]
    details = msgspec.to_builtins(dict(data), order="sorted")
    return Entry(at, actor, action, object, address, plain[0], plain[1], details)


def link(account: str, number: int, previous: str, entry: Entry) -> Entry:
    """The entry with its hash, as number `number` of the account's book after an entry with the hash `previous`."""
    return msgspec.structs.replace(entry, hash=_digest(account, number, previous, entry))


def first_break(account: str, previous: str, numbered: Iterable[tuple[int, Entry]]) -> int | None:
    """The number of the first entry that does not continue the chain; `None` when all do."""
    for number, entry in numbered:
        if entry.hash != _digest(account, number, previous, entry):
            return number
        previous = entry.hash
    return None


def _digest(account: str, number: int, previous: str, entry: Entry) -> str:
    columns = [account, number, *(getattr(entry, name) for name in entry.__struct_fields__ if name != "hash")]
    canonical = msgspec.json.encode([previous, columns], order="sorted")
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
