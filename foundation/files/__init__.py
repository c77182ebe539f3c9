"""Files that people send: sealed blobs on an engine, and what a file is by its content.

`Blobs` is the port (a folder, or another store behind the same contract), which sees frames of ciphertext under random
ids. `SealedFiles` seals: every file has a data key of its own, so that destroying that key erases the file wherever
copies of it lie. `kinds` and `images` hold the rules without I/O: what the content is, and a picture without anything
that is not the picture. Nothing here is ever unpacked or run.
"""

from foundation.files.disk import DiskBlobs
from foundation.files.gridfs import GridFsBlobs
from foundation.files.memory import MemoryBlobs
from foundation.files.port import BlobName, Blobs, NoBlob
from foundation.files.sealed import SealedFiles

__all__ = ["BlobName", "Blobs", "DiskBlobs", "GridFsBlobs", "MemoryBlobs", "NoBlob", "SealedFiles"]
