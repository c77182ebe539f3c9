"""A browser's own chats: found by the hash of its device secret, begun with a consent, ended, taken back.

No function here takes the id of a conversation from a client: which one it is follows from the browser and the bot
(M-2, M-7). Nothing is stored before the notice was accepted (MS-1).
"""

import asyncio
from collections.abc import Sequence

import msgspec

from bot_runtime.locks import Locks
from bot_runtime.phrases import say
from bot_runtime.site_visitors import SiteVisitor, SiteVisitors
from bot_runtime.verification import Verification
from foundation.clock import DAY, Clock
from foundation.errors import Conflict
from foundation.web import Throttle
from transcripts.consent import Consents
from transcripts.control import change
from transcripts.conversations import Conversations
from transcripts.events import (
    AnyEvent,
    Closed,
    ConsentGiven,
    ConsentWithdrawn,
    MessageSent,
    NoteWritten,
    SiteIdentified,
    WebPage,
)
from transcripts.notices import Notice
from transcripts.state import State

SHOWN_AFTER_END = 1 * DAY
"""A chat that ended is still shown to its browser for so long (YA-16)."""


class Browser(msgspec.Struct, frozen=True):
    """Who opens a chat, with which bot, from where. `client` is what limits count by, and is not stored."""

    account: str
    bot: str
    visitor: str
    locale: str
    page: WebPage
    client: str


