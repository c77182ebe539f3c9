"""`/admin/notices`: the account's own notices, terms and consent texts; written, compared, published, never changed.

Publishing takes two steps: the first shows the text as visitors will read it, its hash and what differs from the
version before; the second publishes exactly that, if nobody was faster.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, cast

import msgspec
from aiohttp import web

from admin import AdminFrame, AuditBook, Bots, Rules, by_of, principal, see_other
from foundation.errors import Conflict, Invalid, NotFound, Problem
from foundation.web import Body, Route, read_form, read_query
from transcripts.consent import Consents
from transcripts.notices import LANGUAGES, OURS, named
from transcripts.published import USES, Use, Version, hash_of, readable

LANGUAGE_NAMES = {"en": "English", "de": "Deutsch"}
_MAX_BODY = 256 * 1024
"""A text of 12,000 characters, each of which a form may write as twelve."""


class _Where(Body, frozen=True):
    use: str = "notice"
    language: str = "en"
    bot: str = ""
    version: Annotated[int, msgspec.Meta(ge=0)] = 0
    done: str = ""


class _Form(Body, frozen=True):
    use: str
    language: str
    text: str
    after: Annotated[int, msgspec.Meta(ge=0)]
    bot: str = ""
    step: Literal["preview", "write", "publish"] = "preview"


class Piece(msgspec.Struct, frozen=True):
    """A part of a text and whether it stays, goes or comes."""

    kind: Literal["same", "gone", "new"]
    text: str


class NoticePages:
    """The page, for admins."""

    def __init__(self, frame: AdminFrame, consents: Consents, bots: Bots, audit: AuditBook) -> None:
        self._frame = frame
        self._consents = consents
        self._texts = consents.texts
        self._bots = bots
        self._audit = audit

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", "/admin/notices", self.show, rules.admin, "page"),
            Route("POST", "/admin/notices", self.write, rules.admin, "page", max_body=_MAX_BODY),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """What counts now, with the versions before it."""
        where = read_query(request, _Where)
        await self._require_known(request, where.use, where.language, where.bot)
        return await self._page(request, where)

    async def write(self, request: web.Request) -> web.Response:
        """Preview, back to writing, or publish."""
        form = await read_form(request, _Form)
        await self._require_known(request, form.use, form.language, form.bot)
        where = _Where(form.use, form.language, form.bot)
        try:
            text = readable(form.text)
            if form.step == "publish":
                await self._publish(request, form, text)
                path = f"/admin/notices?use={form.use}&language={form.language}&bot={form.bot}&done=published"
                return see_other(path)
        except (Invalid, Conflict) as problem:
            return await self._page(request, where, form=form, problem=problem)
        return await self._page(request, where, form=form, preview=text if form.step == "preview" else None)

    async def _publish(self, request: web.Request, form: _Form, text: str) -> None:
        me = principal(request)
        async with self._audit.recording(
            me.account,
            by_of(request),
            "text.published",
            form.use,
            bot=form.bot,
            language=form.language,
            number=form.after + 1,
            hash=hash_of(text),
        ):
            await self._texts.publish(
                me.account,
                cast("Use", form.use),
                form.language,
                text,
                bot=form.bot,
                after=form.after,
                author=me.person,
                author_name=me.name,
            )

    async def _require_known(self, request: web.Request, use: str, language: str, bot: str) -> None:
        if use not in USES or language not in LANGUAGES:
            raise NotFound("There is no such text.")
        if bot and await self._bots.get(principal(request).account, bot) is None:
            raise NotFound("There is no such bot.")

    async def _page(
        self,
        request: web.Request,
        where: _Where,
        *,
        form: _Form | None = None,
        preview: str | None = None,
        problem: Problem | None = None,
    ) -> web.Response:
        account, use = principal(request).account, cast("Use", where.use)
        versions = await self._texts.versions(account, use, where.language, bot=where.bot)
        bots = await self._bots.list(account)
        shown = next((one for one in versions if one.number == where.version), None)
        if where.version and shown is None:
            raise NotFound("There is no such version.")
        before = versions[0].text if versions else OURS[where.language][use]
        return await self._frame.render(
            request,
            "transcripts/notices",
            here="notices",
            heading="Notices and consents",
            problem=problem,
            uses=USES,
            languages=LANGUAGE_NAMES,
            bots=[(bot.id, bot.body.name) for bot in bots],
            where=where,
            versions=versions,
            current=versions[0] if versions else None,
            ours=named(OURS[where.language][use], where.language),
            shown=shown,
            former=_former(versions, shown),
            text=form.text if form else before,
            after=form.after if form else (versions[0].number if versions else 0),
            preview=None if preview is None else await self._previewed(account, where, preview),
            preview_text=preview or "",
            preview_hash="" if preview is None else hash_of(preview),
            changes=[] if preview is None else list(differences(before, preview)),
        )

    async def _previewed(self, account: str, where: _Where, text: str) -> str:
        """The text as a visitor of the bot (of the first bot, if it is for all) reads it."""
        bots = await self._bots.list(account)
        bot = where.bot or (bots[0].id if bots else "")
        if not bot:
            return text
        return await self._consents.as_read(account, bot, where.language, text)


def _former(versions: Sequence[Version], shown: Version | None) -> list[Piece]:
    if shown is None:
        return []
    before = next((one.text for one in versions if one.number == shown.number - 1), None)
    before = OURS[shown.language][shown.use] if before is None else before
    return list(differences(before, shown.text))


def differences(before: str, after: str) -> Iterator[Piece]:
    """Word by word, what stays, goes and comes."""
    old, new = re.split(r"(\s+)", before), re.split(r"(\s+)", after)
    for what, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            yield Piece("same", "".join(old[i:j]))
            continue
        if i < j:
            yield Piece("gone", "".join(old[i:j]))
        if k < m:
            yield Piece("new", "".join(new[k:m]))
