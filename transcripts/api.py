"""The doors for staff: making, listing and revoking share links, and the question who could open one (YA-7, YA-11).

A conversation is fetched as the person who asks before anything is done with its links; a foreign id and an unknown one
get the same 404 (M-1).
"""

from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from admin import AuditBook, Principal, Rules, principal
from foundation.errors import Forbidden, Invalid, NotFound
from foundation.web import SETTINGS, Body, Route, parse_address, read_json, read_query
from transcripts.access import Access
from transcripts.guard import Decision, Guard
from transcripts.links import Link, Links

_NO_LINKS = frozenset({"auditor"})
"""Roles that read the audit book and not the chats; they pass no chat on either (YA-13)."""


class _Nothing(Body, frozen=True):
    """The empty object."""


class _Question(Body, frozen=True):
    link: str
    address: str


class LinkApi:
    """Share links for members of a bot; the explanation of them for super admins."""

    def __init__(self, links: Links, access: Access, guard: Guard, *, audit: AuditBook) -> None:
        self._links = links
        self._access = access
        self._guard = guard
        self._audit = audit

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("POST", "/api/conversations/{id}/links", self.create, rules.staff, "api"),
            Route("GET", "/api/conversations/{id}/links", self.list, rules.staff, "api"),
            Route("POST", "/api/links/{id}/revoke", self.revoke, rules.staff, "api"),
            Route("GET", "/api/admin/ranges/explain", self.explain, rules.super_admin, "api"),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Make a link. Its URL is in this answer and nowhere else."""
        person = principal(request)
        await read_json(request, _Nothing)
        state = await self._access.as_member(person, request.match_info["id"])
        _require_may_link(person)
        link, secret = await self._links.create(person, state)
        await self._audit.write(
            person.account, person.person, "link.created", link.id, conversation=state.id, expires_at=link.expires_at
        )
        url = f"{request.config_dict[SETTINGS].base_url}/t/{secret}"
        return _json({"id": link.id, "url": url, "expires_at": link.expires_at}, status=201)

    async def list(self, request: web.Request) -> web.Response:
        """The links of a conversation, newest first; never their secrets."""
        state = await self._access.as_member(principal(request), request.match_info["id"])
        links = await self._links.list(state.account, state.id)
        return _json({"links": [_listed(link) for link in links]})

    async def revoke(self, request: web.Request) -> web.Response:
        """End a link at once. Done twice, it is done once."""
        person = principal(request)
        link = await self._links.get(person.account, request.match_info["id"])
        if not person.may_open(link.bot):
            raise NotFound("There is no such link.")
        _require_may_link(person)
        if link.revoked_at is None:
            await self._links.revoke(link, person.person)
            await self._audit.write(
                person.account, person.person, "link.revoked", link.id, conversation=link.conversation
            )
        return web.Response(status=204)

    async def explain(self, request: web.Request) -> web.Response:
        """Who could open this link from this address, and by which rule."""
        person = principal(request)
        question = read_query(request, _Question)
        address = parse_address(question.address)
        if address is None:
            raise Invalid("An address looks like 192.0.2.7.", field="address")
        found = await self._guard.explain(_token_of(question.link), person.account, address)
        if found is None:
            raise NotFound("This account has no such link.")
        link, decision = found
        return _json(
            {
                "outcome": decision.outcome,
                "rule": decision.rule,
                "range": decision.range or None,
                "address": str(address),
                "sentence": _sentence(decision, str(address)),
                "link": _listed(link),
                "bot": link.bot,
            }
        )


def _require_may_link(person: Principal) -> None:
    if person.role in _NO_LINKS:
        raise Forbidden("Your role does not share transcripts.")


def _token_of(link: str) -> str:
    """The secret in a link as it was pasted: the whole URL, its path, or the secret alone."""
    path = urlsplit(link.strip()).path
    return path.rstrip("/").rpartition("/")[2]


def _listed(link: Link) -> dict[str, object]:
    return {
        "id": link.id,
        "created_at": link.created_at,
        "created_by": link.created_by_name,
        "expires_at": link.expires_at,
        "revoked_at": link.revoked_at,
        "views": link.views,
    }


_MEMBERS = "Whoever is logged in and has access to the bot can open it from anywhere."


def _sentence(decision: Decision, address: str) -> str:
    if decision.outcome == "gone":
        return f"Nobody can open it: it is {decision.rule}. From {address} the page says so."
    if decision.rule == "bot_range":
        return f"From {address} anybody can read it, masked, because of a range of the bot. {_MEMBERS}"
    if decision.rule == "account_range":
        return f"From {address} anybody can read it, masked, because of a range of the account. {_MEMBERS}"
    return f"{address} is in no enabled range, so it leads to the login page. {_MEMBERS}"


def _json(members: object, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(members), status=status, content_type="application/json")
