"""The master key: 32 bytes from a file of mode 0600 or from the environment, never from the database.

It wraps the accounts' keys and does nothing else; what is used is derived from it, one label per purpose. The file
holds 43 characters of base64url and a newline. A server does not start with a key that is missing, readable by others,
of the wrong length, or plainly not random (K-11): every refusal is a `MasterKeyError` with a sentence.
"""

import base64
import binascii
import hmac
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from foundation.keys.envelope import KEY_BYTES, Cipher, bind

ENVIRONMENT = "FRONTDESK_MASTER_KEY"
EXAMPLE = "ZXhhbXBsZSBrZXkgb2YgdGhlIGRvY3MsIHJlcGxhY2U"
"""The key that our documentation shows; it is refused, because somebody will copy it."""

_TEXT = re.compile(r"[A-Za-z0-9_-]+={0,2}\Z")
_FEWEST_BYTE_VALUES = 8  # 32 random bytes have fewer different ones once in 10^38
_MAX_FILE = 1024


class MasterKeyError(Exception):
    """There is no usable master key. The message is a sentence for the operator and never contains the key."""


class MasterKey:
    """The key's bytes, which nothing prints, compares in the open or pickles."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise MasterKeyError(f"The master key must have 32 bytes; this one has {len(secret)}.")
        if len(set(secret)) < _FEWEST_BYTE_VALUES:
            raise MasterKeyError("The master key is not random. Make one with `frontdesk keys new`.")
        if hmac.compare_digest(secret, _bytes(EXAMPLE)):
            raise MasterKeyError("The master key is the example of the documentation. Make one of your own.")
        self._secret = secret

    def __repr__(self) -> str:
        return "MasterKey(…)"

    def __reduce__(self) -> str:
        raise TypeError("a key does not leave its process")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MasterKey) and hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def id(self) -> str:
        """A name for the key that tells nothing about it: 128 derived bits as 22 characters of base64url."""
        return base64.urlsafe_b64encode(derive(self._secret, "master id")[:16]).rstrip(b"=").decode()

    def wrapping(self) -> Cipher:
        """The cipher that wraps and unwraps the accounts' keys."""
        return Cipher(self.id, derive(self._secret, "master wrap"), "")


def derive(secret: bytes, *label: str) -> bytes:
    """32 bytes for one purpose: HKDF-SHA256 (RFC 5869) with the label, length-prefixed, as info."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=bind(("frontdesk", *label))).derive(secret)


def load_master_key(path: Path, environment: Mapping[str, str]) -> MasterKey:
    """The key from `FRONTDESK_MASTER_KEY` if that is set, else from the file. Raises `MasterKeyError`.

    The environment is visible to whoever may look at the process; it is meant for containers and for trying things out.
    """
    given = environment.get(ENVIRONMENT)
    if given is not None:
        return _parse(given, f"The variable {ENVIRONMENT}")
    return _parse(_read(path), f"The file {path}")


def create_master_key(path: Path) -> MasterKey:
    """Make a new key and write it to a new file of mode 0600, durably. Raises `MasterKeyError` if the file exists."""
    secret = os.urandom(KEY_BYTES)
    text = base64.urlsafe_b64encode(secret).rstrip(b"=") + b"\n"
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, parents=True)
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if path.exists():
            raise MasterKeyError(f"The file {path} exists already; a master key is never overwritten.") from None
        raise MasterKeyError(f"The file {path} cannot be made: {error.strerror}.") from error
    try:
        os.fchmod(file, 0o600)  # whatever the umask took away
        os.write(file, text)
        os.fsync(file)
    finally:
        os.close(file)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return MasterKey(secret)


def _read(path: Path) -> str:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise MasterKeyError(f"There is no master key: the file {path} does not exist.") from None
    except OSError as error:
        raise MasterKeyError(f"The file {path} cannot be read: {error.strerror}.") from error
    try:
        mode = os.fstat(file).st_mode
        if not stat.S_ISREG(mode):
            raise MasterKeyError(f"{path} is not a file.")
        if stat.S_IMODE(mode) not in {0o600, 0o400}:
            raise MasterKeyError(
                f"The file {path} has mode {stat.S_IMODE(mode):04o}, so others may read or change the master key. "
                f"Set it to 0600 (chmod 600 {path}); if others may have read it, change the key."
            )
        return os.read(file, _MAX_FILE).decode("ascii", "replace")
    finally:
        os.close(file)


def _parse(text: str, where: str) -> MasterKey:
    text = text.strip()
    if not text:
        raise MasterKeyError(f"{where} is empty; it must hold the master key.")
    try:
        return MasterKey(_bytes(text))
    except MasterKeyError as error:
        raise MasterKeyError(f"{where} does not hold a usable master key. {error}") from None
    except binascii.Error:
        raise MasterKeyError(f"{where} does not hold a master key: 43 characters of base64url (32 bytes).") from None


def _bytes(text: str) -> bytes:
    if not _TEXT.match(text):
        raise binascii.Error("characters that are not of base64url")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
