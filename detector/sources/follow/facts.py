"""What a follower of files tells whoever counts and logs: one method a fact, named in the past tense.

Told from whichever thread reads; must return at once. `partition` is the name of a file within its directory.
"""

from __future__ import annotations

from typing import Protocol


class FollowFacts(Protocol):
    """Told by `FollowSource`."""

    def looked(self, files: int, unread: int) -> None:
        """A look at the directories is over: how many files are followed, and bytes in them not handed over yet."""

    def file_found(self, partition: str, size: int) -> None:
        """A file is followed from now on; `size` in bytes."""

    def file_rotated(self, partition: str) -> None:
        """A file was read to its end, and another of its name is read from now on."""

    def file_moved(self, partition: str, before: str) -> None:
        """A file that was known as `before` has another name that is followed too, and is read on under it."""

    def file_truncated(self, partition: str) -> None:
        """A file was emptied or rewritten in place; it is read from its beginning."""

    def file_lost(self, partition: str) -> None:
        """A file is gone, and it is not known that all of it was read."""

    def file_vanished(self, partition: str) -> None:
        """A file that was read to its end is gone."""

    def file_grown_late(self, partition: str, size: int) -> None:
        """A rotated file grew by so many bytes after it was left; they are not read."""

    def follow_failed(self, partition: str, problem: str) -> None:
        """A file or directory cannot be read now; it is tried again. `problem` quotes nothing of its content."""

    def line_cut(self, partition: str, size: int) -> None:
        """A line of `size` bytes is beyond the limit: only its beginning was handed over."""

    def line_ended(self, partition: str, size: int) -> None:
        """A file that grows no more ends within a line of `size` bytes, which was handed over as it is."""

    def files_refused(self, count: int) -> None:
        """So many files are not read, because more are there than are followed."""


class Silent:
    """Tells nobody."""

    def looked(self, files: int, unread: int) -> None:
        """Says nothing."""

    def file_found(self, partition: str, size: int) -> None:
        """Says nothing."""

    def file_rotated(self, partition: str) -> None:
        """Says nothing."""

    def file_moved(self, partition: str, before: str) -> None:
        """Says nothing."""

    def file_truncated(self, partition: str) -> None:
        """Says nothing."""

    def file_lost(self, partition: str) -> None:
        """Says nothing."""

    def file_vanished(self, partition: str) -> None:
        """Says nothing."""

    def file_grown_late(self, partition: str, size: int) -> None:
        """Says nothing."""

    def follow_failed(self, partition: str, problem: str) -> None:
        """Says nothing."""

    def line_cut(self, partition: str, size: int) -> None:
        """Says nothing."""

    def line_ended(self, partition: str, size: int) -> None:
        """Says nothing."""

    def files_refused(self, count: int) -> None:
        """Says nothing."""
