"""The embedded DynamoDB and the fault proxy, as processes of a test.

The programs are those of the repository's own build, unless environment variables name others.
"""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

# Belongs in every environment of a component. Without credentials it would ask the server at
# 169.254.169.254, and these hosts have no allow-list.
NO_INSTANCE_METADATA = {"AWS_EC2_METADATA_DISABLED": "true"}

# Ends a server if its test was killed before it could.
LONGEST_RUN = "15m"


def built(variable: str, path: str, command: str) -> Path:
    """Returns the file that the variable names, or else the one that the command builds."""
    file = Path(os.environ.get(variable) or REPOSITORY / path)
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} is missing: run `{command}` first, or set {variable} to its path"
        )
    return file


def plugin_file() -> Path:
    return built(
        "DAPR_DYNAMODB_WASM",
        "target/wasm32-wasip2/release/dapr_dynamodb.wasm",
        "release/build",
    )


def hosted_plugin_file() -> Path:
    """Returns the build that imports `dapr-wasm:host`."""
    return built(
        "DAPR_DYNAMODB_HOSTED_WASM",
        "target/wasm32-wasip2/release/dapr_dynamodb_hosted.wasm",
        "release/build",
    )


def host_test() -> Path:
    return built("HOST_TEST", "target/debug/host-test", "cargo build -p host-test")


def test_servers() -> Path:
    return built("TEST_SERVERS", "target/debug/test-servers", "cargo build -p test-support")


@dataclass(frozen=True)
class Server:
    endpoint: str


def environment_of(endpoint: str) -> dict[str, str]:
    """Returns variables for the table `state`. The embedded DynamoDB accepts any credentials."""
    return {
        **NO_INSTANCE_METADATA,
        "DYNAMODB_TABLE": "state",
        "DYNAMODB_TTL_ATTRIBUTE_NAME": "expiresAt",
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
    }


# The sources of credentials, named like the files that `test-servers credentials` writes.
SOURCES = ["environment", "shared-files", "web-identity", "container", "instance-metadata"]

# The parts of the error about missing credentials.
LOOKED_FOR = [
    "accessKey",
    "AWS_ACCESS_KEY_ID",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_DISABLED",
]

# A role that the STS of `test-servers` issues to clients with its other credentials, and the
# profile of that role.
ROLE = "arn:aws:iam::123456789012:role/a-role"
PROFILE_OF_ROLE = "a-role"


@dataclass(frozen=True)
class Lent:
    """A table that accepts only issued keys, and a folder with the settings of their sources."""

    endpoint: str
    folder: Path

    def environment(self, source: str) -> dict[str, str]:
        """Returns the variables of a shell that has read the file of this source."""
        text = (self.folder / f"{source}.sh").read_text()
        return dict(re.findall(r"^export (\w+)='(.*)'$", text, re.MULTILINE))


# Starts a server with the faults of a scenario. `test-servers faults --list` explains scenarios.
Faults = Callable[[str], Server]


@contextmanager
def running(*arguments: str) -> Iterator[Server]:
    """Runs a server of host-test or test-servers. The first line that it prints is its endpoint."""
    program = host_test() if arguments[0] == "serve" else test_servers()
    command = [str(program), *arguments, "--for", LONGEST_RUN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            endpoint = process.stdout.readline().strip()
            if not endpoint.startswith("http://"):
                raise RuntimeError(f"{' '.join(command)} printed {endpoint!r}, not an endpoint")
            yield Server(endpoint)
        finally:
            process.terminate()
