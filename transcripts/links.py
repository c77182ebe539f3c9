"""Share links: a secret in a URL that names one conversation. It opens nothing by itself: the guard decides (YA-1).

The secret has 256 bits, is shown once and stored only as its hash (L-14). A link expires, can be revoked, and counts
its views; who opened it lately and by which rule it knows itself, and the audit book knows all of it (YA-11, L-22).

A link for a machine (a bot's slot, a webhook's payload) is a link like any other: it opens nothing by itself (YA-15).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from admin import SYSTEM, AuditBook, By, Principal
from foundation.clock import DAY, Clock
from foundation.errors import Invalid, NotFound
from foundation.ids import is_secret, new_id, new_secret, secret_hash
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Where
from transcripts.state import State

SHARE_LINK = Kind(
    name="share_link",
    fields=("token", "conversation", "bot", "created_at", "ends_at"),
    unique=(("token",),),
    indexes=(
        ("account", "conversation", "created_at"),
        ("account", "bot", "created_at"),
        ("account", "created_at"),
    ),
)
"""`ends_at`: when it expires, or when it was revoked."""

LONGEST_DAYS = 3_650
KEPT_VIEWS = 100
"""Views that a link remembers one by one; it counts all of them."""

_NOBODYS = secret_hash("a string that is no secret, so that no link has this hash")

Ended = Literal["expired", "revoked"]


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """One view: by which rule, as which format, by whom (empty: somebody at `address`)."""

    at: int
    rule: str
    form: str
    person: str = ""
    address: str = ""
    range: str = ""


class Link(msgspec.Struct, frozen=True):
    """A share link, without its secret. `purpose` says what a machine's link is for; people's have none. `by_rule`
    counts the views by the rule that let them in."""

    id: str
    account: str
    bot: str
    conversation: str
    created_at: int
    created_by: str
    created_by_name: str
    expires_at: int
    revoked_at: int | None = None
    revoked_by: str = ""
    views: int = 0
    last_viewed_at: int | None = None
    purpose: str = ""
    by_rule: Mapping[str, int] = {}
    seen: Sequence[Seen] = ()

    def ended(self, now: int) -> Ended | None:
        """Why the link opens nothing any more, for those whom it would have let in; `None` while it lives."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if now >= self.expires_at else None


class _Body(msgspec.Struct, frozen=True):
    bot: str
    created_by: str
    created_by_name: str
    expires_at: int
    revoked_at: int | None = None
    revoked_by: str = ""
    views: int = 0
    last_viewed_at: int | None = None
    purpose: str = ""
    by_rule: dict[str, int] = {}
    seen: list[Seen] = []


