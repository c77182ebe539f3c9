"""YA-23: an invitation from the admin's page by a real mail to the newcomer's first page."""

import re
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.serving import Frontdesk, MailServer, mail_settings, serving, text_of
from tests.talking import Staff, logged_in

PASSWORD = "seven quiet lighthouses"
NEW = "nina@harbour-bikes.example"


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, mails: MailServer) -> Iterator[Frontdesk]:
    with serving(tmp_path_factory.mktemp("invitations"), **mail_settings(mails)) as running:
        yield running


async def post(house: Frontdesk, session: aiohttp.ClientSession, path: str, **form: str) -> aiohttp.ClientResponse:
    url = path if path.startswith("http") else house.base_url + path
    answer = await session.post(url, data=form, headers={"Origin": house.base_url}, allow_redirects=False)
    await answer.read()
    return answer


def link_of(text: str) -> str:
    found = re.search(r"https?://\S+/invitation/[A-Za-z0-9_-]{43}", text)
    assert found, text
    return found[0]


async def test_YA_23_an_invitation_is_mailed_opened_and_accepted_once(house: Frontdesk, mails: MailServer) -> None:
    """GET changes nothing; a bad password neither; the button makes the account, and then the link is over."""
    admin, already = house.person("admin"), len(mails.mails())
    async with (
        logged_in(house.base_url, admin["email"], admin["password"]) as boss,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as newcomer,
    ):
        form = {"email": NEW, "role": "agent", "bots": house.demo["bot"], "language": "de"}
        invited = await post(house, boss, "/admin/invitations", **form)
        assert (invited.status, invited.headers["Location"]) == (303, "/admin/invitations?done=invited")
        mail = mails.wait_for(already + 1)
        assert (mail["To"], mail["Subject"]) == (NEW, "Ihre Einladung zum Chat")
        assert mail["Auto-Submitted"] == "auto-generated"
        assert "als Agent" in text_of(mail)
        link = link_of(text_of(mail))
        for _ in range(3):
            async with newcomer.get(link) as page:
                assert page.status == 200
                assert page.headers["Cache-Control"] == "no-store"
                assert page.headers["Referrer-Policy"] == "no-referrer"
                assert NEW in await page.text()
        assert (await post(house, newcomer, link, name="Nina", password="short")).status == 422
        wrong = await post(house, newcomer, link, name="Nina", password=PASSWORD, email="eve@evil.example")
        assert wrong.status == 422, "the address is not the reader's to say"
        made = await post(house, newcomer, link, name="Nina", password=PASSWORD)
        assert (made.status, made.headers["Location"]) == (303, "/console")
        assert (await post(house, newcomer, link, name="Eve", password=PASSWORD)).status == 404
        async with newcomer.get(link) as page:
            assert page.status == 404
        async with boss.get(f"{house.base_url}/admin/invitations") as page:
            assert NEW not in await page.text()
    async with Staff.logged_in(house.base_url, NEW, PASSWORD) as nina:
        assert nina.frames[0]["me"]["role"] == "agent"
        assert [bot["id"] for bot in nina.frames[0]["bots"]] == [house.demo["bot"]]
    assert link.rpartition("/")[2] not in house.log()


async def test_YA_23_A_12_an_address_that_is_known_gets_the_same_answer_and_a_mail_without_a_link(house, mails) -> None:
    admin, known, already = house.person("admin"), house.person("super_admin"), len(mails.mails())
    async with logged_in(house.base_url, admin["email"], admin["password"]) as boss:
        answers = []
        for email in ("somebody@else.example", known["email"]):
            answer = await post(house, boss, "/admin/invitations", email=email, role="agent", language="en")
            answers.append((answer.status, answer.headers["Location"]))
        assert answers[0] == answers[1]
        mails.wait_for(already + 2)
        sent = {mail["To"]: text_of(mail) for mail in mails.mails()[already:]}
        assert "/invitation/" in sent["somebody@else.example"]
        assert "/invitation/" not in sent[known["email"]]
        assert "/login" in sent[known["email"]]


async def test_YA_23_an_invitation_is_sent_again_and_taken_back(house: Frontdesk, mails: MailServer) -> None:
    admin, already = house.person("admin"), len(mails.mails())
    async with logged_in(house.base_url, admin["email"], admin["password"]) as boss, aiohttp.ClientSession() as other:
        await post(house, boss, "/admin/invitations", email="ron@harbour-bikes.example", role="supervisor")
        first = link_of(text_of(mails.wait_for(already + 1)))
        async with boss.get(f"{house.base_url}/admin/invitations") as page:
            text = await page.text()
        path = re.search(r"(/admin/invitations/[\w-]{22})/again\"(?![\s\S]*?/again)", text)
        assert path
        paths = re.findall(r"/admin/invitations/[\w-]{22}/again", text)
        rons = next(one for one in paths if text.index("ron@harbour") < text.index(one))
        assert (await post(house, boss, rons)).status == 303
        second = link_of(text_of(mails.wait_for(already + 2)))
        for link, status in ((first, 404), (second, 200)):
            async with other.get(link) as page:
                assert page.status == status, "the newer link ends the older"
        assert (await post(house, boss, rons.replace("/again", "/revoke"))).status == 303
        async with other.get(second) as page:
            assert page.status == 404
        assert (await post(house, boss, rons)).status == 404


async def test_YA_23_A_18_nobody_invites_into_a_role_that_he_may_not_give(house: Frontdesk, mails: MailServer) -> None:
    admin, agent, owner = (house.person(who) for who in ("admin", "agent", "super_admin"))
    async with logged_in(house.base_url, owner["email"], owner["password"]) as session:
        right = {"email": "ada@harbour-bikes.example", "role": "admin"}
        assert (await post(house, session, "/admin/invitations", **right)).status == 303
        async with session.get(f"{house.base_url}/admin/invitations") as page:
            text = await page.text()
        hers = next(
            p for p in re.findall(r"/admin/invitations/[\w-]{22}/again", text) if text.index("ada@") < text.index(p)
        )
    async with logged_in(house.base_url, admin["email"], admin["password"]) as session:
        for role in ("admin", "super_admin", "auditor"):
            refused = await post(house, session, "/admin/invitations", email="x@y.example", role=role)
            assert refused.status == 403, role
        assert (await post(house, session, hers)).status == 403
        assert (await post(house, session, hers.replace("/again", "/revoke"))).status == 403
        for wrong in ({"email": "x"}, {"role": "owner"}, {"bots": "A" * 22}, {"language": "xx"}, {"account": "red"}):
            form = {"email": "x@y.example", "role": "agent", **wrong}
            assert (await post(house, session, "/admin/invitations", **form)).status == 422, wrong
    async with logged_in(house.base_url, agent["email"], agent["password"]) as session:
        assert (await post(house, session, "/admin/invitations", **right)).status == 403


async def test_YA_23_without_a_mail_server_the_link_is_shown_once(tmp_path: Path) -> None:
    house = Frontdesk(tmp_path / "data")
    house.init()
    house.environment["FRONTDESK_DEMO"] = "false"
    house.start()
    try:
        admin = house.person("admin")
        async with logged_in(house.base_url, admin["email"], admin["password"]) as boss:
            invited = await post(house, boss, "/admin/invitations", email=NEW, role="agent")
            assert invited.status == 200
            link = link_of((await invited.text()).replace("<", " "))
            async with boss.get(f"{house.base_url}/admin/invitations") as page:
                assert link not in await page.text()
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as newcomer:
            made = await post(house, newcomer, link, name="Nina", password=PASSWORD)
            assert (made.status, made.headers["Location"]) == (303, "/console")
    finally:
        house.stop()
