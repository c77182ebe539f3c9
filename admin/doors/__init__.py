"""The doors of this package: login, setup, the admin pages, and the API of the ranges.

Each module holds the doors to one thing and declares its routes, each with its rule. Pages work with plain forms; small
scripts make some of them more comfortable.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from admin.doors.assignment import AssignmentDoor
from admin.doors.audit import AuditDoor
from admin.doors.audit_files import AuditFiles
from admin.doors.bots import BotDoor
from admin.doors.frame import AdminFrame
from admin.doors.general import GeneralDoor
from admin.doors.login import LoginDoor
from admin.doors.people import PeopleDoor
from admin.doors.range_api import RangeApi
from admin.doors.range_imports import RangeImportDoor
from admin.doors.range_pages import RangePages
from admin.doors.requests import RequestDoor
from admin.doors.setup import SetupDoor
from admin.rules import Rules
from admin.services import Services
from foundation.web import Pages, Route, Static

HERE = Path(__file__).parent.parent
PAGES = ("admin", HERE)
STATICS = (Static("/static/admin", HERE / "static"),)


class _Door(Protocol):
    def routes(self, rules: Rules) -> list[Route]: ...


def routes(services: Services, pages: Pages, *, assistants: Sequence[str] = ("demo",)) -> list[Route]:
    """All routes of this package. `assistants`: the names of the assistants that a bot may be given."""
    s = services
    frame = AdminFrame(pages, s.accounts, s.requests, s.alarms)
    doors: list[_Door] = [
        LoginDoor(pages, logins=s.logins, people=s.people, sessions=s.sessions, returns=s.returns, devices=s.devices),
        SetupDoor(pages, setup=s.setup, sessions=s.sessions, devices=s.devices),
        GeneralDoor(frame, accounts=s.accounts, people=s.people, bots=s.bots, whitelists=s.whitelists, audit=s.audit),
        PeopleDoor(frame, people=s.people, bots=s.bots, grants=s.grants),
        AssignmentDoor(frame, accounts=s.accounts, people=s.people),
        RequestDoor(frame, requests=s.requests, people=s.people, bots=s.bots),
        BotDoor(frame, bots=s.bots, people=s.people, grants=s.grants, assistants=assistants),
        RangePages(frame, whitelists=s.whitelists, bots=s.bots, people=s.people),
        RangeApi(whitelists=s.whitelists, bots=s.bots),
        RangeImportDoor(frame, imports=s.range_imports, bots=s.bots),
        AuditDoor(frame, audit=s.audit, heads=s.heads, people=s.people, bots=s.bots),
        AuditFiles(audit=s.audit, heads=s.heads),
    ]
    return [route for door in doors for route in door.routes(s.rules)]
