"""Who manages whom (A-18)."""

from admin.roles import ROLE_HINTS, ROLE_NAMES, ROLES, home_of, managed_by, manages


def test_A_18_nobody_gives_what_he_has_not() -> None:
    assert managed_by("super_admin") == list(ROLES)
    assert managed_by("admin") == ["supervisor", "agent"]
    for role in ("supervisor", "agent", "auditor"):
        assert managed_by(role) == []
    assert not any(manages(role, role) for role in ROLES if role != "super_admin")


def test_every_role_has_words_and_a_home() -> None:
    assert set(ROLE_NAMES) == set(ROLE_HINTS) == set(ROLES)
    assert {role: home_of(role) for role in ROLES} == {
        "super_admin": "/admin", "admin": "/admin", "supervisor": "/console", "agent": "/console",
        "auditor": "/admin/audit",
    }  # fmt: skip
