"""The example in docs/hosts/python.md runs outside its folder, with the installed package."""

import os
import subprocess
import sys
from pathlib import Path

from embedded_engine import REPOSITORY, Server

EXAMPLE = REPOSITORY / "bindings/python/examples/orders.py"


def test_example_prints_the_state_of_its_orders(
    server: Server, plugin: Path, tmp_path: Path
) -> None:
    # wasmtime stores the compiled component in the user's cache, here a folder of the test.
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-P", EXAMPLE, plugin, server.endpoint],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    refused, *orders = done.stdout.splitlines()
    assert refused.startswith('not cancelled: the ETag for key "order-1"')
    assert orders == ["order-1: paid", "order-2: absent", "order-3: paid"]
    assert any(file.is_file() for file in tmp_path.rglob("*")), (
        "the cache has no compiled component"
    )


def test_page_shows_the_example() -> None:
    _, _, program = EXAMPLE.read_text().partition('"""\n\n')
    shown = f"```python\n{program}```\n"
    assert shown in (REPOSITORY / "docs/hosts/python.md").read_text(), (
        "copy orders.py into the page"
    )
