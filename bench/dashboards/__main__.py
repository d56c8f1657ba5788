"""`python -m bench.dashboards`: writes the boards to config/grafana."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from bench.dashboards.health import health
from bench.dashboards.overview import overview
from bench.dashboards.quality import quality

FOLDER: Final = Path(__file__).parents[2] / "config" / "grafana"
BOARDS: Final[dict[str, Callable[[], Dashboard]]] = {"overview": overview, "health": health, "quality": quality}


def text(board: Dashboard) -> str:
    """A board as Grafana takes it; every panel gets an id, so that links to it stay right."""
    document = json.loads(JSONEncoder(sort_keys=True, indent=2).encode(board.build()))
    for number, panel in enumerate(document["panels"], 1):
        panel["id"] = number
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Writes all boards."""
    FOLDER.mkdir(exist_ok=True)
    for name, made in BOARDS.items():
        (FOLDER / f"{name}.json").write_text(text(made()), encoding="ascii")


if __name__ == "__main__":
    main()
