"""One worker process as the server sees it: started, asked, ended. `ActionWorker` decides when.

Its environment is made from an allow-list, so no key and no setting of ours is in it; it inherits no descriptor but its
three pipes; it leads a process group of its own, which is killed as a whole; its home and its temporary folder are one
empty folder that goes with it.
"""

import asyncio
import contextlib
import hashlib
import os
import signal
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bot_runtime.actions.errors import ActionsBroken
from bot_runtime.actions.homes import Home
from bot_runtime.actions.port import LARGEST_RESULT

_LENGTH = struct.Struct(">I")
_LARGEST_FRAME = LARGEST_RESULT + 64 * 1024

PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH")
"""Variables of ours that a worker gets. Everything else an author declares."""

HIDDEN = ("foundation", "admin", "transcripts", "bot_runtime", "handoff", "config")
"""Our own packages: in a worker these names are the bot's."""

_LINES_A_MINUTE = 1_000
_LINE = 2_000
_LAST_WORDS = 0.5
"""Seconds to read the rest of the log of a process that has ended."""

Answer = tuple[str, list[Any]]


class Gone(Exception):  # noqa: N818 - a state, not an error
    """The process has ended; the text says how."""


class Start(msgspec.Struct, frozen=True):
    """What a worker is started with."""

    folder: Path
    package: str = "actions"
    variables: Mapping[str, str] = {}
    private: Sequence[Path] = ()
    memory_mb: int | None = None


