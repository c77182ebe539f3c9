"""What a visitor reads before anything is collected: who collects what, what for, how long, and what he may do (MS-1,
MS-5, GDPR Art. 13).

The words are ours as long as the account has published none of its own (`transcripts.published`). A notice is named by
the hash of its exact text, so a change of one letter is another version, and a consent always points to what was read.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from transcripts.published import Use, Version, fill, hash_of

PURPOSES = ("answer_chat", "contact_about_chat")
"""What the consent is for: to answer in the chat, and to write back about it when an address is given."""

PURPOSES_OF: Mapping[Use, tuple[str, ...]] = {
    "notice": PURPOSES,
    "terms": (),
    "transcript_mail": ("transcript_mail",),
}
"""What accepting a text consents to. Each consent of its own is asked and taken back by itself, never with another."""

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

_ENGLISH_TERMS = """\
The chat of {controller} is answered by {bot}, a computer program, and on request by people. It is free of charge.

What a program says may be wrong. Nothing that it says is a contract or advice you should rely on alone; ask for a \
person when it matters.

Please do not send passwords, card numbers, or other people's personal data. Please do not use the chat to harm \
anybody; {controller} may end a chat that does.

You may end the chat at any time. What is kept, what for and how long stands in the notice that you read before."""

_GERMAN_TERMS = """\
Im Chat von {controller} antwortet {bot}, ein Computerprogramm, und auf Wunsch ein Mensch. Er kostet nichts.

Was ein Programm sagt, kann falsch sein. Nichts davon ist ein Vertrag oder ein Rat, auf den Sie sich allein verlassen \
sollten; fragen Sie nach einem Menschen, wenn es darauf ankommt.

Bitte senden Sie keine Passwörter, keine Kartennummern und keine Daten anderer Menschen. Bitte schaden Sie mit dem \
Chat niemandem; {controller} darf einen solchen Chat beenden.

Sie können den Chat jederzeit beenden. Was gespeichert wird, wozu und wie lange, steht in dem Hinweis, den Sie vorher \
gelesen haben."""

_ENGLISH_MAIL = """\
{controller} may send me the transcript of my chats with {bot} by e-mail when they end, to the address that I have \
verified. I can take this back at any time on the page "What we hold"; the chat itself does not depend on it."""

_GERMAN_MAIL = """\
{controller} darf mir das Protokoll meiner Chats mit {bot} nach deren Ende per E-Mail an die Adresse senden, die ich \
bestätigt habe. Ich kann das auf der Seite „Was wir von Ihnen haben“ jederzeit widerrufen; der Chat selbst hängt nicht \
davon ab."""

_PERIODS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"en": (_ENGLISH_PERIOD, _ENGLISH_NEED), "de": (_GERMAN_PERIOD, _GERMAN_NEED)}
)
OURS: Mapping[str, Mapping[Use, str]] = MappingProxyType(
    {
        "en": {"notice": _ENGLISH, "terms": _ENGLISH_TERMS, "transcript_mail": _ENGLISH_MAIL},
        "de": {"notice": _GERMAN, "terms": _GERMAN_TERMS, "transcript_mail": _GERMAN_MAIL},
    }
)
"""Our own words by language, for accounts that have published none."""
LANGUAGES = tuple(OURS)


class Notice(msgspec.Struct, frozen=True):
    """A text in one language. `hash` is the SHA-256 of the text in hex, and `version` names the text by it; `number` is
    that of the account's own published version, 0 for our words."""

    version: str
    text: str
    hash: str
    locale: str
    purposes: tuple[str, ...] = PURPOSES
    languages: tuple[str, ...] = LANGUAGES
    number: int = 0
    at: int = 0


def language_of(locale: str) -> str:
    """The language that we speak for this locale; English when we do not speak it."""
    language = locale.replace("_", "-").split("-", 1)[0].lower()
    return language if language in OURS else "en"


def compose(
    *,
    controller: str,
    bot: str,
    locale: str,
    days: int | None = None,
    use: Use = "notice",
    published: Version | None = None,
) -> Notice:
    """The text for a bot of this controller, in the language of the locale or in English: the account's own, else ours.

    `days` is the retention that is enforced; without one the text names the criterion instead (Art. 13 (2) (a)).
    """
    language = language_of(locale)
    written = OURS[language][use] if published is None else published.text
    text = filled(written, controller=controller, bot=bot, locale=language, days=days)
    number, at = (0, 0) if published is None else (published.number, published.at)
    return named(text, language, use=use, number=number, at=at)


def filled(text: str, *, controller: str, bot: str, locale: str, days: int | None) -> str:
    """A text with its placeholders filled as visitors read it."""
    period, need = _PERIODS[language_of(locale)]
    how_long = need if days is None else period.format(days=days)
    return fill(text, {"bot": bot, "controller": controller, "period": how_long})


def named(text: str, language: str, *, use: Use = "notice", number: int = 0, at: int = 0) -> Notice:
    """A text with the version and hash that follow from it."""
    digest = hash_of(text)
    return Notice(
        version=f"{language}-{digest[:16]}",
        text=text,
        hash=digest,
        locale=language,
        purposes=PURPOSES_OF[use],
        number=number,
        at=at,
    )
