"""What the key store holds: keys, each sealed by the key above it. It has a file or database of its own (SECURITY 3.3).

    master key (outside) ─ wraps ─> roots: per account a numbered wrapping key, and one index secret that never rotates
    wrapping key         ─ wraps ─> data keys: one per conversation, per contact, and one for the account's other
    records

Each wrap is bound to what it is for: use, account, the key's id, and its number or label.
"""

from collections.abc import Mapping

from foundation.keys.envelope import Cipher
from foundation.records.port import Kind, Row, Value

MASTERS = Kind("key_masters", fields=("number", "state"))
"""One row per master key in use: id = the key's id; body = a known text, which proves that the key fits.
`state`: `live`, or `next` while a rotation copies the roots. The live one with the highest number counts."""

ROOTS = Kind(
    "key_roots",
    fields=("root", "use", "number", "master", "made_at"),
    unique=(("root", "master"), ("account", "use", "number", "master")),
    indexes=(("master",), ("account", "use", "number"), ("use", "made_at")),
)
"""The accounts' roots, once per master key that wraps them. `use`: `wrap` or `index`. `made_at`: milliseconds UTC."""

DATA = Kind(
    "key_data",
    fields=("label", "sole", "root"),
    unique=(("account", "sole"),),
    indexes=(("account", "root"),),
)
"""The data keys; `root` names the wrapping key. `sole` is the label again for a key that an account has only one of."""

LEDGER = Kind("erasure_ledger", fields=("at",), indexes=(("at",),))
"""What was erased, by ids alone (`foundation.keys.ledger`). It lies here because keys outlive a restore of the data."""

KINDS: tuple[Kind, ...] = (MASTERS, ROOTS, DATA, LEDGER)

WRAP = "wrap"
INDEX = "index"
RECORDS = "records"

_PROOF = b"frontdesk key store"


def wrap_root(master: Cipher, secret: bytes, account: str, fields: Mapping[str, Value]) -> bytes:
    """Seal a root for the store."""
    return master.seal(secret, *_root_bounds(account, fields))


def unwrap_root(master: Cipher, row: Row) -> bytes:
    """Raises `Damaged`."""
    return master.open(row.body, *_root_bounds(row.account, row.fields))


def wrap_data(root: Cipher, secret: bytes, *, account: str, key: str, label: str, sole: str | None) -> bytes:
    """Seal a data key for the store."""
    return root.seal(secret, "data", account, key, label, sole)


def unwrap_data(root: Cipher, row: Row) -> bytes:
    """Raises `Damaged`."""
    return root.open(row.body, "data", row.account, row.id, row.fields["label"], row.fields["sole"])


def _root_bounds(account: str, fields: Mapping[str, Value]) -> tuple[Value, ...]:
    return ("root", account, *(fields[name] for name in ("root", "use", "number", "made_at")))


def prove(master: Cipher) -> bytes:
    """What only this master key could have sealed."""
    return master.seal(_PROOF, "master", master.key)


def check_proof(master: Cipher, sealed: bytes) -> None:
    """Raises `Damaged`."""
    master.open(sealed, "master", master.key)
