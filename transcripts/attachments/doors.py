"""`GET /t/{token}/files/{file}`: a file of a shared transcript, through the same guard as its words (L-17).

The right is decided afresh for every file. To whoever may not read the link, and for a file that is hidden, unknown or
of another conversation, the answer is one and the same (U-13).
"""

from aiohttp import web

from admin import Rules, principal_or_none
from foundation.errors import NotFound
from foundation.web import Route, client_address
from transcripts.attachments.attachments import Attachments
from transcripts.attachments.serving import serve, wants_picture
from transcripts.guard import Guard


class SharedFiles:
    """The files behind shared links."""

    def __init__(self, attachments: Attachments, guard: Guard) -> None:
        self._attachments = attachments
        self._guard = guard

    def routes(self, rules: Rules) -> list[Route]:
        return [Route("GET", "/t/{token}/files/{file}", self.show, rules.maybe, "api")]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Decide, write it down, hand it out."""
        show = wants_picture(request)
        opening = await self._guard.open_file(
            request.match_info["token"],
            principal_or_none(request),
            client_address(request),
            form="picture" if show else "file",
        )
        if opening.state is None:
            raise NotFound("There is no such file.")
        shared = self._attachments.find(opening.state, request.match_info["file"])
        return await serve(request, self._attachments, opening.state, shared, show=show)
