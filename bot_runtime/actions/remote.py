"""Custom actions on a server of the author's, as endpoints.yml names it: Rasa's webhook protocol (BR-2)."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from bot_runtime.actions.errors import ActionFailed, ActionNotFound, ActionRejected, ActionTimeout
from bot_runtime.actions.port import LARGEST_RESULT, ActionResult, result_of


class RemoteActions:
    """`Actions` behind an `action_endpoint`. What its server sends back is checked like anybody else's."""

    def __init__(
        self,
        url: str,
        *,
        time_limit_s: float = 10.0,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        token: str = "",
        basic_auth: tuple[str, str] | None = None,
    ) -> None:
        """`url` is the whole address (`http://localhost:5055/webhook`); `token` goes into the query, as with Rasa."""
        self._url = url
        self._limit = aiohttp.ClientTimeout(total=time_limit_s)
        self._seconds = time_limit_s
        self._headers = {"Content-Type": "application/json", **(headers or {})}
        self._params = {**(params or {}), **({"token": token} if token else {})}
        if basic_auth:
            self._headers["Authorization"] = aiohttp.encode_basic_auth(*basic_auth)
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def of_endpoint(cls, endpoint: Mapping[str, Any], *, time_limit_s: float = 10.0) -> "RemoteActions":
        """From the `action_endpoint:` of endpoints.yml: url, headers, params, token, basic_auth{username, password}."""
        auth = endpoint.get("basic_auth") or {}
        return cls(
            str(endpoint["url"]),
            time_limit_s=time_limit_s,
            headers={str(name): str(value) for name, value in (endpoint.get("headers") or {}).items()},
            params={str(name): str(value) for name, value in (endpoint.get("params") or {}).items()},
            token=str(endpoint.get("token") or ""),
            basic_auth=(str(auth.get("username", "")), str(auth.get("password", ""))) if auth else None,
        )

    async def names(self) -> None:
        """A server need not tell; whoever asks for an action finds out."""
        return

    async def run(self, call: Mapping[str, Any]) -> ActionResult:
        """See `Actions.run`."""
        name = str(call["next_action"])
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._limit)
        try:
            async with self._session.post(
                self._url,
                data=msgspec.json.encode(call),
                headers=self._headers,
                params=self._params,
                allow_redirects=False,
            ) as response:
                body = await _read(response)
        except TimeoutError:
            raise ActionTimeout(name, f"{self._url} took longer than {self._seconds:g} seconds") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ActionFailed(name, f"{self._url} cannot be asked: {error}") from error
        return _result(name, response.status, body)

    async def close(self) -> None:
        """Give up the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            await asyncio.sleep(0)


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The body, or None when it is larger than a result may be."""
    body = b""
    async for part in response.content.iter_chunked(64 * 1024):
        body += part
        if len(body) > LARGEST_RESULT:
            return None
    return body


def _result(name: str, status: int, body: bytes | None) -> ActionResult:
    if body is None:
        raise ActionFailed(name, f"the answer has more than {LARGEST_RESULT} bytes")
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        answer = None
    told = answer.get("error") if isinstance(answer, dict) else None
    if status == 400:
        raise ActionRejected(name, str(told or "rejected"))
    if status == 404:
        raise ActionNotFound(name)
    if status != 200:
        raise ActionFailed(name, f"the action server answered {status}{f': {told}' if told else ''}")
    result = result_of(answer)
    if result is None:
        raise ActionFailed(name, "the action server's answer is no result of an action")
    return result
