"""Generates the typed modules of `dapr_wasm` from the WIT of the contract.

No other generator fits. wasmtime's package has had none since version 39
(https://github.com/bytecodealliance/wasmtime-py/issues/309). componentize-py generates
bindings for guests, which cannot call a component from outside.
"""
