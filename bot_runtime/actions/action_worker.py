"""The custom actions of one bot, in a worker process that is started when needed and started again when it dies.

- The author's code can neither block the server nor read its keys: see `process` and `confinement`.
- An action that does not come back in time is abandoned. If it cannot be stopped, its process takes no further calls, a
  fresh one takes them, and the old one is killed as soon as its other calls have come back.
- A process that dies costs the calls that were running in it. No call is ever run twice: it may have booked something.
- A bot without code of its own has no process.
"""

import ast
import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bot_runtime.actions.errors import (
    ActionError,
    ActionFailed,
    ActionNotFound,
    ActionRejected,
    ActionsBroken,
    ActionTimeout,
)
from bot_runtime.actions.port import ActionResult, result_of
from bot_runtime.actions.process import Answer, Gone, Start, WorkerProcess
from foundation.tasks import ended

START_LIMIT = 60.0
"""Seconds that the package may take to load; some import a whole machine learning library."""

GRACE = 1.0
"""Seconds that an abandoned action has to stop."""

LONGEST_PAUSE = 30.0
"""Seconds between two starts of a worker that dies again and again."""

_log = logging.getLogger(__name__)


class ActionWorker:
    """`Actions` in a process of our own. `start()` begins loading at once; otherwise the first call does."""

    def __init__(
        self,
        folder: Path,
        *,
        time_limit_s: float = 10.0,
        log: Callable[[str], None] | None = None,
        package: str = "actions",
        variables: Mapping[str, str] | None = None,
        private: Sequence[Path] = (),
        memory_mb: int | None = None,
        pause_s: float = 0.2,
    ) -> None:
        """`folder` is the bot's project; it is the working directory and comes first on the path.

        `variables` is environment that the author declared; names beginning with FRONTDESK_ are refused (ValueError).
        `private` are folders that the code must not reach: the data folder, with the keys. `memory_mb` limits its
        address space. `pause_s` is the wait before the second start in a row; it doubles up to `LONGEST_PAUSE`.
        """
        refused = [name for name in variables or {} if name.upper().startswith("FRONTDESK_")]
        if refused:
            raise ValueError(f"{', '.join(refused)}: settings of the server are not given to actions")
        self._start = Start(folder, package, dict(variables or {}), tuple(private), memory_mb)
        self._limit, self._pause = time_limit_s, pause_s
        self._log = log or (lambda line: _log.info("%s: %s", folder.name, line))
        self._worker: WorkerProcess | None = None
        self._running: set[WorkerProcess] = set()
        self._starting: asyncio.Task[WorkerProcess | None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._broken: ActionsBroken | None = None
        self._not_before = 0.0
        self._misfortunes = 0
        self._starts = 0
        self._closed = False

    @property
    def restarts(self) -> int:
        """How often a process was started beyond the first time."""
        return max(0, self._starts - 1)

    @property
    def pid(self) -> int | None:
        """The process that takes calls now, if there is one."""
        return self._worker.pid if self._worker is not None and self._worker.alive else None

    @property
    def confined(self) -> bool:
        """Whether this machine's kernel keeps the process away from private folders and from other processes."""
        return self._worker is not None and self._worker.confined

    def start(self) -> None:
        """Begin to load the actions, in the background; what goes wrong is told to whoever calls one."""
        if not self._closed and self._starting is None:
            self._starting = asyncio.create_task(self._begin(), name=f"actions of {self._start.folder.name} start")
            self._starting.add_done_callback(_looked_at)

    async def names(self) -> frozenset[str]:
        """All actions of the package; waits until it is loaded."""
        worker = await self._ready("")
        return worker.names if worker is not None else frozenset()

    async def run(self, call: Mapping[str, Any]) -> ActionResult:
        """See `Actions.run`."""
        name = str(call["next_action"])
        try:
            async with asyncio.timeout(self._limit):
                worker = await self._ready(name)
        except TimeoutError:
            raise ActionTimeout(name, "the bot's actions are not loaded yet") from None
        if worker is None or name not in worker.names:
            raise ActionNotFound(name)
        kind, rest = await self._asked(worker, name, call)
        self._misfortunes = 0
        return _result(name, kind, rest)

    async def close(self) -> None:
        """End the process and whatever it started."""
        self._closed = True
        await ended(*self._background, *([self._starting] if self._starting else []))
        self._worker = None
        # Also those whose end was interrupted by the cancelling above: ending twice does no harm.
        await asyncio.gather(*map(self._end, list(self._running)))

    async def _end(self, worker: WorkerProcess) -> None:
        await worker.end()
        self._running.discard(worker)

    async def _ready(self, name: str) -> WorkerProcess | None:
        """A worker that takes calls; None when the bot has no code. Raises `ActionsBroken`, `ActionFailed`."""
        if self._closed:
            raise ActionFailed(name, "the bot was stopped")
        if self._worker is not None and self._worker.alive:
            return self._worker
        if self._broken is not None and asyncio.get_running_loop().time() < self._not_before:
            raise ActionsBroken(name, self._broken.detail, self._broken.where)
        if self._starting is None or (self._starting.done() and not self._has_nothing()):
            self._starting = None
            self.start()
        assert self._starting is not None
        try:
            return await asyncio.shield(self._starting)
        except ActionsBroken as broken:
            raise ActionsBroken(name, broken.detail, broken.where) from broken

    def _has_nothing(self) -> bool:
        task = self._starting
        return task is not None and not task.cancelled() and task.exception() is None and task.result() is None

    async def _begin(self) -> WorkerProcess | None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._not_before - loop.time()))
        if self._worker is not None:
            await self._end(self._worker)
            self._worker = None
        start = msgspec.structs.replace(self._start, folder=await asyncio.to_thread(self._start.folder.resolve))
        if not await asyncio.to_thread(has_code, start.folder, start.package):
            return None
        self._starts += 1
        try:
            worker = await WorkerProcess.begin(start, self._log, START_LIMIT)
        except ActionsBroken as broken:
            self._broken = broken
            self._suffered()
            raise
        if self._start.private and not worker.confined:
            self._log("this kernel has no Landlock: files of the server's user are within reach of the actions")
        self._broken, self._worker = None, worker
        self._running.add(worker)
        return worker

    async def _asked(self, worker: WorkerProcess, name: str, call: Mapping[str, Any]) -> Answer:
        try:
            number, answer = worker.ask(call)
        except Gone as gone:
            raise ActionFailed(name, f"{gone} before the action ran") from None
        except (TypeError, ValueError) as error:
            raise ActionFailed(name, f"the call cannot be sent: {error}") from error
        try:
            async with asyncio.timeout(self._limit):
                return await asyncio.shield(answer)
        except Gone as gone:
            self._suffered()
            raise ActionFailed(name, f"{gone} while the action ran") from None
        except TimeoutError:
            self._abandon(worker, number, answer)
            raise ActionTimeout(name, f"it took longer than {self._limit:g} seconds") from None
        except asyncio.CancelledError:
            self._abandon(worker, number, answer)
            raise

    def _abandon(self, worker: WorkerProcess, number: int, answer: asyncio.Future[Answer]) -> None:
        task = asyncio.create_task(self._stopped(worker, number, answer), name=f"action {number} is abandoned")
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        task.add_done_callback(_looked_at)

    async def _stopped(self, worker: WorkerProcess, number: int, answer: asyncio.Future[Answer]) -> None:
        """See that the call ends; if it does not, the process does."""
        worker.cancel(number)
        try:
            async with asyncio.timeout(GRACE):
                kind, _ = await asyncio.shield(answer)
        except (TimeoutError, Gone):
            kind = "stuck"
        if kind != "stuck" or not worker.alive:
            return
        if self._worker is worker:
            self._worker = None
            self._starting = None
            self.start()
        answer.cancel()
        try:
            await worker.idle(self._limit)
        finally:
            await self._end(worker)

    def _suffered(self) -> None:
        """Put off the next start: not at all after the first misfortune in a row, then ever longer."""
        self._misfortunes += 1
        pause = 0.0 if self._misfortunes == 1 else min(LONGEST_PAUSE, self._pause * 2 ** (self._misfortunes - 2))
        self._not_before = asyncio.get_running_loop().time() + pause


def _result(name: str, kind: str, rest: list[Any]) -> ActionResult:
    error: ActionError
    if kind == "done":
        result = result_of(rest[0])
        if result is not None:
            return result
        error = ActionFailed(name, "what it returned is no list of events")
    elif kind == "rejected":
        error = ActionRejected(name, rest[0])
    elif kind == "missing":
        error = ActionNotFound(name)
    elif kind == "failed":
        error = ActionFailed(name, f"{rest[0]} ({rest[1]})" if rest[1] else rest[0])
    else:
        error = ActionFailed(name, "it was cancelled")
    raise error


def has_code(folder: Path, package: str = "actions") -> bool:
    """Whether the package holds more than comments and docstrings. What cannot be parsed counts: it is to be told."""
    root = folder / package.replace(".", "/")
    files = [root.with_suffix(".py"), *sorted(root.rglob("*.py"))]
    return any(_does_something(file) for file in files if file.is_file())


def _does_something(file: Path) -> bool:
    try:
        body = ast.parse(file.read_bytes()).body
    except (SyntaxError, ValueError):
        return True
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in body)


def _looked_at(task: asyncio.Task[Any]) -> None:
    """Nobody may have waited for it; its error is kept and told later."""
    if not task.cancelled():
        task.exception()
