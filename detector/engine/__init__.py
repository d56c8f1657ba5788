"""Admit, route to keys, fold, judge, name, say once. Pure: no I/O, no clock."""
