"""Finding entities by their words and neighbours: a linear-chain model over tokens, at serving time.

Each token gets a label: none, or an entity with its role and group. Neighbouring tokens of one label are one entity (IO
tags); a label may have a twin that begins a new entity right behind another of its kind, where the examples have that.
A label's score is a sum of whole-number weights of the token's features and those of its neighbours. Most labels cannot
win at most tokens, whatever their neighbours are; the search is for the rest.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot_runtime.assistants.understanding.chain import best_path, certainty
from bot_runtime.assistants.understanding.tag_features import (
    AROUND,
    Known,
    affix_features,
    hint_feature,
    joint_features,
    shape_feature,
    word_features,
)
from bot_runtime.assistants.understanding.text import shape_of

_MIDDLE = AROUND.index(0)

MOST_KEPT = 5_000
"""Words of the examples whose sums are kept."""

Token = tuple[str, int, int]


class Label(NamedTuple):
    """What a token can be. The first label of a tagger is `NOTHING`."""

    entity: str
    role: str | None = None
    group: str | None = None
    begins: bool = False
    """Starts a new entity although the token before belongs to one of the same kind."""


NOTHING = Label("")


class Found(NamedTuple):
    """Tokens `first` up to before `behind` are an entity."""

    first: int
    behind: int
    label: Label
    confidence: float


class Tagger:
    """The trained model. `weights` are features by labels with a scale per label, `transitions` are labels by labels."""

    def __init__(
        self,
        labels: Sequence[Label],
        features: Sequence[str],
        *,
        weights: NDArray[np.int8],
        scale: NDArray[np.float32],
        transitions: NDArray[np.float32],
        known: Known,
    ) -> None:
        count = len(labels)
        if weights.shape != (len(features), count) or scale.shape != (count,) or transitions.shape != (count, count):
            raise ValueError(f"{len(features)} features, {count} labels: {weights.shape}, {transitions.shape}")
        self.labels, self.features, self.known = tuple(labels), tuple(features), known
        self.weights, self.scale, self.transitions = weights, scale, transitions
        self._rows = {feature: row for row, feature in enumerate(features)}
        self._slack = _slack(transitions)
        self._steps: list[list[float]] = transitions.tolist()
        self._vocabulary = _vocabulary(features, known)
        self._words: dict[str, NDArray[np.int16]] = {}
        self._outlines: dict[str, NDArray[np.int16]] = {}
        self._hints: dict[str, NDArray[np.int16]] = {}

    def find(self, tokens: Sequence[Token], listed: Sequence[Iterable[str]], intent: str | None) -> list[Found]:
        """The entities among these tokens. `listed` are further hints for each token (lookups, expressions)."""
        if not tokens:
            return []
        scores = self._scores([token for token, _, _ in tokens], listed, intent)
        places, labels = (scores[:, :1] - scores <= self._slack).nonzero()
        if not len(places):
            return []
        candidates: dict[int, list[int]] = {}
        for at, label in zip(places.tolist(), labels.tolist(), strict=True):
            candidates.setdefault(at, [0]).append(label)
        found: list[Found] = []
        for _, stretch in groupby(enumerate(candidates), lambda numbered: numbered[1] - numbered[0]):
            open_tokens = list(map(itemgetter(1), stretch))
            found += self._search(scores, candidates, open_tokens, len(tokens))
        return found

    def _search(
        self, scores: NDArray[Any], candidates: dict[int, list[int]], stretch: list[int], tokens: int
    ) -> list[Found]:
        """The entities in neighbouring tokens; those before and behind them are surely nothing."""
        first, behind = stretch[0], stretch[-1] + 1
        rows = scores[first:behind].tolist()
        choice = [candidates[at] for at in stretch]
        path = best_path(rows, choice, self._steps, before=first > 0, behind=behind < tokens)
        found: list[Found] = []
        for at, number in enumerate(path):
            if number == 0:
                continue
            label = self.labels[number]
            sure = certainty(rows, choice, self._steps, path, at)
            last = found[-1] if found and found[-1].behind == first + at else None
            if last and last.label[:3] == label[:3] and not label.begins:
                found[-1] = last._replace(behind=first + at + 1, confidence=min(last.confidence, sure))
            else:
                found.append(Found(first + at, first + at + 1, label, sure))
        return found

    def _scores(self, tokens: list[str], listed: Sequence[Iterable[str]], intent: str | None) -> NDArray[np.float32]:
        """Tokens by labels. What a token says, it says to itself and its neighbours; those sums are kept per word."""
        words = [token.lower() for token in tokens]
        get = self._rows.get
        says, places, rows = [], [], []
        for at, (token, word) in enumerate(zip(tokens, words, strict=True)):
            kept = self._words.get(token)
            if kept is not None:
                says.append(kept)
            elif word in self._vocabulary:
                says.append(self._word(token))
            else:
                says.append(self._outline(shape_of(token)))
                found = [row for feature in affix_features(word) if (row := get(feature)) is not None]
                rows += found
                places += [at] * len(found)
        for at, feature in joint_features(words, intent):
            row = get(feature)
            if row is not None:
                rows.append(row)
                places.append(at)
        sums = self._heard(says, words, listed)
        about_intent = get(f"i={intent}")
        if about_intent is not None:
            sums += self.weights[about_intent]
        np.add.at(sums, places, self.weights[rows].astype(np.int32))
        return np.asarray(sums * self.scale, np.float32)

    def _heard(
        self, says: list[NDArray[np.int16]], words: list[str], listed: Sequence[Iterable[str]]
    ) -> NDArray[np.int32]:
        """What each token hears of itself and its neighbours."""
        count = len(words)
        heard = np.array(says, np.int32)
        for at, kind in self.known.values_in(words):
            heard[at] += self._hint(kind)
        for at, names in enumerate(listed):
            for name in names:
                heard[at] += self._hint(name)
        sums = heard[:, _MIDDLE].copy()
        for number, distance in enumerate(AROUND):
            if 0 < distance < count:
                sums[distance:] += heard[:-distance, number]
            elif -count < distance < 0:
                sums[:distance] += heard[-distance:, number]
        return sums

    def _word(self, token: str) -> NDArray[np.int16]:
        """What a word of the examples says to each of `AROUND`, summed and kept."""
        lowered = token.lower()
        kinds = self.known.kinds_of(lowered)
        says = self._outline(shape_of(token)) + self._sum(lambda distance: word_features(lowered, kinds, distance))
        for feature in affix_features(lowered):
            row = self._rows.get(feature)
            if row is not None:
                says[_MIDDLE] += self.weights[row]
        if len(self._words) < MOST_KEPT:
            self._words[token] = says
        return says

    def _outline(self, shape: str) -> NDArray[np.int16]:
        says = self._outlines.get(shape)
        if says is None:
            says = self._sum(lambda distance: [shape_feature(shape, distance), *(() if distance else ("bias",))])
            if len(self._outlines) < MOST_KEPT and f"s={shape}" in self._rows:
                self._outlines[shape] = says
        return says

    def _hint(self, name: str) -> NDArray[np.int16]:
        says = self._hints.get(name)
        if says is None:
            says = self._hints[name] = self._sum(lambda distance: [hint_feature(name, distance)])
        return says

    def _sum(self, features_at: Callable[[int], Iterable[str]]) -> NDArray[np.int16]:
        says = np.zeros((len(AROUND), len(self.labels)), np.int16)
        for number, distance in enumerate(AROUND):
            for feature in features_at(distance):
                row = self._rows.get(feature)
                if row is not None:
                    says[number] += self.weights[row]
        return says


def _vocabulary(features: Iterable[str], known: Known) -> frozenset[str]:
    """Words of the examples that say anything. Only their sums are kept, never those of a visitor's own words."""
    prefixes = tuple(f"{distance or ''}w=" for distance in AROUND)
    words = {feature.partition("=")[2] for feature in features if feature.startswith(prefixes)}
    return frozenset(words | {word for word, _ in known.words})


def _slack(transitions: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far below `NOTHING` a label can stand at a token and yet win by the transitions to both sides."""
    into = (transitions - transitions[:, :1]).max(axis=0, initial=0.0)
    out = (transitions - transitions[:1, :]).max(axis=1, initial=0.0)
    slack = np.asarray(into + out, np.float32)
    slack[0] = -np.inf  # NOTHING is always a candidate and need not be found
    return slack
