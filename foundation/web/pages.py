"""Pages: Jinja2 with autoescape always on, and an error for every name that is not given.

Templates are found by package: `admin/login.html` is `admin/templates/login.html`, `foundation/base.html` the frame of
every page. They are compiled once at start; no template comes from data (N-10, X-13).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from foundation.web.headers import join_csp, nonce_of, page_csp
from foundation.web.keys import SETTINGS
from foundation.web.statics import Assets

_HERE = Path(__file__).parent


class Pages:
    """Renders templates of the given packages.

    `packages` are pairs of a prefix and a package's folder, which has its templates in `templates/`.
    """

    def __init__(self, packages: Sequence[tuple[str, Path]] = ()) -> None:
        folders = {"foundation": _HERE, **dict(packages)}
        loaders = {name: jinja2.FileSystemLoader(folder / "templates") for name, folder in folders.items()}
        self._environment = jinja2.Environment(
            loader=jinja2.ChoiceLoader([jinja2.PrefixLoader(loaders), jinja2.FileSystemLoader(_HERE / "templates")]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=False,
            cache_size=-1,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._assets = Assets(())
        self._environment.globals["asset"] = self.asset

    def use_assets(self, assets: Assets) -> None:
        """Let templates name these files by `asset(…)`."""
        self._assets = assets

    def load(self) -> None:
        """Compile every template; blocks, so the frame calls it in a thread at start. Raises what Jinja2 raises."""
        for name in self._environment.list_templates(extensions=["html", "txt"]):
            self._environment.get_template(name)

    def asset(self, name: str) -> str:
        """The versioned URL of a static file, `admin/js/login.js`; its plain URL when there is none."""
        return self._assets.url(name)

    def filter(self, name: str, function: Any) -> None:
        """Add a template filter."""
        self._environment.filters[name] = function

    def text(self, template: str, **data: Any) -> str:
        """Render a template that is not an answer, such as the HTML part of a mail. Escaping is on."""
        return self._environment.get_template(template).render(data)

    async def render(self, request: web.Request, template: str, *, status: int = 200, **data: Any) -> web.Response:
        """A page as an answer, with its own nonce and policy.

        Templates see `data`, `nonce`, `asset`, `product`. Raises `jinja2.UndefinedError` when a name is missing.
        """
        nonce = nonce_of(request)
        known = {"nonce": nonce, "product": request.config_dict[SETTINGS].product}
        body = self._environment.get_template(template).render(known | data)
        headers = {"Content-Security-Policy": join_csp(page_csp(nonce))}
        return web.Response(text=body, status=status, content_type="text/html", charset="utf-8", headers=headers)
