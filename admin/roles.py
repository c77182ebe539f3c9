"""Roles and what each may do, in one table (YA-7, YA-24, A-17, A-18).

super_admin   everything in the account, and alone: address ranges, the account itself, other super admins
admin         all bots, and the people at the desk
supervisor    the bots granted to him, all their chats
agent         the bots granted to him, his own chats and the queue
auditor       the audit book; no bot, no chat
"""

from typing import Literal, get_args

Role = Literal["super_admin", "admin", "supervisor", "agent", "auditor"]

ROLES: tuple[Role, ...] = get_args(Role)

ROLE_NAMES: dict[Role, str] = {
    "super_admin": "Super admin",
    "admin": "Admin",
    "supervisor": "Supervisor",
    "agent": "Agent",
    "auditor": "Auditor",
}

ROLE_HINTS: dict[Role, str] = {
    "super_admin": "Everything, and alone: transcript ranges and other super admins.",
    "admin": "All bots, and the people at the desk.",
    "supervisor": "All chats of the bots you choose.",
    "agent": "Own chats and the queue of the bots you choose.",
    "auditor": "Reads the audit book. No bots, no chats.",
}

EVERY_BOT: frozenset[Role] = frozenset({"super_admin", "admin"})
"""Who has every bot of the account without a grant."""

BY_GRANT: frozenset[Role] = frozenset({"supervisor", "agent"})
"""Who has exactly the bots that were granted; an auditor has none, whatever was granted before."""

_MANAGES: dict[Role, frozenset[Role]] = {
    "super_admin": frozenset(ROLES),
    "admin": frozenset({"supervisor", "agent"}),
}

_HOMES: dict[Role, str] = {"super_admin": "/admin", "admin": "/admin", "auditor": "/admin/audit"}


def manages(actor: Role, role: Role) -> bool:
    """Whether `actor` may give this role, and change, disable or reset somebody who has it.

    Nobody manages a role that can do more than his own, nor (but for super admins) his equals: whoever may reset a
    password may become its owner (A-18).
    """
    return role in _MANAGES.get(actor, frozenset())


def managed_by(actor: Role) -> list[Role]:
    """The roles that `actor` may give, the mightiest first."""
    return [role for role in ROLES if manages(actor, role)]


def home_of(role: Role) -> str:
    """The page where somebody with this role begins."""
    return _HOMES.get(role, "/console")
