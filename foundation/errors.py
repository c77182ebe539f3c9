"""The tree of errors that a client may see. Whatever does not derive from `Problem` is a logged 500 with a reference id.

    Problem
    ├── Malformed            400  the bytes are not what they claim to be (JSON, frame, header)
    ├── Unauthenticated      401  nobody is logged in, or the session ended
    ├── Forbidden            403  the person is known and may not
    ├── NotFound             404  not there, or not for this person: one answer for both
    ├── Conflict             409  the state does not allow it now
    ├── Gone                 410  it was there and has ended (expired, revoked, erased)
    ├── TooLarge             413  over a size limit
    ├── UnsupportedMedia     415  a content type or encoding that is not accepted
    ├── Misdirected          421  a host name that is not ours
    ├── Invalid              422  well-formed, but a value breaks a rule; `field` names it
    ├── Locked               423  restricted or held: it is there, and nothing may be done with it now
    ├── TooMany              429  a rate limit; `retry_after` in seconds
    ├── Unavailable          503  a part that is needed does not answer
    └── StorageFull          507  nothing more can be stored; what was sent was not kept

`code` is stable and machine-readable, `detail` is for people: what happened, what was kept, what to do. Rendered as
problem details (RFC 9457) or as a page by `foundation.web`; sockets send the same members in an `error` frame.
"""

from typing import Any, ClassVar


class Problem(Exception):  # noqa: N818 - the field's word (RFC 9457)
    """Root of the errors that a client may see."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "problem"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str = "", **data: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.data = data

    def members(self) -> dict[str, Any]:
        """The members of the problem document, without a reference to the request."""
        return {"code": self.code, "title": self.title, "status": self.status, "detail": self.detail, **self.data}


class Malformed(Problem):
    status = 400
    code = "malformed"
    title = "Not understood"


class Unauthenticated(Problem):
    status = 401
    code = "unauthenticated"
    title = "Please log in"


class Forbidden(Problem):
    status = 403
    code = "forbidden"
    title = "Not allowed"


class NotFound(Problem):
    status = 404
    code = "not_found"
    title = "Not found"


class Conflict(Problem):
    status = 409
    code = "conflict"
    title = "Not possible now"


class Gone(Problem):
    status = 410
    code = "gone"
    title = "No longer available"


class TooLarge(Problem):
    status = 413
    code = "too_large"
    title = "Too large"


class UnsupportedMedia(Problem):
    status = 415
    code = "unsupported_media"
    title = "Content type not accepted"


class Misdirected(Problem):
    status = 421
    code = "misdirected"
    title = "Wrong host"


class Invalid(Problem):
    """A value breaks a rule; pass `field="dotted.name"` so that a form can point at it."""

    status = 422
    code = "invalid"
    title = "A value is not valid"


class Locked(Problem):
    status = 423
    code = "locked"
    title = "Locked"


class TooMany(Problem):
    """A rate limit; pass `retry_after=` in whole seconds."""

    status = 429
    code = "too_many"
    title = "Too many attempts"


class Unavailable(Problem):
    status = 503
    code = "unavailable"
    title = "Not available at the moment"


class StorageFull(Problem):
    status = 507
    code = "storage_full"
    title = "Storage is full"
