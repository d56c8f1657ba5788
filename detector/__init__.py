"""entra-agent-detector: a streaming anomaly detector for Microsoft Entra Agent ID.

The package is laid out in rooms with one-way arrows; `docs/architecture.md` draws them and import-linter
enforces them. The pure core is `domain`, `decode`, `features`, `detectors` and `engine`: no I/O, no clock.
"""

__version__ = "0.1.0"
