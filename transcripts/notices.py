"""What a visitor reads before anything is collected: who collects what, what for, how long, and what he may do (MS-1,
MS-5, GDPR Art. 13).

The words are ours as long as the account has none of its own. A notice is named by the hash of its exact text, so a
change of one letter is another version, and a consent always points to what was read.
"""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

PURPOSES = ("answer_chat", "contact_about_chat")
"""What the consent is for: to answer in the chat, and to write back about it when an address is given."""

_ENGLISH = """\
You are about to chat with {bot}, a bot of {controller}. It is a computer program. You can ask for a person at any \
time, and you will be told when a person answers.

What we collect: what you write; your name or alias and your e-mail address, if you give them; the page on which you \
opened the chat; your network address, which is needed for the connection and is kept only as evidence when you give \
an e-mail address.

What for: to answer you here, and to write to you about your request if you give an address. For nothing else.

Who sees it: people of {controller} who look after this chat. It is stored encrypted and handed to nobody else.

How long: {period}

Your rights: you may ask {controller} to show, correct, hand over or delete your data, to restrict its use, and you \
may object or complain to a data protection authority. You can take this consent back at any time in the menu of the \
chat; that ends the chat and is as easy as giving it (Art. 6 (1) (a), Art. 7 GDPR).

If you do not want this, close the window. Nothing is stored then, and you can reach {controller} in the other ways \
named on its site."""

_ENGLISH_PERIOD = "{days} days at most, then it is deleted."
_ENGLISH_NEED = "as long as it is needed to deal with your request, or until you ask us to delete it."

_GERMAN = """\
Sie chatten gleich mit {bot}, einem Bot von {controller}. Das ist ein Computerprogramm. Sie können jederzeit nach \
einem Menschen fragen, und Sie erfahren, wenn ein Mensch antwortet.

Was wir erheben: was Sie schreiben; Ihren Namen oder ein Pseudonym und Ihre E-Mail-Adresse, falls Sie sie angeben; \
die Seite, auf der Sie den Chat geöffnet haben; Ihre Netzadresse, die für die Verbindung nötig ist und nur dann als \
Nachweis aufbewahrt wird, wenn Sie eine E-Mail-Adresse angeben.

Wozu: um Ihnen hier zu antworten und Ihnen zu Ihrem Anliegen zu schreiben, wenn Sie eine Adresse angeben. Zu nichts \
anderem.

Wer es sieht: die Menschen bei {controller}, die diesen Chat betreuen. Es wird verschlüsselt gespeichert und an \
niemanden sonst gegeben.

Wie lange: {period}

Ihre Rechte: Sie können von {controller} Auskunft, Berichtigung, Herausgabe, Löschung oder Einschränkung verlangen, \
widersprechen und sich bei einer Datenschutzbehörde beschweren. Diese Einwilligung können Sie jederzeit im Menü des \
Chats widerrufen; das beendet den Chat und ist so einfach wie das Einwilligen (Art. 6 Abs. 1 lit. a, Art. 7 DSGVO).

Wenn Sie das nicht möchten, schließen Sie das Fenster. Dann wird nichts gespeichert, und Sie erreichen {controller} \
auf den anderen Wegen, die auf der Website stehen."""

_GERMAN_PERIOD = "höchstens {days} Tage, danach wird es gelöscht."
_GERMAN_NEED = "solange es für Ihr Anliegen nötig ist, oder bis Sie die Löschung verlangen."

_TEXTS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {"en": (_ENGLISH, _ENGLISH_PERIOD, _ENGLISH_NEED), "de": (_GERMAN, _GERMAN_PERIOD, _GERMAN_NEED)}
)
LANGUAGES = tuple(_TEXTS)


class Notice(msgspec.Struct, frozen=True):
    """A notice in one language. `hash` is the SHA-256 of the text in hex, and `version` names the notice by it."""

    version: str
    text: str
    hash: str
    locale: str
    purposes: tuple[str, ...] = PURPOSES
    languages: tuple[str, ...] = LANGUAGES


def compose(*, controller: str, bot: str, locale: str, days: int | None = None) -> Notice:
    """The notice for a bot of this controller, in the language of the locale or in English.

    `days` is the retention that is enforced; without one the text names the criterion instead (Art. 13 (2) (a)).
    """
    language = locale.replace("_", "-").split("-", 1)[0].lower()
    language = language if language in _TEXTS else "en"
    text, period, need = _TEXTS[language]
    how_long = need if days is None else period.format(days=days)
    return named(text.format(bot=bot, controller=controller, period=how_long), language)


def named(text: str, language: str) -> Notice:
    """A text as a notice, with the version and hash that follow from it."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Notice(version=f"{language}-{digest[:16]}", text=text, hash=digest, locale=language)
