"""Finding entities by their words and neighbours: a linear-chain model over tokens, at serving time.

Each token gets a label: none, or an entity with its role and group. Neighbouring tokens of one label are one entity (IO
tags); a label may have a twin that begins a new entity right behind another of its kind, where the examples have that. A
label's score is a sum of whole-number weights of the token's features and those of its neighbours. Labels that cannot win
at any token are left out first, which changes no result and mostly leaves nothing to search.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot_runtime.assistants.understanding.phrases import Phrases
from bot_runtime.assistants.understanding.text import shape_of

AROUND = (-2, -1, 0, 1, 2)
"""Tokens are heard by themselves and by so many neighbours before and behind them."""

_MIDDLE = AROUND.index(0)
MOST_KEPT = 5_000
"""Words whose sums are kept."""

CERTAINTY = 6.0
"""Sharpens the model's margins into probabilities; found on held-out data of HWU64 and SNIPS."""

MANY_LABELS = 16
"""With more, the search is confined to those that may win."""

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


class Known:
    """Entity words and values of the examples, so that a text can show where they stand in it.

    Training asks about an example as if it were not there itself (`hints`): else the model would learn to trust the list
    more than a new text bears out.
    """

    def __init__(self, words: Mapping[tuple[str, str], int], values: Mapping[tuple[tuple[str, ...], str], int]) -> None:
        self.words, self.values = words, values
        self._kinds: dict[str, tuple[str, ...]] = {}
        for word, kind in words:
            self._kinds[word] = (*self._kinds.get(word, ()), kind)
        self._phrases = Phrases(values)

    def kinds_of(self, word: str) -> tuple[str, ...]:
        """The entities in whose values this (lower-cased) word stands."""
        return self._kinds.get(word, ())

    def values_in(self, words: Sequence[str]) -> Iterator[tuple[int, str]]:
        """(word's number, hint) for whole values among these (lower-cased) words."""
        for first, behind, kinds in self._phrases.find(words):
            for kind in kinds:
                yield from _marked(first, behind, kind)

    def hints(
        self, words: Sequence[str], own_words: Counter[tuple[str, str]], own_values: Counter[Any]
    ) -> tuple[list[list[str]], list[list[str]]]:
        """For each word of an example its kinds, and its hints, as other examples show them."""
        kinds = [
            [kind for kind in self.kinds_of(word) if self.words[word, kind] > own_words[word, kind]] for word in words
        ]
        hints: list[list[str]] = [[] for _ in words]
        for first, behind, names in self._phrases.find(words):
            key = tuple(words[first:behind])
            for name in names:
                if self.values[key, name] > own_values[key, name]:
                    for at, hint in _marked(first, behind, name):
                        hints[at].append(hint)
        return kinds, hints


def _marked(first: int, behind: int, kind: str) -> Iterator[tuple[int, str]]:
    if behind == first + 1:
        yield first, f"1{kind}"
        return
    yield first, f"B{kind}"
    for at in range(first + 1, behind):
        yield at, f"I{kind}"


def token_features(token: str, kinds: Iterable[str], distance: int) -> list[str]:
    """What a token says to one that stands `distance` behind it (0: to itself; below 0: before it)."""
    lowered = token.lower()
    features = [shape_feature(shape_of(token), distance), *word_features(lowered, kinds, distance)]
    if distance == 0:
        features += ["bias", *affix_features(lowered)]
    return features


def shape_feature(shape: str, distance: int) -> str:
    """What a token of this outline says."""
    return f"{distance or ''}s={shape}"


def word_features(lowered: str, kinds: Iterable[str], distance: int) -> list[str]:
    """What this very word says, and the entities in whose values it stands."""
    return [f"{distance or ''}w={lowered}", *(f"{distance or ''}k={kind}" for kind in kinds)]


def affix_features(lowered: str) -> list[str]:
    """What the beginning and the end of a word say to itself."""
    lengths = range(1, min(4, len(lowered) - 1) + 1)
    return [f"p={lowered[:length]}" for length in lengths] + [f"e={lowered[-length:]}" for length in lengths]


def hint_feature(hint: str, distance: int) -> str:
    """What a token that a list knows says to one that stands `distance` behind it."""
    return f"{distance or ''}g={hint}"


def joint_features(words: Sequence[str], intent: str | None) -> Iterator[tuple[int, str]]:
    """(word's number, feature) for pairs of (lower-cased) words, the borders, and each word with the intent."""
    last = len(words) - 1
    for at, word in enumerate(words):
        if at < last:
            pair = f"{word} {words[at + 1]}"
            yield at, f"a={pair}"
            yield at + 1, f"b={pair}"
        if intent is not None:
            yield at, f"i={intent} {word}"
    yield 0, f"b=^ {words[0]}"
    yield last, f"a={words[last]} $"
    for at in range(min(2, last + 1)):
        yield at, f"^{at}"
        yield last - at, f"${at}"


