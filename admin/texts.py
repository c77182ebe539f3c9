"""Short texts that people give: names, labels, greetings, e-mail addresses of staff. Cleaned once, on the way in.

Stored as typed (NFC, without blanks around it); shown by autoescaping templates. What a reader cannot see, or what
turns the direction of the rest of the line, is refused (G-3, X-4).
"""

import unicodedata

from email_validator import EmailNotValidError, validate_email

from foundation.errors import Invalid

MAX_EMAIL = 254
"""Characters, RFC 5321 (4.5.3.1.3) with the angle brackets taken off."""

_JOINERS = {"\u200c", "\u200d"}  # letters of Persian, parts of emoji
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def line(text: str, field: str, *, most: int = 80, least: int = 1) -> str:
    """One line of text of `least` to `most` characters. Raises `Invalid` naming the field."""
    return _clean(text, field, most, least, allowed=_JOINERS)


def paragraph(text: str, field: str, *, most: int) -> str:
    """Some lines of text, or none, with line feeds between them. Raises `Invalid` naming the field."""
    lines = text.replace("\r\n", "\n")
    return _clean(lines, field, most, 0, allowed=_JOINERS | {"\n"})


def staff_email(text: str) -> str:
    """The address of a member of staff, in lower case: it is his name at the login. Raises `Invalid`."""
    typed = text.strip(" ")
    if len(typed) <= MAX_EMAIL:
        try:
            valid = validate_email(typed, check_deliverability=False, allow_smtputf8=False, test_environment=True)
        except EmailNotValidError:
            valid = None
        if valid is not None and valid.ascii_email is not None and len(valid.ascii_email) <= MAX_EMAIL:
            return valid.ascii_email.lower()
    raise Invalid("This is not an e-mail address. Please check it.", field="email")


def _clean(text: str, field: str, most: int, least: int, *, allowed: set[str]) -> str:
    cleaned = unicodedata.normalize("NFC", text).strip()
    if any(unicodedata.category(sign) in _UNSEEN and sign not in allowed for sign in cleaned):
        raise Invalid("There is an invisible sign or a line break in it. Please type it again.", field=field)
    if len(cleaned) < least:
        raise Invalid("Please write something here.", field=field)
    if len(cleaned) > most:
        raise Invalid(f"At most {most} characters, please; these are {len(cleaned)}.", field=field)
    return cleaned
