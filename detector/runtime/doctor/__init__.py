"""Looks at everything that the live service needs, without disturbing one that runs, and says what is wrong."""
