"""Every error becomes an answer here, and only here (RFC 9457).

A `Problem` says what a client may see. Everything else is a 500 with a reference that stands in the log too, and
nothing of what happened inside.
"""

import math
from typing import Any

import msgspec
from aiohttp import web

from foundation import errors
from foundation.errors import Problem
from foundation.ids import new_id
from foundation.web.keys import ROUTE
from foundation.web.logs import log_failure
from foundation.web.pages import Pages

PAGES = web.AppKey("web_pages", Pages)


class MethodNotAllowed(Problem):
    status = 405
    code = "method_not_allowed"
    title = "Not possible in this way"


class Unexpected(Problem):
    """What a client sees of an error that nobody foresaw."""

    status = 500
    code = "internal"
    title = "Something went wrong"


_BY_STATUS: dict[int, type[Problem]] = {
    400: errors.Malformed,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: MethodNotAllowed,
    409: errors.Conflict,
    410: errors.Gone,
    413: errors.TooLarge,
    415: errors.UnsupportedMedia,
    417: errors.Malformed,
    421: errors.Misdirected,
    422: errors.Invalid,
    429: errors.TooMany,
    503: errors.Unavailable,
    507: errors.StorageFull,
}

_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not answer to that method.",
}


def unexpected(error: BaseException, what: str) -> Unexpected:
    """Log an error that nobody foresaw and give what a client may see of it."""
    reference = new_id()[:10]
    log_failure(reference, what, error)
    return Unexpected("Something went wrong on our side. Trying again may help.", reference=reference)


def from_http(error: web.HTTPException) -> Problem:
    """aiohttp's own refusals in our words; its text may quote what was sent, so it is dropped."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        return MethodNotAllowed(_SENTENCES[405], allow=", ".join(sorted(error.allowed_methods)))
    kind = _BY_STATUS.get(error.status, errors.Malformed if error.status < 500 else errors.Unavailable)
    return kind(_SENTENCES.get(error.status, ""))


def problem_members(problem: Problem) -> dict[str, Any]:
    """The members of a problem document, with its `type`."""
    return {"type": f"urn:frontdesk:problem:{problem.code}", **problem.members()}


def json_problem(problem: Problem) -> web.Response:
    """The problem as `application/problem+json`."""
    return web.Response(
        body=msgspec.json.encode(problem_members(problem), enc_hook=str),
        status=problem.status,
        content_type="application/problem+json",
        headers=_headers(problem),
    )


async def render_problem(request: web.Request, problem: Problem) -> web.Response:
    """The problem in the form that this request can use: a page for people, JSON for programs."""
    pages = request.config_dict.get(PAGES)
    if pages is None or not wants_page(request):
        return json_problem(problem)
    try:
        members = problem_members(problem)
        response = await pages.render(request, "foundation/problem.html", status=problem.status, problem=members)
    except Exception as error:  # noqa: BLE001 - an error page that fails must not hide the error
        log_failure(str(problem.data.get("reference", "-")), "rendering a problem", error)
        return json_problem(problem)
    response.headers.update(_headers(problem))
    return response


def wants_page(request: web.Request) -> bool:
    """Whether a person looks at the answer: a page route, or no route at all, and HTML is welcome."""
    route = request.get(ROUTE)
    if route is not None and route.kind != "page":
        return False
    accept = request.headers.get("Accept", "").lower()
    if route is not None:
        return "text/html" in accept or "json" not in accept
    return "text/html" in accept


def _headers(problem: Problem) -> dict[str, str]:
    headers = {}
    if "retry_after" in problem.data:
        headers["Retry-After"] = str(math.ceil(problem.data["retry_after"]))
    if "allow" in problem.data:
        headers["Allow"] = str(problem.data["allow"])
    if problem.status == errors.Unauthenticated.status:
        headers["WWW-Authenticate"] = "Session"
    return headers
