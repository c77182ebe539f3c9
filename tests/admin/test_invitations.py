"""YA-23: what becomes of an invitation with time, with its inviter, and with too many."""

import pytest

from admin import By
from admin.invitations import A_DAY, AN_HOUR, LIFE
from foundation.clock import DAY
from foundation.errors import Invalid, NotFound, TooMany
from foundation.ids import new_secret
from tests.admin.house import OTHER_PASSWORD, House

NEW = "nina@blue.example"


async def invited(house: House, email: str = NEW, *, by: str = "alma", role: str = "agent") -> str:
    """An open invitation, and the secret of its link."""
    person = house.cast[by]
    made = await house.admin.invitations.invite(
        house.blue, email, role, (), language="en", actor=person.body.role, by=By(person.id)
    )
    secret = await house.admin.invitations.draw(house.blue, made.id)
    assert secret is not None
    return secret


async def test_YA_23_a_link_works_until_it_expires(house: House) -> None:
    invitations = house.admin.invitations
    secret = await invited(house)
    await house.clock.advance(LIFE - 1)
    assert (await invitations.by_secret(secret)).body.email == NEW
    await house.clock.advance(1)
    for wrong in (secret, new_secret(), "", "x" * 5_000):
        with pytest.raises(NotFound) as refusal:
            await invitations.accept(wrong, name="Nina", password=OTHER_PASSWORD)
        assert "Ask for a new one" in refusal.value.detail
    assert await invitations.forget_old() == 1
    assert await house.admin.people.by_email(NEW) is None


async def test_YA_23_A_18_an_invitation_ends_with_the_right_of_its_inviter(house: House) -> None:
    invitations, people = house.admin.invitations, house.admin.people
    secret = await invited(house)
    assert await invitations.by_secret(secret)
    await people.set_role(house.blue, house.cast["alma"].id, "agent")
    with pytest.raises(NotFound):
        await invitations.accept(secret, name="Nina", password=OTHER_PASSWORD)
    await people.set_role(house.blue, house.cast["alma"].id, "admin")
    await people.disable(house.blue, house.cast["alma"].id)
    with pytest.raises(NotFound):
        await invitations.by_secret(secret)
    await people.enable(house.blue, house.cast["alma"].id)
    made = await invitations.accept(secret, name="Nina", password=OTHER_PASSWORD)
    assert (made.body.email, made.body.role) == (NEW, "agent")


async def test_YA_23_what_is_not_valid_leaves_the_link_alive(house: House) -> None:
    secret = await invited(house)
    for name, password in (("", OTHER_PASSWORD), ("Nina", "short"), ("Nina", "password123")):
        with pytest.raises(Invalid):
            await house.admin.invitations.accept(secret, name=name, password=password)
    assert await house.admin.invitations.accept(secret, name="Nina", password=OTHER_PASSWORD)
    assert {"invitation.made", "invitation.accepted", "person.added"} <= set(await house.actions())
    assert NEW not in str(await house.book()), "the book keeps no address"


async def test_YA_23_an_address_that_was_taken_meanwhile_is_a_link_that_is_over(house: House) -> None:
    secret = await invited(house)
    await house.admin.people.create(house.blue, NEW, "Nina", "agent", OTHER_PASSWORD)
    with pytest.raises(NotFound, match="used"):
        await house.admin.invitations.accept(secret, name="Nina", password=OTHER_PASSWORD)


async def test_YA_23_A_3_invitations_are_limited_by_person_and_by_address(house: House) -> None:
    for _ in range(A_DAY):
        await invited(house)
    with pytest.raises(TooMany):
        await invited(house, by="olga")
    assert len(await house.admin.invitations.list(house.blue)) == 1, "a new one takes the place of the old"
    await house.clock.advance(DAY)
    await invited(house)
    for number in range(AN_HOUR - 1):
        await invited(house, f"n{number}@blue.example")
    with pytest.raises(TooMany):
        await invited(house, "one-more@blue.example")
