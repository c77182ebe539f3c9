"""Phrases to look for in a text's words: entries of lookup tables, and entity values that the examples show.

A text is searched in one pass; the cost does not depend on how many phrases there are.
"""

from collections.abc import Callable, Iterable, Sequence

from bot_runtime.assistants.understanding.text import tokens_of

LONGEST = 12
"""Words of the longest phrase that is looked for."""


def key_of(phrase: str, *, exact_case: bool = False) -> tuple[str, ...]:
    """The words of a phrase in the form under which it is found."""
    return tuple(token if exact_case else token.lower() for token, _, _ in tokens_of(phrase))


class Phrases:
    """Word sequences, each with the names it stands for."""

    def __init__(self, entries: Iterable[tuple[tuple[str, ...], str]]) -> None:
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._longest: dict[str, int] = {}
        for key, name in entries:
            if not 0 < len(key) <= LONGEST:
                continue
            known = self._names.get(key, ())
            if name not in known:
                self._names[key] = (*known, name)
            self._longest[key[0]] = max(self._longest.get(key[0], 0), len(key))

    def __bool__(self) -> bool:
        return bool(self._names)

    def find(
        self, words: Sequence[str], counts: Callable[[tuple[str, ...], str], bool] | None = None
    ) -> list[tuple[int, int, tuple[str, ...]]]:
        """(first word, behind the last, names) of the longest phrase that begins at each word. They may overlap.

        `counts` may say that a phrase does not stand for a name here.
        """
        found = []
        for start, word in enumerate(words):
            longest = self._longest.get(word)
            if longest is None:
                continue
            for length in range(min(longest, len(words) - start), 0, -1):
                key = tuple(words[start : start + length])
                names = self._names.get(key, ())
                if names and counts is not None:
                    names = tuple(name for name in names if counts(key, name))
                if names:
                    found.append((start, start + length, names))
                    break
        return found
