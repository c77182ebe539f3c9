"""Puts the parts of the e-mail proof together, in the order in which they need each other."""

from email.headerregistry import Address

import msgspec

from admin import AuditBook, Bots
from bot_runtime.verification import devices, mailboxes, requests
from bot_runtime.verification.devices import Devices
from bot_runtime.verification.evidence import Evidence
from bot_runtime.verification.mailboxes import Mailboxes
from bot_runtime.verification.mails import Mails
from bot_runtime.verification.opt_in_link import OptInLinks
from bot_runtime.verification.opt_in_page import OptInPage
from bot_runtime.verification.requests import Secrets
from bot_runtime.verification.service import ANSWER_AFTER, Limits, Verification
from bot_runtime.verification.settling import Settler
from bot_runtime.verification.store import Requests
from foundation.clock import DAY, Clock
from foundation.jobs import Jobs
from foundation.keys import Keyring
from foundation.mail import Post
from foundation.records import Engine
from foundation.web import Pages
from transcripts.contacts import Contacts
from transcripts.conversations import Conversations

KINDS = (devices.KIND, mailboxes.KIND, requests.KIND)
"""What the proof stores, for the engine; the evidence is a log and needs no kind."""


class Proof(msgspec.Struct, frozen=True):
    """What the rest of the house uses of it."""

    verification: Verification
    links: OptInLinks
    page: OptInPage
    evidence: Evidence
    devices: Devices


def build(
    *,
    engine: Engine,
    keyring: Keyring,
    clock: Clock,
    conversations: Conversations,
    contacts: Contacts,
    bots: Bots,
    audit: AuditBook,
    jobs: Jobs,
    post: Post,
    pages: Pages,
    sender: str,
    base_url: str,
    answer_after: int = ANSWER_AFTER,
    device_life: int = 180 * DAY,
    mailbox_limits: mailboxes.Limits | None = None,
    limits: Limits | None = None,
) -> Proof:
    """Everything, ready to use once the engine and the keyring are open.

    `sender` is the From of the mails, `base_url` what their links begin with. Times in milliseconds. `pages` must know
    the templates of `bot_runtime`.
    """
    secrets = Secrets(keyring)
    requests_ = Requests(engine, keyring, clock, secrets, domain=_domain(sender))
    evidence = Evidence(engine, keyring)
    devices_ = Devices(engine, keyring, clock, life_ms=device_life)
    mailboxes_ = Mailboxes(engine, keyring, clock, mailbox_limits)
    mails = Mails(
        requests=requests_,
        secrets=secrets,
        evidence=evidence,
        bots=bots,
        contacts=contacts,
        jobs=jobs,
        post=post,
        pages=pages,
        clock=clock,
        sender=sender,
        base_url=base_url.rstrip("/"),
    )
    settler = Settler(
        requests=requests_,
        devices=devices_,
        mailboxes=mailboxes_,
        evidence=evidence,
        mails=mails,
        conversations=conversations,
        contacts=contacts,
        audit=audit,
    )
    verification = Verification(
        requests=requests_,
        settler=settler,
        secrets=secrets,
        devices=devices_,
        mailboxes=mailboxes_,
        evidence=evidence,
        conversations=conversations,
        contacts=contacts,
        bots=bots,
        audit=audit,
        clock=clock,
        answer_after=answer_after,
        limits=limits,
    )
    links = OptInLinks(requests_, settler, secrets, conversations, clock)
    return Proof(verification, links, OptInPage(links, bots, pages, clock), evidence, devices_)


def _domain(sender: str) -> str:
    """The domain of `Name <local@domain>` or `local@domain`. Raises `ValueError` for anything else."""
    bare = sender.rpartition("<")[2].rstrip(">").strip()
    return Address(addr_spec=bare).domain
