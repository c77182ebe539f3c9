"""From a visitor's words to a parse in Rasa's form: `/intent` shortcuts, the understanding, the fallback.

`/intent@0.7{"entity": "value"}` says outright what is meant; every button sends that. An intent that is not in the
domain makes it an ordinary text. What the understanding is not sure of, or finds as likely as something else, becomes
the intent `nlu_fallback` (`fallback_classifier.py:99`), with what was found kept behind it in the ranking.
"""

import re
from typing import Any

import msgspec

from bot_runtime.assistants.config_reader import FallbackSettings
from bot_runtime.assistants.domain import Domain
from bot_runtime.assistants.understanding_port import Parse, Understanding

_SHORTCUT = re.compile(r"/(?P<intent>[^{@]+)(?P<confidence>@[0-9.]+)?(?P<entities>\{.+\})?(?P<rest>.*)")
_EXTRACTOR = "RegexMessageHandler"
_RANKED = 10  # as many as Rasa keeps
FALLBACK_INTENT = "nlu_fallback"


def parse_message(
    text: str, domain: Domain, understanding: Understanding, fallback: FallbackSettings | None
) -> dict[str, Any]:
    """What `text` means: intent, entities, ranking, and the response selection if there is one."""
    if text.startswith("/"):
        found = _shortcut(text, domain)
        if found is not None:
            return found
    parse = understanding.parse(text)
    return _with_fallback(_as_rasa(parse), fallback)


def _shortcut(text: str, domain: Domain) -> dict[str, Any] | None:
    match = _SHORTCUT.match(text)
    if match is None or match["intent"].strip() not in domain.used_entities:
        return None
    intent = {"name": match["intent"].strip(), "confidence": _confidence(match["confidence"])}
    entities = _entities(match, domain) if match["entities"] else []
    return {"intent": intent, "entities": entities, "text": text, "intent_ranking": [dict(intent)]}


def _confidence(written: str | None) -> float:
    try:
        return 1.0 if written is None else min(1.0, float(written[1:]))
    except ValueError:
        return 0.0


def _entities(match: re.Match[str], domain: Domain) -> list[dict[str, Any]]:
    try:
        values = msgspec.json.decode(match["entities"])
    except (msgspec.DecodeError, RecursionError):
        return []
    start, end = match.span("entities")
    return [
        {"entity": name, "value": value, "start": start, "end": end, "extractor": _EXTRACTOR}
        for name, given in values.items()
        if name in domain.known_entities
        for value in (given if isinstance(given, list) else [given])
    ]


def _as_rasa(parse: Parse) -> dict[str, Any]:
    intent: dict[str, Any] = {"name": parse.intent.name, "confidence": parse.intent.confidence}
    selected = (parse.response_selector.get(parse.intent.name or "") or {}).get("response", {})
    if selected.get("intent_response_key"):
        intent["full_retrieval_intent_name"] = selected["intent_response_key"]
    found = {
        "intent": intent,
        "entities": [dict(entity) for entity in parse.entities],
        "text": parse.text,
        "intent_ranking": [{"name": one.name, "confidence": one.confidence} for one in parse.intent_ranking[:_RANKED]],
    }
    return {**found, "response_selector": dict(parse.response_selector)} if parse.response_selector else found


def _with_fallback(parse: dict[str, Any], fallback: FallbackSettings | None) -> dict[str, Any]:
    if fallback is None or not _is_unsure(parse, fallback):
        return parse
    intent = {"name": FALLBACK_INTENT, "confidence": fallback.threshold}
    return {**parse, "intent": intent, "intent_ranking": [dict(intent), *parse["intent_ranking"]]}


def _is_unsure(parse: dict[str, Any], fallback: FallbackSettings) -> bool:
    if parse["intent"]["confidence"] < fallback.threshold:
        return True
    ranking = parse["intent_ranking"]
    return len(ranking) > 1 and ranking[0]["confidence"] - ranking[1]["confidence"] < fallback.ambiguity_threshold
