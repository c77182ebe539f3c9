"""Visitors whom the host site knows (YA-29): keys that an admin makes, tokens that the site signs with them, and who comes.

What this package promises: only a token that the site signed for this bot, minutes ago and for one use, shows somebody
his earlier chats. Whatever else is brought shows none. What the site says of a visitor is shown as the site's word and
proves no mailbox.
"""

from bot_runtime.site_visitors.keys import SITE_KEY, SiteKeys, topic_of
from bot_runtime.site_visitors.pages import SiteKeyPages
from bot_runtime.site_visitors.visitors import SITE_TOKEN, SiteVisitor, SiteVisitors

KINDS = (SITE_KEY, SITE_TOKEN)

__all__ = ["KINDS", "SiteKeyPages", "SiteKeys", "SiteVisitor", "SiteVisitors", "topic_of"]
