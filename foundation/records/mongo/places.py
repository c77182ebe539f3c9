"""Where a MongoDB store lies, and the client that reaches it.

A URL names a database: `mongodb://user:password@host:27017/frontdesk?replicaSet=rs0&tls=true`. Options are the driver's
own. What we set is not for the URL to change: writes are acknowledged by a majority and journalled, reads are of what a
majority has, from the primary, so that what was acknowledged survives the loss of a node and is seen by every other one.
Anything but loopback needs TLS (TI-1), with the server's certificate checked.
"""

import importlib
import ipaddress
import re
import warnings
from typing import Any
from urllib.parse import urlsplit

from foundation.errors import Unavailable

_SCHEMES = ("mongodb", "mongodb+srv", "mongodb+motor")
_USED_LATER = ("pymongo", "pymongo.errors", "pymongo.read_concern", "bson.int64")
_SELECT_MS = 5_000
_SOCKET_MS = 20_000
_PASSWORD = re.compile(r"(//[^/@:]*:)[^/@]*@")


def is_mongo(url: str) -> bool:
    """Whether a store of this URL is one of ours to open."""
    return urlsplit(url).scheme in _SCHEMES


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    return _PASSWORD.sub(r"\1…@", url)


def check_url(url: str) -> None:
    """Raises `ValueError` with a sentence (the URL's password is not in it) for what is no store of ours."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"a store's URL begins with one of {', '.join(one + '://' for one in _SCHEMES)}")
    name = parts.path.strip("/")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,38}", name):
        raise ValueError("the URL must name a database, such as mongodb://host/frontdesk")
    options = {pair.partition("=")[0].lower(): pair.partition("=")[2].lower() for pair in parts.query.split("&")}
    if options.get("tlsinsecure") == "true" or options.get("tlsallowinvalidcertificates") == "true":
        raise ValueError(
            "a server whose certificate is not checked may be anybody's; name its authority with tlsCAFile"
        )
    over_tls = parts.scheme == "mongodb+srv" or "true" in {options.get("tls"), options.get("ssl")}
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if not over_tls and not all(_is_loopback(host) for host in hosts):
        raise ValueError("a server on another machine is reached over TLS: add tls=true")


def client_of(url: str) -> Any:
    """A client that is not connected yet. Raises `Unavailable` when its package is not installed, `ValueError`."""
    check_url(url)
    options: dict[str, Any] = {
        "serverSelectionTimeoutMS": _SELECT_MS,
        "connectTimeoutMS": _SELECT_MS,
        "socketTimeoutMS": _SOCKET_MS,
        "appname": "frontdesk",
        "tz_aware": True,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for name in _USED_LATER:
                importlib.import_module(name)
            if url.startswith("mongodb+motor://"):
                from motor.motor_asyncio import AsyncIOMotorClient  # noqa: PLC0415 - an extra

                return AsyncIOMotorClient(url.replace("mongodb+motor://", "mongodb://", 1), **options)
            from pymongo import AsyncMongoClient  # noqa: PLC0415 - an extra

            return AsyncMongoClient(url, **options)
    except ImportError as error:
        extra = "motor" if "+motor" in url else "mongo"
        raise Unavailable(
            f"A MongoDB store needs a package that is not here: pip install frontdesk[{extra}]"
        ) from error
    except Exception as error:
        if isinstance(error, ValueError) or type(error).__module__.startswith(("pymongo", "dns")):
            raise ValueError(f"{without_password(url)} cannot be used: {error}") from error
        raise


def database_of(client: Any, url: str) -> Any:
    """The URL's database, with what we promise of reads and writes."""
    from pymongo import ReadPreference, WriteConcern  # noqa: PLC0415 - an extra
    from pymongo.read_concern import ReadConcern  # noqa: PLC0415

    return client.get_database(
        urlsplit(url).path.strip("/"),
        write_concern=WriteConcern("majority", j=True, wtimeout=_SOCKET_MS),
        read_concern=ReadConcern("majority"),
        read_preference=ReadPreference.PRIMARY,
    )


def _is_loopback(host: str) -> bool:
    name = host.strip("[]") if host.startswith("[") and host.endswith("]") else host.rsplit(":", 1)[0].strip("[]")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
