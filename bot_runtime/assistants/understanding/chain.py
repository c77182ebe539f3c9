"""The best sequence of labels over neighbouring tokens, and how sure each label of it is.

Plain lists: with the few candidates that a stretch of a message has, they are quicker than arrays.
"""

import math
from collections.abc import Sequence

CERTAINTY = 6.0
"""Sharpens the model's margins into probabilities; found on held-out data of HWU64 and SNIPS."""

MOST_CANDIDATES = 9
"""Per token, the best scored ones. Keeps the cost of a hostile text in bounds."""

Scores = Sequence[Sequence[float]]


def best_path(scores: Scores, candidates: list[list[int]], steps: Scores, *, before: bool, behind: bool) -> list[int]:
    """The labels with the greatest sum (Viterbi). `scores` are tokens by labels, `steps` labels by labels.

    `candidates` are the labels that may stand at each token, 0 the first of them. `before` and `behind` say whether the
    stretch has neighbours there, labelled 0.
    """
    for at, choice in enumerate(candidates):
        if len(choice) > MOST_CANDIDATES:
            own = scores[at]
            candidates[at] = [0, *sorted(choice[1:], key=lambda label: -own[label])[: MOST_CANDIDATES - 1]]
    sums = [scores[0][label] + (steps[0][label] if before else 0.0) for label in candidates[0]]
    came_from: list[list[int]] = []
    for at in range(1, len(candidates)):
        own, earlier = scores[at], candidates[at - 1]
        best, came = [], []
        for label in candidates[at]:
            total, number = max([(sums[n] + steps[previous][label], -n) for n, previous in enumerate(earlier)])
            best.append(total + own[label])
            came.append(-number)
        sums = best
        came_from.append(came)
    if behind:
        sums = [total + steps[label][0] for total, label in zip(sums, candidates[-1], strict=True)]
    number = sums.index(max(sums))
    path = [candidates[-1][number]]
    for at in range(len(came_from) - 1, -1, -1):
        number = came_from[at][number]
        path.append(candidates[at][number])
    return path[::-1]


def certainty(scores: Scores, candidates: list[list[int]], steps: Scores, path: list[int], at: int) -> float:
    """How sure the label of a token is among its candidates, those of its neighbours given."""
    own = scores[at]
    before = path[at - 1] if at else 0
    behind = path[at + 1] if at + 1 < len(path) else 0
    sums = [own[label] + steps[before][label] + steps[label][behind] for label in candidates[at]]
    chosen = own[path[at]] + steps[before][path[at]] + steps[path[at]][behind]
    return 1.0 / sum(math.exp(min(50.0, (other - chosen) * CERTAINTY)) for other in sums)
