"""`/admin/email`: how the account has addresses proven, and what its mails say (DD-2). Preview and a mail to oneself."""

from aiohttp import web

from admin import AdminFrame, Bots, People, Rules, by_of, principal, see_other
from admin.bots import LANGUAGES, Bot
from bot_runtime.verification.mails import Mails
from bot_runtime.verification.policy import Policies, Policy
from bot_runtime.verification.texts import texts
from bot_runtime.verification.wording import PLACES, Wording, checked
from foundation.clock import HOUR, Clock
from foundation.errors import Conflict, Invalid, NotFound, Problem
from foundation.mail import Envelope, Post, PostRefused, PostUnreachable
from foundation.web import Body, Route, Throttle, read_form, set_csp

HERE = "/admin/email"
_PREVIEW = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_TESTS_AN_HOUR = 10


class _Settings(Body, frozen=True):
    send: str = "given"
    link_hours: str = ""
    code_minutes: str = ""
    proof_days: str = ""
    stay: bool = False
    addresses: bool = False
    sender_name: str = ""
    reply_to: str = ""
    contact: str = ""
    questions: str = ""


class _WordingForm(Body, frozen=True):
    text: str = ""
    html: str = ""
    ours: bool = False


class _Nothing(Body, frozen=True):
    """A form without fields."""


class EmailPages:
    """The settings of the e-mail proof, for admins."""

    def __init__(
        self,
        frame: AdminFrame,
        *,
        policies: Policies,
        mails: Mails,
        bots: Bots,
        people: People,
        post: Post,
        clock: Clock,
    ) -> None:
        self._frame = frame
        self._policies = policies
        self._mails = mails
        self._bots = bots
        self._people = people
        self._post = post
        self._tests = Throttle(clock, _TESTS_AN_HOUR, HOUR)

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", HERE, self.show, rules.admin, "page"),
            Route("POST", HERE, self.change, rules.admin, "page"),
            Route("GET", f"{HERE}/wording/{{language}}", self.show_wording, rules.admin, "page"),
            Route("POST", f"{HERE}/wording/{{language}}", self.change_wording, rules.admin, "page"),
            Route("GET", f"{HERE}/wording/{{language}}/preview", self.preview, rules.admin, "page"),
            Route("POST", f"{HERE}/wording/{{language}}/test", self.test, rules.admin, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The settings."""
        policy = await self._policies.of(principal(request).account)
        return await self._settings(request, _form_of(policy))

    async def change(self, request: web.Request) -> web.Response:
        """Change them; they count for addresses that are given from now on."""
        form = await read_form(request, _Settings)
        try:
            await self._policies.change(
                principal(request).account,
                by=by_of(request),
                send=form.send,
                link_hours=_number(form.link_hours, "link_hours"),
                code_minutes=_number(form.code_minutes, "code_minutes"),
                proof_days=_number(form.proof_days, "proof_days"),
                stay=form.stay,
                addresses=form.addresses,
                sender_name=form.sender_name,
                reply_to=form.reply_to,
                contact=form.contact,
                questions=tuple(line.strip() for line in form.questions.splitlines() if line.strip()),
            )
        except Invalid as problem:
            return await self._settings(request, form, problem)
        return see_other(HERE, "email")

    async def show_wording(self, request: web.Request) -> web.Response:
        """The mail of one language as it is now."""
        return await self._wording(request)

    async def change_wording(self, request: web.Request) -> web.Response:
        """Use other words, or ours again. A mail that is already on its way keeps its link and its code."""
        language, form = _language(request), await read_form(request, _WordingForm)
        try:
            wording = None if form.ours else checked(form.text, form.html)
            await self._policies.word(principal(request).account, language, wording, by=by_of(request))
        except Invalid as problem:
            return await self._wording(request, problem=problem, typed=Wording(form.text, form.html))
        return see_other(f"{HERE}/wording/{language}", "wording")

    async def preview(self, request: web.Request) -> web.Response:
        """The HTML part alone, as a mail program shows it: nothing in it runs or is loaded."""
        mail = await self._sample(request, "you@example.org")
        response = web.Response(text=mail.html or mail.text, content_type="text/html" if mail.html else "text/plain")
        set_csp(response, _PREVIEW)
        return response

    async def test(self, request: web.Request) -> web.Response:
        """Send the mail, with a code and a link that open nothing, to whoever is logged in, and to nobody else."""
        await read_form(request, _Nothing)
        me = principal(request)
        person = await self._people.get(me.account, me.person)
        if person is None:
            raise NotFound("There is no such person.")
        self._tests.check(me.person)
        self._tests.hit(me.person)
        try:
            await self._post.send(await self._sample(request, person.body.email))
        except (PostRefused, PostUnreachable) as failure:
            problem = Conflict(f"The mail did not leave: {failure}")
            return await self._wording(request, problem=problem)
        return see_other(f"{HERE}/wording/{_language(request)}", "test_mail")

    async def _settings(self, request: web.Request, form: _Settings, problem: Problem | None = None) -> web.Response:
        policy = await self._policies.of(principal(request).account)
        return await self._frame.render(
            request,
            "bot_runtime/email_settings",
            here="email",
            heading="E-mail in the chat",
            problem=problem,
            form=form,
            languages=LANGUAGES,
            own=policy.wordings,
        )

    async def _wording(
        self, request: web.Request, *, problem: Problem | None = None, typed: Wording | None = None
    ) -> web.Response:
        language = _language(request)
        policy = await self._policies.of(principal(request).account)
        sample = await self._sample(request, "you@example.org")
        own = policy.wordings.get(language)
        return await self._frame.render(
            request,
            "bot_runtime/email_wording",
            here="email",
            heading=f"Mail in {LANGUAGES[language]}",
            problem=problem,
            language=language,
            own=own is not None,
            form=typed or own or _ours(language),
            sample=sample,
            places=PLACES,
        )

    async def _sample(self, request: web.Request, to: str) -> Envelope:
        return await self._mails.sample(await self._bot(principal(request).account), _language(request), to)

    async def _bot(self, account: str) -> Bot:
        bots = await self._bots.list(account)
        if not bots:
            raise Conflict("There is no bot yet that could write. Make one first.")
        return bots[0]


def _language(request: web.Request) -> str:
    language = request.match_info["language"]
    if language not in LANGUAGES:
        raise NotFound("There are no mails in this language.")
    return language


def _number(typed: str, field: str) -> int:
    digits = typed.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 6):
        raise Invalid("Please write a whole number.", field=field)
    return int(digits)


def _ours(language: str) -> Wording:
    """Our words as a wording to begin with."""
    t = texts(language)
    lines = [
        t["mail_hello"],
        t["mail_why"],
        t["mail_code"],
        "    {code}",
        t["mail_code_life"],
        t["mail_link"],
        "{link}",
    ]
    return Wording("\n\n".join([*lines, t["mail_link_life"], t["mail_not_you"]]))


def _form_of(policy: Policy) -> _Settings:
    return _Settings(
        send=policy.send,
        link_hours=str(policy.link_hours),
        code_minutes=str(policy.code_minutes),
        proof_days=str(policy.proof_days),
        stay=policy.stay,
        addresses=policy.addresses,
        sender_name=policy.sender_name,
        reply_to=policy.reply_to,
        contact=policy.contact,
        questions="\n".join(policy.questions),
    )
