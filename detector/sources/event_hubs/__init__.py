"""The live source: messages of an event hub, each taken once, with a watchdog over every partition.

Start with `source.EventHubsSource`. docs/event-hubs.md says how to run it, docs/decisions/0008 why it is built so.
"""
