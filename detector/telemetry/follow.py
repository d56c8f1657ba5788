"""What a follower of files has to tell: the facts of `detector.sources.follow`, as metrics and lines."""

from __future__ import annotations

from typing import Any, Final

from detector.telemetry.log import Log
from detector.telemetry.metrics import Metrics


class FollowFacts:
    """Facts of files that are followed."""

    def __init__(self, metrics: Metrics, log: Log) -> None:
        self._metrics: Final = metrics
        self._log: Final = log

    def looked(self, files: int, unread: int) -> None:
        """A look at the directories is over."""
        self._metrics.set("follow_files", files)
        self._metrics.set("follow_unread_bytes", unread)

    def file_found(self, partition: str, size: int) -> None:
        """A file is followed from now on."""
        self._metrics.prepare(partition)
        self._changed("found", "file_found", partition=partition, size=size)

    def file_rotated(self, partition: str) -> None:
        """A file was read to its end, and another of its name is read from now on."""
        self._changed("rotated", "file_rotated", partition=partition)

    def file_moved(self, partition: str, before: str) -> None:
        """A file has another name, and is read on under it."""
        self._changed("moved", "file_moved", partition=partition, before=before)

    def file_truncated(self, partition: str) -> None:
        """A file was emptied or rewritten in place."""
        self._changed("truncated", "file_truncated", partition=partition)

    def file_lost(self, partition: str) -> None:
        """A file is gone, and it is not known that all of it was read."""
        self._changed("lost", "file_lost", partition=partition)

    def file_vanished(self, partition: str) -> None:
        """A file that was read to its end is gone."""
        self._changed("vanished", "file_vanished", partition=partition)

    def file_grown_late(self, partition: str, size: int) -> None:
        """A rotated file grew after it was left."""
        self._changed("grown_late", "file_grown_late", partition=partition, size=size)

    def follow_failed(self, partition: str, problem: str) -> None:
        """A file or directory cannot be read now."""
        self._changed("failed", "follow_failed", partition=partition, problem=problem)

    def line_cut(self, partition: str, size: int) -> None:
        """A line beyond the limit was handed over cut."""
        self._changed("line_cut", "line_cut", partition=partition, size=size)

    def line_ended(self, partition: str, size: int) -> None:
        """A file that grows no more ends within a line."""
        self._changed("line_ended", "line_ended", partition=partition, size=size)

    def files_refused(self, count: int) -> None:
        """More files are there than are followed."""
        self._changed("refused", "files_refused", count=count)

    def _changed(self, kind: str, event: str, **members: Any) -> None:  # noqa: ANN401 -- whatever JSON holds
        self._metrics.count("follow_changes_total", kind=kind)
        self._log.say(event, **members)
