"""What a mail is, and how it becomes a message that no value in it can bend (D-14, D-15).

Every header value is refused if it holds a control character, an address is one address and nothing else, and the
headers that decide where a mail goes and what it claims cannot be given from outside. A domain in letters of any script
goes out in its ASCII form; a name before the @ in such letters needs a server that knows SMTPUTF8.
"""

import re
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import idna
import msgspec

from foundation.clock import SECOND
from foundation.errors import Invalid
from foundation.ids import new_id

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}\Z")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9._%+-]{1,128}@[A-Za-z0-9.-]{1,253}>\Z")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")
_SENDER = re.compile(r"(?:(?P<name>[^<>]*?)\s*<(?P<inner>[^<>]+)>|(?P<bare>[^<>]+))\Z")
_ADDRESS = re.compile(
    r"(?!\.)(?!.*\.\.)[^\s@<>(),:;\"\\\[\]]{1,64}(?<!\.)@(?:[^\s@<>(),:;\"\\\[\]]{1,253}|\[[0-9A-Fa-f.:]+\])\Z"
)
_OURS = re.compile(
    r"(?:from|to|cc|bcc|sender|subject|date|message-id|auto-submitted|mime-version|received|return-path"
    r"|content-.*|resent-.*|dkim-.*|arc-.*)\Z",
    re.IGNORECASE,
)

MAX_SUBJECT = 200


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One mail. `sender` may be `Name <address>`, `to` is one bare address.

    `headers` are further ones (`List-Unsubscribe`, `Reply-To`); `message_id` is kept over repeated tries so that a
    reader who got it twice sees it once; empty means a new one.
    """

    sender: str
    to: str
    subject: str
    text: str
    html: str | None = None
    headers: dict[str, str] = {}
    message_id: str = ""
    language: str = "en"


def new_message_id(sender: str) -> str:
    """A message id at the sender's own domain (D-14): 128 random bits, nothing about the machine."""
    return f"<{new_id()}@{_sender(sender).domain}>"


def compose(mail: Envelope, *, at: int | None = None) -> EmailMessage:
    """The message of an envelope, dated `at` (milliseconds; default now), marked as sent by a machine (RFC 3834).

    Raises `Invalid` 422 naming the field when a value cannot stand in a mail.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = _sender(mail.sender)
    message["To"] = _address(mail.to, "to")
    message["Subject"] = _line(mail.subject, "subject", MAX_SUBJECT)
    moment = datetime.now(UTC) if at is None else datetime.fromtimestamp(at / SECOND, UTC)
    message["Date"] = format_datetime(moment.replace(microsecond=0))
    message["Message-ID"] = _message_id(mail)
    message["Auto-Submitted"] = "auto-generated"
    if not _LANGUAGE.match(mail.language):
        raise Invalid("The language is not a language tag.", field="language")
    for name, value in mail.headers.items():
        if not _HEADER_NAME.match(name) or _OURS.match(name):
            raise Invalid("This header cannot be given.", field="headers")
        message[name] = _line(value, "headers", 900)
    _fill(message, mail)
    message["Content-Language"] = mail.language
    return message


def _fill(message: EmailMessage, mail: Envelope) -> None:
    try:
        message.set_content(mail.text)
        if mail.html is not None:
            message.add_alternative(mail.html, subtype="html")
    except UnicodeError:
        raise Invalid("The text holds characters that no mail can carry.", field="text") from None


def _sender(sender: str) -> Address:
    parts = _SENDER.match(_line(sender, "sender", 400))
    if parts is None:
        raise Invalid("The sender is not an address.", field="sender")
    address = _address((parts["inner"] or parts["bare"]).strip(), "sender")
    return Address((parts["name"] or "").strip().strip('"'), address.username, address.domain)


def _address(text: str, field: str) -> Address:
    if _ADDRESS.match(text) and not _CONTROL.search(text):
        local, _, domain = text.rpartition("@")
        try:
            domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
        except idna.IDNAError:
            raise Invalid("This is not one plain e-mail address.", field=field) from None
        address = Address(username=local, domain=domain)
        if address.addr_spec == f"{local}@{domain}":
            return address
    raise Invalid("This is not one plain e-mail address.", field=field)


def _message_id(mail: Envelope) -> str:
    if mail.message_id and not _MESSAGE_ID.match(mail.message_id):
        raise Invalid("The message id is not in the form <id@domain>.", field="message_id")
    return mail.message_id or new_message_id(mail.sender)


def _line(value: str, field: str, limit: int) -> str:
    if _CONTROL.search(value):
        raise Invalid("A line of a mail's head cannot hold control characters.", field=field)
    if len(value) > limit:
        raise Invalid(f"At most {limit} characters fit here.", field=field)
    return value