class WorkerProcess:
    """A running worker. Make one with `begin`; end it with `end`."""

    def __init__(
        self, process: asyncio.subprocess.Process, home: Home, log_end: int, log: Callable[[str], None]
    ) -> None:
        self._process, self._home, self._log = process, home, log
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._greeting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._greeting.add_done_callback(_looked_at)
        self._numbers = 0
        self._domain: tuple[Any, bytes, str] = (None, b"", "")
        self._listener = asyncio.create_task(self._listen(), name=f"worker {process.pid} listens")
        self._log_reader = asyncio.create_task(self._read_log(log_end), name=f"worker {process.pid} log")
        self.names: frozenset[str] = frozenset()
        self.confined = False

    @classmethod
    async def begin(cls, start: Start, log: Callable[[str], None], time_limit_s: float) -> "WorkerProcess":
        """A process whose actions are loaded. Raises `ActionsBroken`; nothing is left running then."""
        home = Home()
        log_end, written_end = os.pipe()
        try:
            await asyncio.to_thread(home.make)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-X", "utf8", str(Path(__file__).with_name("worker.py"))),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=written_end,
                cwd=start.folder,
                env=_environment(start.variables, home.path),
                start_new_session=True,
            )
        except BaseException as error:
            os.close(log_end)
            await asyncio.to_thread(home.remove)
            if isinstance(error, OSError):
                raise ActionsBroken("", f"no process could be started: {error}") from error
            raise
        finally:
            os.close(written_end)
        worker = cls(process, home, log_end, log)
        try:
            worker._send(["start", _settings(start, home.path)])
            async with asyncio.timeout(time_limit_s):
                kind, rest = await asyncio.shield(worker._greeting)
        except TimeoutError:
            await worker.end()
            raise ActionsBroken("", f"the actions were not loaded within {time_limit_s:g} seconds") from None
        except Gone as gone:
            await worker.end()
            raise ActionsBroken("", f"{gone} while the actions were loaded") from None
        except BaseException:
            await worker.end()
            raise
        if kind != "ready":
            await worker.end()
            raise ActionsBroken("", rest[0], rest[1])
        worker.names, worker.confined = frozenset(rest[0]), rest[2]
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """False from the moment that its end was noticed."""
        return not self._listener.done()

    def ask(self, call: Mapping[str, Any]) -> tuple[int, asyncio.Future[Answer]]:
        """Send a call; the future gives its answer, or raises `Gone`."""
        if not self.alive:
            raise Gone(self._ending())
        digest = self._send_domain(call)
        self._numbers += 1
        number = self._numbers
        self._send(["call", number, digest, {key: value for key, value in call.items() if key != "domain"}])
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda _: self._answers.pop(number, None))
        answer.add_done_callback(_looked_at)
        return number, answer

    def cancel(self, number: int) -> None:
        """Ask the worker to abandon a call; its answer still comes, if it can."""
        if self.alive:
            self._send(["cancel", number])

    async def idle(self, time_limit_s: float) -> None:
        """Return when nobody waits for an answer any more, or after that time."""
        waiting = [answer for answer in self._answers.values() if not answer.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=time_limit_s)

    async def end(self) -> None:
        """Kill it and its children, and wait until nothing of it is left."""
        self._kill()
        await asyncio.gather(self._listener, return_exceptions=True)
        # What it had written is still read; a child that escaped may hold the pipe open for ever.
        await asyncio.wait([self._log_reader], timeout=_LAST_WORDS)
        self._log_reader.cancel()
        await asyncio.gather(self._log_reader, return_exceptions=True)
        await asyncio.to_thread(self._home.remove)

    def _kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _send_domain(self, call: Mapping[str, Any]) -> str:
        """The digest under which the worker has this call's domain; sends it unless it was the last one sent."""
        domain = call.get("domain") or {}
        last, last_body, digest = self._domain
        if domain is not last:
            body = msgspec.json.encode(domain)
            if body != last_body:
                digest = hashlib.sha256(body).hexdigest()
                self._send(["domain", digest, msgspec.Raw(body)])
            self._domain = (domain, body, digest)
        return digest

    def _send(self, frame: list[Any]) -> None:
        body = msgspec.json.encode(frame)
        assert self._process.stdin is not None
        self._process.stdin.write(_LENGTH.pack(len(body)) + body)

    async def _listen(self) -> None:
        """Deliver answers until the pipe ends; then whoever still waits is told that there is nobody."""
        assert self._process.stdout is not None
        try:
            while True:
                (length,) = _LENGTH.unpack(await self._process.stdout.readexactly(_LENGTH.size))
                if length > _LARGEST_FRAME:
                    self._log(f"the worker sent a frame of {length} bytes and is ended")
                    break
                kind, *rest = msgspec.json.decode(await self._process.stdout.readexactly(length))
                self._deliver(kind, rest)
        except (asyncio.IncompleteReadError, msgspec.DecodeError, ConnectionError):
            pass
        finally:
            self._kill()
            await self._process.wait()
            for waiting in [self._greeting, *self._answers.values()]:
                if not waiting.done():
                    waiting.set_exception(Gone(self._ending()))

    def _deliver(self, kind: str, rest: list[Any]) -> None:
        if kind in {"ready", "broken"}:
            waiting: asyncio.Future[Answer] | None = self._greeting
        else:
            waiting = self._answers.get(rest[0])
            rest = rest[1:]
        if waiting is not None and not waiting.done():
            waiting.set_result((kind, rest))

    async def _read_log(self, log_end: int) -> None:
        """What the author's code writes goes to the log, line by line, cut and counted so that it cannot flood it."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(log_end, "rb", buffering=0)
        )
        try:
            rest, lines, since = b"", 0, loop.time()
            while part := await reader.read(64 * 1024):
                *complete, rest = (rest + part).split(b"\n")
                if len(rest) > _LINE:
                    complete, rest = [*complete, rest], b""
                for line in complete:
                    if loop.time() - since > 60:
                        lines, since = 0, loop.time()
                    lines += 1
                    if lines <= _LINES_A_MINUTE:
                        self._log(line[:_LINE].decode("utf-8", "replace"))
                    elif lines == _LINES_A_MINUTE + 1:
                        self._log(f"more than {_LINES_A_MINUTE} lines in a minute; the rest of them is left out")
        finally:
            transport.close()

    def _ending(self) -> str:
        code = self._process.returncode
        if code is not None and code < 0:
            return f"the worker process was ended by {signal.Signals(-code).name}"
        return f"the worker process ended with status {code}"


def _looked_at(future: "asyncio.Future[Answer]") -> None:
    """Nobody may wait for it any more."""
    if not future.cancelled():
        future.exception()


def _environment(variables: Mapping[str, str], temporary: Path) -> dict[str, str]:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment.update(variables)
    environment.update(HOME=str(temporary), TMPDIR=str(temporary))
    return environment


def _settings(start: Start, temporary: Path) -> dict[str, Any]:
    return {
        "folder": str(start.folder),
        "package": start.package,
        "temporary": str(temporary),
        "private": [str(path) for path in start.private],
        "memory_mb": start.memory_mb,
        "hidden": HIDDEN,
        "largest": LARGEST_RESULT,
        "parent": os.getpid(),
    }
