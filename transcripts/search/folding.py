"""Text as it is compared: without case, accents and compatibility forms, so that `Müller` is found by `muller`."""

import unicodedata


def fold(text: str) -> str:
    """The comparable form. Folding twice changes nothing."""
    if text.isascii():
        return text.lower()
    return "".join(map(_fold_character, text))


def fold_with_places(text: str) -> tuple[str, list[int]]:
    """The comparable form, and for each of its characters the place in `text` that it came from (and one for the end)."""
    folded: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        piece = _fold_character(character)
        folded.append(piece)
        places += [place] * len(piece)
    places.append(len(text))
    return "".join(folded), places


def _fold_character(character: str) -> str:
    if character.isascii():
        return character.lower()
    spread = unicodedata.normalize("NFKD", character.casefold())
    return "".join(part for part in spread.casefold() if not unicodedata.combining(part))
