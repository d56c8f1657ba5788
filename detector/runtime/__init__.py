"""Drivers of the one engine: live, replay and simulate. The only room that reads a clock."""
