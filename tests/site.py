"""What a host site's server does: it signs tokens that say who its visitor is (YA-29, `docs/identity.md`)."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any


def packed(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(secret: str, claims: Any, header: Any = None, how: Any = hashlib.sha256) -> str:
    """A token as a site's server makes it."""
    message = f"{packed({'alg': 'HS256', 'typ': 'JWT'} if header is None else header)}.{packed(claims)}"
    return f"{message}.{packed(hmac.new(secret.encode(), message.encode(), how).digest())}"


def claims_of(bot: str, *, now: int, sub: str = "kim-7", **more: Any) -> dict[str, Any]:
    """Claims that are right at this second."""
    return {"sub": sub, "aud": bot, "iat": now, "exp": now + 300, "jti": secrets.token_hex(8), **more}


def token(secret: str, bot: str, **more: Any) -> str:
    """A token that is right by this machine's clock."""
    return signed(secret, claims_of(bot, now=int(time.time()), **more))
