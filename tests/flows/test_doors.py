"""Bad input at every documented door: a clear error, and nothing is changed (issue 2; SECURITY C, L, M, N, Z).

Every table starts from a request that is taken, so that what is refused is refused for its fault and nothing else.
"""

import asyncio
import gzip
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import batched_pairs
from typing import Any

import aiohttp
import pytest

from tests.flows.knocking import knock, upgrade
from tests.serving import Frontdesk, serving
from tests.talking import Json, Staff, Visitor, logged_in
