"""The record of processing activities (Art. 30 GDPR), written from the live configuration: nothing in it is typed twice.

What a setting decides is read from the setting, what an admin chose from the bots, the texts from what is published. So
the record is true on the day it is made, and made again when something has changed.
"""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from admin import Bot
from config.settings import Settings
from config.wiring import House, base_url_of
from foundation.clock import DAY
from transcripts.notices import LANGUAGES, PURPOSES
from transcripts.published import USES

UNCONFIRMED_DAYS = 7
"""`bot_runtime.verification` deletes what nobody confirmed after this."""


class Activity(msgspec.Struct, frozen=True):
    """One processing activity, with what Art. 30 (1) asks for."""

    name: str
    purpose: str
    basis: str
    people: str
    data: tuple[str, ...]
    recipients: tuple[str, ...]
    period: str
    settings: dict[str, str]


class BotRecord(msgspec.Struct, frozen=True):
    """A bot, as far as it decides about personal data."""

    name: str
    id: str
    assistant: str
    sites: tuple[str, ...]
    transcript_mail: str
    transcript_icon: bool
    transcript_sender: str
    notices: dict[str, str]


class AccountRecord(msgspec.Struct, frozen=True):
    """A controller with everything that is done in his name."""

    controller: str
    account: str
    people: dict[str, int]
    bots: tuple[BotRecord, ...]
    activities: tuple[Activity, ...]
    open_requests: int
    published_texts: int


class ProcessingRecord(msgspec.Struct, frozen=True):
    """The whole installation. `third_countries`: nothing is handed over by the program itself."""

    made_at: str
    base_url: str
    accounts: tuple[AccountRecord, ...]
    third_countries: str
    security: dict[str, str]


async def record_of(house: House, settings: Settings) -> ProcessingRecord:
    """Read everything; nothing is changed."""
    accounts = [
        AccountRecord(
            controller=account.body.name,
            account=account.id,
            people=await _roles(house, account.id),
            bots=tuple([await _bot(house, bot) for bot in await house.admin.bots.list(account.id)]),
            activities=_activities(settings, await house.admin.bots.list(account.id)),
            open_requests=await house.privacy_requests.due_within(account.id, 36_500 * DAY),
            published_texts=len(await house.consents.texts.all(account.id)),
        )
        async for account in house.admin.accounts.all()
    ]
    return ProcessingRecord(
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        base_url=base_url_of(settings),
        accounts=tuple(accounts),
        third_countries="None by the program itself. The mail server and the machine are the operator's choice.",
        security=_security(settings),
    )


def as_markdown(record: ProcessingRecord) -> str:
    """The record for people."""
    lines = ["# Record of processing activities", "", f"Made {record.made_at} from the live configuration.", ""]
    lines += [f"Installation: {record.base_url}", "", f"Third countries: {record.third_countries}", ""]
    for account in record.accounts:
        lines += [f"## Controller: {_cell(account.controller)}", ""]
        lines += [f"Account `{account.account}`. People with access: {_counts(account.people)}.", ""]
        lines += [f"Open requests of visitors: {account.open_requests}. Own texts: {account.published_texts}.", ""]
        for activity in account.activities:
            lines += [f"### {activity.name}", "", "| | |", "|---|---|"]
            rows = {
                "Purpose": activity.purpose,
                "Legal basis": activity.basis,
                "People": activity.people,
                "Data": "; ".join(activity.data),
                "Recipients": "; ".join(activity.recipients),
                "Kept": activity.period,
                **{f"`{name}`": value for name, value in activity.settings.items()},
            }
            lines += [f"| {name} | {_cell(value)} |" for name, value in rows.items()]
            lines.append("")
        lines += ["### Bots", "", "| bot | assistant | sites | transcript on close | on request | notice |"]
        lines.append("|---|---|---|---|---|---|")
        lines += [
            f"| {_cell(bot.name)} | {_cell(bot.assistant)} | {_cell(', '.join(bot.sites) or 'none')} "
            f"| {bot.transcript_mail} | {'yes' if bot.transcript_icon else 'no'} "
            f"| {', '.join(f'{language}: {version}' for language, version in bot.notices.items())} |"
            for bot in account.bots
        ]
        lines.append("")
    lines += ["## Technical and organisational measures (Art. 32)", ""]
    lines += [f"- **{name}**: {value}" for name, value in record.security.items()]
    return "\n".join([*lines, ""])


async def _roles(house: House, account: str) -> dict[str, int]:
    counted: Counter[str] = Counter()
    after: str | None = None
    while True:
        people, after = await house.admin.people.list(account, after=after)
        counted.update(person.body.role for person in people)
        if after is None:
            return counted


