"""What is searched for, as a person writes it.

    refund                 a word                          "my order"        words in this order
    refun*                 its beginning                   *fund*            any part of a word
    -invoice               not in that message             from:visitor      who said it (visitor, bot, agent, note, a name)
    tag:billing            of the whole conversation       is:closed         bot, queue, agent, closed, open, verified
    name:jane              the visitor's name              email:a@b.example the visitor's address, exactly
    after:2026-01-31       said on that day (UTC) or later before:2026-02-28 or earlier; on:2026-02-01 that day

Words, phrases and `from:` must hold for one message or note; everything else for its conversation. Case and accents do
not count. Of several values of `tag:` all must be there; of other filters only one is taken.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

import msgspec

from foundation.errors import Invalid
from transcripts.events import Control
from transcripts.search.folding import fold
from transcripts.tags import tag_of

MAX_QUERY = 300
MAX_TERMS = 10
MIN_PART = 2
"""The shortest part of a word that is searched for: one letter stands everywhere."""

HELP = (
    ("refund", "a word"),
    ("refun*", "its beginning; *fund* any part"),
    ('"my order"', "words in this order"),
    ("-invoice", "not in that message"),
    ("from:visitor", "said by: visitor, bot, agent, note, or a name"),
    ("name:jane", "the visitor's name"),
    ("email:jane@example.org", "the exact address"),
    ("tag:billing", "of the conversation"),
    ("is:closed", "bot, queue, agent, closed, open, verified"),
    ("after:2026-01-31", "and before: or on:, days in UTC"),
)

Status = Literal["bot", "queue", "agent", "closed", "open", "verified"]

_OPEN: tuple[Control, ...] = ("bot", "queue", "agent")
_PIECE = re.compile(r'\s*(?P<not>-?)(?:(?P<name>[a-z]+):)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))')
_WORDS = re.compile(r"\w+")
_DAY_MS = 86_400_000


class Term(msgspec.Struct, frozen=True):
    """Something that a text has or has not. `literal` stands in every folded text that `pattern` finds."""

    pattern: str
    literal: str
    absent: bool = False


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A question. Times are milliseconds UTC, `until` is the first moment that no longer counts."""

    terms: tuple[Term, ...] = ()
    by: str = ""
    tags: frozenset[str] = frozenset()
    controls: tuple[Control, ...] = ()
    verified: bool = False
    name: str = ""
    email: str = ""
    since: int | None = None
    until: int | None = None

    @property
    def about_messages(self) -> bool:
        """Whether a message must be found, or the conversation's own facts decide."""
        return bool(self.terms or self.by)

    @property
    def narrow(self) -> bool:
        """Whether it asks for anything at all."""
        return self != Query()


def parse(text: str) -> Query:
    """Read a question. Raises `Invalid` (field `query`) with a sentence."""
    if len(text) > MAX_QUERY:
        raise _invalid(f"A search has at most {MAX_QUERY} characters.")
    terms: list[Term] = []
    filters: dict[str, str] = {}
    tags: set[str] = set()
    at = 0
    while text[at:].strip():
        piece = _PIECE.match(text, at)
        if piece is None:
            raise _invalid("A quotation mark is open: close it, or leave it out.")
        at = piece.end()
        name, value = piece["name"], piece["phrase"] if piece["phrase"] is not None else piece["word"]
        if name is None or name not in _FILTERS:
            whole = value if name is None else f"{name}:{value}"
            terms.append(_term(whole, phrase=piece["phrase"] is not None, absent=bool(piece["not"])))
        elif piece["not"]:
            raise _invalid(f"-{name}: is not possible; a minus stands before words only.")
        elif name == "tag":
            tags.add(_tag(value))
        elif filters.setdefault(name, value) != value:
            raise _invalid(f"{name}: stands there twice.")
    if len(terms) + len(tags) > MAX_TERMS:
        raise _invalid(f"A search has at most {MAX_TERMS} words and tags.")
    query = _with_filters(Query(terms=tuple(terms), tags=frozenset(tags)), filters)
    if not query.narrow:
        raise _invalid("Write what to look for.")
    if query.terms and all(term.absent for term in query.terms) and not query.by:
        raise _invalid("Name something that is there, not only what is not.")
    return query


def _tag(text: str) -> str:
    try:
        return tag_of(text)
    except Invalid as problem:
        raise _invalid(problem.detail) from None


def _term(text: str, *, phrase: bool, absent: bool) -> Term:
    folded = fold(text)
    if phrase:
        words = _WORDS.findall(folded)
        if not words:
            raise _invalid("There is no word between the quotation marks.")
        inside = r"\W+".join(map(re.escape, words))
        return Term(rf"(?<!\w){inside}(?!\w)", max(words, key=len), absent)
    begins, ends = not folded.startswith("*"), not folded.endswith("*")
    core = folded.strip("*")
    if "*" in core:
        raise _invalid("A star stands at the beginning or the end of a word, not within.")
    if not core or ((not begins or not ends) and len(core) < MIN_PART):
        raise _invalid(f"Beside a star at least {MIN_PART} letters are needed.")
    before = r"(?<!\w)" if begins and core[0].isalnum() else ""
    after = r"(?!\w)" if ends and core[-1].isalnum() else ""
    return Term(f"{before}{re.escape(core)}{after}", core, absent)


def _with_filters(query: Query, filters: dict[str, str]) -> Query:
    changes: dict[str, object] = {}
    for name, value in filters.items():
        if name == "from":
            changes["by"] = fold(value)
        elif name in {"name", "email"}:
            changes[name] = fold(value) if name == "name" else value
        elif name == "is":
            changes.update(_status(value))
        else:
            changes.update(_days(name, value))
    both = "on" in filters and {"after", "before"} & filters.keys()
    if both:
        raise _invalid("on: names one day; leave out after: and before:.")
    made: Query = msgspec.structs.replace(query, **changes)
    if made.since is not None and made.until is not None and made.since >= made.until:
        raise _invalid("The days are the wrong way round: after: must not be later than before:.")
    return made


def _status(value: str) -> dict[str, object]:
    status = value.lower()
    if status not in get_args(Status):
        raise _invalid(f"is: knows {', '.join(get_args(Status))}.")
    if status == "verified":
        return {"verified": True}
    return {"controls": _OPEN if status == "open" else (status,)}


def _days(name: str, value: str) -> dict[str, object]:
    try:
        day = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
        begin = int(day.timestamp() * 1000)
        _ = day + timedelta(days=1)
    except (ValueError, OverflowError):
        raise _invalid(f"{name}: takes a day such as 2026-01-31.") from None
    if name == "after":
        return {"since": begin}
    return {"until": begin + _DAY_MS} if name == "before" else {"since": begin, "until": begin + _DAY_MS}


_FILTERS = frozenset({"from", "tag", "is", "name", "email", "after", "before", "on"})


def _invalid(sentence: str) -> Invalid:
    return Invalid(sentence, field="query")
