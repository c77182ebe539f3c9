"""Puts the parts of this package together, in the order in which they need each other."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from admin import Accounts, AuditBook, Bots
from foundation.clock import DAY, Clock
from foundation.jobs import Jobs, Periodic
from foundation.keys import Keyring, Ledger
from foundation.live import Signals
from foundation.records import Engine
from transcripts.consent import Consents
from transcripts.contacts import Contacts
from transcripts.conversations import Conversations
from transcripts.rights.certificates import CERTIFICATE, Certificates, Finality
from transcripts.rights.epochs import Epochs
from transcripts.rights.erasures import APPLIED, ERASURE, Erasures
from transcripts.rights.figures import FIGURE, FigureBook
from transcripts.rights.holds import HOLD, Holds
from transcripts.rights.rectifications import Rectifications
from transcripts.rights.redactions import Redactions
from transcripts.rights.restrictions import Restrictions
from transcripts.rights.retention import Retention
from transcripts.rights.retention_rules import RULE, RetentionRules
from transcripts.rights.stocks import ConsentProofs, ContactBook, Transcripts

KINDS = (ERASURE, APPLIED, CERTIFICATE, HOLD, RULE, FIGURE)
"""What this package stores, for the engine."""


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """What the rest of the house uses of it."""

    erasures: Erasures
    holds: Holds
    certificates: Certificates
    redactions: Redactions
    rectifications: Rectifications
    restrictions: Restrictions
    retention: Retention
    figures: FigureBook
    epochs: Epochs
    ledger: Ledger
    periodic: Sequence[Periodic]

    async def begin(self) -> None:
        """Before anything is served: what the ledger names is erased from a database that was put back (E-2), and what
        is done day by day is planned."""
        await self.erasures.reapply()
        for one in self.periodic:
            await one.begin()


def build(
    *,
    engine: Engine,
    keyring: Keyring,
    clock: Clock,
    conversations: Conversations,
    contacts: Contacts,
    consents: Consents,
    accounts: Accounts,
    bots: Bots,
    audit: AuditBook,
    jobs: Jobs,
    signals: Signals,
    ledger: Path | None = None,
    ledger_copy: Path | None = None,
    finality: Finality | None = None,
    residency: Mapping[str, str] | None = None,
) -> Rights:
    """Everything, ready once the engine and the keyring are open. `ledger` is the file that outlives a restore,
    `ledger_copy` another on another disk."""
    finality = finality or Finality()
    certificates = Certificates(engine, keyring, clock, finality=finality, residency=residency)
    holds = Holds(engine, keyring, clock, audit)
    kept = keyring.ledger(ledger, ledger_copy)
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
    retention = Retention(
        accounts=accounts,
        bots=bots,
        rules=RetentionRules(engine, keyring, clock, audit),
        stocks=[
            Transcripts(conversations.heads),
            ContactBook(engine, contacts, conversations),
            ConsentProofs(engine, keyring, conversations),
        ],
        erasures=erasures,
        holds=holds,
        certificates=certificates,
        audit=audit,
        jobs=jobs,
        clock=clock,
    )
    figures = FigureBook(engine, keyring, clock, accounts=accounts, bots=bots, conversations=conversations)
    epochs = Epochs(keyring, audit, clock, epoch_ms=finality.epoch_ms)

    async def daily() -> None:
        """The figures come first: what is deleted after them is counted in them."""
        await figures.settle()
        await retention.sweep()

    return Rights(
        erasures=erasures,
        holds=holds,
        certificates=certificates,
        redactions=redactions,
        rectifications=Rectifications(conversations, contacts, audit, clock),
        restrictions=Restrictions(conversations, audit, clock),
        retention=retention,
        figures=figures,
        epochs=epochs,
        ledger=kept,
        periodic=(
            Periodic(jobs, clock, "privacy", daily, every_ms=DAY),
            Periodic(jobs, clock, "key_epochs", epochs.renew, every_ms=DAY),
        ),
    )
