"""Lets the component find its credentials: python credentials.py COMPONENT.wasm"""

import os
import sys
from pathlib import Path

from dapr_wasm import Plugin, State

FILES = [
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
]


def main(component: str) -> None:
    own = [name for name in os.environ if name.startswith(("AWS_", "DYNAMODB_"))]
    environment = {name: os.environ[name] for name in own}
    folders = [Path(environment[name]).parent for name in FILES if name in environment]
    granted = {str(folder): folder for folder in folders}  # read-only, under the same names
    with Plugin.from_file(component).instantiate(environment, directories=granted) as instance:
        print(State(instance).set("order-1", b"paid"))


if __name__ == "__main__":
    main(*sys.argv[1:])
