"""Durable state: one SQLite database that holds memory, positions and outgoing alerts, and commits them together."""