def features_of(
    tokens: Sequence[str], kinds: Sequence[Iterable[str]], hints: Sequence[Iterable[str]], intent: str | None
) -> list[list[str]]:
    """All features of each token, for training."""
    every: list[list[str]] = [[] for _ in tokens]
    for at, token in enumerate(tokens):
        for distance in AROUND:
            if 0 <= at + distance < len(tokens):
                every[at + distance] += token_features(token, kinds[at], distance)
                every[at + distance] += [hint_feature(hint, distance) for hint in hints[at]]
    if tokens:
        for at, feature in joint_features([token.lower() for token in tokens], intent):
            every[at].append(feature)
        for features in every:
            features.append(f"i={intent}")
    return every


class Tagger:
    """The trained model. Weights are features × labels, int8, with a scale per label; transitions are labels × labels."""

    def __init__(
        self,
        labels: Sequence[Label],
        features: Sequence[str],
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
        self._words: dict[str, NDArray[np.int16]] = {}
        self._outlines: dict[str, NDArray[np.int16]] = {}
        self._hints: dict[str, NDArray[np.int16]] = {}

    def find(self, tokens: Sequence[Token], listed: Sequence[Iterable[str]], intent: str | None) -> list[Found]:
        """The entities among these tokens. `listed` are further hints for each token (lookups, expressions)."""
        if not tokens:
            return []
        scores = self._scores([token for token, _, _ in tokens], listed, intent)
        alive = scores[:, :1] - scores <= self._slack
        alive[:, 0] = False
        open_tokens = np.flatnonzero(alive.any(axis=1)).tolist()
        found: list[Found] = []
        while open_tokens:
            length = 1
            while length < len(open_tokens) and open_tokens[length] == open_tokens[0] + length:
                length += 1
            first, behind = open_tokens[0], open_tokens[0] + length
            found += self._search(scores[first:behind], alive[first:behind], first, len(tokens))
            del open_tokens[:length]
        return found

    def _search(self, scores: NDArray[Any], alive: NDArray[np.bool_], first: int, tokens: int) -> list[Found]:
        """The entities in a stretch of tokens; those before and behind it are surely nothing."""
        transitions, choice = self.transitions, list(range(len(self.labels)))
        if len(choice) > MANY_LABELS:
            choice = [0, *np.flatnonzero(alive.any(axis=0)).tolist()]
            scores, transitions = scores[:, choice], transitions[choice][:, choice]
        if first > 0:
            scores[0] += transitions[0]
        if first + len(scores) < tokens:
            scores[-1] += transitions[:, 0]
        path = _best_path(scores, transitions)
        found: list[Found] = []
        for at, number in enumerate(path):
            label = self.labels[choice[number]]
            if label == NOTHING:
                continue
            sure = _certainty(scores, transitions, path, at)
            before = found[-1] if found and found[-1].behind == first + at else None
            if before and before.label[:3] == label[:3] and not label.begins:
                found[-1] = before._replace(behind=first + at + 1, confidence=min(before.confidence, sure))
            else:
                found.append(Found(first + at, first + at + 1, label, sure))
        return found

    def _scores(self, tokens: list[str], listed: Sequence[Iterable[str]], intent: str | None) -> NDArray[np.float32]:
        """Tokens × labels. What a token says, it says to itself and its neighbours; those sums are kept per word."""
        count = len(tokens)
        words = [token.lower() for token in tokens]
        get = self._rows.get
        says, places, rows = [], [], []
        for at, (token, word) in enumerate(zip(tokens, words, strict=True)):
            kept = self._words.get(token)
            if kept is not None:
                says.append(kept)
            elif f"w={word}" in self._rows:
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
        about_intent = get(f"i={intent}")
        if about_intent is not None:
            sums += self.weights[about_intent]
        np.add.at(sums, places, self.weights[rows].astype(np.int32))
        return np.asarray(sums * self.scale, np.float32)

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


def _slack(transitions: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much the transitions to both sides can at most favour each label over `NOTHING`."""
    into = (transitions - transitions[:, :1]).max(axis=0, initial=0.0)
    out = (transitions - transitions[:1, :]).max(axis=1, initial=0.0)
    return np.asarray(np.maximum(into, 0) + np.maximum(out, 0), np.float32)


def _best_path(scores: NDArray[Any], transitions: NDArray[Any]) -> list[int]:
    """The sequence of labels with the greatest sum (Viterbi)."""
    best = scores[0]
    came_from = []
    for own in scores[1:]:
        sums = transitions + best[:, None]
        came_from.append(sums.argmax(axis=0))
        best = sums.max(axis=0) + own
    path = [int(best.argmax())]
    for before in reversed(came_from):
        path.append(int(before[path[-1]]))
    return path[::-1]


def _certainty(scores: NDArray[Any], transitions: NDArray[Any], path: list[int], at: int) -> float:
    """How sure the label of a token is, those of its neighbours given."""
    local = scores[at]
    if at:
        local = local + transitions[path[at - 1]]
    if at + 1 < len(path):
        local = local + transitions[:, path[at + 1]]
    odds = np.exp((local - local[path[at]]) * CERTAINTY)
    return float(1.0 / odds.sum())
