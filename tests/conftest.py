"""What holds for every test: loopback only, nothing that blocks the loop, no task left behind, and in CI no skip.

Fixtures that more than one package uses live here; the cast of one package lives in its own `conftest.py`.
"""

import asyncio
import inspect
import ipaddress
import itertools
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from blockbuster import BlockBuster

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("FRONTDESK_SHARED", ROOT.parent / "shared"))
PACKAGES = ["foundation", "admin", "transcripts", "bot_runtime", "handoff", "config"]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the public assistants and corpora; tests that need it skip without it."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"no corpora: {SHARED} is not there (set FRONTDESK_SHARED)")
    return SHARED


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """In CI a skip is a failure: what CI can have, it must run."""
    report = yield
    if report.skipped and os.environ.get("FRONTDESK_TEST_NO_SKIP") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped where nothing may skip: {call.excinfo and call.excinfo.value}"
    return report


@pytest.fixture(autouse=True)
def _no_blocking_call_in_the_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """A blocking call made by our own packages inside the event loop is an error, not a slow test."""
    if request.node.get_closest_marker("browser"):
        yield
        return
    guard = BlockBuster(scanned_modules=PACKAGES)
    # The MongoDB driver looks once, at its first connection, whether it runs in a container.
    guard.functions["os.stat"].can_block_in("pymongo/pool_options.py", {"get_container_env_info"})
    guard.activate()
    try:
        yield
    finally:
        guard.deactivate()


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that leaves the machine fails the test that tried it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(autouse=True)
def _no_task_left_behind(request: pytest.FixtureRequest) -> None:
    """Whatever a test starts, it ends; a task that survives it would speak in another test."""
    if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        request.getfixturevalue("no_task_left_behind")


@pytest_asyncio.fixture
async def no_task_left_behind() -> AsyncIterator[None]:
    """The look itself, inside the loop of the test."""
    before = asyncio.all_tasks()
    yield
    left = [task for task in asyncio.all_tasks() - before if not task.done() and task is not asyncio.current_task()]
    for _ in range(50):
        if not left:
            return
        await asyncio.sleep(0)
        left = [task for task in left if not task.done()]
    names = sorted(f"{task.get_name()}: {task.get_coro()}" for task in left)
    for task in left:
        task.cancel()
    assert not names, f"tasks left running: {names}"


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Callable[..., None]:
    """What a test of many rounds counted, for the summary at the end: `counted(rounds=200, lost=0)`."""

    def count(**numbers: int) -> None:
        said = ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in numbers.items())
        request.node.user_properties.append((_COUNTED, f"{request.node.nodeid.partition('::')[2]}: {said}"))

    return count


_COUNTED = "counted"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Each test of many rounds says what it counted, in whatever process it ran."""
    for report in itertools.chain(*terminalreporter.stats.values()):
        if getattr(report, "when", None) == "teardown":
            continue
        for name, said in getattr(report, "user_properties", ()):
            if name == _COUNTED:
                terminalreporter.write_line(f"counted: {said}")
