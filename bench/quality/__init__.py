"""The instrument that judges detection: simulated tenants, the real engine, labels, and what came of them."""
