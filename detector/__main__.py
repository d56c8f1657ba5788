"""`python -m detector`: the command `agent-detector`."""

from __future__ import annotations

import sys

from detector.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
