"""Measures get and set of the component in Python against boto3: python bench.py

All call one embedded DynamoDB in turn, each with 1 KiB of text in an item of the
same shape. boto3 and the hosted build keep their connections. The portable build opens a
new one each time.
"""

import argparse
import sys
from collections.abc import Callable
from importlib.metadata import version
from statistics import median
from time import perf_counter

from dapr_wasm import Plugin, State
from embedded_engine import running
from stores import BUILDS, CREDENTIALS, native

TABLE = "state"
VALUE = b"v" * 1024
ETAG = "0123456789abcdef"

Call = Callable[[], object]


def component_calls(build: str, endpoint: str) -> tuple[Call, Call]:
    store = State(Plugin.from_file(BUILDS[build]()).instantiate())
    store.init({"table": TABLE, "endpoint": endpoint, **CREDENTIALS})
    return lambda: store.get(build), lambda: store.set(build, VALUE)


def boto3_calls(endpoint: str) -> tuple[Call, Call]:
    client = native(endpoint)
    key = {"key": {"S": "boto3"}}
    item = {**key, "value": {"S": VALUE.decode()}, "etag": {"S": ETAG}}
    return (
        lambda: client.get_item(TableName=TABLE, Key=key),
        lambda: client.put_item(TableName=TABLE, Item=item),
    )


def in_turn(calls: list[Call], times: int) -> list[list[float]]:
    """Returns the milliseconds of each call. The calls alternate, so all meet the same load."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(times):
        for call, milliseconds in zip(calls, taken, strict=True):
            start = perf_counter()
            call()
            milliseconds.append((perf_counter() - start) * 1000)
    return taken


def report(name: str, builds: list[list[float]], native: list[float]) -> str:
    cells = [name, *map(_spread, builds), _spread(native)]
    cells += (f"{median(build) / median(native):.2f}" for build in builds)
    return f"| {' | '.join(cells)} |"


def _spread(milliseconds: list[float]) -> str:
    ordered = sorted(milliseconds)
    tenth = len(ordered) // 10
    return f"{median(ordered):.2f} ({ordered[tenth]:.2f}-{ordered[-tenth - 1]:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000, help="calls of each kind (default 2000)")
    parser.add_argument("--warm-up", type=int, default=200, help="unmeasured calls (default 200)")
    options = parser.parse_args()

    with running("serve", "--table", TABLE) as server:
        pairs = [component_calls(build, server.endpoint) for build in BUILDS]
        pairs.append(boto3_calls(server.endpoint))
        calls = [set_ for _, set_ in pairs] + [get for get, _ in pairs]
        in_turn(calls, options.warm_up)
        taken = in_turn(calls, options.calls)
        *sets, boto3_sets = taken[: len(pairs)]
        *gets, boto3_gets = taken[len(pairs) :]

    print(
        f"Python {sys.version.split()[0]}, wasmtime {version('wasmtime')}, "
        f"boto3 {version('boto3')}, {options.calls} calls of each in turn, 1 KiB; "
        "milliseconds: median (10th-90th percentile)\n"
    )
    names = [*BUILDS, "boto3", *(f"{build} / boto3" for build in BUILDS)]
    print(f"| | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    print(report("get", gets, boto3_gets))
    print(report("set", sets, boto3_sets))


if __name__ == "__main__":
    main()
