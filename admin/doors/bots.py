"""`/admin/bots`: the bots of the account, and how and where each one's widget shows."""

from collections.abc import Sequence

from aiohttp import web

from admin.bots import LANGUAGES, TRANSCRIPT_MAILS, Bot, BotBody, Bots
from admin.doors.frame import AdminFrame, see_other
from admin.file_policy import BLOCKABLE, CLASSES, MODES
from admin.grants import Grants
from admin.people import People, Person
from admin.principals import by_of, principal
from admin.roles import BY_GRANT
from admin.rules import Rules
from admin.sites import read_sites
from foundation.errors import Invalid, NotFound, Problem
from foundation.web import SETTINGS, Body, Route, read_form


class _NewBot(Body, frozen=True):
    name: str = ""
    assistant: str = ""


class _BotForm(Body, frozen=True):
    name: str = ""
    language: str = "en"
    accent: str = ""
    greeting: str = ""
    sites: str = ""
    files: str | None = None
    files_blocked: tuple[str, ...] = ()
    files_listed: str = ""


class _TranscriptForm(Body, frozen=True):
    transcript_mail: str = "off"
    transcript_icon: str = ""
    transcript_sender: str = ""


class BotDoor:
    """The bots. `assistants` are the names of the assistants that one may be given."""

    def __init__(
        self, frame: AdminFrame, *, bots: Bots, people: People, grants: Grants, assistants: Sequence[str]
    ) -> None:
        self._frame = frame
        self._bots = bots
        self._people = people
        self._grants = grants
        self._assistants = tuple(assistants)

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", "/admin/bots", self.list, rules.admin, "page"),
            Route("POST", "/admin/bots", self.add, rules.admin, "page"),
            Route("GET", "/admin/bots/{id}", self.show, rules.admin, "page"),
            Route("POST", "/admin/bots/{id}", self.change, rules.admin, "page"),
            Route("POST", "/admin/bots/{id}/transcripts", self.change_transcripts, rules.admin, "page"),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """All bots, and the form to add one."""
        return await self._list(request, _NewBot())

    async def add(self, request: web.Request) -> web.Response:
        """Add a bot that one of the known assistants drives: nobody names a folder of the server in a form."""
        form = await read_form(request, _NewBot)
        try:
            self._require_known(form.assistant)
            bot = await self._bots.create(principal(request).account, form.name, form.assistant, by=by_of(request))
        except Invalid as problem:
            return await self._list(request, form, problem)
        return see_other(f"/admin/bots/{bot.id}", "bot_added")

    async def show(self, request: web.Request) -> web.Response:
        """One bot."""
        bot = await self._bot(request)
        return await self._one(request, bot, _form_of(bot.body))

    async def change(self, request: web.Request) -> web.Response:
        """Change how and where the widget shows."""
        bot, form = await self._bot(request), await read_form(request, _BotForm)
        try:
            await self._bots.change(
                bot.account,
                bot.id,
                name=form.name,
                language=form.language,
                accent=form.accent,
                greeting=form.greeting,
                sites=read_sites(form.sites),
                **_files_of(form),
                by=by_of(request),
            )
        except Invalid as problem:
            return await self._one(request, bot, form, problem)
        return see_other(f"/admin/bots/{bot.id}", "bot")

    async def change_transcripts(self, request: web.Request) -> web.Response:
        """Change whether, when and from whom visitors get their transcripts (YA-17, PS-6)."""
        bot, form = await self._bot(request), await read_form(request, _TranscriptForm)
        try:
            await self._bots.change(
                bot.account,
                bot.id,
                transcript_mail=form.transcript_mail,
                transcript_icon=form.transcript_icon == "on",
                transcript_sender=form.transcript_sender,
                by=by_of(request),
            )
        except Invalid as problem:
            return await self._one(request, bot, _form_of(bot.body), problem, mails=form)
        return see_other(f"/admin/bots/{bot.id}", "transcripts")

    def _require_known(self, assistant: str) -> None:
        if assistant not in self._assistants:
            raise Invalid("There is no such assistant on this server.", field="assistant")

    async def _list(self, request: web.Request, form: _NewBot, problem: Problem | None = None) -> web.Response:
        return await self._frame.render(
            request,
            "bots",
            here="bots",
            heading="Bots",
            problem=problem,
            bots=await self._bots.list(principal(request).account),
            assistants=self._assistants,
            form=form,
        )

    async def _one(
        self,
        request: web.Request,
        bot: Bot,
        form: _BotForm,
        problem: Problem | None = None,
        *,
        mails: _TranscriptForm | None = None,
    ) -> web.Response:
        return await self._frame.render(
            request,
            "bot",
            here="bots",
            heading=bot.body.name,
            problem=problem,
            bot=bot,
            form=form,
            languages=LANGUAGES,
            mails=mails or _transcripts_of(bot.body),
            transcript_mails=TRANSCRIPT_MAILS,
            modes=MODES,
            classes={name: CLASSES[name] for name in BLOCKABLE},
            members=await self._members(bot),
            base_url=request.config_dict[SETTINGS].base_url,
        )

    async def _members(self, bot: Bot) -> Sequence[Person]:
        """The people to whom the bot was granted."""
        granted = [person for person, bots in (await self._grants.all(bot.account)).items() if bot.id in bots]
        people = [await self._people.get(bot.account, person) for person in granted]
        members = [person for person in people if person is not None and person.body.role in BY_GRANT]
        return sorted(members, key=lambda person: person.body.name.casefold())

    async def _bot(self, request: web.Request) -> Bot:
        bot = await self._bots.get(principal(request).account, request.match_info["id"])
        if bot is None:
            raise NotFound("There is no such bot.")
        return bot


def _form_of(body: BotBody) -> _BotForm:
    files = (body.files, body.files_blocked, " ".join(body.files_listed))
    return _BotForm(body.name, body.language, body.accent, body.greeting, "\n".join(body.sites), *files)


def _files_of(form: _BotForm) -> dict[str, str | Sequence[str]]:
    """A form that does not speak of files changes nothing about them."""
    if form.files is None:
        return {}
    listed = form.files_listed.replace(",", " ").split()
    return {"files": form.files, "files_blocked": form.files_blocked, "files_listed": listed}


def _transcripts_of(body: BotBody) -> _TranscriptForm:
    return _TranscriptForm(body.transcript_mail, "on" if body.transcript_icon else "", body.transcript_sender)
