"""Files sent and fetched over HTTP, as the widget and the console do it (`docs/http.md`)."""

import uuid
from typing import Any
from urllib.parse import quote

import aiohttp


class Sender:
    """Somebody who sends files over HTTP as the widget or the console does."""

    def __init__(self, session: aiohttp.ClientSession, base: str, url: str, device: str | None = None) -> None:
        self.session, self.base, self.url = session, base, url
        self.own = {"X-Device": device} if device is not None else {}

    async def send(
        self, name: str, media: str, content: Any, *, client_id: str | None = None, **more: str
    ) -> tuple[int, Any]:
        headers = {
            "Origin": self.base,
            "Content-Type": media,
            "X-File-Name": quote(name, safe=""),
            "X-Client-Id": client_id or str(uuid.uuid4()),
            **self.own,
            **more,
        }
        async with self.session.post(f"{self.base}{self.url}", data=content, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def fetch(self, file: str, query: str = "") -> tuple[int, Any, bytes]:
        """By the visitor's way: a POST with the secret."""
        headers = {"Origin": self.base, **self.own}
        async with self.session.post(f"{self.base}{self.url}/{file}{query}", headers=headers) as answer:
            return answer.status, answer.headers, await answer.read()
