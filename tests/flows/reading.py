"""What a conversation holds, as a member of the house is told it: how a test sees that something, or nothing, changed."""

from tests.talking import Json, Staff


async def whole(boss: Staff, conversation: str) -> list[Json]:
    """All events of a conversation, from the first on."""
    await boss.send(type="watch", conversation=conversation, since=0)
    frame = await boss.frame(
        lambda frame: (
            frame["type"] == "events" and frame["conversation"] == conversation and frame["events"][0]["seq"] == 1
        )
    )
    await boss.send(type="unwatch", conversation=conversation)
    events: list[Json] = frame["events"]
    return events
