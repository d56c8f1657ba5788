"""Seeded chance: independent random streams by name, and the few draws the standard library lacks.

A stream is named, never numbered by order of use, so that switching one concern on or off (the attacks, say)
leaves every draw of every other concern as it was.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from math import exp
from random import Random
from typing import TypeVar

Item = TypeVar("Item")


def stream(seed: int, *name: str | int) -> Random:
    """Give the random stream that belongs to a name, whatever else has been drawn before."""
    text = "/".join(str(part) for part in (seed, *name))
    return Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))  # noqa: S311 - a simulation, not a secret


def guid(rng: Random) -> str:
    """Invent an identifier in the form of a version 4 GUID."""
    return guid_of(rng.randbytes(16))


def guid_of(raw: bytes) -> str:
    """Write 16 bytes as a GUID, with the version and variant digits of a random one."""
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[raw[8] & 3]}{text[17:20]}-{text[20:]}"


def token_of(guid_text: str) -> str:
    """Derive `uniqueTokenIdentifier`: base64url of the GUID's little-endian bytes, without padding."""
    raw = bytes.fromhex(guid_text.replace("-", ""))
    little = raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]
    return urlsafe_b64encode(little)[:22].decode()


def poisson(rng: Random, mean: float) -> int:
    """Draw a Poisson count (Knuth's product of uniforms; large means are split, since Poisson counts add up)."""
    if mean <= 0.0:
        return 0
    if mean > 20.0:
        return poisson(rng, mean / 2) + poisson(rng, mean / 2)
    limit = exp(-mean)
    count, product = 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


def burstiness(rng: Random, shape: float) -> float:
    """Draw a gamma factor of mean 1; the smaller the shape, the burstier (variance `1 / shape`)."""
    return rng.gammavariate(shape, 1.0 / shape)


def zipf_weights(count: int, exponent: float) -> list[float]:
    """Give the activity of ranks 1 to `count`, scaled to mean 1 (Zipf's law)."""
    raw = [(rank + 1) ** -exponent for rank in range(count)]
    mean = sum(raw) / max(1, count)
    return [value / mean for value in raw]


def pick(rng: Random, items: Sequence[Item], weights: Sequence[float]) -> Item:
    """Choose one item with the given weights (which need not add up to 1)."""
    point = rng.random() * sum(weights)
    for item, weight in zip(items, weights, strict=True):
        point -= weight
        if point < 0.0:
            return item
    return items[-1]
