"""Share links: a secret in a URL that names one conversation. It opens nothing by itself: the guard decides (YA-1).

The secret has 256 bits, is shown once and stored only as its hash (L-14). A link expires, can be revoked, and counts
its views; who opened it when, and by which rule, is in the audit book (YA-11, L-22).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from admin import Principal
from foundation.clock import DAY, Clock
from foundation.errors import NotFound
from foundation.ids import is_secret, new_id, new_secret, secret_hash
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Where
from transcripts.state import State

SHARE_LINK = Kind(
    name="share_link",
    fields=("token", "conversation", "created_at"),
    unique=(("token",),),
    indexes=(("account", "conversation", "created_at"),),
)

_NOBODYS = secret_hash("a string that is no secret, so that no link has this hash")

Ended = Literal["expired", "revoked"]


class Link(msgspec.Struct, frozen=True):
    """A share link, without its secret."""

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


class Links:
    """The share links of all accounts. `life_ms` is how long a new one lives."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock, *, life_ms: int = 180 * DAY) -> None:
        self._links: Collection[_Body] = Collection(engine, keyring, SHARE_LINK, _Body)
        self._clock = clock
        self._life_ms = life_ms

    async def create(self, person: Principal, conversation: State) -> tuple[Link, str]:
        """Make a link; the second value is its secret, which is not kept and cannot be shown again.

        The caller has fetched the conversation as this person (`Access.as_member`), which proves that he may see it.
        """
        secret, now = new_secret(), self._clock.now()
        body = _Body(conversation.bot, person.person, person.name, now + self._life_ms)
        record = await self._links.insert(
            conversation.account,
            new_id(),
            body,
            token=secret_hash(secret),
            conversation=conversation.id,
            created_at=now,
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

    async def revoke(self, link: Link, by: str) -> Link:
        """End the link at once; a link that is revoked stays as it was revoked first. Raises `NotFound`."""
        now = self._clock.now()

        def revoked(record: Record[_Body]) -> Mapping[str, Any] | None:
            if record.body.revoked_at is not None:
                return None
            return {"body": msgspec.structs.replace(record.body, revoked_at=now, revoked_by=by)}

        return await self._change(link, revoked)

    async def count_view(self, link: Link) -> Link:
        """One more view. Raises `NotFound`."""
        now = self._clock.now()

        def seen(record: Record[_Body]) -> Mapping[str, Any]:
            return {"body": msgspec.structs.replace(record.body, views=record.body.views + 1, last_viewed_at=now)}

        return await self._change(link, seen)

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
    )
