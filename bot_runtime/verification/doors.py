"""The staff's doors of the e-mail proof, and that of mail services, for whoever wires the house."""

from admin import AdminFrame, Services
from bot_runtime.verification.bounce_door import BounceDoor
from bot_runtime.verification.building import Proof
from bot_runtime.verification.contact_pages import ContactPages
from bot_runtime.verification.email_pages import EmailPages
from bot_runtime.verification.mail_pages import MailPages
from foundation.clock import Clock
from foundation.mail import Post
from foundation.web import Route
from transcripts.contacts import Contacts
from transcripts.conversations import Conversations


def routes(
    proof: Proof,
    staff: Services,
    frame: AdminFrame,
    *,
    contacts: Contacts,
    conversations: Conversations,
    post: Post,
    clock: Clock,
    bounce_secret: str = "",
) -> list[Route]:
    """All of them."""
    email = EmailPages(
        frame,
        policies=proof.policies,
        mails=proof.mails,
        bots=staff.bots,
        people=staff.people,
        post=post,
        clock=clock,
    )
    people = ContactPages(
        frame,
        contacts=contacts,
        conversations=conversations,
        devices=proof.devices,
        requests=proof.requests,
        verification=proof.verification,
        bots=staff.bots,
        audit=staff.audit,
        clock=clock,
    )
    mails = MailPages(frame, fates=proof.fates, evidence=proof.evidence, bots=staff.bots, audit=staff.audit)
    return [
        *proof.page.routes(),
        *email.routes(staff.rules),
        *people.routes(staff.rules),
        *mails.routes(staff.rules),
        *BounceDoor(proof.bounces, clock, secret=bounce_secret).routes(),
    ]
