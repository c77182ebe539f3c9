"""`POST /hooks/mail`: where a mail service reports bounces and complaints, signed with a shared secret (D-20).

    X-Frontdesk-Signature: t=<seconds since 1970>,v1=<hex of HMAC-SHA256(secret, "<t>." + body)>

The body is JSON: `{"message_id": "<…>", "kind": "bounce" | "complaint", "lasting": true, "reason": "…"}`. A signature
counts for five minutes either way. Without a secret in the settings there is no such door.
"""

import hashlib
import hmac
import re
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from bot_runtime.verification.bounces import Bounces, Report
from foundation.clock import MINUTE, SECOND, Clock
from foundation.errors import Forbidden, Malformed, NotFound
from foundation.web import PUBLIC, Body, Route, strict
from foundation.web.bodies import read_body

_SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})\Z")
_VALID = 5 * MINUTE


class _ReportBody(Body, frozen=True):
    message_id: Annotated[str, msgspec.Meta(min_length=3, max_length=400)]
    kind: Literal["bounce", "complaint"]
    lasting: bool = True
    reason: Annotated[str, msgspec.Meta(max_length=300)] = ""


class BounceDoor:
    """`secret` is shared with the mail service; empty: the door is not there."""

    def __init__(self, bounces: Bounces, clock: Clock, *, secret: str) -> None:
        self._bounces = bounces
        self._clock = clock
        self._secret = secret.encode()

    def routes(self) -> list[Route]:
        return [Route("POST", "/hooks/mail", self.take, PUBLIC, "api", max_body=4_096, cross_site=True)]

    async def take(self, request: web.Request) -> web.Response:
        """Take one report. The answer is the same whether the mail was ours or not."""
        if not self._secret:
            raise NotFound("There is nothing here.")
        raw = await read_body(request)
        self._require_signed(request.headers.getall("X-Frontdesk-Signature", ()), raw)
        body = strict.decode(_text(raw), _ReportBody)
        reason = " ".join("".join(sign if sign.isprintable() else " " for sign in body.reason).split())
        await self._bounces.take(Report(body.message_id, body.kind, body.lasting, reason))
        return web.Response(status=204)

    def _require_signed(self, signatures: "list[str] | tuple[str, ...]", body: bytes) -> None:
        found = _SIGNATURE.match(signatures[0]) if len(signatures) == 1 else None
        if found is not None:
            expected = hmac.new(self._secret, f"{found[1]}.".encode() + body, hashlib.sha256).hexdigest()
            fresh = abs(self._clock.now() - int(found[1]) * SECOND) <= _VALID
            if hmac.compare_digest(expected, found[2]) and fresh:
                return
        raise Forbidden("The signature is missing, wrong or too old. Nothing was done.")


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8.") from None
