"""Conditions, orders and cursors as MongoDB's filters. This is the only module that writes operators.

Names come from declared kinds, operators from the table below, and values only ever stand on the right of an operator, as
text, a 64-bit number or null (SECURITY N-1 … N-4): `{"f_colour": {"$eq": value}}`.
"""

from collections.abc import Sequence
from typing import Any

from foundation.records import rules
from foundation.records.mongo.documents import column, wide
from foundation.records.port import Value, Where

Filter = dict[str, Any]

_OPERATORS = {"=": "$eq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_NOTHING: Filter = {"_id": {"$in": []}}


def filter_of(where: Sequence[Where]) -> Filter:
    """All conditions, joined by *and*. The conditions are checked (`rules.check_where`)."""
    parts = [_condition(one) for one in where]
    return {"$and": parts} if len(parts) > 1 else (parts[0] if parts else {})


def sort_of(field: str, *, descending: bool) -> list[tuple[str, int]]:
    """By a field and then by id, both in one direction: nothing before numbers before text, as BSON compares."""
    direction = -1 if descending else 1
    name = column(field)
    return [(name, direction)] if name == "_id" else [(name, direction), ("_id", direction)]


def beyond(field: str, cursor: rules.Cursor, *, descending: bool) -> Filter:
    """What comes after a cursor in that order."""
    than = "$lt" if descending else "$gt"
    name = column(field)
    if name == "_id":
        return {"_id": {than: cursor.id}}
    parts: list[Filter] = [{name: {"$eq": wide(cursor.value)}, "_id": {than: cursor.id}}]
    if cursor.value is not None:
        parts.append({name: {than: wide(cursor.value)}})  # compares within numbers, or within text
    parts += [_sort_of_value(name, sort) for sort in _beyond_sorts(cursor.value, descending=descending)]
    return {"$or": parts}


def both(one: Filter, other: Filter) -> Filter:
    """Two filters at once."""
    return {"$and": [one, other]} if one and other else one or other


def _beyond_sorts(value: Value, *, descending: bool) -> list[str]:
    """The sorts of values that come wholly after this value's own."""
    order = ["nothing", "number", "text"]
    own = "nothing" if value is None else "number" if isinstance(value, int) else "text"
    place = order.index(own)
    return order[:place] if descending else order[place + 1 :]


def _sort_of_value(name: str, sort: str) -> Filter:
    if sort == "nothing":
        return {name: {"$eq": None}}
    return {name: {"$gte": wide(rules.LOWEST) if sort == "number" else ""}}


def _condition(one: Where) -> Filter:
    name = column(one.field)
    if isinstance(one.value, tuple):
        return {name: {"$in": [wide(value) for value in one.value]}} if one.value else _NOTHING
    if one.value is None and one.is_ != "=":
        return _NOTHING
    return {name: {_OPERATORS[one.is_]: wide(one.value)}}
