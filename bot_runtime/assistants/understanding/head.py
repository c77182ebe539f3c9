"""The linear model at serving time: one matrix of whole numbers (-127 … 127) with a scale per class.

Columns are the intents, then the keys of all response selectors: what a text's features say about both is gathered in
one go. A temperature per group of classes, fitted on examples that the model had not seen, makes the shares of the
softmax mean what they say: of the answers given with 0.8, about eight in ten are right.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot_runtime.assistants.understanding.features import Vector

LARGEST = 127


class Head:
    """Scores per class. `weights` are features by classes, int8; a class's real weight is `weights * scale`."""

    def __init__(self, weights: NDArray[np.int8], scale: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        if weights.ndim != 2 or scale.shape != bias.shape or scale.shape != weights.shape[1:]:
            raise ValueError(f"weights {weights.shape}, scale {scale.shape} and bias {bias.shape} do not fit")
        self.weights, self.scale, self.bias = weights, scale, bias

    @classmethod
    def of(cls, weights: NDArray[Any], bias: NDArray[Any]) -> "Head":
        """The head with these real weights, rounded."""
        whole, scale = quantised(weights)
        return cls(whole, scale, bias.astype(np.float32))

    def scores(self, vector: Vector) -> NDArray[np.float32]:
        """One score per class, before any temperature."""
        columns, values = vector
        scores: NDArray[np.float32] = values @ self.weights.take(columns, 0).astype(np.float32)
        scores *= self.scale
        scores += self.bias
        return scores


def quantised(weights: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Whole numbers and the scale of each column."""
    largest = np.abs(weights).max(axis=0, initial=0.0)
    scale = np.where(largest > 0, largest / LARGEST, 1.0).astype(np.float32)
    return np.rint(weights / scale).astype(np.int8), scale


def shares(scores: NDArray[Any], temperature: float) -> NDArray[Any]:
    """Softmax of the scores times `temperature` (above 1 sharper, below 1 flatter)."""
    exponents: NDArray[Any] = np.exp((scores - np.maximum.reduce(scores)) * temperature)
    exponents /= np.add.reduce(exponents)
    return exponents
