"""Mail: one envelope to one reader, composed safely and handed to a server whose answer is kept as evidence.

Nothing in here writes texts; whoever sends a mail brings its words. `SmtpPost` speaks to a real server, `MemoryPost`
keeps what it is given (tests, and the mailbox page of the demo).
"""

from foundation.mail.envelope import Envelope, compose, new_message_id
from foundation.mail.post import Delivery, MemoryPost, Post, PostError, PostRefused, PostUnreachable
from foundation.mail.smtp import SmtpPost, TlsMode

__all__ = [
    "Delivery", "Envelope", "MemoryPost", "Post", "PostError", "PostRefused", "PostUnreachable", "SmtpPost", "TlsMode",
    "compose", "new_message_id",
]  # fmt: skip
