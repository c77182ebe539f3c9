"""`/w/{bot}/privacy…`: the visitor's own page about his data, behind the widget's menu; and the terms.

Every door takes the device secret in the body of a POST from our own origin; which person that is follows from it and
nothing else, so there is no id in a request that could be another's (M-2). A secret that is not known and one that has
nothing are one answer. What is looked at, copied, asked and chosen is in the audit book, without names or addresses.
"""

import unicodedata
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from admin import Accounts, AuditBook, Bot, Bots, By
from bot_runtime.channels.widget.chats import Browser, Chats
from bot_runtime.channels.widget.frames import Locale, Secret
from bot_runtime.channels.widget.holdings import Holdings, HoldingsOf
from bot_runtime.channels.widget.own_copy import OwnCopy, data_of
from bot_runtime.channels.widget.own_erasure import OwnErasure
from foundation.clock import HOUR, Clock
from foundation.errors import Conflict, Invalid, NotFound
from foundation.ids import is_id
from foundation.web import PUBLIC, Body, Pages, Route, Throttle, limit_key, read_json, read_query
from transcripts.archives import stream_file
from transcripts.attachments import Attachments
from transcripts.consent import Consents
from transcripts.conversations import Conversations
from transcripts.events import NameGiven, WebPage
from transcripts.privacy_requests import PrivacyRequests
from transcripts.published import Use
from transcripts.rights import Certificates, Erasures

PURPOSE = "transcript_mail"
CONFIRM = {"en": "ERASE", "de": "LÖSCHEN"}
"""The word that a visitor types before an erasure is asked for."""

Words = Annotated[str, msgspec.Meta(max_length=1_000)]
Ticket = Annotated[str, msgspec.Meta(max_length=200)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]


class Asked(Body, frozen=True):
    """Who asks, and in which language he reads."""

    device: Secret
    locale: Locale = "en"
    ticket: Ticket = ""


class Chosen(Body, frozen=True):
    """A consent of its own is given (with the version that was read) or refused."""

    device: Secret
    use: Literal["transcript_mail"]
    given: bool
    version: Annotated[str, msgspec.Meta(max_length=64)] = ""
    locale: Locale = "en"
    ticket: Ticket = ""


class Requested(Body, frozen=True):
    """An erasure (with the typed word) or a correction (in words)."""

    device: Secret
    what: Literal["erase", "correct"]
    words: Words = ""
    confirm: Annotated[str, msgspec.Meta(max_length=20)] = ""
    locale: Locale = "en"
    ticket: Ticket = ""


class Renamed(Body, frozen=True):
    """The right name."""

    device: Secret
    name: Name
    locale: Locale = "en"
    ticket: Ticket = ""


class _Terms(Body, frozen=True):
    locale: Locale = "en"


