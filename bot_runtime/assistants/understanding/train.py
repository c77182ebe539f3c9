"""The training process. Started by path, never imported.

Reads training data (msgpack) from standard input, writes the model to standard output. It is a process of its own so
that the server neither imports the libraries that training needs nor stands still, and so that it can be ended when it
takes too long. Of the packages above it only the modules that training needs are loaded: starting the rest of the house
would take longer than the training.
"""

import os
import sys
from pathlib import Path
from types import ModuleType

import msgspec


def main() -> None:
    """Train on what standard input says."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # more threads are slower at these sizes, and sum in another order
    os.nice(5)
    _open_packages()

    from bot_runtime.assistants.nlu_data import TrainingData  # noqa: PLC0415 - numpy reads those variables
    from bot_runtime.assistants.understanding.exact import reaches  # noqa: PLC0415
    from bot_runtime.assistants.understanding.storage import to_bytes  # noqa: PLC0415
    from bot_runtime.assistants.understanding.training import train  # noqa: PLC0415

    data = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=TrainingData)
    model = to_bytes(train(data, reaches(pattern for _, pattern in data.regexes)), data)
    sys.stdout.buffer.write(model)


def _open_packages() -> None:
    """Make the modules of our packages findable without running what the packages themselves import."""
    understanding = Path(__file__).resolve().parent
    for name, folder in (
        ("bot_runtime", understanding.parent.parent),
        ("bot_runtime.assistants", understanding.parent),
        ("bot_runtime.assistants.understanding", understanding),
    ):
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package


if __name__ == "__main__":
    main()
