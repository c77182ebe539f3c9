"""MS-11: the copy that a visitor takes home has his files in it, and says of each that it has not why."""

import json
import uuid
from typing import Any

from admin import By
from admin.file_policy import FilePolicy
from foundation.clock import ManualClock
from tests.bot_runtime.conftest import Chat, Desk, Shop, open_shop
from tests.bot_runtime.conftest import Talk as Talking
from tests.bot_runtime.test_privacy_doors import ask, unpacked, verified
from transcripts.attachments import Sender, Upload

ANN = Sender("agent", "ann", "Ann")
VISITOR = Sender("visitor")


async def share(desk: Desk, chat: Chat, name: str, content: str, sender: Sender = VISITOR) -> int:
    upload = Upload(name, "text/plain", content.encode(), str(uuid.uuid4()))
    return await desk.attachments.share(
        desk.account.id, chat.id, upload, sender=sender, policy=FilePolicy("block", (), ()), require=lambda _: None
    )


async def copy(shop: Shop, device: str | None) -> tuple[dict[str, str], list[dict[str, Any]]]:
    status, body = await ask(shop, "/copy", device=device)
    assert status == 200, body
    files = unpacked(body)
    data = json.loads(files["data.json"])
    return files, [file for chat in data["chats"] for file in chat["files"]]


async def test_MS_11_the_files_of_both_sides_are_in_the_copy_as_they_are(shop: Shop) -> None:
    async with shop.visitor() as phone:
        await verified(shop, phone)
        await share(shop.desk, await shop.chat_of(phone), "offer.txt", "from the agent", ANN)
    async with shop.visitor() as desktop, shop.visitor() as stranger:
        await share(shop.desk, await shop.chat_of(stranger), "strange.txt", "of a stranger")
        await verified(shop, desktop)
        await share(shop.desk, await shop.chat_of(desktop), "../../étc <b>.txt", "a letter\n" * 20_000)
    files, listed = await copy(shop, desktop.device)
    assert sorted(one["fate"] for one in listed) == ["here", "here"]
    by_name = {one["name"]: files[one["path"]] for one in listed}
    assert by_name["offer.txt"] == "from the agent"
    assert "a letter\n" * 20_000 in by_name.values()
    assert "of a stranger" not in "".join(files.values())
    assert all(path.startswith("files/") and ".." not in path for path in files if path.endswith(".txt"))
    for one in listed:
        assert f'href="{one["path"]}"' in files["index.html"].replace("&#39;", "'")
    assert "<b>" not in files["index.html"]


async def test_MS_11_what_does_not_fit_is_listed_with_the_reason(talk: Talking) -> None:
    async with open_shop(talk, copy_bytes=1_000) as shop, shop.visitor() as visitor:
        chat = await shop.chat_of(visitor)
        await share(shop.desk, chat, "large.txt", "x" * 900)
        await share(shop.desk, chat, "larger.txt", "y" * 200)
        await share(shop.desk, chat, "small.txt", "z" * 50)
        files, listed = await copy(shop, visitor.device)
    assert [(one["name"], one["fate"], bool(one["path"])) for one in listed] == [
        ("large.txt", "here", True),
        ("larger.txt", "too_large", False),
        ("small.txt", "here", True),
    ]
    assert "not in this archive" in files["index.html"]


async def test_YA_22_a_sensitive_file_is_in_no_copy_and_neither_is_its_name(shop: Shop, clock: ManualClock) -> None:
    async with shop.visitor() as visitor:
        chat = await shop.chat_of(visitor)
        await share(shop.desk, chat, "canary-diagnosis.txt", "canary-content")
        files, (listed,) = await copy(shop, visitor.device)
        assert "canary-content" in files[listed["path"]]
        file = next(iter((await shop.desk.state(chat)).files))
        await shop.desk.attachments.hide(shop.desk.account.id, chat.id, file, by=By("ann"), name="Ann")
        files, (listed,) = await copy(shop, visitor.device)
    assert (listed["fate"], listed["name"], listed["path"]) == ("hidden", "", "")
    assert "canary" not in "".join(files.values())
    assert "hidden as sensitive" in files["index.html"]


async def test_K_4_a_file_that_is_gone_or_damaged_is_said_to_be(shop: Shop) -> None:
    desk = shop.desk
    async with shop.visitor() as visitor:
        chat = await shop.chat_of(visitor)
        await share(desk, chat, "kept.txt", "kept")
        await share(desk, chat, "lost.txt", "lost")
        shared = list((await desk.state(chat)).files.values())[1]
        await desk.keyring.destroy(desk.account.id, shared.event.key)
        files, listed = await copy(shop, visitor.device)
    assert [(one["name"], one["fate"]) for one in listed] == [("kept.txt", "here"), ("lost.txt", "damaged")]
    assert "tell us if you need it" in files["index.html"]
