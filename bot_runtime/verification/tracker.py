"""What the assistant learns of the proof: the slots `email` and `email_verified`, if its domain has them."""

from transcripts.events import BotStateChanged


def slots(at: int, *, email: str | None, email_verified: bool) -> BotStateChanged:
    """The tracker's events that set both slots; no message caused them, so they answer none."""
    timestamp = at / 1000
    return BotStateChanged(
        at=at,
        answers=0,
        events=(
            {"event": "slot", "timestamp": timestamp, "name": "email", "value": email},
            {"event": "slot", "timestamp": timestamp, "name": "email_verified", "value": email_verified},
        ),
    )
