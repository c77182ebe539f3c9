"""Talks: runs the assistants of the bots, takes what visitors say, proves e-mail addresses, and shows the widget.

What this package promises: a visitor's message is stored once and acknowledged when it is durable; the bot answers only
while it holds the conversation; a failing bot never breaks a chat; an address is proven to nobody but its reader.
"""

from bot_runtime import site_visitors, verification

KINDS = (*verification.KINDS, *site_visitors.KINDS)
"""What this package stores, for the engine."""

__all__ = ["KINDS"]
