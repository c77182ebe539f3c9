"""The key of a browser, for visitors that are programs (`docs/http.md`, `challenge`)."""

import base64

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class BrowserKey:
    """ECDSA on P-256; signatures are the two numbers side by side, as WebCrypto gives them."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public(self) -> str:
        return _text(self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    def sign(self, bot: str, nonce: str) -> str:
        signed = self._key.sign(f"frontdesk browser 1\n{bot}\n{nonce}".encode(), ec.ECDSA(SHA256()))
        return _text(b"".join(number.to_bytes(32) for number in decode_dss_signature(signed)))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
