"""`python -m bindgen WIT_FOLDER OUT_FOLDER` writes a module for each interface of the WIT."""

import subprocess
import sys
from pathlib import Path

from .module import module
from .types import snake
from .wit import Interface, Reader

STYLE = Path(__file__).parents[1] / "pyproject.toml"


def generate(wit: Path) -> dict[str, str]:
    """Returns the modules by file name, formatted by ruff."""
    interfaces: dict[str, Interface] = {}
    package = ""
    for file in sorted(wit.glob("*.wit")):
        package, found = Reader(file.read_text(), file.name).interfaces()
        interfaces |= {interface.name: interface for interface in found}
    return {
        f"{snake(name)}.py": _tidy(module(package, interface, interfaces))
        for name, interface in interfaces.items()
    }


def _tidy(text: str) -> str:
    """Removes unused imports, and formats the text like all other files."""
    for arguments in (["check", "--fix", "--select=F401,I001"], ["format"]):
        command = [sys.executable, "-m", "ruff", *arguments, f"--config={STYLE}", "--quiet", "-"]
        done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True)
        text = done.stdout
    return text


if __name__ == "__main__":
    wit, out = map(Path, sys.argv[1:])
    for name, text in generate(wit).items():
        (out / name).write_text(text)
