"""Remembers: the conversation log, contacts, consent, share links, and the guard before every transcript.

A conversation *is* its append-only log of sealed events; its state is a fold over them. Content leaves through one
door, the guard, which decides by session, bot access and address range, writes down every answer before it is given,
and shows each reader his own view. Stores are not for routes: a conversation is fetched as somebody.
"""

from transcripts.access import Access
from transcripts.api import LinkApi
from transcripts.consent import CONSENT, Consent, Consents
from transcripts.contacts import CONTACT, SUPPRESSED, Contact, Contacts, Supplied
from transcripts.conversations import Conversations, Outcome
from transcripts.doors import privacy_routes, routes
from transcripts.events import Numbered
from transcripts.guard import Decision, Guard, decide
from transcripts.heads import CONVERSATION, FORMER_CONTACT, Row
from transcripts.links import SHARE_LINK, Link, Links
from transcripts.mail_records import TRANSCRIPT_MAIL, MailRecords, TranscriptMail
from transcripts.mailing import TranscriptMails
from transcripts.notices import Notice
from transcripts.pages import PAGES, STATICS, TranscriptDoor
from transcripts.privacy_requests import PRIVACY_REQUEST, PrivacyRequests
from transcripts.pseudonyms import Pseudonyms
from transcripts.published import PUBLISHED_TEXT, PublishedTexts
from transcripts.state import State, Verification

KINDS = (
    CONVERSATION,
    FORMER_CONTACT,
    CONTACT,
    SUPPRESSED,
    CONSENT,
    SHARE_LINK,
    PUBLISHED_TEXT,
    TRANSCRIPT_MAIL,
    PRIVACY_REQUEST,
)
"""What this package stores, for the engine."""

__all__ = [
    "CONVERSATION",
    "KINDS",
    "PAGES",
    "STATICS",
    "Access",
    "Consent",
    "Consents",
    "Contact",
    "Contacts",
    "Conversations",
    "Decision",
    "Guard",
    "Link",
    "LinkApi",
    "Links",
    "MailRecords",
    "Notice",
    "Numbered",
    "Outcome",
    "PrivacyRequests",
    "Pseudonyms",
    "PublishedTexts",
    "Row",
    "State",
    "Supplied",
    "TranscriptDoor",
    "TranscriptMail",
    "TranscriptMails",
    "Verification",
    "decide",
    "privacy_routes",
    "routes",
]
