"""Cookies that only our host can set and that never travel in clear: the `__Host-` prefix (C-1)."""

from typing import Literal

from aiohttp import web

PREFIX = "__Host-"


def set_cookie(
    response: web.StreamResponse,
    name: str,
    value: str,
    *,
    max_age: int | None = None,
    same_site: Literal["Strict", "Lax"] = "Strict",
) -> None:
    """Set `__Host-{name}`: Secure, HttpOnly, Path=/, no Domain.

    `max_age` in seconds; without it, until the browser ends. Browsers accept it over plain http on loopback only.
    """
    response.set_cookie(PREFIX + name, value, max_age=max_age, path="/", secure=True, httponly=True, samesite=same_site)


def read_cookie(request: web.Request, name: str) -> str | None:
    """The value of `__Host-{name}`, or `None`."""
    return request.cookies.get(PREFIX + name)


def drop_cookie(response: web.StreamResponse, name: str) -> None:
    """Tell the browser to forget `__Host-{name}`."""
    response.set_cookie(PREFIX + name, "", max_age=0, path="/", secure=True, httponly=True, samesite="Strict")
