"""E-mail addresses as they may be kept and written to: one plain mailbox, or a clear refusal (D-15, D-16).

No display names, quoted local parts, comments, address literals or line breaks: whatever is not the plain
`local@domain` could be read as another address by the next program in the chain. Whether the mailbox exists is not
asked of anybody; only the mail itself can tell.
"""

from email_validator import EmailNotValidError, validate_email

from foundation.errors import Invalid

MAX_ADDRESS = 254
"""Characters, RFC 5321 (4.5.3.1.3) with the angle brackets taken off."""


def normal_address(text: str) -> str:
    """The address as it is kept: domain in lower case and ASCII, local part as typed. Raises `Invalid`.

    Blanks around it are dropped, because phones add them; a line break anywhere is refused.
    """
    typed = text.strip(" ")
    if len(typed) > MAX_ADDRESS:
        raise Invalid(f"An e-mail address has at most {MAX_ADDRESS} characters.", field="address")
    try:
        valid = validate_email(
            typed, check_deliverability=False, allow_smtputf8=False, strict=True, test_environment=True
        )
    except EmailNotValidError as error:
        raise Invalid("This is not an e-mail address we can write to. Please check it.", field="address") from error
    if valid.ascii_email is None or len(valid.ascii_email) > MAX_ADDRESS:
        raise Invalid("This is not an e-mail address we can write to. Please check it.", field="address")
    return valid.ascii_email


def same_mailbox(address: str) -> str:
    """The spelling under which a contact is found: no mail server of note tells upper from lower case."""
    return address.lower()
