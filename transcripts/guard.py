"""The one door through which transcripts leave the house (YA-1 … YA-3, YA-12, SECURITY 2.1).

`decide` is the rule: pure, total, in the order of the mission's table. `Guard` applies it: it finds out who asks,
decides, fetches the conversation *as* that somebody, writes the outcome with its rule to the audit book, and only then
hands the transcript out. It fails closed: whatever goes wrong on the way, nothing is shown (L-21).

An unknown link is not told apart from a forbidden one: same look-ups, same audit entry, same answer (YA-3, L-13).
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from admin import AuditBook, Match, Principal, Whitelists
from foundation.clock import Clock
from foundation.errors import Gone, Locked, NotFound, Unavailable
from foundation.ids import new_id
from foundation.web import Address
from foundation.web.logs import log_failure
from transcripts.access import Access
from transcripts.conversations import Conversations
from transcripts.events import Numbered
from transcripts.links import Link, Links
from transcripts.state import State

Outcome = Literal["member", "external", "login", "refused", "gone"]
Rule = Literal[
    "unknown_link",
    "bot_access",
    "bot_range",
    "account_range",
    "no_session",
    "no_access",
    "expired",
    "revoked",
    "erased",
    "restricted",
]


class Decision(msgspec.Struct, frozen=True):
    """What happens to a request for a transcript, and the rule that said so. `range` names the range that let it in.

    `by` is the right that counts when the outcome is `gone`: the one that would have opened the link.
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


def decide(link: Link | None, viewer: Principal | None, match: Match | None, now: int) -> Decision:
    """The mission's table, in its order.

    `viewer` is somebody with an active session, else `None`; `match` the enabled range of the link's bot or account
    that holds the client's address, if any. An unknown link leads a stranger to the login page like any other link.
    """
    if link is None:
        return Decision("refused" if viewer else "login", "unknown_link")
    if viewer is not None and viewer.account == link.account and viewer.may_open(link.bot):
        return _open("member", "bot_access", link, now)
    if match is not None:
        rule: Rule = "account_range" if match.scope == "account" else "bot_range"
        return _open("external", rule, link, now, match.range_id)
    if viewer is None:
        return Decision("login", "no_session")
    return Decision("refused", "no_access")


def _open(outcome: Outcome, rule: Rule, link: Link, now: int, range: str = "") -> Decision:
    ended = link.ended(now)
    if ended is not None:
        return Decision("gone", ended, range, by=rule)
    return Decision(outcome, rule, range)


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
    ) -> None:
        self._links = links
        self._access = access
        self._conversations = conversations
        self._whitelists = whitelists
        self._audit = audit
        self._clock = clock

    async def open(
        self, token: str, viewer: Principal | None, address: Address | None, *, form: str = "page"
    ) -> Opening:
        """Decide, fetch, write it down; what is returned may be shown. `form` is the format asked for, for the record.

        Raises `Unavailable` when any of that fails; then nothing may be shown.
        """
        try:
            opening = await self._decided(token, viewer, address)
            await self._write_down(opening, viewer, address, form)
            if opening.state is not None and opening.link is not None:
                await self._links.count_view(opening.link)
            return opening
        except Exception as error:
            await self._write_down_failure(viewer, address, form, error)
            raise Unavailable("This cannot be shown at the moment. Please try again later.") from error

    async def explain(self, token: str, account: str, address: Address | None) -> tuple[Link, Decision] | None:
        """What somebody without a session, at this address, would be answered; `None` for a link that the account does
        not have. Nothing is opened, and nothing counted."""
        link = await self._links.by_token(token)
        if link is None or link.account != account:
            return None
        decision = decide(link, None, await self._match(link, None, address), self._clock.now())
        if decision.outcome == "external":
            state = await self._access.find(link.account, link.conversation)
            if state is None:
                decision = _erased(decision)
            elif state.restricted is not None:
                decision = _restricted(decision)
        return link, decision

    async def _decided(self, token: str, viewer: Principal | None, address: Address | None) -> Opening:
        link = await self._links.by_token(token)
        match = await self._match(link, viewer, address)
        decision = decide(link, viewer, match, self._clock.now())
        if link is None or decision.outcome not in ("member", "external"):
            return Opening(decision, link)
        try:
            state = await self._fetch(decision, link, viewer, match)
            events = await self._conversations.events(state.account, state.id)
        except (NotFound, Gone):
            return Opening(_erased(decision), link)
        except Locked:
            return Opening(_restricted(decision), link)
        return Opening(decision, link, state, events)

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
        await self._audit.write(
            account,
            viewer.person if viewer else "",
            f"transcript.{decision.outcome}",
            link.id if link else "",
            address=None if address is None else str(address),
            rule=decision.rule,
            by=decision.by or "",
            range=decision.range,
            conversation=link.conversation if link else "",
            bot=link.bot if link else "",
            format=form,
        )

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
