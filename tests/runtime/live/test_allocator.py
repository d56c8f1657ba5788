"""The C library's allocator is told to give memory back, where it can be told."""

from __future__ import annotations

import ctypes
import platform

import pytest

from detector.runtime.live.allocator import keep_memory_flat


def test_glibc_takes_both_knobs() -> None:
    assert keep_memory_flat() is (platform.libc_ver()[0] == "glibc")


@pytest.mark.parametrize("error", [AttributeError, OSError, TypeError])
def test_another_library_is_left_alone(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def without(_: object) -> object:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", without)
    assert not keep_memory_flat()
