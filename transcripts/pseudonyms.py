"""Names for visitors in analytics views, where nobody needs to know who it was (YA-18)."""

import base64
import hashlib

from foundation.keys import Keyring


class Pseudonyms:
    """A visitor keeps his pseudonym within an account and has another one in every other account. Without the account's
    key nobody can tell to whom a pseudonym belongs, nor try visitors out against it."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def of(self, account: str, visitor: str) -> str:
        """`Visitor K3QF7A2M` for the hash of a browser's secret (`State.visitor`) or the id of a contact: 40 bits, so that
        in a million visitors of an account half a pair is expected to share one. For people, not for joining tables."""
        token = await self._keyring.token(account, "pseudonym", visitor)
        short = base64.b32encode(hashlib.sha256(token.encode()).digest()[:5]).decode()
        return f"Visitor {short}"
