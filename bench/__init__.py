"""Benchmarks: ratios measured side by side in one run, on generated records. Not timed tests."""
