"""Training in a process of its own, and the cache of what came of it."""

import asyncio
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot_runtime.assistants.nlu_data import Example, TrainingData
from bot_runtime.assistants.understanding import Model, TrainingFailed, trained
from tests.bot_runtime.understanding.conftest import TRAVEL, project
from tests.bot_runtime.understanding.test_storage import Planted
from tests.conftest import ROOT


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


async def test_a_model_is_trained_once_and_kept(travel: TrainingData, model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "cache"

    first = await trained(travel, folder)
    (kept,) = files(folder)
    written = kept.stat().st_mtime_ns
    second = await trained(travel, folder)

    assert files(folder) == [kept]
    assert kept.stat().st_mtime_ns == written
    for text in ("hello", "from Rome to Oslo for two", "may I take my dog"):
        assert first.parse(text) == second.parse(text)
        assert first.parse(text).intent.name == model.parse(text).intent.name


async def test_training_again_elsewhere_gives_the_same_bytes(travel: TrainingData, tmp_path: Path) -> None:
    await trained(travel, tmp_path / "one")
    await trained(travel, tmp_path / "two")

    (one,), (two,) = files(tmp_path / "one"), files(tmp_path / "two")
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()


async def test_other_content_is_another_model(travel: TrainingData, tmp_path: Path) -> None:
    await trained(travel, tmp_path)

    other = await trained(project({**TRAVEL, "thank": ["thank you", "thanks a lot"]}), tmp_path)

    assert other.parse("thanks").intent.name == "thank"
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("planted", ["pickle", "nothing", "half"])
async def test_a_file_that_is_no_model_is_replaced_and_never_run(
    travel: TrainingData, tmp_path: Path, planted: str
) -> None:
    await trained(travel, tmp_path)
    (kept,) = files(tmp_path)
    whole = kept.read_bytes()
    trace = tmp_path / "ran"
    kept.write_bytes(
        {"pickle": pickle.dumps(Planted(str(trace))), "nothing": b"", "half": whole[: len(whole) // 2]}[planted]
    )

    model = await trained(travel, tmp_path)

    assert model.parse("hello").intent.name == "greet"
    assert kept.read_bytes() == whole
    assert files(tmp_path) == [kept]


async def test_bots_with_the_same_data_share_one_training(travel: TrainingData, tmp_path: Path) -> None:
    models = await asyncio.gather(*(trained(travel, tmp_path) for _ in range(4)))

    assert len(files(tmp_path)) == 1
    assert len({model.parse("hello").intent.confidence for model in models}) == 1


async def test_a_folder_that_cannot_be_written_costs_nothing_but_time(travel: TrainingData, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    model = await trained(travel, tmp_path / "file" / "cache")

    assert model.parse("hello").intent.name == "greet"


async def test_a_training_that_takes_too_long_is_ended(travel: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match=r"longer than 0\.01 seconds"):
        await trained(travel, tmp_path, time_limit_s=0.01)
    assert files(tmp_path) == []

    assert (await trained(travel, tmp_path)).parse("hello").intent.name == "greet"


async def test_a_cancelled_training_leaves_no_process(travel: TrainingData, tmp_path: Path) -> None:
    task = asyncio.create_task(trained(travel, tmp_path))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert files(tmp_path) == []


async def test_data_that_contradict_themselves_fail_with_a_reason(tmp_path: Path) -> None:
    broken = TrainingData(examples=(Example("hello", "a"),), intents=("b",))

    with pytest.raises(TrainingFailed, match="KeyError: 'a'"):
        await trained(broken, tmp_path)
    assert files(tmp_path) == []


async def test_no_secret_of_the_server_reaches_the_training(
    travel: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that Python itself would obey shows that none is passed on: with it, nothing could be imported."""
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")

    assert (await trained(travel, tmp_path)).parse("hello").intent.name == "greet"


def test_the_server_never_imports_what_training_needs(tmp_path: Path) -> None:
    program = f"""
import asyncio, pathlib, sys
from bot_runtime.assistants.understanding import trained
from bot_runtime.assistants.nlu_data import Example, TrainingData
data = TrainingData(examples=(Example("hello", "a"), Example("bye", "b")), intents=("a", "b"))
model = asyncio.run(trained(data, pathlib.Path({str(tmp_path)!r})))
assert model.parse("hello").intent.name == "a"
print(sorted({{"sklearn", "scipy", "pycrfsuite"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stdout.strip() == "[]", done.stderr


async def test_a_small_bot_is_trained_in_a_second(travel: TrainingData, tmp_path: Path) -> None:
    """Processor time of the training process, which a busy machine does not lengthen."""
    before = os.times()
    began = time.monotonic()
    await trained(travel, tmp_path)

    spent = os.times()
    assert spent.children_user + spent.children_system - before.children_user - before.children_system < 2
    assert time.monotonic() - began < 30
