"""The authorities that the client trusts unless it is told which."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import certifi

NOBODY: Final = Path(__file__).with_name("fixtures") / "nobody.pem"
"""A certificate of an authority that has signed nothing."""


def forget_authorities() -> None:
    """Has the client of this process trust nobody by itself.

    It reads all authorities of the web for every connection, 20 ms of work, though they know no server of a test.
    """
    certifi.where = lambda: str(NOBODY)
