"""The training process: `python -m bot_runtime.assistants.understanding.train`.

Reads training data (msgpack) from standard input, writes the model to standard output. It is a process of its own so
that the server neither imports the libraries that training needs nor stands still, and so that it can be ended when it
takes too long.
"""

import os
import sys

import msgspec


def main() -> None:
    """Train on what standard input says."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # more threads are slower at these sizes, and sum in another order
    os.nice(5)

    from bot_runtime.assistants.nlu_data import TrainingData  # noqa: PLC0415 - numpy reads those variables
    from bot_runtime.assistants.understanding.exact import reaches  # noqa: PLC0415
    from bot_runtime.assistants.understanding.storage import to_bytes  # noqa: PLC0415
    from bot_runtime.assistants.understanding.training import train  # noqa: PLC0415

    data = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=TrainingData)
    model = to_bytes(train(data, reaches(pattern for _, pattern in data.regexes)), data)
    sys.stdout.buffer.write(model)


if __name__ == "__main__":
    main()
