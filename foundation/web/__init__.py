"""The web frame: routes with rules, errors as problem documents, strict bodies, pages with nonces, live sockets.

A package above declares `Route`s, each with the `Rule` that admits to it; `build_app` puts the frame around them and
`serve` listens. What the frame promises for every route: only our hosts, only our own pages may change anything, sizes
and times are bounded, every error has one shape, the security headers are on every answer, and the log holds no secret.
"""

from foundation.web.address import Address, client_address, limit_key, parse_address, peer_of, resolve_client
from foundation.web.batches import batches
from foundation.web.bodies import read_body, read_form, read_json, read_query
from foundation.web.connection import Runner, serve
from foundation.web.cookies import drop_cookie, read_cookie, set_cookie
from foundation.web.frame import Readiness, build_app, route_table
from foundation.web.headers import nonce_of, set_csp
from foundation.web.keys import CLOCK, METRICS, NONCE, ROUTE, SETTINGS
from foundation.web.metrics import Metrics, metrics_app
from foundation.web.origin import is_secure, origin_of, require_same_origin
from foundation.web.pages import Pages
from foundation.web.problems import PAGES, json_problem, render_problem
from foundation.web.routes import PUBLIC, Handler, Route, RouteKind, Rule
from foundation.web.settings import WebSettings
from foundation.web.shared_throttles import SharedThrottles
from foundation.web.sockets import LiveSocket, SocketClosed
from foundation.web.statics import Static
from foundation.web.strict import Body, Frame
from foundation.web.throttle import Throttle
from foundation.web.uploads import Uploads

__all__ = [
    "CLOCK", "METRICS", "NONCE", "PAGES", "PUBLIC", "ROUTE", "SETTINGS", "Address", "Body", "Frame", "Handler",
    "LiveSocket", "Metrics", "Pages", "Readiness", "Route", "RouteKind", "Rule", "Runner", "SharedThrottles", "SocketClosed",
    "Static", "Throttle", "Uploads", "WebSettings", "batches",
    "build_app", "client_address", "drop_cookie", "is_secure", "json_problem", "limit_key",
    "metrics_app", "nonce_of", "origin_of", "parse_address", "peer_of", "read_body", "read_cookie", "read_form",
    "read_json", "read_query", "render_problem", "require_same_origin", "resolve_client", "route_table", "serve",
    "set_cookie", "set_csp",
]  # fmt: skip
