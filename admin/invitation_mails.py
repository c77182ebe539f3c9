"""The mail of an invitation: composed when it is sent, with a link that is drawn then (YA-23).

It holds the account's name, the role and the link. To an address that somebody has already goes a mail without a link.
"""

import logging

import msgspec

from admin.accounts import Accounts
from admin.invitations import LIFE, Invitation, Invitations
from admin.roles import Role
from foundation.clock import DAY, HOUR, Clock
from foundation.errors import Problem
from foundation.jobs import Job, Jobs
from foundation.mail import Envelope, Post, PostRefused
from foundation.web import Pages

log = logging.getLogger(__name__)

JOB = "invitation_mail"

ROLE_WORDS: dict[str, dict[Role, str]] = {
    "en": {
        "super_admin": "super admin",
        "admin": "admin",
        "supervisor": "supervisor",
        "agent": "agent",
        "auditor": "auditor",
    },
    "de": {
        "super_admin": "Super-Admin",
        "admin": "Admin",
        "supervisor": "Supervisor",
        "agent": "Agent",
        "auditor": "Prüfer",
    },
}

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "subject": "Your invitation to the chat desk",
        "hello": "Hello,",
        "why": "{account} invites you to its chat desk as {role}.",
        "link": "Open this page, choose a password, and you are in:",
        "life": "The link works once, for {days} days, and for this address only.",
        "known": "You have an account with this address already, so there is nothing to set up. Log in here:",
        "not_you": "You expected no invitation? Then do nothing: without you no account is made.",
    },
    "de": {
        "subject": "Ihre Einladung zum Chat",
        "hello": "Guten Tag,",
        "why": "{account} lädt Sie zum Chat ein, als {role}.",
        "link": "Öffnen Sie diese Seite und wählen Sie ein Passwort:",
        "life": "Der Link gilt einmal, {days} Tage lang und nur für diese Adresse.",
        "known": "Mit dieser Adresse haben Sie schon ein Konto, es ist nichts einzurichten. Hier melden Sie sich an:",
        "not_you": "Sie haben keine Einladung erwartet? Dann tun Sie nichts: Ohne Sie entsteht kein Konto.",
    },
}


class MailOf(msgspec.Struct, frozen=True):
    """The job's body. No address and no secret waits in the outbox."""

    invitation: str


class InvitationMails:
    """Queues and sends. `sender` is the From; `base_url` has no slash at its end."""

    def __init__(
        self,
        invitations: Invitations,
        *,
        accounts: Accounts,
        jobs: Jobs,
        post: Post,
        pages: Pages,
        clock: Clock,
        sender: str,
        base_url: str,
    ) -> None:
        self._invitations = invitations
        self._accounts = accounts
        self._jobs = jobs
        self._post = post
        self._pages = pages
        self._clock = clock
        self._sender = sender
        self._base_url = base_url
        jobs.handle(JOB, self._send, body=MailOf)

    async def queue(self, invitation: Invitation) -> None:
        """Put the mail into the outbox."""
        await self._jobs.put(invitation.account, JOB, MailOf(invitation.id))

    async def link(self, invitation: Invitation) -> str:
        """A link to show once, where no mail is set up; earlier ones end. Empty when the invitation is over."""
        secret = await self._invitations.draw(invitation.account, invitation.id)
        return f"{self._base_url}/invitation/{secret}" if secret else ""

    async def run(self) -> None:
        """Forget what nobody took, until cancelled."""
        while True:
            try:
                await self._invitations.forget_old()
            except Problem:
                log.exception("old invitations could not be forgotten; that is tried again")
            await self._clock.sleep(HOUR)

    async def _send(self, job: Job) -> None:
        invitation = await self._invitations.get(job.account, job.body.invitation)
        if invitation is None or invitation.body.state != "queued":
            return
        known = await self._invitations.is_known(invitation)
        link = f"{self._base_url}/login" if known else await self.link(invitation)
        if not link:
            return
        try:
            await self._post.send(await self._compose(invitation, link, known=known))
        except PostRefused as refusal:
            if not refusal.permanent:
                raise
            await self._invitations.became(job.account, invitation.id, "refused")
            return
        await self._invitations.became(job.account, invitation.id, "sent")

    async def _compose(self, invitation: Invitation, link: str, *, known: bool) -> Envelope:
        body = invitation.body
        account = await self._accounts.get(invitation.account)
        t = TEXTS[body.language]
        data = {
            "t": t,
            "language": body.language,
            "account": account.body.name if account is not None else "",
            "role": ROLE_WORDS[body.language][body.role],
            "days": LIFE // DAY,
            "link": link,
            "known": known,
        }
        return Envelope(
            sender=self._sender,
            to=body.email,
            subject=t["subject"],
            text=self._pages.text("admin/invitation_mail.txt", **data),
            html=self._pages.text("admin/invitation_mail.html", **data),
            language=body.language,
        )
