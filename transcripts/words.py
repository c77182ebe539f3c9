"""What a visitor reads of us outside of the chat window, by language: in the transcript mail and in the copy of his data."""

from collections.abc import Mapping
from types import MappingProxyType

from transcripts.notices import language_of

_ENGLISH = {
    "you": "You",
    "bot": "Bot",
    "person": "Person",
    "someone": "Somebody",
    "frontdesk": "Frontdesk",
    "image": "(image)",
    "mail_subject": "Your chat with {bot}",
    "mail_hello": "Hello,",
    "mail_why_closed": "your chat with {bot} has ended. Here is what was said, for your records.",
    "mail_why_asked": "you asked for the transcript of your chat with {bot}. Here it is.",
    "mail_footer": "This mail was sent to the address that was verified in the chat. Times are UTC. "
    "Please do not answer it; nobody reads the answers.",
    "mail_stop": "You do not want such mails? Open the chat, then the menu, “Privacy”, and switch them off there.",
    "copy_title": "What {controller} holds about you",
    "copy_intro": "This is a copy of everything that the chat of {controller} holds about you, made on {at}. The same is "
    "in data.json for programs. Times are UTC.",
    "copy_scope_browser": "Your address is not proven in this browser, so this copy holds only what this browser itself "
    "wrote and was answered.",
    "copy_scope_contact": "Your address is proven in this browser, so this copy holds every chat in which it was proven.",
    "copy_contact": "Your address",
    "copy_name": "Your name",
    "copy_none": "none",
    "copy_state_registered": "given, the opt-in is not complete",
    "copy_state_complete": "confirmed on {at}",
    "copy_consents": "Your consents",
    "copy_given": "given",
    "copy_withdrawn": "taken back",
    "copy_mails": "Mails that we sent you",
    "copy_mail_opt_in": "Code and link to prove the address",
    "copy_mail_transcript": "Transcript",
    "copy_chats": "Your chats",
    "copy_links": "Links to this chat that people of the house made: {count}, opened {views} times.",
    "copy_page": "Opened on",
    "copy_kept": "How long",
    "copy_until": "Until {at} at the latest.",
    "copy_files": "Files",
    "copy_file_too_large": "not in this archive, which would become too large: open it in the chat, or ask us for it",
    "copy_file_hidden": "hidden as sensitive, or destroyed already",
    "copy_file_damaged": "cannot be read to its end any more; tell us if you need it",
    "copy_need": "As long as it is needed to deal with your request, or until you ask for its deletion.",
    "opened": "Chat opened",
    "consent_given": "The notice was accepted",
    "consent_withdrawn": "The consent was taken back",
    "email_sent": "A code was sent to {address}",
    "email_verified": "The address was verified",
    "email_lost": "The address is not verified any more",
    "control_queue": "A person was called",
    "control_agent": "{name} took over",
    "control_bot": "The bot answers again",
    "closed_visitor": "You ended the chat",
    "closed_other": "The chat was closed",
    "transcript_sent": "The transcript was mailed to {address}",
    "transcript_failed": "The transcript could not be mailed to {address}",
}

_GERMAN = {
    "you": "Sie",
    "bot": "Bot",
    "person": "Mensch",
    "someone": "Jemand",
    "frontdesk": "Frontdesk",
    "image": "(Bild)",
    "mail_subject": "Ihr Chat mit {bot}",
    "mail_hello": "Guten Tag,",
    "mail_why_closed": "Ihr Chat mit {bot} ist beendet. Hier steht, was gesagt wurde, für Ihre Unterlagen.",
    "mail_why_asked": "Sie haben um das Protokoll Ihres Chats mit {bot} gebeten. Hier ist es.",
    "mail_footer": "Diese Mail ging an die Adresse, die im Chat bestätigt wurde. Zeiten in UTC. Bitte "
    "antworten Sie nicht darauf; niemand liest die Antworten.",
    "mail_stop": "Sie möchten solche Mails nicht? Öffnen Sie den Chat, dann das Menü, „Datenschutz“, und schalten Sie "
    "sie dort aus.",
    "copy_title": "Was {controller} von Ihnen gespeichert hat",
    "copy_intro": "Dies ist eine Kopie von allem, was der Chat von {controller} über Sie gespeichert hat, erstellt am "
    "{at}. Dasselbe steht für Programme in data.json. Zeiten in UTC.",
    "copy_scope_browser": "Ihre Adresse ist in diesem Browser nicht bestätigt, deshalb enthält diese Kopie nur, was "
    "dieser Browser selbst geschrieben und als Antwort bekommen hat.",
    "copy_scope_contact": "Ihre Adresse ist in diesem Browser bestätigt, deshalb enthält diese Kopie jeden Chat, in dem "
    "sie bestätigt wurde.",
    "copy_contact": "Ihre Adresse",
    "copy_name": "Ihr Name",
    "copy_none": "keine Angabe",
    "copy_state_registered": "angegeben, die Bestätigung steht aus",
    "copy_state_complete": "bestätigt am {at}",
    "copy_consents": "Ihre Einwilligungen",
    "copy_given": "gegeben",
    "copy_withdrawn": "widerrufen",
    "copy_mails": "Mails, die wir Ihnen gesendet haben",
    "copy_mail_opt_in": "Code und Link zur Bestätigung der Adresse",
    "copy_mail_transcript": "Protokoll",
    "copy_chats": "Ihre Chats",
    "copy_links": "Links auf diesen Chat, die Menschen des Hauses angelegt haben: {count}, {views}-mal geöffnet.",
    "copy_page": "Geöffnet auf",
    "copy_kept": "Wie lange",
    "copy_until": "Höchstens bis {at}.",
    "copy_files": "Dateien",
    "copy_file_too_large": "nicht in diesem Archiv, das sonst zu groß würde: Öffnen Sie sie im Chat, oder fragen Sie uns",
    "copy_file_hidden": "als vertraulich verborgen, oder schon vernichtet",
    "copy_file_damaged": "lässt sich nicht mehr ganz lesen; sagen Sie uns, wenn Sie sie brauchen",
    "copy_need": "Solange es für Ihr Anliegen nötig ist, oder bis Sie die Löschung verlangen.",
    "opened": "Chat geöffnet",
    "consent_given": "Dem Hinweis wurde zugestimmt",
    "consent_withdrawn": "Die Einwilligung wurde widerrufen",
    "email_sent": "Ein Code wurde an {address} gesendet",
    "email_verified": "Die Adresse wurde bestätigt",
    "email_lost": "Die Adresse gilt nicht mehr als bestätigt",
    "control_queue": "Ein Mensch wurde gerufen",
    "control_agent": "{name} hat übernommen",
    "control_bot": "Der Bot antwortet wieder",
    "closed_visitor": "Sie haben den Chat beendet",
    "closed_other": "Der Chat wurde beendet",
    "transcript_sent": "Das Protokoll wurde an {address} gesendet",
    "transcript_failed": "Das Protokoll konnte nicht an {address} gesendet werden",
}

WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType({"en": _ENGLISH, "de": _GERMAN})


def words(locale: str) -> Mapping[str, str]:
    """The words for this locale; English when we do not speak it."""
    return WORDS[language_of(locale)]
