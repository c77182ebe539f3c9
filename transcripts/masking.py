"""What of a person is shown to those who may read a transcript but need not know who it was (YA-14, YA-18).

`mask_address` is also what a visitor sees of an address. `Veil` hides one conversation's people: the visitor's name
becomes a pseudonym, agents become `Agent`, and e-mail addresses, phone numbers, bank accounts and web addresses in what
was said become unreadable. Hiding too much is preferred to hiding too little; dates, times, amounts and short numbers
stay, because a transcript without them says nothing.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping

_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"]{1,64}@[^\s@<>()\[\],;:\"]{1,255}")
_URL = re.compile(r"\b(?:https?://|www\.)[^\s<>\"]+", re.IGNORECASE)
_IBAN = re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?(?!\w)")
_NUMBER = re.compile(r"(?<![\w.,])[+(]{0,2}\d(?:[\s./()\-\u2010-\u2015]{0,3}\d){6,}(?!\w)")
_DATE = re.compile(
    r"(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{4})(?:[T ,]{1,2}\d{1,2}(?:[:.]\d{2}){0,2})?\Z", re.ASCII
)
_HIDDEN = "•••"


def mask_address(address: str) -> str:
    """`jane@example.org` → `j***@example.org`; the local part is recognisable to its owner and to nobody else."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}" if at else "***"


def mask_personal(text: str) -> str:
    """The text with e-mail addresses, web addresses, bank accounts and phone-like numbers made unreadable."""
    text = _URL.sub(_HIDDEN, text)
    text = _EMAIL.sub(_mask_email, text)
    text = _IBAN.sub(_HIDDEN, text)
    return _NUMBER.sub(_mask_number, text)


def _mask_email(found: re.Match[str]) -> str:
    address = found.group().rstrip(".!?'*_")
    return mask_address(address) + found.group()[len(address) :]


def _mask_number(found: re.Match[str]) -> str:
    number = found.group()
    return number if _DATE.match(number) else _HIDDEN


def pseudonym(conversation: str) -> str:
    """A name for the visitor of this conversation, the same each time, and not the same in his next one."""
    return f"Visitor {hashlib.sha256(f'pseudonym/{conversation}'.encode()).hexdigest()[:4].upper()}"


class Veil:
    """Hides the people of one conversation. `names` are the visitor's names as they became known; `agents` are the
    names of staff by id, in the order in which they spoke."""

    def __init__(self, conversation: str, names: Iterable[str] = (), agents: Mapping[str, str] | None = None) -> None:
        self.visitor = pseudonym(conversation)
        self._agents = {person: f"Agent {number}" for number, person in enumerate(agents or {}, 1)}
        self._hidden = [(_words(names, re.IGNORECASE), self.visitor)]
        self._hidden += [(_words([name]), self.agent(person)) for person, name in (agents or {}).items()]

    def agent(self, person: str) -> str:
        """A number in place of a member of staff."""
        return self._agents.get(person, "Agent")

    def text(self, text: str) -> str:
        """What was said, without personal data."""
        masked = mask_personal(text)
        for words, other in self._hidden:
            masked = words.sub(other, masked) if words else masked
        return masked


def _words(names: Iterable[str], flags: int = 0) -> re.Pattern[str] | None:
    """Finds the full names and their parts; parts of one letter are left alone."""
    words = {word for name in names for word in (name.strip(), *name.split()) if len(word) > 1}
    if not words:
        return None
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", flags)
