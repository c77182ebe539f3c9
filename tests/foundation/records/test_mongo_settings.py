"""Where a MongoDB store may lie, and which indexes it gets."""

import asyncio
import gc

import pytest

from config.wiring import KINDS
from foundation.errors import Unavailable
from foundation.keys import KINDS as KEY_KINDS
from foundation.records import MongoEngine
from foundation.records.mongo import check_url, is_mongo, without_password
from foundation.records.mongo.documents import BATCH_INDEXES, column, indexes_of


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://127.0.0.1:27017/frontdesk",
        "mongodb://localhost/frontdesk",
        "mongodb://[::1]:27017/frontdesk",
        "mongodb+motor://127.0.0.1/frontdesk",
        "mongodb://me:secret@db.example,db2.example:27018/front_desk?replicaSet=rs0&tls=true",
        "mongodb+srv://cluster.example/frontdesk",
    ],
)
def test_places_that_may_be_used(url: str) -> None:
    check_url(url)
    assert is_mongo(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mongodb://db.example/frontdesk", "TLS"),
        ("mongodb://127.0.0.1,db.example/frontdesk", "TLS"),
        ("mongodb://db.example/frontdesk?tls=false", "TLS"),
        ("mongodb://db.example/frontdesk?tls=true&tlsInsecure=true", "certificate"),
        ("mongodb://db.example/frontdesk?tls=true&tlsAllowInvalidCertificates=true", "certificate"),
        ("mongodb://127.0.0.1/", "database"),
        ("mongodb://127.0.0.1/a.b", "database"),
        ("postgres://127.0.0.1/frontdesk", "begins"),
    ],
)
def test_TI_1_places_that_may_not_are_refused_with_a_sentence(url: str, says: str) -> None:
    check_url("mongodb://127.0.0.1/frontdesk")
    with pytest.raises(ValueError, match=says):
        check_url(url)


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_server_that_is_not_there_is_said_without_the_password() -> None:
    async def attempt() -> str:
        engine = MongoEngine("mongodb://me:canary@127.0.0.1:1/frontdesk?serverSelectionTimeoutMS=200", ())
        with pytest.raises(Unavailable) as refused:
            await engine.open()
        return refused.value.detail

    said = asyncio.run(attempt())
    gc.collect()  # the driver forgets the socket of a connection that it was making when it was closed: here, not later
    assert "cannot be opened" in said
    assert "canary" not in said
    assert without_password("mongodb://me:canary@h/d") == "mongodb://me:…@h/d"


@pytest.mark.parametrize("kind", [*KINDS, *KEY_KINDS], ids=lambda kind: kind.name)
def test_every_declared_index_is_made_and_every_unique_group_has_one(kind) -> None:
    """A query names its kind's declared groups; each of them is the beginning of an index that ends in the id."""
    made = [[name for name, _ in keys] for keys, unique in indexes_of(kind).values() if not unique]
    assert made == [[*map(column, group), "_id"] for group in kind.indexes]
    unique = [keys for keys, is_unique in indexes_of(kind).values() if is_unique]
    assert len(unique) == len(kind.unique)
    assert BATCH_INDEXES["fd_log"] == ([("log", 1), ("first", 1)], True)
