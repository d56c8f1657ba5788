"""Trained models of finished hours: making them, their files, and what they say of a row."""
