"""Sealed records: rows with a few plain fields and an encrypted body, and append-only logs of encrypted batches.

The database sees declared index fields and ciphertext, nothing else. `port` says what an engine promises;
`SqliteEngine` is the embedded one, `MemoryEngine` serves tests. `Collection` and `EventLog` are what the packages
above use.
"""

from foundation.records.collection import Collection, Record
from foundation.records.eventlog import EventLog
from foundation.records.lock import StoreInUse, StoreLock
from foundation.records.memory import MemoryEngine
from foundation.records.mongo import MongoEngine
from foundation.records.port import Batch, Engine, Kind, Page, Row, Stale, Stored, Taken, Value, Where
from foundation.records.scrubbing import scrub
from foundation.records.sealing import Cipher, Damaged, KeyDestroyed, Keys
from foundation.records.sqlite import SqliteEngine

__all__ = [
    "Batch",
    "Cipher",
    "Collection",
    "Damaged",
    "Engine",
    "EventLog",
    "KeyDestroyed",
    "Keys",
    "Kind",
    "MemoryEngine",
    "MongoEngine",
    "Page",
    "Record",
    "Row",
    "SqliteEngine",
    "Stale",
    "StoreInUse",
    "StoreLock",
    "Stored",
    "Taken",
    "Value",
    "Where",
    "scrub",
]
