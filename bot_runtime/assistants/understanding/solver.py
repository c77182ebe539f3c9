"""The two losses of the intent head, minimised in numpy: for the sizes that bots mostly have, this is quicker than to
import a library for it. `fit_intents` uses scikit-learn above those sizes; both find the same weights.

    hinge     ½‖w‖² + C · Σ max(0, 1 - y·s)²    one class against the rest   (as LinearSVC)
    softmax   ½‖w‖² + C · Σ -log p(class)       all classes together         (as LogisticRegression)

The examples are few and the features many, so the problem is turned: with the Gram matrix K = X·Xᵀ = U·S·Uᵀ, the rows
of Z = U·√S have the same angles and lengths as those of X, and what is learned on Z maps back by W = Xᵀ·U·√S⁻¹·V.
Minimised by L-BFGS without randomness.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Objective = Callable[[Array], tuple[float, Array]]

_MEMORY = 10
_MOST_STEPS = 200
_FLAT = 1e-3
"""Stop where the gradient has shrunk to this part of what it was."""


def turned(dense: NDArray[Any]) -> tuple[Array, Array]:
    """(Z, back): Z has a row per example and a last column of ones for the bias; weights on X are `back @ V[:-1]`."""
    values, vectors = np.linalg.eigh((dense @ dense.T).astype(np.float64))
    kept = values > 1e-7 * max(values[-1], 1.0)
    roots = np.sqrt(values[kept])
    turned_rows = vectors[:, kept] * roots
    return np.hstack([turned_rows, np.ones((len(dense), 1))]), dense.T.astype(np.float64) @ (vectors[:, kept] / roots)


def hinge(rows: Array, classes: NDArray[np.intp], count: int, strength: float) -> Array:
    """Weights (columns of `rows` by classes) of the squared hinge loss."""
    signs = np.full((len(rows), count), -1.0)
    signs[np.arange(len(rows)), classes] = 1.0

    def objective(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(-1, count)
        short = np.maximum(0.0, 1.0 - signs * (rows @ weights))
        value = 0.5 * float(flat @ flat) + strength * float((short * short).sum())
        return value, (weights - 2 * strength * (rows.T @ (signs * short))).ravel()

    return minimised(objective, rows.shape[1] * count).reshape(-1, count)


def softmax(rows: Array, classes: NDArray[np.intp], count: int, strength: float) -> Array:
    """Weights (columns of `rows` by classes) of the multinomial logistic loss."""
    numbers = np.arange(len(rows))

    def objective(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(-1, count)
        scores = rows @ weights
        scores -= scores.max(axis=1, keepdims=True)
        odds = np.exp(scores)
        sums = odds.sum(axis=1, keepdims=True)
        value = float((np.log(sums[:, 0]) - scores[numbers, classes]).sum())
        odds /= sums
        odds[numbers, classes] -= 1.0
        return 0.5 * float(flat @ flat) + strength * value, (weights + strength * (rows.T @ odds)).ravel()

    return minimised(objective, rows.shape[1] * count).reshape(-1, count)


def minimised(objective: Objective, size: int) -> Array:
    """The place where a smooth convex function is (nearly) least, sought from 0 by L-BFGS."""
    place = np.zeros(size)
    value, gradient = objective(place)
    enough = _FLAT * float(np.abs(gradient).max(initial=0.0))
    pairs: deque[tuple[Array, Array, float]] = deque(maxlen=_MEMORY)
    for _ in range(_MOST_STEPS):
        if float(np.abs(gradient).max(initial=0.0)) <= enough:
            break
        direction = -_inverse_hessian_times(gradient, pairs)
        step = _step(objective, place, value, gradient, direction, first=not pairs)
        if step is None:
            break
        new_place, value, new_gradient = step
        moved, turned_by = new_place - place, new_gradient - gradient
        curvature = float(moved @ turned_by)
        if curvature > 0:
            pairs.append((moved, turned_by, curvature))
        place, gradient = new_place, new_gradient
    return place


def _inverse_hessian_times(gradient: Array, pairs: deque[tuple[Array, Array, float]]) -> Array:
    """The two-loop recursion (Nocedal, 1980)."""
    result = gradient.copy()
    factors = []
    for moved, turned_by, curvature in reversed(pairs):
        factor = float(moved @ result) / curvature
        result -= factor * turned_by
        factors.append(factor)
    if pairs:
        _, turned_by, curvature = pairs[-1]
        result *= curvature / float(turned_by @ turned_by)
    for (moved, turned_by, curvature), factor in zip(pairs, reversed(factors), strict=True):
        result += (factor - float(turned_by @ result) / curvature) * moved
    return result


def _step(
    objective: Objective, place: Array, value: float, gradient: Array, direction: Array, *, first: bool
) -> tuple[Array, float, Array] | None:
    """The first of ever shorter steps that lowers the value as its slope promises (Armijo); None at the floor."""
    slope = float(gradient @ direction)
    length = 1.0 / max(1.0, float(np.linalg.norm(gradient))) if first else 1.0
    for _ in range(30):
        candidate = place + length * direction
        reached, there = objective(candidate)
        if reached <= value + 1e-4 * length * slope:
            return candidate, reached, there
        length *= 0.5
    return None
