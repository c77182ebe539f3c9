"""C-15: static files come from memory; there is no path from a URL to the disk."""

import gzip
import re

import pytest

from foundation.web import Pages, Static
from foundation.web.statics import MAX_FOLDER_BYTES

SCRIPT = "export const words = 'the same again and again';\n" * 20


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret.txt").write_text("not to be served")
    folder = tmp_path / "static"
    (folder / "js/elements").mkdir(parents=True)
    (folder / "js/elements/a.js").write_text(SCRIPT)
    (folder / "x.css").write_text("a{}")
    (folder / "pic.png").write_bytes(b"\x89PNG")
    (folder / "page.html").write_text("<script>alert(1)</script>")
    (folder / "server.py").write_text("secret")
    (folder / ".hidden.js").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


async def built(house, folder, pages=None):
    return await house(statics=[Static("/static/shop", folder)], pages=pages)


async def test_a_file_is_served_with_its_type(house, folder) -> None:
    here = await built(house, folder)
    answer = await here.ask("GET", "/static/shop/js/elements/a.js")
    assert (answer.status, answer.body.decode()) == (200, SCRIPT)
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert (await here.ask("GET", "/static/shop/pic.png")).headers["Content-Type"] == "image/png"


async def test_a_versioned_url_may_be_kept_for_ever(house, folder) -> None:
    pages = Pages()
    here = await built(house, folder, pages)
    url = pages.asset("shop/js/elements/a.js")
    assert re.fullmatch(r"/static/shop/~[\w-]{12}/js/elements/a\.js", url)
    answer = await here.ask("GET", url)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.body.decode() == SCRIPT


async def test_relative_imports_stay_in_the_same_version(house, folder) -> None:
    pages = Pages()
    here = await built(house, folder, pages)
    beside = pages.asset("shop/js/elements/a.js").replace("js/elements/a.js", "x.css")
    assert (await here.ask("GET", beside)).body == b"a{}"
    assert pages.asset("shop/x.css") == beside


async def test_the_version_follows_the_content(house, folder) -> None:
    first, second = Pages(), Pages()
    await built(house, folder, first)
    (folder / "x.css").write_text("b{}")
    await built(house, folder, second)
    assert first.asset("shop/js/elements/a.js") != second.asset("shop/js/elements/a.js")


async def test_another_version_is_not_there(house, folder) -> None:
    """A page of yesterday must not get today's file under yesterday's name, to be kept for ever."""
    here = await built(house, folder)
    assert (await here.ask("GET", "/static/shop/~AAAAAAAAAAAA/x.css")).status == 404


async def test_a_missing_file_has_a_plain_url_and_answers_404(house, folder, caplog) -> None:
    pages = Pages()
    here = await built(house, folder, pages)
    assert pages.asset("shop/none.css") == "/static/shop/none.css"
    assert pages.asset("other/none.css") == "/static/other/none.css"
    assert "shop/none.css" in caplog.text
    assert (await here.ask("GET", "/static/shop/none.css")).status == 404


async def test_what_is_known_is_not_sent_again(house, folder) -> None:
    here = await built(house, folder)
    etag = (await here.ask("GET", "/static/shop/x.css")).headers["ETag"]
    for sent in (etag, f"W/{etag}", f'"other", {etag}'):
        answer = await here.ask("GET", "/static/shop/x.css", headers={"If-None-Match": sent})
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await here.ask("GET", "/static/shop/x.css", headers={"If-None-Match": '"other"'})).status == 200


@pytest.mark.parametrize(("accept", "packed"), [
    ("gzip", True), ("br, gzip;q=0.8", True), ("*", True), ("gzip;q=0", False), ("gzip; q=0.0", False), ("br", False),
    ("", False), ("xgzip", False),
])  # fmt: skip
async def test_text_is_packed_for_those_who_take_it(house, folder, accept: str, packed: bool) -> None:
    here = await built(house, folder)
    request = here.get("/static/shop/js/elements/a.js", f"Accept-Encoding: {accept}")
    answer = await here.raw(request)
    assert ("Content-Encoding" in answer.headers) is packed
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert (gzip.decompress(answer.body) if packed else answer.body).decode() == SCRIPT
    assert (len(answer.body) < len(SCRIPT)) is packed


@pytest.mark.parametrize("path", [
    "/static/shop/", "/static/shop", "/static/shop/js", "/static/shop/js/", "/static/shop/../secret.txt",
    "/static/shop/..%2fsecret.txt", "/static/shop/%2e%2e/secret.txt", "/static/shop/js/..%5c..%5csecret.txt",
    "/static/shop//etc/passwd", "/static/shop/%2fetc%2fpasswd", "/static/shop/x.css%00.png", "/static/shop/server.py",
    "/static/shop/.hidden.js", "/static/shop/link.txt", "/static/shop/page.html", "/static/shop/x.css/",
    "/static/shop/~", "/static/shop/~/x.css", "/static/shop/X.CSS", "/static/shop/./x.css%20", "/static/other/x.css",
])  # fmt: skip
async def test_C_15_nothing_else_can_be_named(house, folder, path: str) -> None:
    here = await built(house, folder)
    answer = await here.raw(here.get(path))
    assert answer.status in {400, 404}
    assert b"secret" not in answer.body
    assert b"not to be served" not in answer.body


async def test_a_folder_that_is_too_large_stops_the_start(house, tmp_path) -> None:
    with (tmp_path / "x.png").open("wb") as file:
        file.truncate(MAX_FOLDER_BYTES + 1)
    with pytest.raises(ValueError, match="more than"):
        await house(statics=[Static("/static/shop", tmp_path)])


async def test_a_folder_that_is_not_there_is_empty(house, tmp_path) -> None:
    here = await house(statics=[Static("/static/shop", tmp_path / "none")])
    assert (await here.ask("GET", "/static/shop/x.css")).status == 404


async def test_head_is_answered_like_get(house, folder) -> None:
    here = await built(house, folder)
    answer = await here.ask("HEAD", "/static/shop/x.css")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "3")
