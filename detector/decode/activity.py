"""Activity names of audit records, folded so that one spelling matches all.

The directory writes the dash in `Update application - Certificates and secrets management` as U+2013, with a space
after the name, where its reference prints a hyphen, and it is not faithful to one use of capitals either.
"""

from __future__ import annotations

_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-")


def fold_activity(name: str) -> str:
    r"""The form to match on: plain hyphens, single spaces, no final full stop, casefolded.

    >>> fold_activity("Update application \u2013 Certificates and secrets management ")
    'update application - certificates and secrets management'
    """
    return " ".join(name.translate(_DASHES).split()).removesuffix(".").rstrip().casefold()


def trim_activity(name: str) -> str:
    """The form to show: as logged, without the spaces around it."""
    return " ".join(name.split())
