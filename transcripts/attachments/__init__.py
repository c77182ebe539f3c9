"""Files in conversations: shared by visitor and agent, fetched as somebody, hidden when sensitive, destroyed for ever.

- `Attachments` shares, reads, hides and destroys. What is shared is an event of the log; the file is a sealed blob.
- `AttachmentHolding` takes them along in every erasure, and so in retention.
- `serve` hands a file out: as a download, or as a picture that was put together anew.
"""

from transcripts.attachments.attachments import Attachments, Limits, Sender, Upload
from transcripts.attachments.book import SHARED_FILE, FileBook
from transcripts.attachments.doors import SharedFiles
from transcripts.attachments.holding import AttachmentHolding
from transcripts.attachments.retaining import SharedFileStock
from transcripts.attachments.serving import serve, upload_of, wants_picture

KINDS = (SHARED_FILE,)
"""What this package stores, for the engine; the files themselves are blobs."""

__all__ = [
    "KINDS",
    "SHARED_FILE",
    "AttachmentHolding",
    "Attachments",
    "FileBook",
    "Limits",
    "Sender",
    "SharedFileStock",
    "SharedFiles",
    "Upload",
    "serve",
    "upload_of",
    "wants_picture",
]
