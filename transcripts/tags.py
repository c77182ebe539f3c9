"""Tags that staff put on conversations (MS-6): sealed with the log, like everything that people write."""

from foundation.errors import Invalid

MOST_TAGS = 20
MAX_TAG = 40


def tag_of(text: str) -> str:
    """A tag as it is kept: lower case, one line, single spaces. Raises `Invalid` (field `tags`)."""
    tag = " ".join(text.casefold().split())
    if not 1 <= len(tag) <= MAX_TAG or not tag.isprintable() or '"' in tag:
        raise Invalid(f"A tag has 1 to {MAX_TAG} characters and no quotation marks.", field="tags")
    return tag


def tags_of(texts: tuple[str, ...]) -> tuple[str, ...]:
    """All tags of a conversation, in order, none twice. Raises `Invalid` (field `tags`)."""
    tags = sorted({tag_of(text) for text in texts})
    if len(tags) > MOST_TAGS:
        raise Invalid(f"A conversation has at most {MOST_TAGS} tags.", field="tags")
    return tuple(tags)
