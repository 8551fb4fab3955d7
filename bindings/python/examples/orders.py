"""Keeps orders in DynamoDB: python orders.py COMPONENT.wasm ENDPOINT"""

import sys

from dapr_wasm import DeleteRequest, Error, EtagMismatch, Plugin, SetOptions, SetRequest, State


def main(component: str, endpoint: str) -> None:
    plugin = Plugin.from_file(component)  # compiled once, for any number of instances
    with plugin.instantiate() as instance:
        store = State(instance)
        credentials = {"accessKey": "id", "secretKey": "secret"}
        store.init({"table": "state", "endpoint": endpoint, **credentials})

        etag = store.set("order-1", b"new")
        store.set("order-1", b"paid", SetOptions(etag=etag))
        try:
            store.set("order-1", b"cancelled", SetOptions(etag=etag))
        except EtagMismatch as error:  # somebody was faster; read again, decide again
            print("not cancelled:", error.message)

        for done in store.bulk_set([SetRequest("order-2", b"new"), SetRequest("order-3", b"new")]):
            if isinstance(done, Error):  # of this request alone
                raise done
        store.transact([SetRequest("order-3", b"paid"), DeleteRequest("order-2")])

        keys = ["order-1", "order-2", "order-3"]
        for key, found in zip(keys, store.bulk_get(keys), strict=True):
            if isinstance(found, Error):
                print(f"{key}: {found}")
            else:
                print(f"{key}: {found.value.decode() if found else 'absent'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
