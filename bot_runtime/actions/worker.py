"""The worker process of one bot: rasa-sdk's executor, and a pipe to the server. Started by path, never imported.

It knows nothing of Frontdesk: its modules come from the bot's folder first, then from the environment, and our own
packages are out of its reach, so that a bot's `config` or `admin` is the bot's. What the code prints goes to the log;
the pipe that carries results is a descriptor that it does not know.

Frames in both directions are a length (4 bytes, big-endian) and a JSON array. In: `start`, `domain`, `call`, `cancel`.
Out: `ready` or `broken` once, then for each call one of `done`, `rejected`, `missing`, `failed`, `yielded`, `stuck`.
An action that is a coroutine runs in the event loop; any other in a thread, so that a slow one delays nobody else.
"""

import asyncio
import importlib.abc
import importlib.util
import inspect
import logging
import os
import struct
import sys
import traceback
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, NoReturn

import msgspec

_LENGTH = struct.Struct(">I")
_THREADS = 32
_KEPT_DOMAINS = 4
_NOT_THE_AUTHORS = frozenset({"rasa_sdk", "builtins", "abc"})


class Stuck(Exception):  # noqa: N818 - a state, not an error
    """A cancelled action that runs on in its thread."""


class Pipe:
    """The server's end of the conversation, moved away from standard input and output."""

    def __init__(self) -> None:
        self._in = os.dup(0)
        self._out = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]

    def read_first(self) -> list[Any]:
        """One frame, before there is an event loop."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        frame: list[Any] = msgspec.json.decode(self._exactly(length))
        return frame

    def opened(self) -> BinaryIO:
        return os.fdopen(self._in, "rb", buffering=0)

    def send(self, *frame: Any) -> None:
        self.send_encoded(msgspec.json.encode(frame))

    def send_encoded(self, body: bytes) -> None:
        left = memoryview(_LENGTH.pack(len(body)) + body)
        while left:
            left = left[os.write(self._out, left) :]

    def _exactly(self, length: int) -> bytes:
        parts = b""
        while len(parts) < length:
            part = os.read(self._in, length - len(parts))
            if not part:
                os._exit(0)
            parts += part
        return parts


class OwnPackagesOnly(importlib.abc.MetaPathFinder):
    """Names of the server's packages mean the bot's own, or nothing."""

    def __init__(self, names: Sequence[str], folder: str) -> None:
        self._names, self._folder = frozenset(names), folder

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if path is not None or name not in self._names:
            return None
        spec = PathFinder.find_spec(name, [self._folder], target)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return spec


class Worker:
    """Runs the calls that come through the pipe."""

    def __init__(self, pipe: Pipe, actions: Any, largest: int) -> None:
        from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException  # noqa: PLC0415

        self._pipe, self._executor, self._largest = pipe, actions, largest
        self._rejection, self._missing = ActionExecutionRejection, ActionNotFoundException
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="action")
        self._domains: dict[str, msgspec.Raw] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        for name, function in list(actions.actions.items()):
            actions.actions[name] = self._off_the_loop(function)

    async def serve(self) -> NoReturn:
        """Until the server closes the pipe."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self._pipe.opened())
        while True:
            try:
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                frame = await reader.readexactly(length)
            except asyncio.IncompleteReadError:
                os._exit(0)
            kind, *rest = msgspec.json.decode(frame, type=list[msgspec.Raw])
            getattr(self, f"_on_{msgspec.json.decode(kind, type=str)}")(*rest)

    def _on_domain(self, digest: msgspec.Raw, domain: msgspec.Raw) -> None:
        self._domains[msgspec.json.decode(digest, type=str)] = domain.copy()
        while len(self._domains) > _KEPT_DOMAINS:
            self._domains.pop(next(iter(self._domains)))

    def _on_call(self, number: msgspec.Raw, digest: msgspec.Raw, call: msgspec.Raw) -> None:
        own = msgspec.json.decode(number, type=int)
        task = asyncio.get_running_loop().create_task(self._answer(own, msgspec.json.decode(digest, type=str), call))
        self._running[own] = task
        task.add_done_callback(lambda done: self._ended(own, done))

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        self._running.pop(number, None)
        if task.cancelled():  # before it had begun
            self._pipe.send("yielded", number)

    def _on_cancel(self, number: msgspec.Raw) -> None:
        task = self._running.get(msgspec.json.decode(number, type=int))
        if task is not None:
            task.cancel()

    async def _answer(self, number: int, digest: str, call: msgspec.Raw) -> None:
        try:
            self._pipe.send_encoded(await self._result(number, digest, call))
        except Stuck:
            self._pipe.send("stuck", number)
        except asyncio.CancelledError:
            self._pipe.send("yielded", number)
        except self._rejection as rejection:
            self._pipe.send("rejected", number, str(rejection.message))
        except self._missing:
            self._pipe.send("missing", number)
        except BaseException as error:  # whatever the author's code raises, SystemExit too, is the action's failure
            logging.getLogger("actions").exception("An action failed.")
            self._pipe.send("failed", number, f"{type(error).__name__}: {error}"[:2000], place_of(error))

    async def _result(self, number: int, digest: str, call: msgspec.Raw) -> bytes:
        decoded = msgspec.json.decode(call)
        # Decoded anew for each call: what one action changes in its tracker or domain, no other sees.
        decoded["domain"] = msgspec.json.decode(self._domains[digest])
        result = await self._executor.run(decoded)
        body = msgspec.json.encode(["done", number, {"events": result.events, "responses": result.responses}])
        if len(body) > self._largest:
            raise ValueError(f"the result has {len(body)} bytes, the limit is {self._largest}")
        return body

    def _off_the_loop(self, function: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
        if inspect.iscoroutinefunction(function) and not _only_the_sdk_waits(function):
            return function

        async def run(*arguments: Any) -> Any:
            future = self._threads.submit(_run_in_thread, function, arguments)
            try:
                returned = await asyncio.wrap_future(future)
            except asyncio.CancelledError:
                if future.running():
                    raise Stuck from None
                raise
            return await returned if inspect.iscoroutine(returned) else returned

        return run


def _only_the_sdk_waits(function: Callable[..., Any]) -> bool:
    """True for a form's `run` when the author's validators are plain functions: they may block and need a thread."""
    owner = getattr(function, "__self__", None)
    if owner is None:
        return False
    own = [kind for kind in type(owner).__mro__ if kind.__module__.partition(".")[0] not in _NOT_THE_AUTHORS]
    return not any(inspect.iscoroutinefunction(member) for kind in own for member in vars(kind).values())


def _run_in_thread(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    returned = function(*arguments)
    if not inspect.iscoroutinefunction(function):
        return returned
    try:
        returned.send(None)
    except StopIteration as done:
        return done.value
    returned.close()
    raise RuntimeError("a validator waits for something outside the event loop; make it `async def`")


def place_of(error: BaseException) -> str:
    """`file:line` where the author's code was, relative to its folder; "" when it was not there."""
    folder = f"{Path.cwd()}{os.sep}"
    if isinstance(error, SyntaxError) and error.filename and error.filename.startswith(folder):
        return f"{error.filename.removeprefix(folder)}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(folder)]
    return f"{frames[-1].filename.removeprefix(folder)}:{frames[-1].lineno}" if frames else ""


def load(package: str) -> Any:
    """The executor with all actions of the package."""
    from rasa_sdk.executor import ActionExecutor  # noqa: PLC0415

    class Executor(ActionExecutor):  # type: ignore[misc]
        def register_action(self, action: Any) -> None:
            """Leave out what has no name: a base class of the author's own."""
            instance: Any = action() if inspect.isclass(action) else action
            try:
                instance.name()
            except NotImplementedError:
                return
            super().register_action(instance)

    executor = Executor()
    try:
        executor.register_package(package)
    except SystemExit as ended:
        # The SDK logs an ImportError and exits; the reason is what was being handled then.
        raise (ended.__context__ or ended) from None
    return executor


def confinement() -> ModuleType:
    """The module beside this one, which no name leads to."""
    spec = importlib.util.spec_from_file_location("_confinement", Path(__file__).with_name("confinement.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    pipe = Pipe()
    _, start = pipe.read_first()
    own = confinement()
    own.die_with_parent(start["parent"])
    own.limit_resources(start["memory_mb"])
    folder = Path(start["folder"])
    needed = [folder, Path(start["temporary"]), Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parent]
    confined = own.confine([Path(path) for path in start["private"]], needed)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        import rasa_sdk  # noqa: PLC0415 - before the bot's folder is on the path

        sys.meta_path.insert(0, OwnPackagesOnly(start["hidden"], str(folder)))
        sys.path.insert(0, str(folder))
        executor = load(start["package"])
    except BaseException as error:  # whatever keeps the package from loading is to be told
        logging.getLogger("actions").exception("The actions could not be loaded.")
        pipe.send("broken", f"{type(error).__name__}: {error}"[:2000], place_of(error))
        os._exit(1)
    worker = Worker(pipe, executor, start["largest"])
    pipe.send("ready", sorted(executor.actions), rasa_sdk.__version__, confined)
    asyncio.run(worker.serve())


if __name__ == "__main__":
    main()
