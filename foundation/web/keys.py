"""Typed keys under which the frame keeps its own things in the application and in a request."""

from aiohttp import web

from foundation.clock import Clock
from foundation.web.metrics import Metrics
from foundation.web.routes import Route
from foundation.web.settings import WebSettings

SETTINGS = web.AppKey("web_settings", WebSettings)
CLOCK = web.AppKey("web_clock", Clock)
ROUTES = web.AppKey("web_routes", list[Route])
METRICS = web.AppKey("web_metrics", Metrics)

ROUTE = web.RequestKey("web_route", Route)
NONCE = web.RequestKey("web_nonce", str)
