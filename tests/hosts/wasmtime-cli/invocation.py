"""Runs of `wasmtime run --invoke` as in a shell, with their output."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from embedded_engine import NO_INSTANCE_METADATA

# Variables with short limits for a response that never comes.
SHORT = {"AWS_MAX_ATTEMPTS": "1", "DYNAMODB_REQUEST_TIMEOUT": "200ms"}


# The maximum number of characters of an output that is printed. Errors are not longer.
LONGEST_PRINTED = 4096


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str


class Invoke(Protocol):
    """Calls the plugin with this environment, or by default with one for the server's table."""

    def __call__(self, call: str, environment: Mapping[str, str] | None = None) -> Answer: ...


def command(
    wasmtime: Path,
    component: Path,
    environment: Mapping[str, str],
    *options: str,
    then: Sequence[str] = (),
) -> list[str]:
    """Returns a command with options of wasmtime, followed by arguments of the component."""
    variables = {**NO_INSTANCE_METADATA, **environment}
    given = [part for pair in variables.items() for part in ("--env", "=".join(pair))]
    return [str(wasmtime), "run", "-S", "http", *given, *options, str(component), *then]


def run(
    wasmtime: Path,
    component: Path,
    environment: Mapping[str, str],
    *options: str,
    then: Sequence[str] = (),
    stdin: str = "",
) -> Answer:
    done = subprocess.run(
        command(wasmtime, component, environment, *options, then=then),
        input=stdin,
        capture_output=True,
        text=True,
    )
    # For .ci/secrets, which searches all output of the tests for secrets.
    print(done.stdout[:LONGEST_PRINTED], done.stderr, sep="")
    return Answer(done.returncode, done.stdout.removesuffix("\n"), done.stderr)
