"""Settings shared by every test: how hard hypothesis looks, whom the client of a hub trusts, what is collected."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from tests.authorities import forget_authorities

# The same examples on every machine, so that more of them find nothing new after the first time, and no deadline: a
# busy machine is not a failure. New ones are for `make fuzz` and `make nightly`.
settings.register_profile("default", derandomize=True, deadline=None, print_blob=True, max_examples=50)
# `make fuzz`: new examples every time, many of them.
settings.register_profile(
    "fuzz",
    derandomize=False,
    deadline=None,
    print_blob=True,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "20000")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("default")
forget_authorities()
gc.disable()


def pytest_collection_finish() -> None:
    """Leaves all that was imported out of every later collection: it stays, and going through it takes 0.1 s a time.

    Tests of the hub collect after each test, for the sake of sockets that the SDK forgets. As tests make much that
    lives on for a moment, and little in cycles, there is less need to look for those: a tenth of the time goes into it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Traces neither what hypothesis draws nor a test that says it need not be: it makes a law two to six times slower.

    So nothing counts as covered that only chance has reached. The marker of pytest-cov for this has no effect in
    workers of xdist, where it has begun to trace twice.
    """
    if not is_hypothesis_test(getattr(item, "obj", None)) and item.get_closest_marker("untraced") is None:
        return (yield)
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)
