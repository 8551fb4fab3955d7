"""wasmtime's own HTTP client, which is what the package has, keeps no connection."""

from empty_table import empty_table
from stores import Stores

CALLS = 3


def test_each_request_has_a_connection_of_its_own(stores: Stores) -> None:
    with empty_table() as table:
        store = stores(table.endpoint)
        before = table.connections
        for _ in range(CALLS):
            assert store.get("absent") is None
        assert table.connections - before == CALLS
