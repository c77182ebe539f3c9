"""What a conversation holds, as a member of the house is told it: how a test sees that something, or nothing, changed."""

from tests.talking import Json, Staff


async def whole(boss: Staff, conversation: str) -> list[Json]:
    """All events of a conversation, from the first on to the last that its row knows of; a long one comes in parts."""
    await boss.send(type="watch", conversation=conversation, since=0)
    frame = await boss.frame(lambda frame: _is_of(frame, conversation) and frame["events"][0]["seq"] == 1)
    events: list[Json] = [*frame["events"]]
    while events[-1]["seq"] < _newest(boss, conversation):
        events += (await boss.frame(lambda frame: _is_of(frame, conversation)))["events"]
    await boss.send(type="unwatch", conversation=conversation)
    return events


def _is_of(frame: Json, conversation: str) -> bool:
    return bool(frame["type"] == "events" and frame["conversation"] == conversation)


def _newest(boss: Staff, conversation: str) -> int:
    rows = [row for frame in boss.frames for row in (frame.get("rows") or [frame.get("row") or {}])]
    return max((row["seq"] for row in rows if row.get("id") == conversation), default=0)
