"""What a bot author's code cannot reach: keys, database, settings, other processes. What it can stands beside it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot_runtime.actions import ActionFailed
from tests.bot_runtime.actions.conftest import Worker, action, call, ended, says, write_bot
from tests.conftest import ROOT

READS = action("action_reads", 'dispatcher.utter_message(text=open(tracker.slots["path"]).read()[:20])')


def reading(path: Path | str) -> dict[str, object]:
    return call("action_reads", {"sender_id": "visitor", "slots": {"path": str(path)}})


def needs_landlock(confined: bool) -> None:
    if not confined:
        pytest.skip("the kernel has no Landlock, so file access is not confined here")


async def test_the_environment_is_an_allow_list_and_what_the_author_declared(
    worker_on: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_MASTER_KEY", "secret")
    monkeypatch.setenv("FRONTDESK_MAIL__PASSWORD", "secret")
    monkeypatch.setenv("SHOP_TOKEN", "not declared")
    monkeypatch.setenv("TZ", "UTC")
    worker = worker_on(
        action("action_tells", 'for pair in os.environ.items(): dispatcher.utter_message(text="=".join(pair))'),
        variables={"BIKE_API": "https://bikes.example"},
    )

    told = says(await worker.run(call("action_tells")))

    assert {"TZ=UTC", "BIKE_API=https://bikes.example"} <= set(told)
    assert not [pair for pair in told if "secret" in pair or pair.startswith(("FRONTDESK", "SHOP_TOKEN"))]


async def test_the_servers_memory_and_environment_cannot_be_read_from_outside(worker_on: Worker) -> None:
    worker = worker_on(READS)
    await worker.names()
    needs_landlock(worker.confined)

    assert says(await worker.run(reading("/proc/self/status")))
    for name in ("environ", "mem", "fd/0", "cwd/pyproject.toml"):
        with pytest.raises(ActionFailed, match="PermissionError"):
            await worker.run(reading(f"/proc/{os.getpid()}/{name}"))


async def test_no_descriptor_of_the_server_is_inherited(worker_on: Worker, tmp_path: Path) -> None:
    database = os.open(tmp_path / "frontdesk.db", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(database, True)
    try:
        body = """
        for number in os.listdir("/proc/self/fd"):
            try:
                dispatcher.utter_message(text=os.readlink(f"/proc/self/fd/{number}"))
            except OSError:
                pass
        """
        told = says(await worker_on(action("action_lists", body)).run(call("action_lists")))
    finally:
        os.close(database)

    assert len(told) >= 3
    assert not [name for name in told if "frontdesk.db" in name]


async def test_private_folders_are_closed_and_the_bots_own_inside_them_is_open(
    worker_on: Worker, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    folder = write_bot(
        data / "bots" / "one",
        READS,
        action("action_writes", 'open("note", "w").write("x"); open(os.environ["TMPDIR"] + "/note", "w").write("x")'),
        action("action_breaks", 'open(tracker.slots["path"], "w")'),
        action("action_removes", 'os.remove(tracker.slots["path"])'),
    )
    (folder / "prices.txt").write_text("14")
    (data / "master.key").write_text("secret")
    (tmp_path / "beside.txt").write_text("open")
    (tmp_path / "alias").symlink_to(data)
    worker = worker_on(folder=folder, private=[data])
    await worker.names()
    needs_landlock(worker.confined)

    assert says(await worker.run(reading("prices.txt"))) == ["14"]
    assert says(await worker.run(reading(tmp_path / "beside.txt"))) == ["open"]
    await worker.run(call("action_writes"))
    for path in (data / "master.key", tmp_path / "alias" / "master.key", "../../master.key"):
        for name in ("action_reads", "action_breaks", "action_removes"):
            with pytest.raises(ActionFailed, match="PermissionError"):
                await worker.run(reading(path) | {"next_action": name})
    assert (data / "master.key").read_text() == "secret"


async def test_a_child_of_the_code_is_as_confined(worker_on: Worker, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "master.key").write_text("secret")
    body = """
    import subprocess
    done = subprocess.run(["cat", tracker.slots["path"]], capture_output=True, text=True)
    dispatcher.utter_message(text=done.stdout + str(done.returncode))
    """
    worker = worker_on(READS, action("action_cats", body), private=[data])
    await worker.names()
    needs_landlock(worker.confined)
    (tmp_path / "bot0" / "own.txt").write_text("own")

    assert says(await worker.run(reading("own.txt") | {"next_action": "action_cats"})) == ["own0"]
    assert says(await worker.run(reading(data / "master.key") | {"next_action": "action_cats"})) == ["1"]


async def test_the_server_cannot_be_signalled(worker_on: Worker) -> None:
    worker = worker_on(
        action("action_kills", f"os.kill({os.getpid()}, 0)"), action("action_own", "os.kill(os.getpid(), 0)")
    )
    await worker.names()
    needs_landlock(worker.confined)

    await worker.run(call("action_own"))
    with pytest.raises(ActionFailed, match="PermissionError"):
        await worker.run(call("action_kills"))


async def test_memory_is_limited_when_asked_for(worker_on: Worker) -> None:
    worker = worker_on(
        action("action_greedy", "bytearray(2_000_000_000)"),
        action("action_modest", "bytearray(2_000_000)"),
        memory_mb=1024,
    )

    await worker.run(call("action_modest"))
    with pytest.raises(ActionFailed, match="MemoryError"):
        await worker.run(call("action_greedy"))
    await worker.run(call("action_modest"))


async def test_core_dumps_are_off(worker_on: Worker) -> None:
    body = "import resource\ndispatcher.utter_message(text=str(resource.getrlimit(resource.RLIMIT_CORE)))"

    assert says(await worker_on(action("action_core", body)).run(call("action_core"))) == ["(0, 0)"]


@pytest.mark.skipif(sys.platform != "linux", reason="the parent's death is a signal on Linux only")
def test_a_worker_does_not_outlive_a_killed_server(tmp_path: Path) -> None:
    """Not even one whose code never yields. A process stands for the server and is killed as by `kill -9`.

    Were the worker still there, the test would run out of time.
    """
    folder = write_bot(tmp_path / "bot", action("action_hangs", 'open("hangs", "w")\nwhile True: pass', waits=True))
    server = f"""
import asyncio, os, pathlib, signal, sys
from bot_runtime.actions import ActionWorker
async def main():
    worker = ActionWorker(pathlib.Path({str(folder)!r}))
    await worker.names()
    print(worker.pid, flush=True)
    call = {{"next_action": "action_hangs", "sender_id": "x", "tracker": {{"sender_id": "x"}}, "domain": {{"a": 1}}}}
    task = asyncio.create_task(worker.run(call))
    while not pathlib.Path({str(folder / "hangs")!r}).exists():
        await asyncio.sleep(0.001)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", server], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )

    assert done.returncode == -9, done.stderr
    asyncio.run(ended(int(done.stdout)))
