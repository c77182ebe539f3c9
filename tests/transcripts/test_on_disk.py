"""The package on the embedded engine: what was acknowledged is there after a restart, and the files tell nothing."""

import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import admin
from admin import Principal
from foundation import keys
from foundation.clock import ManualClock
from foundation.keys import Keyring, MasterKey
from foundation.live import LocalSignals
from foundation.records import SqliteEngine
from transcripts import KINDS, Contacts, Conversations, Links
from transcripts.events import NameGiven, NoteWritten, WebPage
from transcripts.messages import message

CANARIES = ("canary-said", "canary-note", "Canarylady", "canary@example.org", "canary.example", "device-hash-canary")
ANN = Principal(account="blue", person="p", name="Ann", email="a@x.org", role="agent", session="s", bots=None)


@asynccontextmanager
async def installation(folder: Path, master: MasterKey) -> AsyncIterator[tuple[Conversations, Contacts, Links]]:
    """A server's stores, from its start to its end."""
    clock = ManualClock()
    store = SqliteEngine(folder / "keys.db", keys.KINDS)
    engine = SqliteEngine(folder / "frontdesk.db", [*admin.KINDS, *KINDS])
    await store.open()
    await engine.open()
    keyring = Keyring(store, master, clock)
    await keyring.open()
    yield (
        Conversations(engine, keyring, LocalSignals(), clock),
        Contacts(engine, keyring, clock),
        Links(engine, keyring, clock, audit=admin.AuditBook(engine, keyring, clock)),
    )
    await engine.close()
    await store.close()


def _bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


async def test_K_10_after_a_restart_everything_is_there_and_in_the_files_nothing(tmp_path: Path) -> None:
    master = MasterKey(os.urandom(32))
    async with installation(tmp_path, master) as (conversations, contacts, links):
        page = WebPage(url="https://canary.example/")
        chat = await conversations.open("blue", "bot", visitor="device-hash-canary", page=page)
        said = [
            message(at=1, by="visitor", text="canary-said", client_id="c-1"),
            NameGiven(at=2, name="Canarylady"),
            NoteWritten(at=3, author="p", author_name="Ann", text="canary-note"),
        ]
        await conversations.append("blue", chat, said, 1)
        supplied = await contacts.supply("blue", "canary@example.org", "visitor")
        link, token = await links.create(ANN, await conversations.state("blue", chat))

    files = _bytes_in(tmp_path)
    for canary in (*CANARIES, token):
        for spelling in (canary.encode(), canary.encode("utf-16-le"), canary.encode().hex().encode()):
            assert spelling not in files, canary
        assert base64.b64encode(canary.encode())[:-4] not in files, canary

    async with installation(tmp_path, master) as (conversations, contacts, links):
        state = await conversations.state("blue", chat)
        assert (state.seq, state.name, dict(state.client_ids)) == (4, "Canarylady", {"c-1": 2})
        current = await conversations.current_of("blue", "bot", "device-hash-canary")
        assert current is not None
        assert current.id == chat
        assert (await contacts.supply("blue", "canary@example.org", "agent")).contact == supplied.contact
        assert await links.by_token(token) == link


async def test_MS_4_an_erased_conversation_leaves_no_byte_that_could_be_opened(tmp_path: Path) -> None:
    master = MasterKey(os.urandom(32))
    async with installation(tmp_path, master) as (conversations, _, _):
        chat = await conversations.open("blue", "bot", visitor="v")
        await conversations.append("blue", chat, [message(at=1, by="visitor", text="x" * 5_000)], 1)
        assert await conversations.erase("blue", chat)

    files = _bytes_in(tmp_path)
    assert chat.encode() not in files
