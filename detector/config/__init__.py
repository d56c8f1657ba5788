"""Text to settings: every problem at once, each with its place and a suggestion."""
