"""A text as a sparse vector: words and word pairs, beginnings of words, character n-grams, each weighted by TF-IDF.

The three blocks are brought to fixed lengths (`WEIGHTS`) so that a text of many words does not shout down one of few.
Nothing of a visitor's text is kept: the small caches hold columns of words that the training data has.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bot_runtime.assistants.understanding.text import MAX_CHARACTERS, grams_of, pairs_of, stems_of, words_of

WEIGHTS = (0.676, 0.676, 0.947)
"""Lengths of the blocks words : beginnings : characters = 1 : 1 : 1.4, the whole of length √2."""

MANY = 5_000
"""Above so many examples, what is seen once is left out: mostly typing errors and names."""

_ENDS = "?!.,;:"

Vector = tuple[NDArray[np.intp], NDArray[np.float32]]
"""Columns and their values."""


class Features:
    """A fixed vocabulary in three blocks; columns run through them in order."""

    def __init__(
        self, words: Sequence[str], stems: Sequence[str], grams: Sequence[str], idf: NDArray[np.float32]
    ) -> None:
        self.words, self.stems, self.grams, self.idf = words, stems, grams, idf
        self.width = len(words) + len(stems) + len(grams)
        if idf.shape != (self.width,):
            raise ValueError(f"{self.width} features have {idf.shape} weights")
        self._words = {word: column for column, word in enumerate(words)}
        self._stems = {stem: column for column, stem in enumerate(stems, len(words))}
        self._grams = {gram: column for column, gram in enumerate(grams, len(words) + len(stems))}
        self._grams_of: dict[str, list[int]] = {}
        self._stems_of: dict[str, list[int]] = {}

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Features":
        """The vocabulary of these examples. Same texts, same vocabulary, in the same order."""
        seen: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
        for text in texts:
            lowered = text[:MAX_CHARACTERS].lower()
            words = words_of(lowered)
            seen[0].update({*words, *pairs_of(words)})
            seen[1].update({stem for word in words for stem in stems_of(word)})
            seen[2].update({gram for chunk in lowered.split() for gram in grams_of(chunk)})
        least = 2 if len(texts) > MANY else 1
        blocks = [sorted(piece for piece, times in block.items() if times >= least) for block in seen]
        idf = [_idf(len(texts), counts[piece]) for counts, block in zip(seen, blocks, strict=True) for piece in block]
        words, stems, grams = blocks
        return cls(words, stems, grams, np.array(idf, np.float32))

    def vector(self, lowered: str, words: list[str]) -> Vector | None:
        """The vector of a lower-cased text and its words; None when nothing of it is in the vocabulary."""
        get = self._words.get
        found = [column for word in words if (column := get(word)) is not None]
        found += [column for pair in pairs_of(words) if (column := get(pair)) is not None]
        counts = Counter(found)
        ends = [len(counts)]
        counts.update([column for word in words for column in self._stem_columns(word)])
        ends.append(len(counts))
        counts.update([column for chunk in lowered.split() for column in self._gram_columns(chunk)])
        total = len(counts)
        if not total:
            return None
        columns = np.fromiter(counts, np.intp, total)
        values = self.idf[columns]
        if max(counts.values()) > 1:
            values *= 1 + np.log(np.fromiter(counts.values(), np.float32, total))
        start = 0
        for end, weight in zip((*ends, total), WEIGHTS, strict=True):
            if end > start:
                block = values[start:end]
                block *= weight / math.sqrt(block @ block)
            start = end
        return columns, values

    def vector_of(self, text: str) -> Vector | None:
        """The vector of a text as written."""
        lowered = text[:MAX_CHARACTERS].lower()
        return self.vector(lowered, words_of(lowered))

    def rows(self, texts: Iterable[str]) -> list[Vector]:
        """The vectors of the examples, for training."""
        nothing: Vector = (np.empty(0, np.intp), np.empty(0, np.float32))
        return [self.vector_of(text) or nothing for text in texts]

    def knows(self, word: str) -> bool:
        """True when the training data has this word (lower case)."""
        return word in self._words

    def _stem_columns(self, word: str) -> list[int]:
        columns = self._stems_of.get(word)
        if columns is None:
            columns = [column for stem in stems_of(word) if (column := self._stems.get(stem)) is not None]
            if word in self._words:
                self._stems_of[word] = columns
        return columns

    def _gram_columns(self, chunk: str) -> list[int]:
        columns = self._grams_of.get(chunk)
        if columns is None:
            columns = [column for gram in grams_of(chunk) if (column := self._grams.get(gram)) is not None]
            if chunk in self._words or chunk.rstrip(_ENDS) in self._words:
                self._grams_of[chunk] = columns
        return columns


def _idf(texts: int, containing: int) -> float:
    return math.log((1 + texts) / (1 + containing)) + 1
