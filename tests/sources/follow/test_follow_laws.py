"""Whatever happens to the files and whenever the process dies: what is committed is each line once, in order."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.sources.follow.directory import Follower, append, copy_and_truncate, lines_of, pack, rotate

NAMES = ("a.jsonl", "b.ndjson")

names = st.sampled_from(NAMES)
steps = st.one_of(
    st.tuples(st.just("append"), names, st.integers(1, 30)),
    st.tuples(st.just("append"), names, st.integers(1, 30)),
    st.tuples(st.just("begin"), names, st.integers(1, 300)),
    st.tuples(st.just("rotate"), names, st.just(0)),
    st.tuples(st.just("copy"), names, st.just(0)),
    st.tuples(st.just("pack"), names, st.integers(1, 4)),
    st.tuples(st.just("look"), st.just(""), st.integers(1, 3)),
    st.tuples(st.just("wait"), st.just(""), st.integers(1, 20)),
    st.tuples(st.just("restart"), st.just(""), st.integers(0, 100)),
)


class World:
    """Files, what their writers wrote, and a follower."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.follower = Follower(directory, chunk_bytes=64, max_line_bytes=1_000)
        self.written: dict[str, list[str]] = {name: [""] for name in NAMES}
        self.count = 0

    async def step(self, kind: str, name: str, number: int) -> None:
        path = self.directory / name
        match kind:
            case "append":
                self.write(name, "".join(self.line() for _ in range(number)))
            case "begin":
                self.write(name, f"{self.line()[:-1]}{'-' * number}")
            case "rotate" if path.exists():
                rotate(path)
                self.written[name].append("")
            case "copy" if path.exists():
                copy_and_truncate(path)
                self.written[name].append("")
            case "pack":
                rotated = path.with_name(f"{name}.{number}")
                if rotated.exists():
                    pack(rotated, "gz" if number % 2 else "zst")
            case "look":
                await self.follower.look(number)
            case "wait":
                self.follower.clock.at += number
                await self.follower.look()
            case "restart":
                self.follower.restart(len(self.follower.deliveries) * number // 100)

    def line(self) -> str:
        self.count += 1
        return f"{self.count}\n"

    def write(self, name: str, text: str) -> None:
        append(self.directory / name, text)
        self.written[name][-1] += text

    def expected(self, name: str) -> list[str]:
        """The lines of all files of a name; of the living one only what is whole."""
        *rotated, living = self.written[name]
        whole = living[: living.rfind("\n") + 1]
        return [line for text in (*rotated, whole) for line in text.splitlines()]


@given(story=st.lists(steps, max_size=30))
def test_nothing_is_lost_and_only_what_was_not_committed_comes_again(story: list[tuple[str, str, int]]) -> None:
    async def live(directory: Path) -> None:
        world = World(directory)
        for kind, name, number in story:
            await world.step(kind, name, number)
        await world.follower.settle()
        world.follower.close()
        for name in NAMES:
            deliveries = [each for each in world.follower.deliveries if each.partition == name]
            assert lines_of(deliveries) == world.expected(name)
            sequences = [each.position.sequence for each in deliveries]
            assert sequences == sorted(sequences)
            assert sum(len(each.body) for each in deliveries) == (sequences[-1] if sequences else 0)
        assert "file_lost" not in world.follower.facts.names()

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(live(Path(directory)))
