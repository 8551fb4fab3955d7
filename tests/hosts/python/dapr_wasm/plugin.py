"""Loads a component once, and makes any number of instances of it.

An instance makes one call at a time: threads that share one wait for each other,
and threads with instances of their own do not, since a call holds no lock of
Python's. After a trap an instance takes no more calls; make another. A process
that is forked after a call takes none either.
"""

import ctypes
from collections.abc import Callable, Mapping
from contextlib import suppress
from os import PathLike, fspath
from threading import Lock
from typing import Any, Generic, TypeVar

from wasmtime import Config, Engine, Store, WasiConfig, WasmtimeError
from wasmtime import _ffi as c
from wasmtime.component import Component, Func, Linker
from wasmtime.component import Instance as Exports

from . import threads
from .memory import Value
from .scalars import Lifts, Lowers

R = TypeVar("R")


class Plugin:
    """A compiled component. Threads may share it."""

    def __init__(self, engine: Engine, component: Component) -> None:
        self._engine = engine
        self._component = component
        self._linker = Linker(engine)
        self._linker.add_wasip2()
        self._linker.add_wasi_http()

    @classmethod
    def from_file(cls, path: str | PathLike[str], engine: Engine | None = None) -> "Plugin":
        """Compiles the component.

        Without an engine of yours, compiled code is kept in wasmtime's cache, in
        a folder of the user: the next process only loads it. Where that folder
        cannot be made, each process compiles anew. With an engine of yours, a
        forked process needs `parallel_compilation = False`.
        """
        if engine is None:
            config = Config()
            config.parallel_compilation = not threads.forked()
            with suppress(WasmtimeError):
                config.cache = True
            engine = Engine(config)
        return cls(engine, Component.from_file(engine, path))

    def instantiate(
        self,
        environment: Mapping[str, str] | None = None,
        memory_limit: int | None = None,
        epochs: int | None = None,
        directories: Mapping[str, str | PathLike[str]] | None = None,
    ) -> "Instance":
        """Starts an instance, which sees these environment variables and no others.

        It may send HTTP requests to any address and write to standard error. It may
        read `directories`, by the names that it knows them by: those of credentials,
        say. It reaches nothing else. A call that needs more than `memory_limit` bytes of
        linear memory traps. So does one that computes while the engine's epoch
        moves on `epochs` times: they must be given where the engine has
        `epoch_interruption`. How long a call waits is the component's own to bound:
        Ctrl-C takes effect only when the call is over.

        What one call hands back is at most some 2.7 MB of values (wasmtime's limit
        of 128 MiB, 48 bytes for each byte). More is a trap: ask for fewer keys at
        a time.
        """
        threads.check()
        store = Store(self._engine)
        if memory_limit is not None:
            store.set_limits(memory_size=memory_limit)
        if epochs is not None:
            store.set_epoch_deadline(epochs)
        wasi = WasiConfig()
        wasi.env = _whole(environment or {}).items()
        for name, directory in (directories or {}).items():
            wasi.preopen_dir(fspath(directory), name, fs_mutable=False)
        wasi.inherit_stderr()
        store.set_wasi(wasi)
        store.set_wasi_http()
        return Instance(store, self._linker.instantiate(store, self._component), epochs)


def _whole(environment: Mapping[str, str]) -> Mapping[str, str]:
    """wasmtime would cut a text at a NUL without a word."""
    for name, value in environment.items():
        if "\0" in name or "\0" in value:
            raise ValueError(f"the environment variable {name!r} has a NUL in it")
    return environment


class Instance:
    """A running component. It ends with `close`, at the end of a `with`, or when it is dropped."""

    def __init__(self, store: Store, exports: Exports, epochs: int | None) -> None:
        self._store = store
        self._exports = exports
        self._epochs = epochs
        self._one_call = Lock()

    def call(self, function: Any, arguments: Any, answer: Any) -> None:
        """Calls what wasmtime's C API knows as a function; `answer` is then to be deleted."""
        threads.use()
        with self._one_call:
            if self._epochs is not None:
                self._store.set_epoch_deadline(self._epochs)
            error = c.wasmtime_component_func_call(
                function, self._store._context(), arguments, len(arguments), answer, 1
            )
        if error:
            raise WasmtimeError._from_ptr(error)

    def function(
        self, interface: str, name: str, parameters: tuple[Lowers[Any], ...], result: Lifts[R]
    ) -> Callable[..., R]:
        """A typed function of an interface that the component exports."""
        with self._one_call:
            exported = self._exports.get_export_index(self._store, interface)
            if exported is None:
                raise LookupError(f"the component does not export {interface}")
            index = self._exports.get_export_index(self._store, name, exported)
            function = self._exports.get_func(self._store, index) if index else None
        if function is None:
            raise LookupError(f"the component's {interface} has no function {name}")
        return _Function(self, function, parameters, result)

    def close(self) -> None:
        with self._one_call:
            self._store.close()

    def __enter__(self) -> "Instance":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Function(Generic[R]):
    def __init__(
        self,
        instance: Instance,
        function: Func,
        parameters: tuple[Lowers[Any], ...],
        result: Lifts[R],
    ) -> None:
        self._instance = instance
        self._function = ctypes.byref(function._func)
        self._parameters = parameters
        self._arguments = Value * len(parameters)
        self._result = result

    def __call__(self, *values: Any) -> R:
        arguments = self._arguments()
        for parameter, value, into in zip(self._parameters, values, arguments, strict=True):
            parameter.lower(value, into)
        answer = Value()
        try:  # around the call too: Ctrl-C, which waits for its end, is raised on the way out
            self._instance.call(self._function, arguments, ctypes.byref(answer))
            return self._result.lift(answer)
        finally:
            c.wasmtime_component_val_delete(ctypes.byref(answer))
