"""Puts the parts of this package together, in the order in which they need each other."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from admin import AuditBook
from foundation.clock import Clock
from foundation.jobs import Jobs
from foundation.keys import Keyring
from foundation.live import Signals
from foundation.records import Engine
from transcripts.consent import Consents
from transcripts.contacts import Contacts
from transcripts.conversations import Conversations
from transcripts.rights.certificates import CERTIFICATE, Certificates, Finality
from transcripts.rights.erasures import APPLIED, ERASURE, Erasures
from transcripts.rights.holds import HOLD, Holds
from transcripts.rights.rectifications import Rectifications
from transcripts.rights.redactions import Redactions
from transcripts.rights.restrictions import Restrictions

KINDS = (ERASURE, APPLIED, CERTIFICATE, HOLD)
"""What this package stores, for the engine."""


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """What the rest of the house uses of it."""

    erasures: Erasures
    holds: Holds
    certificates: Certificates
    redactions: Redactions
    rectifications: Rectifications
    restrictions: Restrictions


def build(
    *,
    engine: Engine,
    keyring: Keyring,
    clock: Clock,
    conversations: Conversations,
    contacts: Contacts,
    consents: Consents,
    audit: AuditBook,
    jobs: Jobs,
    signals: Signals,
    ledger: Path | None = None,
    finality: Finality | None = None,
    residency: Mapping[str, str] | None = None,
) -> Rights:
    """Everything, ready once the engine and the keyring are open. `ledger` is the file that outlives a restore."""
    certificates = Certificates(engine, keyring, clock, finality=finality, residency=residency)
    holds = Holds(engine, keyring, clock, audit)
    kept = keyring.ledger(ledger)
    redactions = Redactions(conversations, clock, holds=holds, ledger=kept, audit=audit, jobs=jobs, signals=signals)
    erasures = Erasures(
        engine,
        keyring,
        clock,
        conversations=conversations,
        contacts=contacts,
        consents=consents,
        holds=holds,
        certificates=certificates,
        redactions=redactions,
        ledger=kept,
        audit=audit,
        jobs=jobs,
        signals=signals,
    )
    return Rights(
        erasures=erasures,
        holds=holds,
        certificates=certificates,
        redactions=redactions,
        rectifications=Rectifications(conversations, contacts, audit, clock),
        restrictions=Restrictions(conversations, audit, clock),
    )
