"""Sealed exports of single cases for courts and authorities: signed, encrypted to named keys, checkable without us (MS-6).

- Off until a super admin names recipients; each case wants a reason and a legal basis, and is in the audit book.
- `Cases` builds and keeps them while they live; `package` says what is in the files; `verify.py` checks them anywhere.
- Certificates of erasure name the cases that still hold what was erased (E-14).
"""

from transcripts.escrow.cases import BASES, CASE, CONTENT, Case, Cases
from transcripts.escrow.recipients import RECIPIENTS, Recipient, Recipients, read_recipients
from transcripts.escrow.selection import Selection, selection_of

KINDS = (CASE, CONTENT, RECIPIENTS)
"""What this package stores, for the engine."""

__all__ = [
    "BASES",
    "KINDS",
    "Case",
    "Cases",
    "Recipient",
    "Recipients",
    "Selection",
    "read_recipients",
    "selection_of",
]
