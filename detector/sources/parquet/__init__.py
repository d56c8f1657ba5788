"""Parquet: rows of a table, as Azure Data Explorer, Spark and the data lake of Sentinel export it.

The library is an extra of its own: `pip install 'entra-agent-detector[parquet]'`. It is written in C++, allocates what
a file asks for, and a damaged file has been seen to end its process. So it runs in a process of its own, with a limit
of memory: whatever it does costs that file only.
"""
