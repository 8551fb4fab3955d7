"""Measures one `wasmtime run … get` as a whole process: python bench.py [--composed FILE.wasm]

The component is compiled beforehand, comes from wasmtime's cache, or is compiled in each
run. The runs alternate, so all meet the same load.
"""

import argparse
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from embedded_engine import built, environment_of, plugin_file, running
from invocation import run

KEY = "measured"
BYTES = [118] * 1024


@dataclass
class Way:
    """One way to make the call, and the times of its runs."""

    name: str
    component: Path
    options: list[str]
    arguments: list[str]
    milliseconds: list[float]


def ways(wasmtime: Path, name: str, component: Path, call: list[str], folder: Path) -> list[Way]:
    """Returns the ways to make `call`: options of wasmtime, or arguments of the component."""
    compiled = folder / f"{component.stem}.cwasm"
    subprocess.run([wasmtime, "compile", "-o", compiled, component], check=True)
    options, arguments = (call, []) if call[0].startswith("-") else ([], call)
    return [
        Way(
            f"{name}, compiled beforehand",
            compiled,
            ["--allow-precompiled", *options],
            arguments,
            [],
        ),
        Way(f"{name}, from the cache", component, ["-C", "cache=y", *options], arguments, []),
        Way(f"{name}, compiled in each run", component, ["-C", "cache=n", *options], arguments, []),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=30, help="runs of each kind (default 30)")
    parser.add_argument("--composed", type=Path, help="measure `state get` of this component too")
    chosen = parser.parse_args()
    wasmtime = built("WASMTIME", "target/tools/bin/wasmtime", ".ci/tools")

    with running("serve") as server, TemporaryDirectory() as temporary:
        folder = Path(temporary)
        environment = environment_of(server.endpoint)
        written = run(wasmtime, plugin_file(), environment, "--invoke", f'set("{KEY}", {BYTES})')
        if not written.out.startswith("ok"):
            raise RuntimeError(f"{KEY} was not written: {written.out}{written.err}")

        by_name = ["--invoke", f'get("{KEY}")']
        measured = ways(wasmtime, "--invoke", plugin_file(), by_name, folder)
        if chosen.composed:
            typed = ["state", "get", KEY]
            measured += ways(wasmtime, "state get", chosen.composed, typed, folder)
        for attempt in range(chosen.runs + 1):
            for way in measured:
                start = perf_counter()
                answer = run(wasmtime, way.component, environment, *way.options, then=way.arguments)
                taken = (perf_counter() - start) * 1000
                if answer.status != 0:
                    raise RuntimeError(f"{way.name}: {answer.err}")
                if attempt > 0:  # the first fills the cache
                    way.milliseconds.append(taken)

    version = subprocess.run([wasmtime, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"{version}, {chosen.runs} runs of each in turn, 1 KiB, whole processes\n")
    print("| | ms, median | least | most |\n|---|---|---|---|")
    for way in measured:
        took = way.milliseconds
        print(f"| {way.name} | {median(took):.1f} | {min(took):.1f} | {max(took):.1f} |")


if __name__ == "__main__":
    main()
