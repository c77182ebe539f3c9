"""Training of the linear heads: weights, and a temperature from answers about examples that were held out.

A group is a set of classes of which a text has one: the intents, or the keys of one retrieval intent. Small groups are
solved in numpy (`solver`), larger ones by scikit-learn, which is imported here and only then: this module runs in the
training process. Nothing is random: the folds come from a fixed seed.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bot_runtime.assistants.understanding import solver
from bot_runtime.assistants.understanding.features import Vector

HINGE, SOFTMAX = 0.7, 30.0
"""C of the two losses. Their scores are added two to one."""

SMALL = 60_000_000
"""Examples² × classes up to which numpy alone is quicker than importing scikit-learn."""

BOTH_LOSSES = 100_000
"""Examples × classes up to which both losses are learned; above, the hinge loss alone is as good."""

_PRIOR = {True: (1.25, 0.7), False: (4.0, 0.7)}
"""With both losses or one: the temperature expected before any example is seen, and how firmly (in log units)."""

Array = NDArray[Any]


class Fitted(NamedTuple):
    """What was learned about one group."""

    weights: Array
    """Features × classes."""
    bias: Array
    temperature: float
    held_out: Array
    """Scores of each real example by a model that had not seen it; NaN where none was made."""


class _Learner(Protocol):
    def learn(self, chosen: Array) -> Array: ...
    def scores(self, learned: Array, chosen: Array) -> Array: ...
    def weights(self, learned: Array) -> tuple[Array, Array]: ...


def fit_group(
    rows: Sequence[Vector], width: int, classes: Sequence[int], count: int, *, real: int, judge_all: bool
) -> Fitted:
    """Learn to tell `count` classes apart. The first `real` rows are examples, the rest are made from names.

    Rows made from names are learned from in every fold and never judged. `judge_all` wants every example held out once;
    without it, a part of many examples is enough for the temperature.
    """
    labels = np.asarray(classes, np.intp)
    if count == 1:
        return Fitted(np.zeros((width, 1)), np.zeros(1), 1.0, np.zeros((real, 1)))
    both = real * count < BOTH_LOSSES
    small = len(rows) ** 2 * count <= SMALL
    learner: _Learner = (_InNumpy if small else _InScikit)(rows, width, labels, count, both=both)
    held_out = _held_out(learner, labels, count, real, judge_all=judge_all)
    weights, bias = learner.weights(learner.learn(np.arange(len(rows))))
    judged = ~np.isnan(held_out[:, 0])
    temperature = fitted_temperature(held_out[judged], labels[:real][judged], *_PRIOR[both])
    return Fitted(weights, bias, temperature, held_out)


def fitted_temperature(scores: Array, classes: Array, expected: float, firmness: float) -> float:
    """The temperature under which these scores surprise least, held near `expected` when the examples are few."""
    candidates = np.exp(np.linspace(np.log(expected) - 2.5, np.log(expected) + 2.5, 101))
    surprise = (np.log(candidates / expected) / firmness) ** 2 / 2
    if len(scores):
        distance = scores - scores.max(axis=1, keepdims=True)
        chosen = distance[np.arange(len(scores)), classes]
        for number, candidate in enumerate(candidates):
            odds = np.log(np.exp(distance * candidate).sum(axis=1))
            surprise[number] += (odds - chosen * candidate).sum()
    return float(candidates[int(np.argmin(surprise))])


def _held_out(learner: _Learner, labels: Array, count: int, real: int, *, judge_all: bool) -> Array:
    scores = np.full((real, count), np.nan)
    if real < 2:
        return scores
    many = real * count >= 3 * BOTH_LOSSES
    folds = 3 if many and judge_all else min(5, real)
    fold_of = _folds(labels[:real], folds)
    everything = np.arange(len(labels))
    for fold in range(folds if judge_all or not many else 1):
        out = np.flatnonzero(fold_of == fold)
        scores[out] = learner.scores(learner.learn(np.delete(everything, out)), out)
    return scores


def _folds(labels: Array, folds: int) -> Array:
    """A fold for each example, each class spread evenly over the folds."""
    shuffled = np.random.default_rng(0).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold_of = np.empty(len(labels), np.intp)
    fold_of[by_class] = np.arange(len(labels)) % folds
    return fold_of


class _InNumpy:
    def __init__(self, rows: Sequence[Vector], width: int, labels: Array, count: int, *, both: bool) -> None:
        dense = np.zeros((len(rows), width), np.float32)
        for number, (columns, values) in enumerate(rows):
            dense[number, columns] = values
        self._rows, self._back = solver.turned(dense)
        self._labels, self._count, self._both = labels, count, both

    def learn(self, chosen: Array) -> Array:
        rows, labels = self._rows[chosen], self._labels[chosen]
        learned = 2 * solver.hinge(rows, labels, self._count, HINGE)
        if self._both:
            learned += solver.softmax(rows, labels, self._count, SOFTMAX)
        return learned

    def scores(self, learned: Array, chosen: Array) -> Array:
        return np.asarray(self._rows[chosen] @ learned)

    def weights(self, learned: Array) -> tuple[Array, Array]:
        return self._back @ learned[:-1], learned[-1]


class _InScikit:
    def __init__(self, rows: Sequence[Vector], width: int, labels: Array, count: int, *, both: bool) -> None:
        from scipy.sparse import csr_matrix  # noqa: PLC0415 - training only, and only when it is large

        starts = np.cumsum([0, *(len(columns) for columns, _ in rows)])
        columns = np.concatenate([columns for columns, _ in rows])
        values = np.concatenate([values for _, values in rows])
        self._rows = csr_matrix((values.astype(np.float64), columns, starts), shape=(len(rows), width))
        self._labels, self._count, self._both = labels, count, both

    def learn(self, chosen: Array) -> Array:
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
        from sklearn.svm import LinearSVC  # noqa: PLC0415

        rows, labels = self._rows[chosen], self._labels[chosen]
        learned = 2 * self._all_classes(LinearSVC(C=HINGE, random_state=0).fit(rows, labels), both_ways=1.0)
        if self._both:
            model = LogisticRegression(C=SOFTMAX, max_iter=300, tol=1e-4).fit(rows, labels)
            learned += self._all_classes(model, both_ways=0.5)
        return learned

    def scores(self, learned: Array, chosen: Array) -> Array:
        return np.asarray(self._rows[chosen] @ learned[:-1] + learned[-1])

    def weights(self, learned: Array) -> tuple[Array, Array]:
        return learned[:-1], learned[-1]

    def _all_classes(self, model: Any, *, both_ways: float) -> Array:
        """(features and bias) by all classes; of two classes scikit-learn gives one column, which both share."""
        found = np.vstack([model.coef_.T, model.intercept_])
        if found.shape[1] == 1:
            found = np.hstack([-both_ways * found, both_ways * found])
        every = np.zeros((len(found), self._count))
        every[-1] = found[-1].min() - 1.0
        every[:, model.classes_] = found
        return every
