"""Mail texts of an account's own: plain text with five placeholders, and nothing that runs, loads or looks up anything.

There is no template language here. `{bot}`, `{code}`, `{link}`, `{minutes}` and `{hours}` are replaced, once and from
left to right; whatever they stand for is never looked at again. HTML is accepted only if every tag and attribute is on
the list below: no script, no style sheet, no image (which would tell its owner who opened the mail), no form.
"""

import hashlib
import html
import re
from collections.abc import Mapping
from html.parser import HTMLParser

import msgspec

from foundation.errors import Invalid

PLACES: Mapping[str, str] = {
    "bot": "name of the bot",
    "code": "the six digits",
    "link": "address of the opt-in page",
    "minutes": "life of the code, in minutes",
    "hours": "life of the link, in hours",
}
"""The placeholders, with what stands in their place."""

MOST_TEXT, MOST_HTML = 5_000, 20_000

_PLACE = re.compile(r"\{([a-z]+)\}")
_TEXT_TAGS = frozenset({"b", "strong", "i", "em", "u", "small", "a", "span", "code", "br"})
_BLOCK_TAGS = frozenset({"p", "hr", "h1", "h2", "h3", "ul", "ol", "li", "div", "blockquote"})
_TAGS = _TEXT_TAGS | _BLOCK_TAGS | {"table", "tbody", "tr", "td", "th"}
_EMPTY = frozenset({"br", "hr"})
_ATTRIBUTES = frozenset({"href", "style", "lang", "dir", "align"})
_STYLE = re.compile(r"[A-Za-z0-9 :;,.#%()'-]{0,400}\Z")
_STYLE_REFUSED = re.compile(r"url|expression|import|behavio|position|\\", re.IGNORECASE)
_HREF = re.compile(r"(\{link\}|https://[^\s{}<>\"']+|mailto:[^\s{}<>\"'?]+)\Z")


class Wording(msgspec.Struct, frozen=True):
    """The mail of one language, in an account's own words; `html` may be empty."""

    text: str
    html: str = ""

    @property
    def hash(self) -> str:
        """SHA-256 of both parts: what the evidence names."""
        return hashlib.sha256(msgspec.json.encode([self.text, self.html])).hexdigest()


def checked(text: str, markup: str) -> Wording:
    """The wording, if it can be used. Raises `Invalid` naming the field and what is wrong."""
    wording = Wording(text.replace("\r\n", "\n").strip(), markup.replace("\r\n", "\n").strip())
    if not wording.text:
        raise Invalid("The plain text is what every mail program can show. Please write it.", field="text")
    _require(wording.text, "text", MOST_TEXT)
    if wording.html:
        _require(wording.html, "html", MOST_HTML)
        _require_harmless(wording.html)
    return wording


def fill(wording: Wording, values: Mapping[str, str]) -> tuple[str, str | None]:
    """Text and HTML with the values in place; in the HTML they are escaped."""

    def plain(found: re.Match[str]) -> str:
        return values.get(found[1], found[0])

    def escaped(found: re.Match[str]) -> str:
        return html.escape(values.get(found[1], found[0]))

    return _PLACE.sub(plain, wording.text) + "\n", _PLACE.sub(escaped, wording.html) if wording.html else None


def _require(text: str, field: str, most: int) -> None:
    if len(text) > most:
        raise Invalid(f"At most {most:,} characters, please.", field=field)
    if any(ord(sign) < 32 and sign not in "\n\t" for sign in text):
        raise Invalid("There is an invisible sign in it. Please type it again.", field=field)
    names = _PLACE.findall(text)
    unknown = next((name for name in names if name not in PLACES), None)
    if unknown is not None:
        raise Invalid(f"There is no placeholder {{{unknown}}}.", field=field)
    missing = next((name for name in ("code", "link") if name not in names), None)
    if missing is not None:
        raise Invalid(f"The mail needs {{{missing}}}: without it nobody can confirm.", field=field)


class _Reader(HTMLParser):
    """Refuses what is not on the lists."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            raise _refused(f"<{tag}>")
        for name, value in attrs:
            _check_attribute(name, value or "")
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _TAGS:
            raise _refused(f"</{tag}>")
        if tag not in _EMPTY and (not self.open or self.open.pop() != tag):
            raise Invalid(f"</{tag}> closes nothing. Please close every tag where it belongs.", field="html")

    def handle_data(self, data: str) -> None:
        if "<" in data:
            raise Invalid("A < that begins no tag is written &lt;.", field="html")

    def handle_comment(self, data: str) -> None:  # noqa: ARG002 - whatever stands in it
        raise _refused("a comment")

    def handle_decl(self, decl: str) -> None:  # noqa: ARG002 - whatever stands in it
        raise _refused("a declaration")

    def handle_pi(self, data: str) -> None:  # noqa: ARG002 - whatever stands in it
        raise _refused("a processing instruction")

    def unknown_decl(self, data: str) -> None:  # noqa: ARG002 - whatever stands in it
        raise _refused("a declaration")


def _require_harmless(markup: str) -> None:
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    if reader.rawdata:
        raise Invalid("The last tag is not complete.", field="html")
    if reader.open:
        raise Invalid(f"<{reader.open[-1]}> is not closed.", field="html")


def _check_attribute(name: str, value: str) -> None:
    if name not in _ATTRIBUTES:
        raise _refused(f"the attribute {name}")
    if name == "href" and not _HREF.match(value):
        raise Invalid("A link leads to {link}, or begins with https:// or mailto:.", field="html")
    if name == "style" and (not _STYLE.match(value) or _STYLE_REFUSED.search(value)):
        raise Invalid("This style is not allowed in a mail.", field="html")
    if name in {"lang", "dir", "align"} and not re.fullmatch(r"[A-Za-z-]{1,20}", value):
        raise _refused(f"the value of {name}")


def _refused(what: str) -> Invalid:
    return Invalid(f"The HTML cannot hold {what}.", field="html")
