"""One visitor's open socket: what he is shown, and what he may do.

The visit belongs to a browser and a bot; its conversation is found by these (`chats`) and never named by the client.
Without an accepted notice no message is taken (PS-13).

What was sent is kept as one number, the last seq. Signals say that there is more, a slow poll finds out when a signal
was lost, and the log says what: no gap, nothing twice.
"""

import asyncio
import logging
from collections.abc import Awaitable

import msgspec

from admin import Bot
from bot_runtime.channels.widget import frames
from bot_runtime.channels.widget.chats import Browser, Chats
from bot_runtime.channels.widget.frames import AnyFrame, Hello, Outcome
from bot_runtime.site_visitors import SiteVisitor, SiteVisitors, topic_of
from bot_runtime.turns import Said, Turns
from bot_runtime.verification import Asker, Verification
from bot_runtime.verification.browser_keys import COPIED
from bot_runtime.whispers import Typing, typing_of
from foundation.clock import SECOND, Clock
from foundation.errors import Conflict, Forbidden, NotFound, Problem
from foundation.ids import new_secret, secret_hash
from foundation.live import Listener, Signals
from foundation.tasks import ended
from foundation.web import LiveSocket, batches
from transcripts.conversations import Conversations
from transcripts.events import EmailSupplied, EmailVerified
from transcripts.mailing import TranscriptMails
from transcripts.state import State
from transcripts.views import visitor_view

log = logging.getLogger(__name__)

POLL_EVERY = 20 * SECOND
"""A signal that was lost delays a message by this at most."""


class Services(msgspec.Struct, frozen=True):
    """What every visit uses."""

    chats: Chats
    conversations: Conversations
    turns: Turns
    verification: Verification
    transcripts: TranscriptMails
    signals: Signals
    clock: Clock
    site: SiteVisitors


