"""Understanding: what a visitor's text means, by a small linear model, trained in a second and asked in microseconds.

`await trained(data, cache_dir)` gives a `Model`; `model.parse(text)` gives a `Parse`. Training runs in a process of its
own, its result is kept by the content of the training data, and no file of it can run code when it is read.
"""

from bot_runtime.assistants.understanding.model import Bin, Model
from bot_runtime.assistants.understanding.trained import TrainingFailed, trained

__all__ = ["Bin", "Model", "TrainingFailed", "trained"]