class PrivacyDoors:
    """`per_client` limits what one client address asks in an hour, `copies` what one browser takes home, and `copy_bytes`
    the files in it."""

    def __init__(
        self,
        *,
        chats: Chats,
        conversations: Conversations,
        consents: Consents,
        holdings: HoldingsOf,
        erasures: Erasures,
        certificates: Certificates,
        requests: PrivacyRequests,
        attachments: Attachments,
        accounts: Accounts,
        bots: Bots,
        audit: AuditBook,
        pages: Pages,
        clock: Clock,
        copy_bytes: int = 100_000_000,
        per_client: int = 240,
        copies: int = 10,
    ) -> None:
        self._chats = chats
        self._conversations = conversations
        self._consents = consents
        self._holdings = holdings
        self._requests = requests
        self._accounts = accounts
        self._bots = bots
        self._audit = audit
        self._pages = pages
        self._clock = clock
        self._copies = OwnCopy(conversations, holdings, attachments, pages, clock, most=copy_bytes)
        self._own_erasure = OwnErasure(erasures, certificates, requests, accounts)
        self._per_client = Throttle(clock, per_client, HOUR)
        self._per_copy = Throttle(clock, copies, HOUR)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/w/{bot}/terms", self.terms, PUBLIC, "page"),
            Route("POST", "/w/{bot}/privacy", self.held, PUBLIC, "api", max_body=2_048),
            Route("POST", "/w/{bot}/privacy/copy", self.copy, PUBLIC, "api", max_body=2_048),
            Route("POST", "/w/{bot}/privacy/consent", self.choose, PUBLIC, "api", max_body=2_048),
            Route("POST", "/w/{bot}/privacy/request", self.ask, PUBLIC, "api", max_body=8_192),
            Route("POST", "/w/{bot}/privacy/name", self.rename, PUBLIC, "api", max_body=2_048),
            Route("POST", "/w/{bot}/privacy/withdraw", self.withdraw, PUBLIC, "api", max_body=2_048),
        ]

    async def terms(self, request: web.Request) -> web.Response:
        """The terms of the chat, by version (MS-5)."""
        bot, query = await self._bot(request), read_query(request, _Terms)
        terms = await self._consents.notice(bot.account, bot.id, query.locale, use="terms")
        return await self._pages.render(request, "widget/terms.html", terms=terms, name=bot.body.name)

    async def held(self, request: web.Request) -> web.Response:
        """What is held, in values; the widget finds the words."""
        bot, asked = await self._bot(request), await read_json(request, Asked)
        browser, held = await self._enter(request, bot, asked)
        async with self._recorded(browser, "privacy.looked", held):
            return _json(await self._answer(browser, bot, held))

    async def copy(self, request: web.Request) -> web.StreamResponse:
        """All of it as an archive, which leaves while it is made."""
        bot, asked = await self._bot(request), await read_json(request, Asked)
        browser, held = await self._enter(request, bot, asked)
        self._per_copy.check(browser.visitor)
        self._per_copy.hit(browser.visitor)
        async with self._recorded(browser, "privacy.copied", held):
            parts = self._copies.of(
                browser,
                held,
                controller=await self._controller(bot),
                bots=await self._names(bot),
                requests=await self._requests.of_visitor(bot.account, browser.visitor),
            )
            async with aclosing(parts):
                return await stream_file(request, parts, "frontdesk-copy.zip")

    async def choose(self, request: web.Request) -> web.Response:
        """A consent of its own: given or refused by one press, each as easy as the other (Art. 7 (3))."""
        bot, chosen = await self._bot(request), await read_json(request, Chosen)
        browser, held = await self._enter(request, bot, chosen)
        conversation, page = self._newest(held)
        use: Use = chosen.use
        action = "consent.given" if chosen.given else "consent.refused"
        async with self._recorded(browser, action, held, use=use):
            if chosen.given:
                await self._consents.give(
                    bot.account,
                    bot.id,
                    visitor=browser.visitor,
                    conversation=conversation,
                    version=chosen.version,
                    page=page,
                    use=use,
                )
            else:
                await self._consents.refuse(
                    bot.account,
                    bot.id,
                    visitor=browser.visitor,
                    conversation=conversation,
                    use=use,
                    locale=chosen.locale,
                    page=page,
                )
        return _json(await self._answer(browser, bot, held))

    async def ask(self, request: web.Request) -> web.Response:
        """A correction, which people of the house carry out and answer; an erasure, carried out at once or by them."""
        bot, asked = await self._bot(request), await read_json(request, Requested)
        said = _clean(asked.words)
        if asked.what == "erase" and asked.confirm.strip().upper() not in CONFIRM.values():
            await self._enter(request, bot, asked)
            raise Invalid("Type the word to confirm. Nothing was asked for.", field="confirm")
        if asked.what == "erase":
            return await self._erase(request, bot, asked)
        browser, held = await self._enter(request, bot, asked)
        if len(said) < 3:
            raise Invalid("Say what is wrong and what is right.", field="words")
        async with self._recorded(browser, "privacy.asked", held, what=asked.what):
            await self._requests.ask(
                bot.account,
                bot.id,
                asked.what,
                visitor=browser.visitor,
                conversations=held.conversations,
                contact=held.contact.id if held.contact else "",
                words=said,
            )
        return _json(await self._answer(browser, bot, held))

    async def _erase(self, request: web.Request, bot: Bot, asked: Requested) -> web.Response:
        async with self._own_erasure.locks.of(asked.device):
            browser, held = await self._enter(request, bot, asked)
            async with self._recorded(browser, "privacy.asked", held, what="erase"):
                erased = await self._own_erasure.erase(browser, held)
        if erased is None:
            return _json(await self._answer(browser, bot, held))
        return _json({"erased": erased})

    async def rename(self, request: web.Request) -> web.Response:
        """The right name, in every chat of this browser; what stood there before stays in their logs (MS-12)."""
        bot, asked = await self._bot(request), await read_json(request, Renamed)
        browser, held = await self._enter(request, bot, asked)
        name = " ".join(_clean(asked.name).split())
        if not name:
            raise Invalid("A name has letters.", field="name")
        async with self._recorded(browser, "privacy.renamed", held):
            given = NameGiven(at=self._clock.now(), name=name)
            for chat in held.chats:
                if chat.here and chat.state.consent is not None and chat.state.name != name:
                    await self._conversations.update(bot.account, chat.state.id, lambda _: [given])
        return _json(await self._answer(browser, bot, await self._holdings.of(browser)))

    async def withdraw(self, request: web.Request) -> web.Response:
        """Take back the consent to the chats of this browser; an open one ends."""
        bot, asked = await self._bot(request), await read_json(request, Asked)
        browser, held = await self._enter(request, bot, asked)
        standing = [chat for chat in held.chats if chat.here and chat.state.consent is not None]
        if not standing:
            raise Conflict("There is no consent that could be taken back.")
        async with self._recorded(browser, "consent.refused", held, use="notice"):
            for chat in standing:
                await self._chats.withdraw(bot.account, chat.state.id)
        return _json({"withdrawn": len(standing)})

    # What they have in common

    async def _bot(self, request: web.Request) -> Bot:
        named = request.match_info["bot"]
        bot = await self._bots.public(named) if is_id(named) else None
        if bot is None:
            raise NotFound("There is no such bot.")
        return bot

    async def _enter(
        self, request: web.Request, bot: Bot, asked: Asked | Chosen | Requested | Renamed
    ) -> tuple[Browser, Holdings]:
        """The browser and what it may see; the attempt counts before anything is looked up."""
        client = limit_key(request)
        self._per_client.check(client)
        self._per_client.hit(client)
        visitor = await self._chats.visitor_of(bot.account, asked.device, asked.ticket)
        browser = Browser(bot.account, bot.id, visitor, asked.locale, WebPage(), client)
        return browser, await self._holdings.of(browser)

    async def _answer(self, browser: Browser, bot: Bot, held: Holdings) -> dict[str, Any]:
        requests = await self._requests.of_visitor(bot.account, browser.visitor)
        data = data_of(
            held,
            controller=await self._controller(bot),
            bots=await self._names(bot),
            requests=requests,
        )
        for chat in data["chats"]:
            del chat["page"]
        data["choices"] = await self._choices(browser, bot)
        data["erases"], data["erases_proven"] = await self._own_erasure.how(browser, held)
        data["consented"] = any(chat.here and chat.state.consent is not None for chat in held.chats)
        return data

    async def _choices(self, browser: Browser, bot: Bot) -> list[dict[str, Any]]:
        when = bot.body.transcript_mail
        if when == "off":
            return []
        text = await self._consents.notice(bot.account, bot.id, browser.locale, use="transcript_mail")
        word = await self._consents.last_word(bot.account, bot.id, browser.visitor, PURPOSE)
        choice = {
            "use": PURPOSE,
            "text": text.text,
            "version": text.version,
            "locale": text.locale,
            "on": when == "verified" if word is None else not word.withdraws,
            # Nobody consented by saying nothing: until the visitor has chosen, it rests on his right to object.
            "basis": "objection" if word is None and when == "verified" else "consent",
        }
        return [choice]

    def _newest(self, held: Holdings) -> tuple[str, str]:
        for chat in held.chats:
            if chat.here:
                return chat.state.id, chat.state.page.url
        raise Conflict("There is no chat in this browser that this could belong to.")

    async def _controller(self, bot: Bot) -> str:
        account = await self._accounts.get(bot.account)
        return account.body.name if account is not None else bot.body.name

    async def _names(self, bot: Bot) -> dict[str, str]:
        return {one.id: one.body.name for one in await self._bots.list(bot.account)}

    def _recorded(self, browser: Browser, action: str, held: Holdings, **data: str) -> AbstractAsyncContextManager[int]:
        newest = held.conversations[0] if held.chats else ""  # what an entry of the audit book can be found by
        return self._audit.recording(
            browser.account,
            _VISITOR,
            action,
            newest,
            after={"bot": browser.bot, "verified": held.verified, **data},
        )


_VISITOR = By("visitor")


def _clean(text: str) -> str:
    """Without control characters and direction marks (G-3)."""
    return "".join(one for one in text if one == "\n" or unicodedata.category(one) not in _UNSEEN).strip()


_UNSEEN = {"Cc", "Cf", "Zl", "Zp", "Cs"}


def _json(data: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(data), content_type="application/json")
