"""Keys: a master key from outside wraps accounts' keys, which wrap one data key per conversation and contact.

The key store holds only wraps, in a file or database of its own. `Keyring` makes, opens, changes and destroys keys;
`Cipher` is the sealed envelope (AES-256-GCM). Destroying a data key erases what it sealed.
"""

from foundation.keys.envelope import Cipher, KeyWorn
from foundation.keys.keyring import Keyring, KeyStatus
from foundation.keys.ledger import Entry as LedgerEntry
from foundation.keys.ledger import Ledger, add_to_ledger, read_ledger
from foundation.keys.master import MasterKey, MasterKeyError, create_master_key, load_master_key
from foundation.keys.signing import Signatures, is_signed, signed_bytes
from foundation.keys.store import KINDS
from foundation.records.sealing import Damaged, KeyDestroyed

__all__ = [
    "KINDS",
    "Cipher",
    "Damaged",
    "KeyDestroyed",
    "KeyStatus",
    "KeyWorn",
    "Keyring",
    "Ledger",
    "LedgerEntry",
    "MasterKey",
    "MasterKeyError",
    "Signatures",
    "add_to_ledger",
    "create_master_key",
    "is_signed",
    "load_master_key",
    "read_ledger",
    "signed_bytes",
]
