"""What the tagger looks at: a token's own word, outline and affixes, its neighbours, pairs of words, the intent, and
what lists know about it. Training and serving call the same functions, so they see the same.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bot_runtime.assistants.understanding.phrases import Phrases
from bot_runtime.assistants.understanding.text import shape_of

AROUND = (-2, -1, 0, 1, 2)
"""A token is heard by itself and by so many neighbours before and behind it."""


class Known:
    """Entity words and values of the examples, so that a text can show where they stand in it.

    Training asks about an example as if it were not there itself (`hints`): else the model would learn to trust the
    list more than a new text bears out.
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
        elsewhere = self._phrases.find(words, lambda key, name: self.values[key, name] > own_values[key, name])
        for first, behind, names in elsewhere:
            for name in names:
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
