"""One request to prove an address: what was asked, how far it came, and the secrets that belong to it.

Neither the link's secret nor the code is stored anywhere. Both are computed from the request's id with keys that only
this installation has; the store holds the hash of the link's secret, to find the request by. So a mail that could not
leave for hours is composed anew at each try, always with the same link, code and Message-ID.

A request is *live* until its link was confirmed, *confirmed* when somebody who reads the mailbox pressed the button in
another browser, *done* when this chat is verified, and *void* when a newer one replaced it or its reader denied it.
`settled` is 0 while something that must follow from its status has not been done everywhere.
"""

import base64
import hashlib
import hmac
from typing import Literal

import msgspec

from bot_runtime.verification.texts import Consent
from foundation.clock import HOUR, MINUTE
from foundation.ids import secret_hash
from foundation.keys import Keyring
from foundation.records import Kind, Record
from transcripts.contacts import Outcome
from transcripts.events import Role

KIND = Kind(
    name="verification_request",
    fields=("conversation", "token", "status", "settled", "at"),
    unique=(("token",),),
    indexes=(("account", "conversation", "at"), ("settled",), ("at",)),
)

CODE_LIFE = 10 * MINUTE
LINK_LIFE = 24 * HOUR
MAX_TRIES = 5

Status = Literal["live", "confirmed", "done", "void"]


class Asker(msgspec.Struct, frozen=True):
    """Where a request or an answer came from, for the evidence; empty what is not known."""

    ip: str = ""
    user_agent: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What confirmed the request."""

    at: int
    method: Literal["button", "code"]
    same_browser: bool
    asker: Asker
    shown_at: int = 0
    stay: bool = False
    """The visitor chose that this browser stays recognised."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed body. Times in milliseconds UTC."""

    at: int
    bot: str
    conversation: str
    visitor: str
    contact: str
    address: str
    supplied: Outcome | Literal[""]
    """What the look-up of the address found; empty for another mail to the same address."""
    locale: str
    page: str
    by: Role
    author: str = ""
    client_id: str = ""
    asker: Asker = Asker()
    consent: Consent
    notice_version: str = ""
    notice_hash: str = ""
    evidence_key: str
    message_id: str
    held_back: bool = False
    announced: int = 0
    """Seq of the event that says that the mail was queued; 0 until it is in the log."""
    mailed_at: int = 0
    tries: int = 0
    last_try: str = ""
    last_outcome: str = ""
    answers: tuple[Answer, ...] = ()
    voided: str = ""
    voided_at: int = 0
    denied_by: Asker | None = None
    link_life: int = LINK_LIFE
    code_life: int = CODE_LIFE
    proof_life: int = 0
    """How long a proof by this request holds; 0: as long as the installation says."""
    wording: str = ""
    """Hash of the account's own mail text that was to be sent; empty for ours."""
    why: str = ""
    """Why this browser was not verified for a known address (`Devices.why_not`)."""


RequestRecord = Record[Request]


def link_is_live(record: RequestRecord, now: int) -> bool:
    """Whether the button on the link's page still does something: once, while it lives (D-5, D-6)."""
    return record.fields["status"] == "live" and now < record.body.at + record.body.link_life


def is_open(record: RequestRecord) -> bool:
    """Whether it is neither done nor void."""
    return record.fields["status"] in {"live", "confirmed"}


def may_be_denied(record: RequestRecord, now: int) -> bool:
    """Whether the mailbox's reader can still say that it was not he (D-13)."""
    return is_open(record) and now < record.body.at + record.body.link_life


def code_is_live(record: RequestRecord, now: int) -> bool:
    """Whether the code can still be typed. Its minutes begin when the mail left, for nobody has it before."""
    began = record.body.mailed_at or record.body.at
    return is_open(record) and now < began + record.body.code_life


class Secrets:
    """Computes what belongs to a request. Stable: the keys survive rotation."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def link(self, account: str, request: str) -> str:
        """The 43 characters of the link."""
        digest = await self._digest(account, "opt-in link", request)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    async def link_hash(self, account: str, request: str) -> str:
        """What the store knows of the link."""
        return secret_hash(await self.link(account, request))

    async def code(self, account: str, request: str) -> str:
        """The six digits."""
        digest = await self._digest(account, "opt-in code", request)
        return f"{int.from_bytes(digest[:16]) % 1_000_000:06d}"

    async def code_is(self, account: str, request: str, typed: str) -> bool:
        """Whether these are the digits; takes the same time for every wrong code."""
        return hmac.compare_digest((await self.code(account, request)).encode(), typed.encode())

    async def form_nonce(self, account: str, request: str, shown_at: int) -> str:
        """What the page's form carries (D-4): when it was shown, and a proof that we showed it."""
        digest = await self._digest(account, "opt-in form", f"{request}/{shown_at}")
        return f"{shown_at}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    async def form_shown_at(self, account: str, request: str, nonce: str) -> int | None:
        """When the form was shown, or `None` when the nonce is not ours for this request."""
        shown_at = nonce.partition(".")[0]
        if not (shown_at.isascii() and shown_at.isdigit() and len(shown_at) <= 15):
            return None
        expected = await self.form_nonce(account, request, int(shown_at))
        return int(shown_at) if hmac.compare_digest(expected.encode(), nonce.encode()) else None

    async def _digest(self, account: str, purpose: str, value: str) -> bytes:
        return hmac.new(await self._keyring.secret(account, purpose), value.encode(), hashlib.sha256).digest()
