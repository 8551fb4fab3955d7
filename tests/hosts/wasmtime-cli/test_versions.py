"""docs/hosts/README.md names the tested versions. The command line has the library's version."""

import json
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from embedded_engine import REPOSITORY

PAGE = (REPOSITORY / "docs/hosts/README.md").read_text()


def locked(crate: str) -> str:
    lock = (REPOSITORY / "Cargo.lock").read_text()
    found = re.search(rf'^name = "{crate}"\nversion = "(.*)"$', lock, re.MULTILINE)
    assert found, crate
    return found[1]


def test_command_line_has_the_librarys_version(wasmtime: Path) -> None:
    done = subprocess.run([wasmtime, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.split()[1] == locked("wasmtime")


def test_page_names_the_tested_versions() -> None:
    packages = json.loads((REPOSITORY / "bindings/node/package.json").read_text())
    jco = packages["devDependencies"]["@bytecodealliance/jco"]
    shim = packages["dependencies"]["@bytecodealliance/preview2-shim"]
    library = f"wasmtime {locked('wasmtime')}"
    tested = f"| tested | {library} | {library} | wasmtime {version('wasmtime')}, CPython 3.11 "
    assert f"{tested}| jco {jco}, preview2-shim {shim}, Node 20.20 |" in PAGE
