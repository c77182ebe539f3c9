"""The overview and the bots: forms and their errors, and texts that try to be more than texts."""

import html
import re

import pytest

from tests.admin.house import PASSWORD, House

PAYLOADS = ["<script>alert(1)</script>", '"><svg onload=alert(1)>', "{{7*7}}", "' OR 1=1--", "${7*7}%s{0.__class__}"]


async def test_the_account_gets_another_name_from_a_super_admin_only(house: House) -> None:
    async with house.browser("olga") as olga, house.browser("alma") as alma:
        assert (await alma.post("/admin/account", {"name": "Mine"})).status == 403
        answer = await olga.post("/admin/account", {"name": "Azure Ltd"})
        assert answer.location == "/admin?done=account"
        assert "Azure Ltd" in (await alma.get("/admin")).text
        assert "new name" in (await olga.get(answer.location)).words
        refused = await olga.post("/admin/account", {"name": " "})
        assert (refused.status, 'id="name-error"' in refused.text) == (422, True)


async def test_a_forged_message_in_the_address_is_not_shown(house: House) -> None:
    async with house.browser("olga") as browser:
        answer = await browser.get("/admin?done=You%20have%20won")
        assert "won" not in answer.words


async def test_a_bot_is_added_and_changed(house: House) -> None:
    async with house.browser("alma") as browser:
        added = await browser.post("/admin/bots", {"name": "Bikes", "assistant": "moodbot"})
        assert added.status == 303
        page = await browser.get(added.location)
        assert "is there" in page.words
        made = added.location.split("?")[0].rpartition("/")[2]
        assert f'<script async src="{house.origin}/widget.js" data-bot="{made}"></script>' in page.words
        form = {
            "name": "Bikes!",
            "language": "de",
            "accent": "#AA3300",
            "greeting": "Ahoi",
            "sites": "shop.example *.shop.example",
        }
        assert (await browser.post(f"/admin/bots/{made}", form)).status == 303
        changed = await house.admin.bots.get(house.blue, made)
        assert changed is not None
        assert changed.body.sites == ("https://shop.example", "https://*.shop.example")
        assert (changed.body.name, changed.body.accent, changed.body.greeting) == ("Bikes!", "#aa3300", "Ahoi")
        assert (await house.last_entry()).actor == house.cast["alma"].id


@pytest.mark.parametrize(
    ("change", "field"),
    [({"sites": "javascript:alert(1)"}, "sites"), ({"accent": "red"}, "accent"), ({"name": ""}, "name"),
     ({"language": "xx"}, "language"), ({"greeting": "x" * 501}, "greeting")],
)  # fmt: skip
async def test_C_13_a_form_of_a_bot_that_is_not_valid_changes_nothing(
    house: House, change: dict[str, str], field: str
) -> None:
    shop = house.bots["shop"]
    form = {"name": "Other", "language": "en", "accent": "#112233", "greeting": "Hi", "sites": ""} | change
    async with house.browser("olga") as browser:
        answer = await browser.post(f"/admin/bots/{shop.id}", form)
        assert (answer.status, f'id="{field}-error"' in answer.text) == (422, True)
    assert await house.admin.bots.get(house.blue, shop.id) == shop


async def test_nobody_names_a_folder_of_the_server(house: House) -> None:
    async with house.browser("olga") as browser:
        answer = await browser.post("/admin/bots", {"name": "Bot", "assistant": "/etc"})
        assert (answer.status, 'id="assistant-error"' in answer.text) == (422, True)


async def test_X_1_what_people_wrote_is_shown_and_does_nothing(house: House) -> None:
    bot = house.bots["shop"].id
    for payload in PAYLOADS:
        await house.admin.people.create(
            house.blue, f"p{PAYLOADS.index(payload)}@blue.example", payload, "agent", PASSWORD
        )
        await house.admin.bots.change(house.blue, bot, name=payload, greeting=payload)
        await house.admin.accounts.rename(house.blue, payload)
        async with house.browser("olga") as browser:
            await browser.post("/admin/ranges", {"scope": bot, "start": "203.0.113.7", "label": payload})
            for path in (
                "/admin",
                "/admin/people",
                "/admin/bots",
                f"/admin/bots/{bot}",
                "/admin/ranges",
                "/admin/audit",
            ):
                page = await browser.get(path)
                assert payload in page.words or payload in re.sub("&#?[a-z0-9]+;", _unescaped, page.text), path
                assert "<script>alert" not in page.text
                assert "<svg onload" not in page.text
                assert "49" not in re.findall(r">\s*(49)\s*<", page.text)


def _unescaped(entity: re.Match[str]) -> str:
    return html.unescape(entity[0])
