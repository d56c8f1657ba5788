"""Bytes to events: the envelope and one file a category; every spelling of Entra's logs lives here. Pure."""
