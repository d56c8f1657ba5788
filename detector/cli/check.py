"""`agent-detector check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from detector.cli import exits
from detector.cli.help import Command
from detector.errors import ConfigurationError, Problem

_EXAMPLES = """
Examples:
  agent-detector check --config detector.yaml
  agent-detector check --config detector.yaml --print
  agent-detector check --config detector.yaml --json | jq '.problems[].message'
  agent-detector check --schema > detector.schema.json
"""


@click.command("check", cls=Command, epilog=_EXAMPLES)
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file.  [default: built in]")
@click.option("--print", "show", is_flag=True, help="Print the configuration in force, secrets masked.")
@click.option("--json", "as_json", is_flag=True, help="Answer as one JSON document.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the configuration file, and do nothing else.")
def command(config: Path | None, show: bool, as_json: bool, schema: bool) -> int:
    """Say whether a configuration is valid, with all its problems at once, and what may surprise in it.

    Exit code 0: it can be used (read the advice). 3: it cannot.
    """
    if schema:
        from detector.config.schema import json_schema

        click.echo(json.dumps(json_schema(), indent=2))
        return exits.OK
    from detector.config.advice import advice
    from detector.config.effective import effective
    from detector.config.load import load

    try:
        settings = load(config)
    except ConfigurationError as error:
        if not as_json:
            raise
        _answer({"valid": False, "problems": [_problem(problem) for problem in error.problems], "advice": []})
        return exits.CONFIGURATION
    sentences = advice(settings)
    if as_json:
        answer: dict[str, Any] = {"valid": True, "problems": [], "advice": sentences}
        if show:
            answer["effective"] = effective(settings)
        _answer(answer)
        return exits.OK
    if show:
        click.echo(effective(settings), nl=False)
    click.echo(f"{config or 'The built-in configuration'} is valid.", err=show)
    for sentence in sentences:
        click.echo(f"  Note: {sentence}", err=show)
    return exits.OK


def _answer(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, indent=2))


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "path": problem.path,
        "message": problem.message,
        "file": problem.file,
        "line": problem.line,
        "hint": problem.hint,
    }
