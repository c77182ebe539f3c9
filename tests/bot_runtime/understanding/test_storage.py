"""Models as bytes: they come back as they were, and nothing else is taken for one."""

import hashlib
import pickle
from dataclasses import dataclass

import msgspec
import pytest

from bot_runtime.assistants.nlu_data import TrainingData
from bot_runtime.assistants.understanding import Model, storage
from bot_runtime.assistants.understanding.storage import MAGIC, NotAModelError, from_bytes, to_bytes
from tests.bot_runtime.understanding.conftest import project

TEXTS = ("hello", "from Rome to Oslo for two", "may I take my dog", "mumble", "", "cancel it")


@pytest.fixture(scope="module")
def stored(model: Model, travel: TrainingData) -> bytes:
    return to_bytes(model.learned, travel)


def test_a_model_comes_back_as_it_was(stored: bytes, model: Model, travel: TrainingData) -> None:
    again = from_bytes(stored, travel)

    assert [again.parse(text) for text in TEXTS] == [model.parse(text) for text in TEXTS]
    assert (again.reliability, again.notes) == (model.reliability, model.notes)
    assert to_bytes(again.learned, travel) == stored


def test_any_changed_byte_is_noticed(stored: bytes, travel: TrainingData) -> None:
    for at in range(0, len(stored), len(stored) // 97):
        changed = bytearray(stored)
        changed[at] ^= 1
        with pytest.raises(NotAModelError):
            from_bytes(bytes(changed), travel)
    for length in (0, 1, len(MAGIC), len(MAGIC) + 32, len(stored) - 1):
        with pytest.raises(NotAModelError):
            from_bytes(stored[:length], travel)


def sealed(body: bytes) -> bytes:
    return MAGIC + hashlib.sha256(body).digest() + body


def test_a_whole_file_of_wrong_shape_is_refused(stored: bytes, travel: TrainingData) -> None:
    document = msgspec.msgpack.decode(stored[len(MAGIC) + 32 :])
    assert from_bytes(sealed(msgspec.msgpack.encode(document)), travel).parse("hello").intent.name == "greet"

    for at in range(len(document)):
        for wrong in (None, "x", b"", [], -1, {}):
            changed = [*document]
            changed[at] = wrong
            if changed[at] == document[at] or (wrong is None and document[at] is None):
                continue
            try:
                model = from_bytes(sealed(msgspec.msgpack.encode(changed)), travel)
            except NotAModelError:
                continue
            assert model.parse("hello").text == "hello"  # a part that is optional


def test_a_model_of_other_data_or_another_version_is_refused(
    stored: bytes, travel: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotAModelError, match="other training data"):
        from_bytes(stored, project({"a": ["hello"]}))

    monkeypatch.setattr(storage, "VERSION", storage.VERSION + 1)
    with pytest.raises(NotAModelError, match="another version"):
        from_bytes(stored, travel)


@dataclass
class Planted:
    """Runs when it is unpickled."""

    path: str

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")


def test_a_pickle_is_no_model_and_is_not_run(travel: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> None:
    trace = tmp_path_factory.mktemp("planted") / "ran"
    planted = pickle.dumps(Planted(str(trace)))
    pickle.loads(planted).close()  # noqa: S301 - it would run, were it unpickled
    assert trace.exists()
    trace.unlink()

    for body in (planted, sealed(planted)):
        with pytest.raises(NotAModelError):
            from_bytes(body, travel)
    assert not trace.exists()
