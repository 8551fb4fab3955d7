"""One `wasmtime run --invoke`: what a person types, and what wasmtime answers."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from embedded_engine import NO_INSTANCE_METADATA

# To add to an environment: how long an answer that never comes is waited for.
SHORT = {"AWS_MAX_ATTEMPTS": "1", "DYNAMODB_REQUEST_TIMEOUT": "200ms"}


# Of an answer, so much is printed: an error has no more, and a value is what the test set.
LONGEST_PRINTED = 4096


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str


class Invoke(Protocol):
    """Calls the plugin with this environment, or with one that names the server's table."""

    def __call__(self, call: str, environment: Mapping[str, str] | None = None) -> Answer: ...


def command(
    wasmtime: Path,
    component: Path,
    environment: Mapping[str, str],
    *options: str,
    then: Sequence[str] = (),
) -> list[str]:
    """Runs a component with options of wasmtime, and then arguments of its own."""
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
    # For .ci/secrets, which looks for secrets in all that tests were told.
    print(done.stdout[:LONGEST_PRINTED], done.stderr, sep="")
    return Answer(done.returncode, done.stdout.removesuffix("\n"), done.stderr)
