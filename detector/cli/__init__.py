"""The command `agent-detector`."""