async def _bot(house: House, bot: Bot) -> BotRecord:
    body = bot.body
    notices = {
        one.locale: f"{one.version}{f' (own, version {one.number})' if one.number else ' (our words)'}"
        for one in (await house.consents.current(bot.account, bot.id)).values()
    }
    return BotRecord(
        name=body.name,
        id=bot.id,
        assistant=body.assistant,
        sites=body.sites,
        transcript_mail=body.transcript_mail,
        transcript_icon=body.transcript_icon,
        transcript_sender=body.transcript_sender,
        notices={language: notices[language] for language in LANGUAGES if language in notices},
    )


def _activities(settings: Settings, bots: list[Bot]) -> tuple[Activity, ...]:
    mail = f"the mail server {settings.mail.host}" if settings.mail.host else "no mail server is set"
    need = "Until it is erased; no automatic deletion is set."
    chat = Activity(
        name="Answering in the chat",
        purpose=f"To answer visitors and to write back about it ({', '.join(PURPOSES)}).",
        basis="Consent, Art. 6 (1) (a) and Art. 7 GDPR: asked before anything is stored, withdrawn by one press.",
        people="Visitors of the sites that carry a widget",
        data=(
            "what visitors, bots and people write, with its times",
            "name or alias and e-mail address, if they are given",
            "page, title and referrer without query, on which the chat was opened",
            "language; the hash of a random secret of the browser",
        ),
        recipients=("people of the controller with access to the bot", "who opens a shared transcript, masked"),
        period=need,
        settings={"links.days": f"shared links end after {settings.links.days} days"},
    )
    proof = Activity(
        name="Proof of e-mail addresses",
        purpose="To know that the person in the chat reads the mailbox, and to be able to show it.",
        basis="Consent (double opt-in); the evidence: Art. 7 (1) and Art. 6 (1) (f) GDPR.",
        people="Visitors who give an address",
        data=(
            "e-mail address",
            "network address and browser name at the request and the confirmation",
            "the mail's fate",
        ),
        recipients=(mail,),
        period=f"Not confirmed: {UNCONFIRMED_DAYS} days. Confirmed: the evidence stays under a key of its own.",
        settings={"mail.tls": settings.mail.tls, "mail.sender": settings.mail.sender},
    )
    found = [chat, proof]
    if any(bot.body.transcript_mail != "off" or bot.body.transcript_icon for bot in bots):
        found.append(
            Activity(
                name="Transcripts by e-mail",
                purpose="To give visitors their chat for their records.",
                basis="Consent of its own, or Art. 6 (1) (f) with a switch to object; a visitor's own request.",
                people="Visitors with a verified address",
                data=("the visitor's own view of the chat", "when it left, over which TLS, the mail server's answer"),
                recipients=("the visitor's mailbox", mail),
                period="The mail is not kept; its fate stays with the chat.",
                settings={"mail.tls": settings.mail.tls},
            )
        )
    found += [
        Activity(
            name="Evidence of consents and visitors' requests",
            purpose=f"To show that consent was given ({len(USES)} kinds of texts), and to answer requests in time.",
            basis="Art. 7 (1), Art. 12 (3), Art. 5 (2) GDPR.",
            people="Visitors",
            data=("the exact text with its hash, time, language, page, method", "a keyed token in place of the person"),
            recipients=("super admins and auditors of the controller",),
            period="As long as claims are possible; it outlives the chat and names nobody.",
            settings={},
        ),
        Activity(
            name="Accounts of people who work here",
            purpose="To let the right people in and to show afterwards who did what.",
            basis="Art. 6 (1) (b) and (f) GDPR.",
            people="Staff",
            data=("name, e-mail address, role, hash of the password", "sessions", "entries of the audit book"),
            recipients=("admins; the audit book: super admins and auditors",),
            period="Until removed; the audit book only grows.",
            settings={
                "sessions.idle_minutes": f"{settings.sessions.idle_minutes} minutes",
                "sessions.absolute_hours": f"{settings.sessions.absolute_hours} hours",
            },
        ),
    ]
    return tuple(found)


def _security(settings: Settings) -> dict[str, str]:
    web = settings.web
    line = "TLS by this process" if web.tls_certificate else "TLS by a trusted proxy" if web.trusted_proxies else ""
    return {
        "In transit": line or "plain HTTP on loopback only: TLS has to end before it",
        "Mail": f"tls = {settings.mail.tls}",
        "At rest": "every record AES-256-GCM under a key of its account or conversation; index fields hold no words",
        "Keys": f"master key in {_place(settings.master_key_file)}; wrapped keys in a store apart from the data",
        "Access": "roles and grants per bot; transcripts by session and access or by address range, each view written down",
        "Audit": "hash-chained book; `frontdesk audit verify` checks it",
        "Availability": f"data in {_place(settings.data)}; acknowledged means durable",
    }


def _place(path: Path) -> str:
    return f"`{path}`"


def _counts(people: dict[str, int]) -> str:
    return ", ".join(f"{number} {role}" for role, number in sorted(people.items())) or "nobody"


def _cell(text: str) -> str:
    """A value in a table; it cannot end its cell or begin a line."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
