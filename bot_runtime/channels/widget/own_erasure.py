"""A visitor erases himself: at once, by the system, after proof of his address (MS-4, MS-11, Art. 17 GDPR).

What goes is what his privacy page shows as his: his contact, the chats in which his browsers proved the address, the
chats of this browser. It is an erasure like any other: a durable job, the ledger, a certificate. It stays a request to
people when the browser has not proven an address, when a legal hold or a restriction covers any of it, or when the
account wants every erasure looked at.
"""

from typing import Any

from admin import Accounts, By
from bot_runtime.channels.widget.chats import Browser
from bot_runtime.channels.widget.holdings import Holdings
from bot_runtime.locks import Locks
from foundation.errors import NotFound
from transcripts.privacy_requests import PrivacyRequests, Why
from transcripts.rights import Certificates, Erasures

REASON = "The visitor erased himself, after proof of the address."
_BY = By("visitor")


class OwnErasure:
    """`locks` lets one browser erase itself once at a time: whoever presses twice finds nothing the second time."""

    def __init__(
        self, erasures: Erasures, certificates: Certificates, requests: PrivacyRequests, accounts: Accounts
    ) -> None:
        self._erasures = erasures
        self._certificates = certificates
        self._requests = requests
        self._accounts = accounts
        self.locks = Locks()

    async def erase(self, browser: Browser, held: Holdings) -> dict[str, Any] | None:
        """Erase all of it; what the visitor is told. `None`: it is a request to people now, which says why.

        Raises `NotFound` when nothing but the evidence of consents is left.
        """
        if not held.chats and held.contact is None:
            raise NotFound("There is nothing left to erase.")
        why = await self._why_not(browser, held)
        if not why and (told := await self._erased(browser, held)) is not None:
            return told
        await self._requests.ask(
            browser.account,
            browser.bot,
            "erase",
            visitor=browser.visitor,
            conversations=held.conversations,
            contact=held.contact.id if held.contact else "",
            why=why or "held",
        )
        return None

    async def how(self, browser: Browser, held: Holdings) -> tuple[str, str]:
        """How an erasure would go now, and how after proof of the address: `at_once` or `asked`."""
        account = await self._accounts.get(browser.account)
        proven = "asked" if account is not None and account.body.confirm_erasures else "at_once"
        return ("asked" if await self._why_not(browser, held) else "at_once"), proven

    async def _why_not(self, browser: Browser, held: Holdings) -> Why:
        if held.contact is None:
            return "unproven"
        account = await self._accounts.get(browser.account)
        if account is not None and account.body.confirm_erasures:
            return "confirmed"
        barred = await self._erasures.barred(browser.account, held.contact.id, held.conversations)
        return "held" if barred else ""

    async def _erased(self, browser: Browser, held: Holdings) -> dict[str, Any] | None:
        if held.contact is None:
            return None
        erasure = await self._erasures.erase_self(
            browser.account,
            visitor=browser.visitor,
            contact=held.contact.id,
            conversations=held.conversations,
            by=_BY,
            reason=REASON,
        )
        if erasure.state != "done":  # a hold was placed a moment before; it is carried out when that ends
            return None
        certificate = await self._certificates.get(browser.account, erasure.id)
        return {"certificate": certificate.id, "final_at": certificate.facts["final_in_backups_at"]}
