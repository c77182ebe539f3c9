"""What Frontdesk itself says in a chat, in the visitor's language: short, plain, and true.

An assistant's own words always come from its domain. These are only for what no assistant can say: that a message could
not be answered, that a person is being called, that a mail is on its way.
"""

from collections.abc import Mapping
from types import MappingProxyType

_ENGLISH = {
    "not_ready": "I am just starting up. Your message is kept, and I will answer it in a moment.",
    "bot_failed": "Sorry, something went wrong on my side. Your message is kept. Please try again, or ask for a "
    "person.",
    "bot_silent": "Sorry, I have no answer to that. Please say it in other words, or ask for a person.",
    "bot_gives_up": "Sorry, I cannot help with this. I am calling a person; your messages are kept.",
    "offer_person": "I seem not to understand you. Would you like to talk to a person?",
    "person_button": "Talk to a person",
    "handoff": "I am calling a person. Please stay here, this may take a moment.",
    "handoff_waiting": "A person has been called already. Please stay here.",
    "ask_email": "Please give your e-mail address.",
    "code_sent": "If {address} can receive mail, a message with a code is on its way. Please type the code here.",
    "email_kept": "Thank you, {address} is noted. When it has to be confirmed, you get a mail.",
    "email_known": "Your e-mail address {address} is verified in this browser.",
}

_GERMAN = {
    "not_ready": "Ich starte gerade. Ihre Nachricht ist gespeichert, und ich beantworte sie gleich.",
    "bot_failed": "Entschuldigung, bei mir ist etwas schiefgegangen. Ihre Nachricht ist gespeichert. Bitte versuchen "
    "Sie es noch einmal oder fragen Sie nach einem Menschen.",
    "bot_silent": "Entschuldigung, darauf habe ich keine Antwort. Bitte sagen Sie es mit anderen Worten oder fragen "
    "Sie nach einem Menschen.",
    "bot_gives_up": "Entschuldigung, hier kann ich nicht helfen. Ich rufe einen Menschen; Ihre Nachrichten bleiben da.",
    "offer_person": "Ich verstehe Sie wohl nicht. Möchten Sie mit einem Menschen sprechen?",
    "person_button": "Mit einem Menschen sprechen",
    "handoff": "Ich rufe einen Menschen. Bitte bleiben Sie hier, das kann einen Moment dauern.",
    "handoff_waiting": "Ein Mensch ist schon gerufen. Bitte bleiben Sie hier.",
    "ask_email": "Bitte geben Sie Ihre E-Mail-Adresse an.",
    "code_sent": "Falls {address} Mails empfangen kann, ist eine Nachricht mit einem Code unterwegs. Bitte tippen Sie "
    "den Code hier ein.",
    "email_kept": "Danke, {address} ist notiert. Wenn die Adresse bestätigt werden muss, bekommen Sie eine Mail.",
    "email_known": "Ihre E-Mail-Adresse {address} ist in diesem Browser bestätigt.",
}

LANGUAGES: Mapping[str, Mapping[str, str]] = MappingProxyType({"en": _ENGLISH, "de": _GERMAN})


def language_of(locale: str) -> str:
    """The language we speak for this locale (`de-AT` → `de`); English when we do not speak it."""
    language = locale.replace("_", "-").split("-", 1)[0].lower()
    return language if language in LANGUAGES else "en"


def say(locale: str, phrase: str, **values: str) -> str:
    """The phrase in the language of the locale. Raises KeyError for a phrase that does not exist."""
    return LANGUAGES[language_of(locale)][phrase].format_map(values)
