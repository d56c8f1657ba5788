"""One file a memory: each feature is told an event and speaks only when something changed. Pure."""
