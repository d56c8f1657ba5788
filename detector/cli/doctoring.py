"""What `agent-detector doctor` does; loaded only when it is called."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from detector.cli import exits
from detector.cli.running import _credential
from detector.runtime.doctor.examination import examine, invalid
from detector.runtime.doctor.results import Report, Verdict
from detector.runtime.doctor.world import UnwaitedThreads, World
from detector.errors import ConfigurationError
from detector.sinks.encoding import printable
from detector.telemetry.libraries import route

if TYPE_CHECKING:
    from rich.console import Console
