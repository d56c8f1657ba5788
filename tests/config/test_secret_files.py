"""Secrets in mounted files: what they are without white space, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.config import secret_files
from detector.config.secret_files import read_secret
from detector.errors import SourceError


def test_a_secret_is_its_text_without_the_white_space_of_editors(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\n  s3cr\xc3\xa9t \r\n")
    assert read_secret(file) == read_secret(str(file)) == "s3cr\u00e9t"


def test_no_more_is_read_than_a_secret_can_be_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_files, "LONGEST", 4)
    file = tmp_path / "secret"
    file.write_bytes(b"abcdef")
    assert read_secret(file) == "abcd"


@pytest.mark.parametrize(("content", "word"), [(b" \n", "empty"), (b"\xff\xfe", "UTF-8"), (None, "No such file")])
def test_what_is_no_secret_is_told_by_its_path_alone(content: bytes | None, word: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SourceError, match=word) as caught:
        read_secret(file)
    assert caught.value.place == str(file)
    assert str(caught.value).endswith(".")
