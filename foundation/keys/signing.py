"""Signatures of the installation: Ed25519 (RFC 8032), one key for each purpose, derived and never stored.

What is signed begins with its purpose, so that a signature made for one thing proves nothing about another. The keys
come from the account ""'s secret: rotations do not change them, and whoever has the public key once can check for ever.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from foundation.keys.keyring import Keyring


class Signatures:
    """The signatures for one purpose (`audit head`), a word that is stated in what is signed."""

    def __init__(self, keyring: Keyring, purpose: str) -> None:
        self._keyring = keyring
        self._purpose = purpose

    async def sign(self, message: bytes) -> bytes:
        """64 bytes over the purpose and the message."""
        return (await self._key()).sign(signed_bytes(self._purpose, message))

    async def public_key(self) -> bytes:
        """The 32 bytes with which anybody can check."""
        return (await self._key()).public_key().public_bytes_raw()

    async def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(await self._keyring.secret("", f"signatures: {self._purpose}"))


def signed_bytes(purpose: str, message: bytes) -> bytes:
    """What a signature is over: `frontdesk`, the purpose, a line's end, and the message."""
    return f"frontdesk {purpose}\n".encode() + message


def is_signed(purpose: str, message: bytes, signature: bytes, public_key: bytes) -> bool:
    """Whether the owner of the key signed this message for this purpose."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed_bytes(purpose, message))
    except (InvalidSignature, ValueError):
        return False
    return True
