"""The frame around every route: what happens to a request before a handler sees it, and to every answer after it.

In this order: host, same origin, socket shape, the route's rule, the handler; then problems become answers, headers are
added, one line goes to the log and the metrics. A handler that raises has said all it needs to say.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from aiohttp import web

from foundation.clock import Clock, SystemClock
from foundation.errors import Malformed, Problem, Unavailable
from foundation.web.headers import add_headers
from foundation.web.keys import CLOCK, METRICS, ROUTE, ROUTES, SETTINGS
from foundation.web.logs import log_access, log_failure
from foundation.web.metrics import Metrics
from foundation.web.origin import SAFE_METHODS, require_known_host, require_same_origin
from foundation.web.pages import Pages
from foundation.web.problems import PAGES, from_http, json_problem, render_problem, unexpected
from foundation.web.room import ROOM, SocketRoom
from foundation.web.routes import PUBLIC, Handler, Route
from foundation.web.settings import WebSettings
from foundation.web.sockets import SocketClosed
from foundation.web.statics import Assets, Static

Readiness = Callable[[], Awaitable[str | None]]
"""Says `None` when its part is ready, else in a few words what is missing."""

Resource = Callable[[web.Application], AsyncIterator[None]]
"""A generator that opens something, yields, and closes it again (aiohttp's `cleanup_ctx`)."""

_OWN = Static("/static/foundation", Path(__file__).parent / "static")


def build_app(
    routes: Sequence[Route],
    *,
    settings: WebSettings,
    pages: Pages | None = None,
    statics: Sequence[Static] = (),
    clock: Clock | None = None,
    metrics: Metrics | None = None,
    ready: Mapping[str, Readiness] | None = None,
    cleanup_ctx: Sequence[Resource] = (),
) -> web.Application:
    """The application that serves these routes in the frame.

    `ready` names the parts `/readyz` asks; `cleanup_ctx` are opened in order before the first request and closed in
    reverse order after the last. Two routes with one method and path raise `ValueError`.
    """
    app = web.Application(middlewares=[_frame])
    pages = pages or Pages()
    statics = (*statics, *([] if any(static.prefix == _OWN.prefix for static in statics) else [_OWN]))
    assets = Assets(statics)
    pages.use_assets(assets)
    app[SETTINGS] = settings
    app[CLOCK] = clock or SystemClock()
    app[METRICS] = metrics or Metrics()
    app[PAGES] = pages
    app[ROOM] = SocketRoom(settings)
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(_close_sockets)
    app.cleanup_ctx.append(_loading(pages, assets))
    app.cleanup_ctx.extend(cleanup_ctx)
    table: list[Route] = [*routes, *_health(ready or {}), *_static_routes(statics, assets)]
    app[ROUTES] = table
    for route in table:
        _add(app, route)
    return app


def route_table(app: web.Application) -> list[Route]:
    """Every route of an application, for the tests that compare them with what is documented."""
    return app[ROUTES].copy()


def _guarded(route: Route) -> Handler:
    """A route's handler behind its checks."""
    is_socket = route.kind == "socket"
    is_ours_only = (is_socket or route.method not in SAFE_METHODS) and not route.cross_site

    async def handle(request: web.Request) -> web.StreamResponse:
        request[ROUTE] = route
        if is_socket and "?" in request.raw_path:
            raise Malformed("A socket's address has no query; nothing secret belongs into an address.")
        if is_ours_only:
            require_same_origin(request, socket=is_socket)
        await route.rule.admit(request)
        return await route.handler(request)

    return handle


@web.middleware
async def _frame(request: web.Request, handler: Handler) -> web.StreamResponse:
    started = time.perf_counter()
    try:
        require_known_host(request)
        response = await handler(request)
    except web.HTTPException as error:
        response = error if error.status < 400 else await render_problem(request, from_http(error))
        if response is error:
            response = web.Response(status=error.status, headers={"Location": error.headers["Location"]})
    except Problem as problem:
        if problem.status >= 500:
            log_failure("-", f"{request.method} {_template(request)}", problem)
        _require_unanswered(request, problem)
        response = await render_problem(request, problem)
    except SocketClosed as closed:
        response = closed.response
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - the one place where everything unforeseen ends
        problem_of_ours = unexpected(error, f"{request.method} {_template(request)}")
        _require_unanswered(request, error)
        response = await render_problem(request, problem_of_ours)
    _account(request, response, time.perf_counter() - started)
    return response


def _require_unanswered(request: web.Request, error: Exception) -> None:
    """When the answer has begun (or the connection has become a socket), no other can be sent: cut it, visibly."""
    if request.writer.output_size > 0:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the answer had begun") from error


def _account(request: web.Request, response: web.StreamResponse, seconds: float) -> None:
    template = _template(request)
    metrics = request.config_dict[METRICS]
    metrics.requests.labels(request.method if template != "-" else "-", template, str(response.status)).inc()
    if response.status != 101:
        metrics.request_seconds.labels(template).observe(seconds)
    log_access(request.method, template, response.status, seconds)


def _template(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "-"


def _add(app: web.Application, route: Route) -> None:
    handler = _guarded(route)
    try:
        if route.method == "GET":
            app.router.add_get(route.path, handler, allow_head=route.kind != "socket", expect_handler=_expect)
        else:
            app.router.add_route(route.method, route.path, handler, expect_handler=_expect)
    except RuntimeError as error:
        raise ValueError(f"{route.method} {route.path} is declared twice") from error


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """`100-continue` waits until a handler wants the body, so a refused one is never sent; nothing else is expected."""
    if request.headers["Expect"].lower() == "100-continue":
        return None
    return json_problem(Malformed("This expectation is not met here."))


def _static_routes(statics: Sequence[Static], assets: Assets) -> list[Route]:
    prefixes = [static.prefix.rstrip("/") for static in statics]
    return [Route("GET", prefix + "/{path:.+}", assets.serve, PUBLIC, "file") for prefix in prefixes]


def _health(ready: Mapping[str, Readiness]) -> list[Route]:
    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        for name, ask in ready.items():
            try:
                missing = await ask()
            except Exception as error:  # noqa: BLE001 - a part that cannot even be asked is not ready
                log_failure("-", f"readiness of {name}", error)
                missing = "does not answer"
            if missing is not None:
                raise Unavailable(f"{name}: {missing}", part=name)
        return web.Response(text="ok\n")

    return [Route("GET", "/healthz", healthz, PUBLIC, "api"), Route("GET", "/readyz", readyz, PUBLIC, "api")]


def _loading(pages: Pages, assets: Assets) -> Resource:
    async def load(_: web.Application) -> AsyncIterator[None]:
        await asyncio.to_thread(assets.load)
        await asyncio.to_thread(pages.load)
        yield

    return load


async def _close_sockets(app: web.Application) -> None:
    await app[ROOM].close_all()
