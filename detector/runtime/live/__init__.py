"""Live operation: a source on the event loop, the engine and its store on a thread of their own, sinks on the loop."""
