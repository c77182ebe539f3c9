"""Who could open this link, and why? The guard's own decision, asked for somebody else and put into words (YA-7).

Asking is written to the audit book: an answer tells about a person's rights and about a link's bot.
"""

from urllib.parse import urlsplit

import msgspec

from admin import AuditBook, By, People, Person, Principal, Sessions
from foundation.errors import Invalid, NotFound
from foundation.ids import is_id
from foundation.web import Address, parse_address
from transcripts.guard import Decision, Guard
from transcripts.links import Link, Links


class Answer(msgspec.Struct, frozen=True):
    """What would happen. `person` is an id, or empty for somebody who is not logged in; `address` as it was read."""

    link: Link
    decision: Decision
    sentence: str
    person: str = ""
    address: str = ""


class Explainer:
    """Answers for super admins."""

    def __init__(self, guard: Guard, links: Links, *, people: People, sessions: Sessions, audit: AuditBook) -> None:
        self._guard = guard
        self._links = links
        self._people = people
        self._sessions = sessions
        self._audit = audit

    async def find(self, account: str, link: str) -> Link:
        """A link of the account by its URL, path, secret or id. Raises `NotFound`; a foreign one is not there."""
        text = urlsplit(link.strip()).path.rstrip("/").rpartition("/")[2].partition(".")[0]
        found = await self._links.get(account, text) if is_id(text) else await self._links.by_token(text)
        if found is None or found.account != account:
            raise NotFound("This account has no such link.")
        return found

    async def answer(self, me: Principal, link: str, *, address: str, person: str, download: bool = False) -> Answer:
        """What this person (id or e-mail address; empty: nobody logged in) at this address (empty: one that is in no
        list) would be answered. Raises `Invalid` when neither is given, `NotFound`."""
        _require_somebody(address, person)
        found = await self.find(me.account, link)
        return await self.about(found, address=address, person=person, download=download)

    async def about(self, link: Link, *, address: str, person: str, download: bool = False) -> Answer:
        """The same for a link at hand."""
        where = _require_somebody(address, person)
        somebody = await self._person(link.account, person) if person else None
        viewer = await self._sessions.rights_of(somebody) if somebody is not None else None
        if viewer is not None and viewer.must_change_password:
            viewer = None
        decision = await self._guard.explain(link, viewer, where, download=download)
        words = _sentence(decision, somebody, "" if where is None else str(where), locked=viewer is None)
        return Answer(link, decision, words, somebody.id if somebody else "", "" if where is None else str(where))

    async def write_down(self, answer: Answer, by: By) -> None:
        """Note in the audit book that this was asked; before the answer leaves."""
        await self._audit.write(
            answer.link.account,
            by.person,
            "link.explained",
            answer.link.id,
            address=by.address,
            outcome=answer.decision.outcome,
            rule=answer.decision.rule,
            about=answer.person,
            about_address=answer.address,
        )

    async def _person(self, account: str, person: str) -> Person:
        found = await (self._people.get(account, person) if is_id(person) else self._people.by_email(person))
        if found is None or found.account != account:
            raise NotFound("There is no such person in this account.")
        return found


def _require_somebody(address: str, person: str) -> Address | None:
    """The address as it was read. Raises `Invalid` when it is none, or when neither it nor a person is given."""
    if not address and not person:
        raise Invalid("Give an address, or a person, or both.", field="address")
    if not address:
        return None
    where = parse_address(address)
    if where is None:
        raise Invalid("An address looks like 192.0.2.7.", field="address")
    return where


_MEMBERS = "Whoever is logged in and has access to the bot can open it from anywhere."


def _sentence(decision: Decision, person: Person | None, address: str, *, locked: bool) -> str:
    who = person.body.name if person else f"Somebody at {address}"
    where = f" from {address}" if person and address else ""
    lists = {"bot_range": "a range of the bot", "account_range": "a range of the account"}
    if person and locked and decision.outcome != "gone":
        who = f"{person.body.name} cannot log in at the moment. Without a login, somebody{where or ' elsewhere'}"
    if decision.rule == "no_download":
        return f"{who} can read it but not download it: the permission to download transcripts is switched off."
    if decision.outcome == "gone":
        return f"Nobody can open it: it is {decision.rule}. {who}{where} would be told so."
    if decision.rule == "bot_access":
        return f"{who} can read all of it{where or ' from anywhere'}, because of the access to the bot."
    if decision.rule in lists:
        return f"{who}{where} reads it masked, as anybody there does, because of {lists[decision.rule]}. {_MEMBERS}"
    if decision.outcome == "login":
        return f"{who} is led to the login page: {address or 'that address'} is in no enabled range. {_MEMBERS}"
    return f"{who} is refused{where}: no access to the bot, and the address is in no enabled range. {_MEMBERS}"