class Visit:
    """From `welcome` to the close. `secure`: whether the line is encrypted as far as we know (PS-3)."""

    def __init__(
        self,
        socket: LiveSocket[Hello, AnyFrame],
        bot: Bot,
        services: Services,
        *,
        asker: Asker,
        client: str,
        secure: bool,
    ) -> None:
        hello = socket.hello
        self._socket = socket
        self._bot = bot
        self._account = bot.account
        self._chats = services.chats
        self._services = services
        self._asker = asker
        self._client = client
        self._secure = secure
        self._browser = Browser(
            account=bot.account,
            bot=bot.id,
            visitor="" if hello.device is None else secret_hash(hello.device),
            locale=hello.locale,
            page=hello.page.as_page(),
            client=client,
        )
        self._own = ""  # the visitor that this browser has shown itself to be
        self._copied = False
        self._site: SiteVisitor | None = None
        self._unnamed = ""  # why the token of the site was not taken
        self._conversation = ""
        self._sent = 0
        self._topic = ""
        self._listener: Listener

    async def run(self) -> None:
        """Serve until the browser goes away."""
        async with self._services.signals.listen() as self._listener:
            await self._read_notice()
            await self._recognise()
            if self._browser.visitor and (state := await self._chats.find(self._browser)) is not None:
                await self._enter(state, since=self._socket.hello.since)
            await self._welcome()
            await self._catch_up()
            helpers = [asyncio.create_task(self._follow()), asyncio.create_task(self._poll())]
            try:
                async for frame in self._socket:
                    await self._answer(frame)
            finally:
                await ended(*helpers)

    async def _recognise(self) -> None:
        """A device that registered a key is this browser's only with a signature; without one it opens nothing."""
        if self._socket.hello.identity:
            await self._ask_site()
            return
        visitor, keys = self._browser.visitor, self._services.verification.keys
        if not visitor or not await keys.has(self._account, visitor) or await self._signs(visitor):
            self._own = visitor
            return
        self._copied = True
        await self._services.verification.turn_away_copy(self._account, self._bot.id, visitor)
        self._browser = msgspec.structs.replace(self._browser, visitor="")

    async def _ask_site(self) -> None:
        """YA-29: who comes with a token of the site is whom it names, or somebody new; in no case this browser's device,
        which another visitor of the site may have used."""
        hello = self._socket.hello
        self._listener.add(topic_of(self._bot.id))
        said = await self._services.site.identify(
            self._account, self._bot.id, hello.identity, hello.use or new_secret()
        )
        if isinstance(said, SiteVisitor):
            self._site, self._own = said, said.visitor
        else:
            self._unnamed = said
            self._socket.send_problem(Forbidden(said), code="not_identified")
        self._browser = msgspec.structs.replace(self._browser, visitor=self._own)

    async def _signs(self, visitor: str) -> bool:
        if not self._socket.hello.key:
            return False
        nonce = new_secret()
        self._socket.send(frames.Challenge(nonce))
        async for frame in self._socket:
            if not isinstance(frame, frames.Signed):
                self._socket.send_problem(Conflict("Please answer the challenge first."))
                continue
            return await self._services.verification.keys.is_signed(
                self._account, visitor, bot=self._bot.id, nonce=nonce, signature=frame.signature
            )
        return False

    async def _read_notice(self) -> None:
        self._notice = await self._chats.notice(self._browser)
        self._current = await self._chats.current_notices(self._browser)

    async def _enter(self, state: State, *, since: int = 0) -> None:
        """From now on this is the conversation. What changed while the browser was away is made good: a proof may have
        ended, and a crash may have cut a turn off."""
        if self._topic:
            self._listener.drop(self._topic)
        self._conversation, self._topic = state.id, f"conversation/{state.id}"
        self._sent = since if since <= state.seq else 0
        self._listener.add(self._topic)
        if not state.closed:
            if self._site is not None:
                await self._chats.name(self._account, state.id, self._site)
            await self._services.verification.recognise(self._account, state.id)
            await self._services.turns.resume(self._account, state.id)
            await self._services.turns.proof_changed(self._account, state.id)

    # What is told

    async def _welcome(self) -> None:
        state = await self._state()
        notice = self._notice
        self._socket.send(
            frames.Welcome(
                bot=_card(self._bot),
                notice=frames.NoticeCard(notice.version, notice.text, notice.hash, notice.locale),
                consented=state is not None and self._consented(state),
                conversation=state.id if state else None,
                seq=state.seq if state else 0,
                control=state.control if state else "bot",
                holder=(state.holder_name or None) if state else None,
                secure=self._secure,
                transcripts=self._bot.body.transcript_icon,
                other_browser=self._copied or (self._unnamed != "" and self._own == ""),
                ticket=await self._ticket(),
            )
        )

    async def _ticket(self) -> str:
        keys = self._services.verification.keys
        if self._site is not None:
            return await keys.site_ticket(self._account, self._own, self._site.key)
        return await keys.ticket(self._account, self._own) if self._own else ""

    def _consented(self, state: State) -> bool:
        """Whether what was accepted is still the current notice, in whichever language it was read. Somebody who comes
        back after a new version was published is asked again; who is in the middle of a chat finishes his visit."""
        return state.consent is not None and state.consent.notice in self._current

    async def _catch_up(self, known: int = 0) -> None:
        conversation, since = self._conversation, self._sent
        if not conversation:
            return
        events = await self._services.conversations.events(self._account, conversation, since, known=known)
        if not events or (conversation, since) != (self._conversation, self._sent):
            return
        for seq, views in batches((event.seq, visitor_view(event)) for event in events):
            self._sent = seq
            if views:
                self._socket.send({"type": "events", "events": views})
            if seq != events[-1].seq:
                await self._socket.drained()
            if (conversation, seq) != (self._conversation, self._sent):
                return  # somebody else went on from here
        if any(isinstance(one.event, EmailSupplied | EmailVerified) for one in events):
            await self._services.turns.proof_changed(self._account, conversation)

    async def _follow(self) -> None:
        async for signal in self._listener:
            if signal.note is not None:
                self._pass_typing(signal.note)
            elif signal.topic != self._topic:
                await self._carefully(self._require_site())
            else:
                await self._carefully(self._catch_up(signal.number or 0))

    async def _poll(self) -> None:
        while True:
            await self._services.clock.sleep(POLL_EVERY)
            await self._carefully(self._require_site())
            await self._carefully(self._catch_up())

    async def _require_site(self) -> None:
        """Who came with a token of the site goes when its key was revoked. His page may come again, with a new token."""
        if self._site is not None and not await self._services.site.lives(self._account, self._site.key):
            await self._socket.close(4401, "the site's key was revoked")

    async def _carefully(self, work: Awaitable[None]) -> None:
        try:
            await work
        except NotFound:
            self._conversation = ""
            await self._socket.close(4404, "this chat was erased")
        except Problem:
            log.exception("a visitor's socket could not be brought up to date; the next poll will")

    def _pass_typing(self, note: bytes) -> None:
        typing = typing_of(note)
        if typing is not None and typing.by != "visitor":
            self._socket.send(frames.TypingNow(by=typing.by, name=typing.name, on=typing.on))

    # What arrives

    async def _answer(self, frame: AnyFrame) -> None:
        try:
            match frame:
                case frames.Message():
                    await self._message(frame)
                case frames.Typing(on=on):
                    self._type(on)
                case frames.Consent():
                    await self._consent(frame)
                case frames.Signed():
                    pass  # too late, or nobody asked
                case _:
                    await self._deed(frame)
        except Problem as problem:
            client_id = getattr(frame, "client_id", None)
            self._socket.send_problem(problem, **({"client_id": client_id} if client_id else {}))

    async def _message(self, frame: frames.Message) -> None:
        state = await self._state()
        if state is None or state.closed or not self._consented(state):
            await self._begin_again(state, frame.client_id)
        said = Said(client_id=frame.client_id, text=frame.text, payload=frame.payload)
        seq = await self._services.turns.receive(self._account, self._conversation, said)
        self._socket.send(frames.Ack(frame.client_id, seq))

    async def _begin_again(self, before: State | None, client_id: str) -> None:
        """The chat at hand is over: go on in another tab's, or in a new one under the same consent."""
        if before is not None and client_id in before.client_ids:
            return  # sent again because its answer was lost; it is acknowledged as what it was
        old = before is not None and not before.closed and before.consent is not None
        after = None if before is None or old else await self._chats.go_on(self._browser, before)
        if after is None:
            await self._welcome()
            raise Forbidden("Please accept the notice first. Your message was not stored.")
        await self._enter(after)
        await self._welcome()
        await self._catch_up()

    async def _consent(self, frame: frames.Consent) -> None:
        state, keys = await self._state(), self._services.verification.keys
        if state is None or state.closed or not self._consented(state):
            if frame.notice != self._notice.version:
                await self._read_notice()
            if frame.notice != self._notice.version:
                await self._welcome()
                raise Conflict("The notice has changed. Please read it again. Nothing was stored.")
            if self._site is None:
                await self._become(secret_hash(frame.device))
            after = await self._chats.accept(self._browser, self._notice)
            if frame.key and self._site is None:
                await keys.register(self._account, self._own, frame.key)
            if self._copied:
                await self._chats.note(self._account, after.id, COPIED)
                self._copied = False
            await self._enter(after)
        await self._welcome()
        await self._catch_up()

    async def _become(self, visitor: str) -> None:
        """The browser acts under this device from now on."""
        keys = self._services.verification.keys
        if visitor != self._own and await keys.has(self._account, visitor):
            raise Conflict("This device is bound to another browser. Please reload the page. Nothing was stored.")
        if visitor != self._own and self._unnamed and await self._chats.has_any(self._browser, visitor):
            raise Conflict("This device has chats of its own. Please reload the page. Nothing was stored.")
        self._own = visitor
        self._browser = msgspec.structs.replace(self._browser, visitor=visitor)

    async def _deed(self, frame: "_Deed") -> None:
        state = await self._state()
        ends = isinstance(frame, frames.Withdraw | frames.End)
        if state is None or not (ends or self._consented(state)):
            raise Forbidden("Please accept the notice first. Nothing was stored.")
        outcome = await self._done(state.id, frame)
        self._socket.send(frames.Done(frame.client_id, outcome))
        if outcome == "withdrawn":
            await self._socket.close(1000, "withdrawn")

    async def _done(self, conversation: str, frame: "_Deed") -> Outcome:
        account, client_id, verification = self._account, frame.client_id, self._services.verification
        match frame:
            case frames.Email(address=address):
                await verification.supply(
                    account, conversation, address, by="visitor", client_id=client_id, asker=self._asker
                )
                return "sent"
            case frames.Resend():
                await verification.send(account, conversation, by="visitor", client_id=client_id, asker=self._asker)
                return "sent"
            case frames.Code(code=code, stay=stay):
                return await verification.enter_code(
                    account, conversation, code, stay=stay, client_id=client_id, asker=self._asker
                )
            case frames.Handoff():
                await self._chats.call_person(account, conversation, client_id)
                return "queued"
            case frames.Transcript():
                await self._services.transcripts.asked(account, conversation, client_id, client=self._client)
                return "asked"
            case frames.End():
                await self._chats.end(account, conversation)
                return "ended"
            case frames.Withdraw():
                await self._chats.withdraw(account, conversation)
                return "withdrawn"

    def _type(self, on: bool) -> None:
        if self._topic:
            self._services.signals.whisper(self._topic, Typing(by="visitor", name="", on=on).as_note())

    async def _state(self) -> State | None:
        if not self._conversation:
            return None
        return await self._services.conversations.state(self._account, self._conversation)


def _card(bot: Bot) -> frames.BotCard:
    body, files = bot.body, bot.body.file_policy
    return frames.BotCard(
        bot.id, body.name, body.language, body.accent, body.greeting, files.mode != "off", files.accepts
    )


_Deed = frames.Email | frames.Code | frames.Resend | frames.Handoff | frames.Transcript | frames.End | frames.Withdraw