class Links:
    """The share links of all accounts. `life_ms` is how long a new one lives when nobody says otherwise."""

    def __init__(
        self, engine: Engine, keyring: Keyring, clock: Clock, *, audit: AuditBook, life_ms: int = 180 * DAY
    ) -> None:
        self._links: Collection[_Body] = Collection(engine, keyring, SHARE_LINK, _Body)
        self._clock = clock
        self._audit = audit
        self._life_ms = life_ms

    async def create(
        self, person: Principal, conversation: State, *, life_ms: int | None = None, address: str | None = None
    ) -> tuple[Link, str]:
        """Make a link; the second value is its secret, which is not kept and cannot be shown again. Audited.

        The caller has fetched the conversation as this person (`Access.as_member`), which proves that he may see it.
        """
        now = self._clock.now()
        body = _Body(conversation.bot, person.person, person.name, now + (life_ms or self._life_ms))
        return await self._make(conversation.account, conversation.id, body, By(person.person, address))

    async def mint_for_machine(
        self, account: str, bot: str, conversation: str, purpose: str, *, life_ms: int | None = None
    ) -> tuple[Link, str]:
        """Make a link for a program: a bot's slot `transcript_url`, a webhook's payload (YA-15). Audited.

        `purpose` is a short word of ours that lists show (`slot`, `webhook`), never anything that a visitor wrote.
        Whoever follows the link meets the guard: having got it from a machine opens nothing.
        """
        if not (purpose.isascii() and purpose.replace("_", "").isalnum() and len(purpose) <= 40):
            raise Invalid("A purpose is a short word.", field="purpose")
        body = _Body(bot, SYSTEM.person, "Bot", self._clock.now() + (life_ms or self._life_ms), purpose=purpose)
        return await self._make(account, conversation, body, SYSTEM)

    async def _make(self, account: str, conversation: str, body: _Body, by: By) -> tuple[Link, str]:
        secret, made = new_secret(), new_id()
        async with self._audit.recording(
            account,
            by,
            "link.created",
            made,
            conversation=conversation,
            bot=body.bot,
            expires_at=body.expires_at,
            purpose=body.purpose,
        ):
            record = await self._links.insert(
                account,
                made,
                body,
                token=secret_hash(secret),
                conversation=conversation,
                bot=body.bot,
                created_at=self._clock.now(),
                ends_at=body.expires_at,
            )
        return _link(record), secret

    async def by_token(self, token: str) -> Link | None:
        """The link with this secret, ended or not. A malformed secret takes the same look-up as an unknown one."""
        record = await self._links.lookup(token=secret_hash(token) if is_secret(token) else _NOBODYS)
        return None if record is None else _link(record)

    async def get(self, account: str, id: str) -> Link:
        """The link with this id. Raises `NotFound`."""
        record = await self._links.get(account, id)
        if record is None:
            raise NotFound("There is no such link.")
        return _link(record)

    async def list(self, account: str, conversation: str) -> Sequence[Link]:
        """All links of a conversation, newest first."""
        found, _ = await self._links.find(
            account, Where("conversation", "=", conversation), order="-created_at", limit=1000
        )
        return [_link(record) for record in found]

    async def page(
        self, account: str, bots: frozenset[str] | None, *, live: bool = True, after: str | None = None
    ) -> tuple[Sequence[Link], str | None]:
        """Links of these bots (`None`: of all), newest first, a page at a time. `live`: only those that still open."""
        where = [] if bots is None else [Where("bot", "in", tuple(sorted(bots)))]
        if bots is not None and not bots:
            return [], None
        if live:
            where.append(Where("ends_at", ">", self._clock.now()))
        found, following = await self._links.find(account, *where, order="-created_at", limit=50, after=after)
        return [_link(record) for record in found], following

    def now(self) -> int:
        """The time by which links end."""
        return self._clock.now()

    async def revoke(self, link: Link, by: By) -> Link:
        """End the link at once; a link that is revoked stays as it was revoked first. Audited. Raises `NotFound`."""
        if link.revoked_at is not None:
            return link
        now = self._clock.now()

        def revoked(record: Record[_Body]) -> Mapping[str, Any] | None:
            if record.body.revoked_at is not None:
                return None
            body = msgspec.structs.replace(record.body, revoked_at=now, revoked_by=by.person)
            return {"body": body, "ends_at": min(now, record.body.expires_at)}

        async with self._audit.recording(
            link.account, by, "link.revoked", link.id, conversation=link.conversation, bot=link.bot
        ):
            return await self._change(link, revoked)

    async def revoke_all(self, account: str, by: By, *, bot: str = "", conversation: str = "") -> int:
        """End every live link of a conversation, of a bot, or of the whole account; how many there were. Audited."""
        where = [Where(name, "=", value) for name, value in (("bot", bot), ("conversation", conversation)) if value]
        ended = 0
        async with self._audit.recording(
            account, by, "link.all_revoked", conversation or bot, bot=bot, conversation=conversation
        ):
            async for link in self._all_live(account, *where):
                await self.revoke(link, by)
                ended += 1
        return ended

    async def _all_live(self, account: str, *where: Where) -> AsyncIterator[Link]:
        """Those that lived when this was asked; read whole first, because revoking changes what is searched."""
        now = self._clock.now()
        for link in [_link(record) async for record in self._links.all(account, *where)]:
            if link.ended(now) is None:
                yield link

    async def ended_before(self, account: str, before: int) -> AsyncIterator[Link]:
        """Links that expired or were revoked before this moment, the oldest first."""
        async for record in self._links.all(account, Where("ends_at", "<", before), order="created_at"):
            yield _link(record)

    async def seen_before(self, account: str, before: int) -> AsyncIterator[Link]:
        """Links that remember a view from before this moment, the oldest first."""
        async for record in self._links.all(account, Where("created_at", "<", before), order="created_at"):
            if any(seen.at < before for seen in record.body.seen):
                yield _link(record)

    async def remove(self, account: str, id: str) -> bool:
        """Remove a link with its views; whether there was one. From then on its secret is unknown."""
        return await self._links.delete(account, id)

    async def forget_views(self, account: str, id: str, before: int) -> int:
        """Forget who opened a link before this moment; how many views. Their number stays."""
        forgotten = 0

        def without(record: Record[_Body]) -> Mapping[str, Any] | None:
            nonlocal forgotten
            kept = [seen for seen in record.body.seen if seen.at >= before]
            forgotten = len(record.body.seen) - len(kept)
            return {"body": msgspec.structs.replace(record.body, seen=kept)} if forgotten else None

        await self._links.update(account, id, without)
        return forgotten

    async def count_view(self, link: Link, seen: Seen) -> Link:
        """One more view. Raises `NotFound`."""

        def viewed(record: Record[_Body]) -> Mapping[str, Any]:
            body = record.body
            by_rule = {**body.by_rule, seen.rule: body.by_rule.get(seen.rule, 0) + 1}
            newest = [*body.seen[-(KEPT_VIEWS - 1) :], seen]
            changed = msgspec.structs.replace(
                body, views=body.views + 1, last_viewed_at=seen.at, by_rule=by_rule, seen=newest
            )
            return {"body": changed}

        return await self._change(link, viewed)

    async def _change(self, link: Link, change: Any) -> Link:
        record = await self._links.update(link.account, link.id, change)
        if record is None:
            raise NotFound("There is no such link.")
        return _link(record)


def _link(record: Record[_Body]) -> Link:
    body = record.body
    return Link(
        id=record.id,
        account=record.account,
        bot=body.bot,
        conversation=str(record.fields["conversation"]),
        created_at=int(record.fields["created_at"] or 0),
        created_by=body.created_by,
        created_by_name=body.created_by_name,
        expires_at=body.expires_at,
        revoked_at=body.revoked_at,
        revoked_by=body.revoked_by,
        views=body.views,
        last_viewed_at=body.last_viewed_at,
        purpose=body.purpose,
        by_rule=body.by_rule,
        seen=body.seen,
    )
