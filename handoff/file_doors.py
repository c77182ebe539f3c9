"""The agents' files: `/api/conversations/{id}/files` (PS-8, YA-22).

Only the holder of a chat sends files in it; whoever sees the chat at the desk fetches them, through the guard, and may
say that one is sensitive. From then on it exists for admins only, until it is destroyed.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from aiohttp import web

from admin import Bots, By, Principal, Rules, principal
from foundation.clock import HOUR, Clock
from foundation.errors import Conflict, Forbidden, NotFound
from foundation.web import Body, Route, Throttle, Uploads, client_address, read_json
from handoff.sight import require_sight
from transcripts import Conversations, Guard, State
from transcripts.attachments import Attachments, Sender, serve, upload_of, wants_picture

SEES_SENSITIVE = frozenset({"super_admin", "admin"})
"""Who may still open a hidden file, to see what it was (YA-22)."""

_NO_DOWNLOAD = "You may read chats but not download from them. An admin can change that."


class _Sensitive(Body, frozen=True):
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class FileDoors:
    """`an_hour`: how many files one person may send in an hour."""

    def __init__(
        self,
        attachments: Attachments,
        conversations: Conversations,
        guard: Guard,
        bots: Bots,
        *,
        uploads: Uploads,
        clock: Clock,
        an_hour: int,
    ) -> None:
        self._attachments = attachments
        self._conversations = conversations
        self._guard = guard
        self._bots = bots
        self._uploads = uploads
        self._throttle = Throttle(clock, an_hour, HOUR)

    def routes(self, rules: Rules) -> Sequence[Route]:
        files = "/api/conversations/{id}/files"
        return [
            Route("POST", files, self.take, rules.staff, "api", max_body=self._uploads.limit),
            Route("GET", f"{files}/{{file}}", self.give, rules.staff, "api"),
            Route("POST", f"{files}/{{file}}/sensitive", self.hide, rules.staff, "api"),
        ]

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Send a file to the visitor. Raises `NotFound`, `Conflict` for whoever does not hold the chat."""
        person = principal(request)
        state = await self._seen(request, person)

        def require(fresh: State) -> None:
            require_sight(person, fresh)
            if fresh.control != "agent" or fresh.holder != person.person:
                raise Conflict("Take the chat over before you send files in it. Nothing was kept.")

        require(state)
        bot = await self._bots.get(state.account, state.bot)
        if bot is None:
            raise NotFound("There is no such conversation.")
        bot.body.file_policy.require_any()
        self._throttle.check(person.person)
        self._throttle.hit(person.person)
        async with self._uploads.taken(request) as content:
            upload = upload_of(request, content)
            seq = await self._attachments.share(
                state.account,
                state.id,
                upload,
                sender=Sender("agent", person.person, person.name),
                policy=bot.body.file_policy,
                require=require,
            )
        return _json({"client_id": upload.client_id, "seq": seq}, status=201)

    async def give(self, request: web.Request) -> web.StreamResponse:
        """A file of a chat that the person sees. Raises `NotFound`, `Forbidden` for who may not download."""
        person, show = principal(request), wants_picture(request)
        opening = await self._guard.open_own(
            request.match_info["id"], person, client_address(request), form="picture" if show else "file"
        )
        if opening.decision.rule == "no_download":
            raise Forbidden(_NO_DOWNLOAD)
        if opening.state is None:
            raise NotFound("There is no such file.")
        hidden = person.role in SEES_SENSITIVE
        shared = self._attachments.find(opening.state, request.match_info["file"], hidden=hidden)
        return await serve(request, self._attachments, opening.state, shared, show=show)

    async def hide(self, request: web.Request) -> web.StreamResponse:
        """Mark a file as sensitive. Done twice, it is done once."""
        person = principal(request)
        wish = await read_json(request, _Sensitive)
        state = await self._seen(request, person)
        address = client_address(request)
        by = By(person.person, None if address is None else str(address))
        seq = await self._attachments.hide(
            state.account, state.id, request.match_info["file"], by=by, name=person.name, reason=wish.reason.strip()
        )
        return _json({"seq": seq})

    async def _seen(self, request: web.Request, person: Principal) -> State:
        state = await self._conversations.state(person.account, request.match_info["id"])
        require_sight(person, state)
        return state


def _json(members: object, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(members), status=status, content_type="application/json")
