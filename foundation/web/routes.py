"""A route says in one place what it serves and who may: without a rule it cannot be declared (M-3, A-17)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RouteKind = Literal["page", "api", "socket", "file"]

DEFAULT_MAX_BODY = 64 * 1024
"""Bytes; ample for any form or JSON body that a person causes."""


class Rule(Protocol):
    """Who may use a route."""

    @property
    def name(self) -> str:
        """A stable word for lists of routes and their rules."""

    async def admit(self, request: web.Request) -> None:
        """Return when the request may go on; raise a `Problem` when not. May leave the principal in the request."""


class _Public:
    name = "public"

    async def admit(self, request: web.Request) -> None:
        """Nobody in particular is let in."""


PUBLIC: Rule = _Public()
"""The rule of doors that are open to anybody."""


@dataclass(frozen=True, kw_only=True)
class _Options:
    max_body: int = DEFAULT_MAX_BODY
    cross_site: bool = False
    """Whether another site may cause this request. Leave it: the frame then refuses it (C-4, C-8)."""


@dataclass(frozen=True)
class Route(_Options):
    """One method on one path.

    `kind` decides how problems look (`page`: HTML; all others: problem JSON) and what is checked before the handler:
    `socket` must be a GET from our own origin without a query (C-8, C-10).
    """

    method: str
    path: str
    handler: Handler
    rule: Rule
    kind: RouteKind

    def __post_init__(self) -> None:
        if self.method not in {"GET", "POST", "PUT", "PATCH", "DELETE"}:
            raise ValueError(f"{self.path}: {self.method!r} is not a method that routes use")
        if not self.path.startswith("/"):
            raise ValueError(f"{self.path!r} does not start with a slash")
        if self.kind == "socket" and self.method != "GET":
            raise ValueError(f"{self.path}: a socket is opened by GET")
