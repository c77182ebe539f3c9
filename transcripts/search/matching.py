"""Whether a text is what was asked for, and the piece of it that shows why."""

import re
from collections.abc import Sequence

from transcripts.search.folding import fold, fold_with_places
from transcripts.search.query import Query

_BEFORE, _LENGTH = 60, 240
_SPOKEN_BY = frozenset({"visitor", "bot", "agent", "note"})


class Matcher:
    """A query made ready for many texts."""

    def __init__(self, query: Query) -> None:
        self._wanted = [(term.literal, re.compile(term.pattern).search) for term in query.terms if not term.absent]
        self._absent = [(term.literal, re.compile(term.pattern).search) for term in query.terms if term.absent]
        self._marks = re.compile("|".join(term.pattern for term in query.terms if not term.absent) or r"(?!)")
        self._by = query.by

    def text(self, text: str) -> bool:
        """Whether a text has all that it must have and nothing that it must not."""
        folded = fold(text)
        for literal, search in self._wanted:
            if literal not in folded or not search(folded):
                return False
        return not any(literal in folded and search(folded) for literal, search in self._absent)

    def speaker(self, by: str, name: str) -> bool:
        """Whether `from:` means this speaker: the kind of speaker, or the beginning of a word of the name."""
        if not self._by:
            return True
        if self._by in _SPOKEN_BY:
            return by == self._by
        return by in {"agent", "note"} and re.search(rf"(?<!\w){re.escape(self._by)}", fold(name)) is not None

    def pieces(self, text: str) -> Sequence[tuple[str, bool]]:
        """A part of the text around the first place that was found: pieces, each with whether it was looked for."""
        folded, places = fold_with_places(text)
        spans = [(places[found.start()], _end(places, found.end())) for found in self._marks.finditer(folded)]
        first = spans[0][0] if spans else 0
        start = 0 if first <= _BEFORE else first - _BEFORE
        end = min(len(text), start + _LENGTH)
        pieces: list[tuple[str, bool]] = [("…", False)] if start else []
        at = start
        for begin, stop in spans:
            if begin >= end:
                break
            if begin > at:
                pieces.append((text[at:begin], False))
            if stop > at:
                pieces.append((text[max(at, begin) : min(stop, end)], True))
                at = min(stop, end)
        if at < end:
            pieces.append((text[at:end], False))
        if end < len(text):
            pieces.append(("…", False))
        return pieces


def _end(places: Sequence[int], end: int) -> int:
    """Where a span ends in the text: after its last character, whatever that one was spread into."""
    last = places[end - 1]
    while end < len(places) - 1 and places[end] == last:
        end += 1
    return places[end] if end < len(places) else places[-1]
