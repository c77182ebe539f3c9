"""The house itself: imports go down only, every module stands alone, and the papers say what is there."""

import subprocess
import sys

import pytest

from tests.conftest import PACKAGES, ROOT
