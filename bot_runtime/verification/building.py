"""Puts the parts of the e-mail proof together, in the order in which they need each other."""

from email.headerregistry import Address

import msgspec

from admin import AuditBook, Bots
from bot_runtime.verification import browser_keys, devices, erasing, fates, mailboxes, policy, requests
from bot_runtime.verification.bounces import Bounces
from bot_runtime.verification.browser_keys import BrowserKeys
from bot_runtime.verification.devices import Devices
from bot_runtime.verification.erasing import ProofHolding
from bot_runtime.verification.evidence import Evidence
from bot_runtime.verification.fates import Fates
from bot_runtime.verification.mailboxes import Mailboxes
from bot_runtime.verification.mails import Mails
from bot_runtime.verification.opt_in_link import OptInLinks
from bot_runtime.verification.opt_in_page import OptInPage
from bot_runtime.verification.policy import Policies
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

KINDS = (devices.KIND, mailboxes.KIND, requests.KIND, erasing.KIND, policy.KIND, fates.KIND, browser_keys.KIND)
"""What the proof stores, for the engine; the evidence is a log and needs no kind."""


class Proof(msgspec.Struct, frozen=True):
    """What the rest of the house uses of it."""

    verification: Verification
    links: OptInLinks
    page: OptInPage
    evidence: Evidence
    holding: ProofHolding
    devices: Devices
    requests: Requests
    policies: Policies
    fates: Fates
    bounces: Bounces
    mails: Mails


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
    policies, fates_ = Policies(engine, keyring, audit), Fates(engine, keyring, clock)
    requests_ = Requests(engine, keyring, clock, secrets, policies=policies, domain=_domain(sender))
    evidence = Evidence(engine, keyring)
    keys = BrowserKeys(engine, keyring, clock)
    devices_ = Devices(engine, keyring, clock, keys, life_ms=device_life)
    mailboxes_ = Mailboxes(engine, keyring, clock, mailbox_limits)
    mails = Mails(
        requests=requests_,
        secrets=secrets,
        evidence=evidence,
        bots=bots,
        contacts=contacts,
        fates=fates_,
        policies=policies,
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
        keys=keys,
        devices=devices_,
        mailboxes=mailboxes_,
        evidence=evidence,
        conversations=conversations,
        contacts=contacts,
        policies=policies,
        fates=fates_,
        bots=bots,
        audit=audit,
        clock=clock,
        answer_after=answer_after,
        limits=limits,
    )
    links = OptInLinks(
        requests=requests_,
        settler=settler,
        secrets=secrets,
        conversations=conversations,
        policies=policies,
        clock=clock,
    )
    bounces = Bounces(
        fates=fates_,
        requests=requests_,
        evidence=evidence,
        contacts=contacts,
        audit=audit,
        clock=clock,
    )
    return Proof(
        verification=verification,
        links=links,
        page=OptInPage(links, bots, pages, clock, policies),
        evidence=evidence,
        holding=ProofHolding(
            engine,
            keyring,
            requests=requests_,
            evidence=evidence,
            devices=devices_,
            keys=keys,
            fates=fates_,
            conversations=conversations,
        ),
        devices=devices_,
        requests=requests_,
        policies=policies,
        fates=fates_,
        bounces=bounces,
        mails=mails,
    )


def _domain(sender: str) -> str:
    """The domain of `Name <local@domain>` or `local@domain`. Raises `ValueError` for anything else."""
    bare = sender.rpartition("<")[2].rstrip(">").strip()
    return Address(addr_spec=bare).domain
