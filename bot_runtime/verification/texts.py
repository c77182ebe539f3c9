"""What the mail and the opt-in page say, in each language, and the consent that the button gives.

The consent text has a version; the version, its hash and the text itself are kept with every request, and the page
shows the text that was current when the address was typed (D-19). Whoever changes a text here counts its version up.

Nothing a visitor wrote ever stands in a mail (D-14, D-15): a stranger could otherwise send his words to anybody.
"""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from bot_runtime.phrases import language_of

PURPOSES = ("chat_contact",)
CONSENT_VERSION = "opt-in-1"
MAIL_VERSION = "mail-1"


class Consent(msgspec.Struct, frozen=True):
    """The words that a confirmation agrees to."""

    version: str
    text: str
    hash: str


_CONSENT = {
    "en": "This e-mail address is mine. {bot} may use it to recognise me in this chat and to write to me about what I "
    "asked in it. I can take this back at any time in the chat.",
    "de": "Diese E-Mail-Adresse gehört mir. {bot} darf sie verwenden, um mich in diesem Chat zu erkennen und mir zu "
    "meinem Anliegen daraus zu schreiben. Ich kann das im Chat jederzeit widerrufen.",
}

_ENGLISH = {
    "subject": "Your code for the chat",
    "mail_hello": "Hello,",
    "mail_why": "somebody who chats with {bot} gave this e-mail address.",
    "mail_code": "If it was you, type this code into the chat:",
    "mail_code_life": "The code is valid for {minutes} minutes.",
    "mail_link": "Or confirm your address on this page:",
    "mail_link_life": "The page is valid for {hours} hours, once.",
    "mail_not_you": "If it was not you, ignore this mail; nothing happens then. On the same page you can say that it "
    "was not you, and we will not write to this address for 30 days.",
    "page_title": "Confirm your e\u2011mail address",
    "page_why": "Somebody who chats with {bot} gave the address {address} on {time}.",
    "page_consent": "By confirming you say:",
    "stay": "Stay recognised on this device. Choose this only if the device is yours.",
    "confirm": "Confirm",
    "deny": "That was not me",
    "here_title": "Confirmed",
    "here": "Your address is confirmed, and your chat in this browser knows it. You can close this page.",
    "elsewhere_title": "Confirmed",
    "elsewhere": "Your address is confirmed. One more step: go back to the chat and type the code from the mail, so "
    "that we know that the chat is yours.",
    "denied_title": "Thank you",
    "denied": "The request is void, and we will not write to this address for 30 days.",
    "gone_title": "This page is no longer valid",
    "gone": "It was used already, has expired, or a newer mail replaced it. You can ask for a new mail in the chat.",
}

_GERMAN = {
    "subject": "Ihr Code für den Chat",
    "mail_hello": "Guten Tag,",
    "mail_why": "jemand, der mit {bot} chattet, hat diese E-Mail-Adresse angegeben.",
    "mail_code": "Wenn Sie es waren, tippen Sie diesen Code in den Chat:",
    "mail_code_life": "Der Code gilt {minutes} Minuten.",
    "mail_link": "Oder bestätigen Sie Ihre Adresse auf dieser Seite:",
    "mail_link_life": "Die Seite gilt {hours} Stunden und ein Mal.",
    "mail_not_you": "Wenn Sie es nicht waren, beachten Sie diese Mail nicht; dann geschieht nichts. Auf derselben "
    "Seite können Sie sagen, dass Sie es nicht waren; dann schreiben wir 30 Tage lang nicht an diese Adresse.",
    "page_title": "E\u2011Mail-Adresse bestätigen",
    "page_why": "Jemand, der mit {bot} chattet, hat am {time} die Adresse {address} angegeben.",
    "page_consent": "Mit der Bestätigung erklären Sie:",
    "stay": "Auf diesem Gerät erkannt bleiben. Nur wählen, wenn es Ihr eigenes ist.",
    "confirm": "Bestätigen",
    "deny": "Das war ich nicht",
    "here_title": "Bestätigt",
    "here": "Ihre Adresse ist bestätigt, und Ihr Chat in diesem Browser weiß es. Sie können diese Seite schließen.",
    "elsewhere_title": "Bestätigt",
    "elsewhere": "Ihre Adresse ist bestätigt. Noch ein Schritt: Gehen Sie zurück in den Chat und tippen Sie den Code "
    "aus der Mail, damit wir wissen, dass der Chat Ihrer ist.",
    "denied_title": "Danke",
    "denied": "Die Anfrage ist ungültig, und wir schreiben 30 Tage lang nicht an diese Adresse.",
    "gone_title": "Diese Seite gilt nicht mehr",
    "gone": "Sie wurde schon benutzt, ist abgelaufen, oder eine neuere Mail hat sie ersetzt. Im Chat können Sie eine "
    "neue Mail anfordern.",
}

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType({"en": _ENGLISH, "de": _GERMAN})


def texts(locale: str) -> Mapping[str, str]:
    """All texts in the language of the locale."""
    return TEXTS[language_of(locale)]


def consent(locale: str, bot_name: str) -> Consent:
    """The text that is shown now, for this bot."""
    text = _CONSENT[language_of(locale)].format(bot=bot_name)
    return Consent(version=CONSENT_VERSION, text=text, hash=hashlib.sha256(text.encode()).hexdigest())
