"""`/admin/links`: the account's transcript links, who opened one, who could, and the end of all of them (YA-11).

Admins see and revoke; how long links may live and who could open one are a super admin's (YA-7).
"""

import msgspec
from aiohttp import web

from admin import Accounts, Bots, People, Rules, by_of, principal
from admin.doors.frame import AdminFrame, see_other
from foundation.errors import Forbidden, Invalid, NotFound, Problem
from foundation.web import Body, Route, read_form, read_query
from transcripts.explaining import Answer, Explainer
from transcripts.life import Lives
from transcripts.links import Link, Links

HERE = "/admin/links"
WORD = "revoke"
"""What has to be typed before all links end."""

RULES = {
    "bot_access": "with access to the bot",
    "bot_range": "by a range of the bot",
    "account_range": "by a range of the account",
}


class _List(Body, frozen=True):
    bot: str = ""
    all: bool = False
    after: str | None = None
    done: str = ""


class _One(Body, frozen=True):
    address: str = ""
    person: str = ""
    done: str = ""


class _Find(Body, frozen=True):
    link: str = ""


class _RevokeAll(Body, frozen=True):
    bot: str = ""
    word: str = ""


class _Days(Body, frozen=True):
    days: int


class _Nothing(Body, frozen=True):
    """A form without fields."""


class _View(msgspec.Struct, frozen=True):
    at: int
    who: str
    how: str
    form: str
    address: str


class LinkPages:
    """The links, for admins."""

    def __init__(
        self,
        frame: AdminFrame,
        links: Links,
        explainer: Explainer,
        *,
        lives: Lives,
        accounts: Accounts,
        bots: Bots,
        people: People,
    ) -> None:
        self._frame = frame
        self._links = links
        self._explainer = explainer
        self._lives = lives
        self._accounts = accounts
        self._bots = bots
        self._people = people

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", HERE, self.show_all, rules.admin, "page"),
            Route("POST", f"{HERE}/find", self.find, rules.admin, "page"),
            Route("POST", f"{HERE}/revoke", self.revoke_all, rules.admin, "page"),
            Route("POST", f"{HERE}/days", self.limit, rules.super_admin, "page"),
            Route("GET", f"{HERE}/{{id}}", self.show, rules.admin, "page"),
            Route("POST", f"{HERE}/{{id}}/revoke", self.revoke, rules.admin, "page"),
        ]

    async def show_all(self, request: web.Request) -> web.Response:
        """The links that still open, newest first; with `all` the ended ones too."""
        return await self._list(request, read_query(request, _List))

    async def find(self, request: web.Request) -> web.Response:
        """Go to the link that was pasted. By POST, because its secret must not stand in an address bar twice."""
        form = await read_form(request, _Find)
        try:
            link = await self._explainer.find(principal(request).account, form.link)
        except NotFound as problem:
            return await self._list(request, _List(), NotFound(problem.detail, field="link"))
        return see_other(f"{HERE}/{link.id}")

    async def revoke_all(self, request: web.Request) -> web.Response:
        """End all links of the account or of a bot, after a word was typed."""
        form, account = await read_form(request, _RevokeAll), principal(request).account
        if form.word.strip().lower() != WORD:
            problem = Invalid(f"Type the word {WORD}. Nothing was changed.", field="word")
            return await self._list(request, _List(bot=form.bot), problem)
        await self._require_bot(account, form.bot)
        await self._links.revoke_all(account, by_of(request), bot=form.bot)
        return see_other(HERE, "links_revoked")

    async def limit(self, request: web.Request) -> web.Response:
        """How long new links may live at most."""
        form = await read_form(request, _Days)
        try:
            await self._accounts.limit_links(principal(request).account, form.days, by=by_of(request))
        except Invalid as problem:
            return await self._list(request, _List(), problem)
        return see_other(HERE, "link_days")

    async def show(self, request: web.Request) -> web.Response:
        """One link: who opened it, and, for a super admin who asks, who could."""
        me, asked = principal(request), read_query(request, _One)
        link = await self._links.get(me.account, request.match_info["id"])
        if not asked.address and not asked.person:
            return await self._one(request, link, asked)
        if not me.has("super_admin"):
            raise Forbidden("Only super admins ask who could open a link.")
        try:
            answer = await self._explainer.about(link, address=asked.address.strip(), person=asked.person)
        except (Invalid, NotFound) as problem:
            return await self._one(request, link, asked, problem=problem)
        await self._explainer.write_down(answer, by_of(request))
        return await self._one(request, link, asked, answer)

    async def revoke(self, request: web.Request) -> web.Response:
        """End one link."""
        await read_form(request, _Nothing)
        link = await self._links.get(principal(request).account, request.match_info["id"])
        await self._links.revoke(link, by_of(request))
        return see_other(f"{HERE}/{link.id}", "link_revoked")

    async def _list(self, request: web.Request, query: _List, problem: Problem | None = None) -> web.Response:
        me = principal(request)
        await self._require_bot(me.account, query.bot)
        bots = frozenset({query.bot}) if query.bot else None
        links, following = await self._links.page(me.account, bots, live=not query.all, after=query.after)
        return await self._frame.render(
            request,
            "transcripts/links",
            here="links",
            heading="Transcript links",
            problem=problem,
            links=links,
            following=following,
            query=query,
            bots=await self._names(me.account),
            life=await self._lives.of(me.account),
            word=WORD,
            now=self._links.now(),
            rules=RULES,
        )

    async def _one(
        self,
        request: web.Request,
        link: Link,
        asked: _One,
        answer: Answer | None = None,
        *,
        problem: Problem | None = None,
    ) -> web.Response:
        me = principal(request)
        names = await self._names(me.account)
        people, _ = await self._people.list(me.account, limit=500) if me.has("super_admin") else ([], None)
        return await self._frame.render(
            request,
            "transcripts/link",
            here="links",
            heading=f"A link to a transcript of {names.get(link.bot, 'a bot that is gone')}",
            problem=problem,
            link=link,
            ended=link.ended(self._links.now()),
            views=await self._views(link),
            by_rule=[(RULES.get(rule, rule), count) for rule, count in link.by_rule.items()],
            asked=asked,
            answer=answer,
            people=people,
        )

    async def _views(self, link: Link) -> list[_View]:
        names: dict[str, str] = {}
        for person in {seen.person for seen in link.seen if seen.person}:
            found = await self._people.get(link.account, person)
            names[person] = found.body.name if found else "Somebody who is gone"
        return [
            _View(one.at, names.get(one.person, "Somebody"), RULES.get(one.rule, one.rule), one.form, one.address)
            for one in reversed(link.seen)
        ]

    async def _names(self, account: str) -> dict[str, str]:
        return {bot.id: bot.body.name for bot in await self._bots.list(account)}

    async def _require_bot(self, account: str, bot: str) -> None:
        if bot and await self._bots.get(account, bot) is None:
            raise NotFound("There is no such bot.")
