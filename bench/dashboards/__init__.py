"""Grafana boards as code: `python -m bench.dashboards` writes them to config/grafana; tests hold the two in step."""