class Chats:
    """`openings` limits how many conversations one client address may begin."""

    def __init__(
        self,
        conversations: Conversations,
        consents: Consents,
        verification: Verification,
        site: SiteVisitors,
        clock: Clock,
        *,
        openings: Throttle,
    ) -> None:
        self._conversations = conversations
        self._consents = consents
        self._verification = verification
        self._site = site
        self._clock = clock
        self._openings = openings
        self._locks = Locks()

    async def find(self, browser: Browser) -> State | None:
        """This browser's open conversation, else the one that ended lately, else none."""
        current = await self.current(browser)
        if current is not None:
            return current
        state = await self._conversations.latest_of(browser.account, browser.bot, browser.visitor)
        if state is None or not state.closed or state.consent is None:
            return None
        return state if state.last_at > self._clock.now() - SHOWN_AFTER_END else None

    async def current(self, browser: Browser) -> State | None:
        """Its open conversation."""
        return await self._conversations.current_of(browser.account, browser.bot, browser.visitor)

    async def notice(self, browser: Browser) -> Notice:
        """What has to be accepted now, in the language of the browser."""
        return await self._consents.notice(browser.account, browser.bot, browser.locale)

    async def current_notices(self, browser: Browser) -> frozenset[str]:
        """The versions that are current, in every language: whoever accepted one of them need not be asked again."""
        return frozenset(await self._consents.current(browser.account, browser.bot))

    async def accept(self, browser: Browser, notice: Notice) -> State:
        """The notice was accepted: this browser's open conversation, or a new one.

        Raises `TooMany` when the client address began too many, `Conflict` when the notice is not current any more.
        """
        async with self._alone(browser):
            return await self._accepted(browser, notice)

    async def go_on(self, browser: Browser, before: State) -> State | None:
        """The conversation of a message that comes after the end of `before`: the one another tab began, or a new one
        under the same consent. `None` when the notice has changed since: it must be read again."""
        async with self._alone(browser):
            return await self._gone_on(browser, before)

    async def visitor_of(self, account: str, device: str, ticket: str) -> str:
        """For whom a door beside the socket acts (`BrowserKeys.visitor_of`)."""
        return await self._verification.keys.visitor_of(account, device, ticket, self._site.lives)

    async def note(self, account: str, conversation: str, text: str) -> None:
        """Tell the staff something about this chat."""
        note = NoteWritten(at=self._clock.now(), author="", author_name="Frontdesk", text=text)
        await self._conversations.update(account, conversation, lambda _: [note])

    async def name(self, account: str, conversation: str, said: SiteVisitor) -> None:
        """Keep what the site says of this visitor, for the staff (YA-29), unless it stands there already."""

        def decide(state: State) -> Sequence[AnyEvent]:
            known = state.site
            if state.consent is None or state.restricted is not None:
                return ()
            before = ("", "", "") if known is None else (known.sub, known.name, known.email)
            # What a token leaves out is not taken back: pages of a site may say more or less of the same visitor.
            now = (said.sub, said.name or before[1], said.email or before[2])
            if now == before:
                return ()
            return [SiteIdentified(at=self._clock.now(), sub=now[0], name=now[1], email=now[2])]

        await self._conversations.update(account, conversation, decide)

    async def has_any(self, browser: Browser, visitor: str) -> bool:
        """Whether this visitor has, or had, a chat with the bot."""
        return await self._conversations.latest_of(browser.account, browser.bot, visitor) is not None

    async def call_person(self, account: str, conversation: str, client_id: str) -> None:
        """The visitor asks for a person (BR-5). Nothing to do while one is called or there."""

        def decide(state: State) -> Sequence[AnyEvent]:
            if state.closed:
                raise Conflict("This chat is over. Write a message to begin a new one.")
            if state.control != "bot":
                return ()
            now = self._clock.now()
            return [
                change(state, "queue", reason="handoff_requested", actor="visitor", at=now),
                MessageSent(at=now, by="system", text=say(state.locale, "handoff"), client_id=client_id),
            ]

        await self._conversations.update(account, conversation, decide)

    async def end(self, account: str, conversation: str) -> None:
        """The visitor ends the chat."""
        await self._conversations.update(account, conversation, lambda state: self._ending(state, "ended"))

    async def withdraw(self, account: str, conversation: str) -> None:
        """The consent is taken back: the evidence first, then the end of everything that rested on it (D-18, MS-3)."""
        state = await self._conversations.state(account, conversation)
        await self._verification.withdraw(account, conversation, via="widget")
        if state.consent is None:
            return
        record = state.consent.record
        await self._consents.withdraw(account, record, visitor=state.visitor, page=state.page.url)

        def decide(state: State) -> Sequence[AnyEvent]:
            if state.consent is None:
                return ()
            return [ConsentWithdrawn(at=self._clock.now(), record=record), *self._ending(state, "withdrawn")]

        await self._conversations.update(account, conversation, decide)

    async def _accepted(self, browser: Browser, notice: Notice) -> State:
        found, valid = await self.current(browser), await self.current_notices(browser)
        if found is not None and found.consent is not None and found.consent.notice in valid:
            return found
        # A conversation without consent is what a crash left between the two steps below: it is used, not left behind.
        conversation = found.id if found is not None else await self._open(browser)
        record = await self._consents.give(
            browser.account,
            browser.bot,
            visitor=browser.visitor,
            conversation=conversation,
            version=notice.version,
            page=browser.page.url,
        )
        given = ConsentGiven(
            at=record.at, record=record.id, notice=record.version, text_hash=record.hash, locale=record.locale
        )
        return await self._begin(browser, conversation, given)

    async def _gone_on(self, browser: Browser, before: State) -> State | None:
        current, valid = await self.current(browser), await self.current_notices(browser)
        if current is not None and current.consent is not None and current.consent.notice in valid:
            return current
        if before.consent is None or before.consent.notice not in valid:
            return None
        given = msgspec.structs.replace(before.consent, at=self._clock.now())
        return await self._begin(browser, await self._open(browser), given)

    def _alone(self, browser: Browser) -> asyncio.Lock:
        """Two tabs of one browser that begin at the same moment begin one conversation."""
        return self._locks.of(f"{browser.account}/{browser.bot}/{browser.visitor}")

    async def _open(self, browser: Browser) -> str:
        self._openings.check(browser.client)
        self._openings.hit(browser.client)
        return await self._conversations.open(
            browser.account, browser.bot, visitor=browser.visitor, locale=browser.locale, page=browser.page
        )

    async def _begin(self, browser: Browser, conversation: str, given: ConsentGiven) -> State:
        def decide(state: State) -> Sequence[AnyEvent]:
            known = state.consent is not None and state.consent.notice == given.notice
            return () if known else [given]

        await self._conversations.update(browser.account, conversation, decide)
        await self._verification.recognise(browser.account, conversation)
        return await self._conversations.state(browser.account, conversation)

    def _ending(self, state: State, reason: str) -> Sequence[AnyEvent]:
        if state.closed:
            return ()
        now = self._clock.now()
        return [
            change(state, "closed", reason=reason, actor="visitor", at=now),
            Closed(at=now, by="visitor", reason=reason),
        ]
