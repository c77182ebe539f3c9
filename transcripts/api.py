"""The doors for programs and for the console: making, listing and revoking share links, who opened one, and the question
who could open one (YA-7, YA-11, YA-13).

A conversation is fetched as the person who asks before anything is done with its links; a foreign id and an unknown one
get the same 404 (M-1).
"""

from typing import Annotated, Any

import msgspec
from aiohttp import web

from admin import Principal, Rules, by_of, principal
from foundation.clock import DAY
from foundation.errors import Forbidden, Invalid, NotFound
from foundation.web import SETTINGS, Body, Route, read_json, read_query
from transcripts.access import Access
from transcripts.explaining import Explainer
from transcripts.life import Lives
from transcripts.links import LONGEST_DAYS, Link, Links

_NO_LINKS = frozenset({"auditor"})
"""Roles that read the audit book and not the chats; they pass no chat on either (YA-13)."""


class _NewLink(Body, frozen=True):
    """`days`: how long it lives, at most what the account allows; `null`: as long as links usually do."""

    days: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_DAYS)] | None = None


class _Nothing(Body, frozen=True):
    """The empty object."""


class _Question(Body, frozen=True):
    link: str
    address: str = ""
    person: str = ""
    download: bool = False


class _Page(Body, frozen=True):
    bot: str = ""
    all: bool = False
    after: str | None = None


class LinkApi:
    """Share links for members of a bot; the account's links for admins; explanations for super admins."""

    def __init__(self, links: Links, access: Access, *, lives: Lives, explainer: Explainer) -> None:
        self._links = links
        self._access = access
        self._lives = lives
        self._explainer = explainer

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("POST", "/api/conversations/{id}/links", self.create, rules.staff, "api"),
            Route("GET", "/api/conversations/{id}/links", self.list, rules.staff, "api"),
            Route("POST", "/api/conversations/{id}/links/revoke", self.revoke_all, rules.staff, "api"),
            Route("POST", "/api/links/{id}/revoke", self.revoke, rules.staff, "api"),
            Route("GET", "/api/admin/links", self.all, rules.admin, "api"),
            Route("GET", "/api/admin/links/{id}", self.one, rules.admin, "api"),
            Route("GET", "/api/admin/ranges/explain", self.explain, rules.super_admin, "api"),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Make a link. Its URL is in this answer and nowhere else."""
        person, wanted = principal(request), await read_json(request, _NewLink)
        state = await self._access.as_member(person, request.match_info["id"])
        require_may_share(person)
        life = await self._lives.of(person.account)
        if wanted.days is not None and wanted.days > life.most:
            raise Invalid(f"Links of this account live at most {life.most} days. None was made.", field="days")
        link, secret = await self._links.create(
            person, state, life_ms=(wanted.days or life.usual) * DAY, address=by_of(request).address
        )
        url = f"{request.config_dict[SETTINGS].base_url}/t/{secret}"
        return _json({"id": link.id, "url": url, "expires_at": link.expires_at}, status=201)

    async def list(self, request: web.Request) -> web.Response:
        """The links of a conversation, newest first, never their secrets; and how long a new one may live."""
        person = principal(request)
        state = await self._access.as_member(person, request.match_info["id"])
        links = await self._links.list(state.account, state.id)
        life = await self._lives.of(person.account)
        return _json({"links": [listed(link) for link in links], "days": life.usual, "most_days": life.most})

    async def revoke(self, request: web.Request) -> web.Response:
        """End a link at once. Done twice, it is done once."""
        person = principal(request)
        link = await self._links.get(person.account, request.match_info["id"])
        if not person.may_open(link.bot):
            raise NotFound("There is no such link.")
        require_may_share(person)
        await self._links.revoke(link, by_of(request))
        return web.Response(status=204)

    async def revoke_all(self, request: web.Request) -> web.Response:
        """End every link of a conversation that still opens; how many there were."""
        person = principal(request)
        await read_json(request, _Nothing)
        state = await self._access.as_member(person, request.match_info["id"])
        require_may_share(person)
        return _json({"revoked": await self._links.revoke_all(state.account, by_of(request), conversation=state.id)})

    async def all(self, request: web.Request) -> web.Response:
        """The links of the account that still open (`all`: the ended ones too), newest first, a page at a time."""
        query, account = read_query(request, _Page), principal(request).account
        bots = frozenset({query.bot}) if query.bot else None
        links, following = await self._links.page(account, bots, live=not query.all, after=query.after)
        return _json({"links": [_placed(link) for link in links], "after": following})

    async def one(self, request: web.Request) -> web.Response:
        """A link with its newest views: when, by which rule, by whom, from where."""
        link = await self._links.get(principal(request).account, request.match_info["id"])
        return _json(_placed(link) | {"seen": list(reversed(link.seen))})

    async def explain(self, request: web.Request) -> web.Response:
        """Whether this person, or somebody at this address, could open the link, and by which rule. Written down."""
        asked = read_query(request, _Question)
        answer = await self._explainer.answer(
            principal(request), asked.link, address=asked.address, person=asked.person, download=asked.download
        )
        await self._explainer.write_down(answer, by_of(request))
        decision = answer.decision
        return _json(
            {
                "outcome": decision.outcome,
                "rule": decision.rule,
                "by": decision.by,
                "range": decision.range or None,
                "address": answer.address or None,
                "person": answer.person or None,
                "sentence": answer.sentence,
                "link": listed(answer.link),
                "bot": answer.link.bot,
            }
        )


def require_may_share(person: Principal) -> None:
    """Raise `Forbidden` for somebody who passes no transcript on (YA-13)."""
    if person.role in _NO_LINKS:
        raise Forbidden("Your role does not share transcripts.")
    if not person.may_share:
        raise Forbidden("You may not make or revoke transcript links. An admin can change that. Nothing was changed.")


def listed(link: Link) -> dict[str, Any]:
    """A link as lists show it."""
    return {
        "id": link.id,
        "created_at": link.created_at,
        "created_by": link.created_by_name,
        "purpose": link.purpose,
        "expires_at": link.expires_at,
        "revoked_at": link.revoked_at,
        "views": link.views,
        "last_viewed_at": link.last_viewed_at,
        "by_rule": link.by_rule,
    }


def _placed(link: Link) -> dict[str, Any]:
    return listed(link) | {"bot": link.bot, "conversation": link.conversation}


def _json(members: object, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(members), status=status, content_type="application/json")
