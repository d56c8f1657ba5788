"""What can go wrong with a store, by what the caller has to do about it.

```
StoreError             base
├── StoreLocked        another process works on the directory: stop
├── StoreUnavailable   the disk refused: hold the batch and try again, nothing was changed
├── StoreCorrupted     what was read is not what was written: stop, the next start restores a snapshot
├── StoreTooNew        a newer release wrote it: use that release
└── Fenced             a newer owner has taken over: stop at once, touch nothing
```
"""

from __future__ import annotations

from detector.errors import DetectorError


class StoreError(DetectorError):
    """The store cannot be used."""


class StoreLocked(StoreError):  # noqa: N818 -- named by what happened, like all that follow
    """Another process has the directory open."""


class StoreUnavailable(StoreError):  # noqa: N818
    """The disk is full, read-only, busy or failing; the store is as it was before the call, which may be repeated."""


class StoreCorrupted(StoreError):  # noqa: N818
    """A checksum, a total or the file format does not hold."""


class StoreTooNew(StoreError):  # noqa: N818
    """A later release wrote the store in a format that this one does not know."""


class Fenced(StoreError):  # noqa: N818
    """Another process has opened the store since, and owns it now."""
