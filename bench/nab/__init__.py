"""The rate scorer's tails on the Numenta Anomaly Benchmark: `python -m bench.nab --data DIR`."""
