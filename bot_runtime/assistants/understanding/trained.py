"""Models by the content they were trained on: from the cache when it is there and whole, else trained now and kept.

The cache is a folder of files named by version and content. A file that is not whole, or that somebody else put there,
is overwritten; several bots with the same data share one training; a training that fails leaves no file.
"""

import asyncio
import contextlib
import logging
import os
import sys
import tempfile
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec

from bot_runtime.assistants.nlu_data import TrainingData
from bot_runtime.assistants.understanding.model import Model
from bot_runtime.assistants.understanding.storage import VERSION, NotAModelError, from_bytes

TIME_LIMIT = 600
"""Seconds for one training; the largest public corpora need a tenth of that."""

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
"""All that the training process gets of our environment."""

_log = logging.getLogger(__name__)


class TrainingFailed(Exception):  # noqa: N818 - what happened, in the words of the caller
    """No model could be trained; the message says why, for whoever wrote the training data."""


class _Turn(asyncio.Lock):
    """One training of one content at a time."""


_turns: WeakValueDictionary[str, _Turn] = WeakValueDictionary()


async def trained(data: TrainingData, cache_dir: Path, *, time_limit_s: float = TIME_LIMIT) -> Model:
    """The model of these training data. Raises `TrainingFailed`."""
    path = cache_dir / f"{(await asyncio.to_thread(data.digest))[:32]}-{VERSION}.model"
    turn = _turns.setdefault(str(path), _Turn())
    async with turn:
        model = await asyncio.to_thread(_kept, path, data)
        if model is not None:
            return model
        stored = await _train(data, time_limit_s)
        try:
            model = await asyncio.to_thread(from_bytes, stored, data)
        except NotAModelError as error:
            raise TrainingFailed(f"The training gave no usable model: {error}.") from error
        await asyncio.to_thread(_keep, path, stored)
        return model


def _kept(path: Path, data: TrainingData) -> Model | None:
    try:
        return from_bytes(path.read_bytes(), data)
    except FileNotFoundError:
        return None
    except (NotAModelError, OSError) as error:
        _log.warning("the kept model %s is not used, training anew: %s", path.name, error)
        return None


def _keep(path: Path, stored: bytes) -> None:
    """Whole or not at all. That it cannot be kept costs a training at the next start, nothing else."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".training-", delete=False) as file:
            try:
                file.write(stored)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        _log.warning("the model could not be kept in %s: %s", path.parent, error)


async def _train(data: TrainingData, time_limit_s: float) -> bytes:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(Path(__file__).with_name("train.py")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(time_limit_s):
            stored, complaints = await process.communicate(msgspec.msgpack.encode(data))
    except TimeoutError as error:
        raise TrainingFailed(f"The training took longer than {time_limit_s:g} seconds and was ended.") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        reason = complaints.decode("utf-8", "replace").strip().rpartition("\n")[2]
        _log.error("training ended with %s:\n%s", process.returncode, complaints.decode("utf-8", "replace"))
        raise TrainingFailed(f"The training ended with an error: {reason or process.returncode}.")
    return stored
