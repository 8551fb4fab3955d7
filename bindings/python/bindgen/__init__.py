"""Makes the typed modules of `dapr_wasm` from the WIT of the contract.

Why a generator of our own: wasmtime's package has had none since version 39
(https://github.com/bytecodealliance/wasmtime-py/issues/309), and componentize-py's
makes bindings for guests, which cannot call a component from outside.
"""
