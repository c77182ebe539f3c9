"""Whether the signals between nodes are carried as they should be, for `doctor`: Redis answers, over TLS, to those only
who know its password (TI-1). Settings that would send anything in clear off this machine are refused at the start."""

import asyncio
import importlib
import importlib.util
from typing import Any
from urllib.parse import urlsplit

from foundation.errors import Unavailable

_PATIENCE = 5
_HERE = {"127.0.0.1", "::1", "localhost"}


def place_of(url: str) -> str:
    """The Redis, as it may be shown: without name and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def is_here(url: str) -> bool:
    """Whether it is on this machine."""
    return urlsplit(url).hostname in _HERE


async def asks_for_password(url: str) -> bool:
    """Ask it for an answer with our password, and then without any; whether the second was refused. Raises
    `Unavailable` with a sentence when it does not answer us."""
    if importlib.util.find_spec("redis") is None:
        raise Unavailable("the package is not here: pip install frontdesk[redis]")
    driver = await asyncio.to_thread(importlib.import_module, "redis.asyncio")
    await _ping(driver, url)
    try:
        await _ping(driver, _without_password(url))
    except Unavailable:
        return True
    return False


async def _ping(driver: Any, url: str) -> None:
    errors = driver.RedisError
    try:
        async with (
            asyncio.timeout(_PATIENCE),
            driver.Redis.from_url(url, socket_connect_timeout=_PATIENCE, socket_timeout=_PATIENCE) as redis,
        ):
            await redis.ping()
    except (errors, OSError, TimeoutError) as error:
        raise Unavailable(f"it does not take us ({type(error).__name__})") from error


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
