"""How an account wants addresses proven (DD-2): when a mail goes out, how long its link, its code and the proof hold,
whether a browser may stay recognised, which questions agents ask, and the mail's own words."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from admin import texts
from admin.audit import AuditBook, By
from admin.bots import LANGUAGES
from bot_runtime.verification.wording import Wording
from foundation.errors import Invalid
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Taken
from transcripts.addresses import normal_address

KIND = Kind("email_policy")

MOST_QUESTIONS = 10

_BOUNDS: Mapping[str, tuple[int, int]] = {"link_hours": (1, 168), "code_minutes": (5, 60), "proof_days": (1, 730)}


class Policy(msgspec.Struct, frozen=True):
    """The settings of one account; the defaults are those of an account that never changed them.

    `send`: the mail goes out as soon as an address is `given`, or only when it is `asked` for by the visitor, the bot or
    an agent. `stay`: visitors may choose that their browser stays recognised after this chat. `sender_name` and
    `reply_to` stand in the mails; the address they come from is the installation's, which its mail server signs for.
    """

    send: Literal["given", "asked"] = "given"
    link_hours: int = 24
    code_minutes: int = 10
    proof_days: int = 180
    stay: bool = True
    sender_name: str = ""
    reply_to: str = ""
    addresses: bool = True
    """The network address of whoever asks for a proof, confirms or denies it is kept with the evidence (PS-12)."""
    contact: str = ""
    """Address that the widget shows to whoever declines the notice (MS-2)."""
    questions: tuple[str, ...] = ()
    wordings: dict[str, Wording] = {}


class Policies:
    """The settings of all accounts."""

    def __init__(self, engine: Engine, keyring: Keyring, audit: AuditBook) -> None:
        self._rows: Collection[Policy] = Collection(engine, keyring, KIND, Policy)
        self._audit = audit

    async def of(self, account: str) -> Policy:
        """What holds now."""
        record = await self._rows.get(account, account)
        return Policy() if record is None else record.body

    async def change(self, account: str, *, by: By, **details: Any) -> Policy:
        """Change some settings. Raises `Invalid` naming the field."""
        before = await self.of(account)
        after = _checked(msgspec.structs.replace(before, **details))
        if after == before:
            return after
        changed = {name: _shown(after, name) for name in details if getattr(before, name) != getattr(after, name)}
        was = {name: _shown(before, name) for name in changed}
        async with self._audit.recording(account, by, "email.settings", account, before=was, after=changed):
            await self._write(account, {name: getattr(after, name) for name in changed})
        return after

    async def word(self, account: str, language: str, wording: Wording | None, *, by: By) -> None:
        """Use these words for the mails in this language, or ours again (`None`). Raises `Invalid`."""
        if language not in LANGUAGES:
            raise Invalid("Mails are written in the languages of the widget.", field="language")
        wordings = dict((await self.of(account)).wordings)
        if wording is None:
            wordings.pop(language, None)
        else:
            wordings[language] = wording
        after = {"language": language, "hash": wording.hash if wording else ""}
        async with self._audit.recording(account, by, "email.wording", account, after=after):
            await self._write(account, {"wordings": wordings})

    async def _write(self, account: str, details: dict[str, Any]) -> None:
        def changed(record: Record[Policy]) -> Mapping[str, Any]:
            return {"body": msgspec.structs.replace(record.body, **details)}

        while await self._rows.update(account, account, changed) is None:
            try:
                await self._rows.insert(account, account, Policy(**details))
            except Taken:
                continue
            return


def _checked(policy: Policy) -> Policy:
    if policy.send not in ("given", "asked"):
        raise Invalid("Choose when the mail goes out.", field="send")
    for name, (least, most) in _BOUNDS.items():
        if not least <= getattr(policy, name) <= most:
            raise Invalid(f"Please choose a number from {least} to {most}.", field=name)
    if len(policy.questions) > MOST_QUESTIONS:
        raise Invalid(f"At most {MOST_QUESTIONS} questions, please.", field="questions")
    questions = tuple(texts.line(one, "questions", most=200) for one in policy.questions)
    name = texts.line(policy.sender_name, "sender_name", least=0)
    if any(sign in name for sign in '<>"@\\'):
        raise Invalid("The name of the sender is a plain name.", field="sender_name")
    return msgspec.structs.replace(
        policy,
        questions=questions,
        sender_name=name,
        reply_to=_address(policy.reply_to, "reply_to"),
        contact=_address(policy.contact, "contact"),
    )


def _address(typed: str, field: str) -> str:
    if not typed.strip():
        return ""
    try:
        return normal_address(typed.strip())
    except Invalid as problem:
        raise Invalid(problem.detail, field=field) from None


def _shown(policy: Policy, name: str) -> Any:
    value = getattr(policy, name)
    return list(value) if isinstance(value, tuple) else value
