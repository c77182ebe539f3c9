"""The numpy solver finds what scikit-learn's solvers find."""

import numpy as np
import pytest

from bot_runtime.assistants.understanding import fitting, solver
from bot_runtime.assistants.understanding.features import Features
from tests.bot_runtime.understanding.conftest import TRAVEL


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    texts = [text for lines in TRAVEL.values() for text in lines]
    classes = np.array([number for number, lines in enumerate(TRAVEL.values()) for _ in lines])
    features = Features.of(texts)
    dense = np.zeros((len(texts), features.width), np.float32)
    for number, (columns, values) in enumerate(features.rows(texts)):
        dense[number, columns] = values
    return dense, classes


def test_turned_rows_have_the_same_angles(rows: tuple[np.ndarray, np.ndarray]) -> None:
    dense, _ = rows

    turned, back = solver.turned(dense)

    assert np.allclose(turned[:, :-1] @ turned[:, :-1].T, dense @ dense.T, atol=1e-4)
    assert np.allclose(dense @ back, turned[:, :-1], atol=1e-4)
    assert np.all(turned[:, -1] == 1)


def test_hinge_is_as_low_as_linear_svc(rows: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn.svm import LinearSVC

    dense, classes = rows
    count = classes.max() + 1
    turned, _ = solver.turned(dense)
    theirs = LinearSVC(C=0.7, random_state=0, tol=1e-6, max_iter=100_000).fit(turned[:, :-1], classes)

    ours = solver.hinge(turned, classes, count, 0.7)

    signs = np.where(classes[:, None] == np.arange(count), 1, -1)

    def loss(weights: np.ndarray) -> float:
        return float(0.5 * (weights**2).sum() + 0.7 * (np.maximum(0, 1 - signs * (turned @ weights)) ** 2).sum())

    assert loss(ours) <= 1.001 * loss(np.vstack([theirs.coef_.T, theirs.intercept_]))


def test_softmax_is_as_low_as_logistic_regression(rows: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn.linear_model import LogisticRegression

    dense, classes = rows
    count = classes.max() + 1
    turned, _ = solver.turned(dense)
    theirs = LogisticRegression(C=30, fit_intercept=False, tol=1e-6, max_iter=10_000).fit(turned, classes)

    ours = solver.softmax(turned, classes, count, 30)

    def loss(weights: np.ndarray) -> float:
        scores = turned @ weights
        odds = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(classes)), classes]
        return float(0.5 * (weights**2).sum() + 30 * odds.sum())

    assert loss(ours) <= 1.001 * loss(theirs.coef_.T)


def test_both_ways_of_training_understand_alike(
    rows: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two classes too, where scikit-learn gives one column for both."""
    dense, classes = rows
    for kept in (slice(None), classes < 2):
        vectors = [(np.flatnonzero(row), row[row != 0]) for row in dense[kept]]
        own = classes[kept]
        count = own.max() + 1
        fitted = []
        for small in (10**12, 0):
            monkeypatch.setattr(fitting, "SMALL", small)
            fitted.append(fitting.fit_group(vectors, dense.shape[1], own, count, real=len(own), judge_all=True))
        scores = [dense[kept] @ group.weights + group.bias for group in fitted]

        assert (scores[0].argmax(axis=1) == own).all()
        assert (scores[1].argmax(axis=1) == own).all()
        agreement = fitted[0].held_out.argmax(axis=1) == fitted[1].held_out.argmax(axis=1)
        assert agreement.mean() > 0.9
        assert 0.5 < fitted[0].temperature / fitted[1].temperature < 2


def test_a_temperature_makes_overconfidence_cautious() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, 600)
    honest = np.where(rng.random(600)[:, None] < 0.7, np.eye(3)[classes], np.eye(3)[rng.integers(0, 3, 600)])

    boastful = fitting.fitted_temperature(honest * 50, classes, 1.0, 2.0)
    shy = fitting.fitted_temperature(honest * 0.5, classes, 1.0, 2.0)

    assert boastful < 0.2
    assert shy > 2
    assert fitting.fitted_temperature(honest[:0], classes[:0], 1.25, 0.7) == pytest.approx(1.25)
