"""The one door through which transcripts leave the house (YA-1 … YA-3, YA-12, SECURITY 2.1).

`decide` is the rule: pure, total, in the order of the mission's table. `Guard` applies it: it finds out who asks,
decides, fetches the conversation *as* that somebody, writes the outcome with its rule to the audit book, and only then
hands the transcript out. It fails closed: whatever goes wrong on the way, nothing is shown (L-21). Pages, files, the
live rest of an open page and what members download without a link all come through here.

An unknown link is not told apart from a forbidden one: same look-ups, same audit entry, same answer (YA-3, L-13).
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import msgspec

from admin import AuditBook, Match, Principal, Whitelists
from foundation.clock import Clock
from foundation.errors import Gone, Locked, NotFound, TooMany, Unavailable
from foundation.ids import new_id
from foundation.web import Address
from foundation.web.logs import log_failure
from transcripts.access import Access
from transcripts.conversations import Conversations
from transcripts.events import Numbered
from transcripts.links import Link, Links, Seen
from transcripts.refusals import Refusals
from transcripts.state import State

Outcome = Literal["member", "external", "login", "refused", "gone"]
Rule = Literal[
    "unknown_link",
    "bot_access",
    "bot_range",
    "account_range",
    "no_session",
    "no_access",
    "no_download",
    "expired",
    "revoked",
    "erased",
    "restricted",
]


class Decision(msgspec.Struct, frozen=True):
    """What happens to a request for a transcript, and the rule that said so. `range` names the range that let it in.

    `by` is the right that counts when the outcome is `gone` or a download is refused: the one that would have opened it.
    """

    outcome: Outcome
    rule: Rule
    range: str = ""
    by: Rule | None = None


class Opening(msgspec.Struct, frozen=True):
    """A decision with what it lets out; only the outcomes `member` and `external` come with a conversation."""

    decision: Decision
    link: Link | None = None
    state: State | None = None
    events: Sequence[Numbered] = ()


def decide(
    link: Link | None, viewer: Principal | None, match: Match | None, now: int, *, download: bool = False
) -> Decision:
    """The mission's table, in its order.

    `viewer` is somebody with an active session, else `None`; `match` the enabled range of the link's bot or account
    that holds the client's address, if any. An unknown link leads a stranger to the login page like any other link.
    `download`: a file is asked for; staff of the account need the right to it, whichever way they come (YA-13).
    """
    if link is None:
        return Decision("refused" if viewer else "login", "unknown_link")
    own = viewer is not None and viewer.account == link.account
    forbidden = download and own and viewer is not None and not viewer.may_download
    if viewer is not None and own and viewer.may_open(link.bot):
        return _open("member", "bot_access", link, now, forbidden=forbidden)
    if match is not None:
        rule: Rule = "account_range" if match.scope == "account" else "bot_range"
        return _open("external", rule, link, now, match.range_id, forbidden=forbidden)
    if viewer is None:
        return Decision("login", "no_session")
    return Decision("refused", "no_access")


def _open(outcome: Outcome, rule: Rule, link: Link, now: int, range: str = "", *, forbidden: bool = False) -> Decision:
    ended = link.ended(now)
    if ended is not None:
        return Decision("gone", ended, range, by=rule)
    return Decision("refused", "no_download", range, by=rule) if forbidden else Decision(outcome, rule, range)


Sees = Callable[[Principal, State], bool]
"""Whether a conversation exists for a person at the desk (YA-24); the floor above knows."""

DOWNLOADS = frozenset({"txt", "csv", "json", "pdf", "file"})
_MEMBERS_OWN = "own"
"""The id of the stand-in for a link when a member asks for a conversation itself."""


class Guard:
    """Applies `decide` to real requests."""

    def __init__(
        self,
        links: Links,
        access: Access,
        conversations: Conversations,
        *,
        whitelists: Whitelists,
        audit: AuditBook,
        clock: Clock,
        sees: Sees = lambda person, state: person.may_open(state.bot),
    ) -> None:
        self._links = links
        self._access = access
        self._conversations = conversations
        self._whitelists = whitelists
        self._audit = audit
        self._clock = clock
        self._sees = sees
        self.refusals = Refusals(audit, clock)

    async def open(
        self, token: str, viewer: Principal | None, address: Address | None, *, form: str = "page"
    ) -> Opening:
        """Decide, fetch, write it down; what is returned may be shown. `form` is the format asked for.

        Raises `Unavailable` when any of that fails; then nothing may be shown. Raises `TooMany` for somebody who was
        refused too often; who may read is never counted.
        """
        async with self._failing_closed(viewer, address, form):
            opening = await self._decided(token, viewer, address, form)
            await self._write_down(opening, viewer, address, form)
            await self._count(opening, viewer, address, form)
            return opening

    async def go_on(self, token: str, viewer: Principal | None, address: Address | None, *, since: int) -> Opening:
        """The same for a page that is open and has everything up to event `since`: decided afresh, so that a right that
        ended ends what is on the screen (L-16). It is written down when there is something new to hand out, or when
        nothing may be shown any more; it does not count as another view."""
        async with self._failing_closed(viewer, address, "live"):
            opening = await self._decided(token, viewer, address, "live", since=since)
            if opening.state is None or opening.state.seq != since:
                await self._write_down(opening, viewer, address, "live")
            return opening

    async def open_file(self, token: str, viewer: Principal | None, address: Address | None, *, form: str) -> Opening:
        """The same for one file of the transcript (L-17); it is written down, and does not count as another view.
        `form` is `file`, a download, or `picture`, shown on the page."""
        async with self._failing_closed(viewer, address, form):
            opening = await self._decided(token, viewer, address, form)
            await self._write_down(opening, viewer, address, form)
            return opening

    async def open_own(self, conversation: str, viewer: Principal, address: Address | None, *, form: str) -> Opening:
        """A conversation for somebody at the desk who sees it there, without a link; the rules are the same. What he
        does not see is `unknown_link` to him (M-1)."""
        async with self._failing_closed(viewer, address, form):
            target, state = await self._target(conversation, viewer)
            decision = decide(target, viewer, None, self._clock.now(), download=form in DOWNLOADS)
            if state is None and target is not None:
                decision = _restricted(decision)
            opening = Opening(decision, target)
            if state is not None and decision.outcome == "member":
                events = await self._conversations.events(state.account, state.id)
                opening = Opening(decision, target, state, events)
            await self._write_down(opening, viewer, address, form)
            return opening

    async def explain(
        self, link: Link, viewer: Principal | None, address: Address | None, *, download: bool = False
    ) -> Decision:
        """What this person (`None`: nobody logged in), at this address, would be answered. Nothing is opened, and
        nothing counted."""
        match = await self._match(link, viewer, address)
        decision = decide(link, viewer, match, self._clock.now(), download=download)
        opens = decision.outcome in ("member", "external") or decision.rule == "no_download"
        if opens:
            state = await self._access.find(link.account, link.conversation)
            if state is None:
                decision = _erased(decision)
            elif state.restricted is not None:
                decision = _restricted(decision)
        return decision

    async def wish(self, token: str, viewer: Principal, address: Address | None) -> tuple[Decision, Link | None]:
        """Decide for somebody who asks for access, and write it down; nothing is opened. The link comes along only when
        it is one of his own account (L-9)."""
        async with self._failing_closed(viewer, address, "request"):
            link = await self._links.by_token(token)
            decision = decide(link, viewer, await self._match(link, viewer, address), self._clock.now())
            if decision.outcome == "refused":
                await self._write_down(Opening(decision, link), viewer, address, "request")
            return decision, link if link is not None and link.account == viewer.account else None

    async def _decided(
        self, token: str, viewer: Principal | None, address: Address | None, form: str, *, since: int | None = None
    ) -> Opening:
        link = await self._links.by_token(token)
        match = await self._match(link, viewer, address)
        decision = decide(link, viewer, match, self._clock.now(), download=form in DOWNLOADS)
        if link is None or decision.outcome not in ("member", "external"):
            return Opening(decision, link)
        try:
            state = await self._fetch(decision, link, viewer, match)
            if state.seq == since:
                return Opening(decision, link, state)
            events = await self._conversations.events(state.account, state.id)
        except (NotFound, Gone):
            return Opening(_erased(decision), link)
        except Locked:
            return Opening(_restricted(decision), link)
        return Opening(decision, link, state, events)

    async def _target(self, conversation: str, viewer: Principal) -> tuple[Link | None, State | None]:
        try:
            state = await self._access.as_member(viewer, conversation)
        except (NotFound, Gone):
            return None, None
        except Locked:
            found = await self._access.find(viewer.account, conversation)
            return (None, None) if found is None or not self._sees(viewer, found) else (self._own(found), None)
        if not self._sees(viewer, state):
            return None, None
        return self._own(state), state

    def _own(self, state: State) -> Link:
        now = self._clock.now()
        return Link(_MEMBERS_OWN, state.account, state.bot, state.id, now, "", "", expires_at=now + 1)

    async def _fetch(self, decision: Decision, link: Link, viewer: Principal | None, match: Match | None) -> State:
        if decision.outcome == "member" and viewer is not None:
            return await self._access.as_member(viewer, link.conversation)
        if match is None:
            raise NotFound
        return await self._access.as_address(match, link)

    async def _match(self, link: Link | None, viewer: Principal | None, address: Address | None) -> Match | None:
        """The range that holds the address, by lists that were looked at within the last second (L-16). For an unknown
        link the same is asked in vain, so that it takes as long."""
        account, bot = (link.account, link.bot) if link else (viewer.account if viewer else "", "")
        await self._whitelists.refresh(account)
        return self._whitelists.allowed(account, bot, address) if address is not None else None

    async def _write_down(self, opening: Opening, viewer: Principal | None, address: Address | None, form: str) -> None:
        link, decision = opening.link, opening.decision
        account = link.account if link else viewer.account if viewer else ""
        where = None if address is None else str(address)
        refused = decision.outcome in ("login", "refused") and decision.rule != "no_download"
        if refused and not self.refusals.is_written(account, viewer.person if viewer else "", address):
            return
        await self._audit.write(
            account,
            viewer.person if viewer else "",
            f"transcript.{decision.outcome}",
            link.id if link else "",
            address=where,
            rule=decision.rule,
            by=decision.by or "",
            range=decision.range,
            conversation=link.conversation if link else "",
            bot=link.bot if link else "",
            format=form,
        )

    async def _count(self, opening: Opening, viewer: Principal | None, address: Address | None, form: str) -> None:
        if opening.state is None or opening.link is None:
            return
        decision = opening.decision
        seen = Seen(
            self._clock.now(),
            decision.rule,
            form,
            viewer.person if viewer and decision.outcome == "member" else "",
            "" if address is None else str(address),
            decision.range,
        )
        await self._links.count_view(opening.link, seen)

    @asynccontextmanager
    async def _failing_closed(
        self, viewer: Principal | None, address: Address | None, form: str
    ) -> AsyncIterator[None]:
        try:
            yield
        except TooMany:
            raise
        except Exception as error:
            await self._write_down_failure(viewer, address, form, error)
            raise Unavailable("This cannot be shown at the moment. Please try again later.") from error

    async def _write_down_failure(
        self, viewer: Principal | None, address: Address | None, form: str, error: Exception
    ) -> None:
        reference = new_id()[:10]
        log_failure(reference, "showing a transcript", error)
        account, person = (viewer.account, viewer.person) if viewer else ("", "")
        where = None if address is None else str(address)
        try:
            await self._audit.write(
                account, person, "transcript.error", reference, address=where, rule="error", format=form
            )
        except Exception as second:  # noqa: BLE001 - nothing is shown either way, and the log has both
            log_failure(reference, "writing that to the audit book", second)


def _erased(decision: Decision) -> Decision:
    return Decision("gone", "erased", decision.range, by=decision.rule)


def _restricted(decision: Decision) -> Decision:
    return Decision("gone", "restricted", decision.range, by=decision.rule)
