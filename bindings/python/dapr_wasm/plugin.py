"""Loads a component once, and makes any number of instances of it.

An instance makes one call at a time: threads that share one wait for each other,
and threads with instances of their own do not, since a call holds no lock of
Python's. After a trap an instance takes no more calls; make another. A process
that is forked after a call takes none either.

An instance serves any number of calls. wasmtime keeps something of each request
of HTTP for as long as the component runs, so the component is started anew, with
its configuration, long before that is too much.
"""

import ctypes
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from os import PathLike, fspath
from os.path import abspath
from threading import Lock
from typing import Any, Generic, TypeVar

from wasmtime import Config, Engine, Store, WasiConfig, WasmtimeError
from wasmtime import _ffi as c
from wasmtime.component import Component, Func, Linker
from wasmtime.component import Instance as Exports

from . import threads
from .codecs import Lifts, Lowers, Value, is_ok

R = TypeVar("R")

# The number of requests after which a component is started anew. wasmtime 50 has room
# for 1,000,000 resources and leaves the options of each request among them (wasmtime-wasi-http,
# `p2/http_impl.rs` reads them in `handle` and does not take them out); without any room every
# call traps. The rest is for requests that are sent again, which are not seen here.
REQUESTS = 100_000

_SENDS_REQUESTS = "wasi:http/outgoing-handler@"

# The function of the contract's interfaces that configures an instance.
_INIT = "init"


class Plugin:
    """A compiled component. Threads may share it."""

    def __init__(self, engine: Engine, component: Component) -> None:
        self._engine = engine
        self._component = component
        self._linker = Linker(engine)
        self._linker.add_wasip2()
        self._linker.add_wasi_http()
        imports = component.type.imports(engine)
        self._sends_requests = any(name.startswith(_SENDS_REQUESTS) for name in imports)

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
        variables = _whole(dict(environment or {}))
        lent = {name: abspath(fspath(it)) for name, it in (directories or {}).items()}

        def start() -> _Running:
            store = Store(self._engine)
            if memory_limit is not None:
                store.set_limits(memory_size=memory_limit)
            if epochs is not None:
                store.set_epoch_deadline(epochs)
            wasi = WasiConfig()
            wasi.env = variables.items()
            for name, directory in lent.items():
                wasi.preopen_dir(directory, name, fs_mutable=False)
            wasi.inherit_stderr()
            store.set_wasi(wasi)
            store.set_wasi_http()
            return _Running(store, self._linker.instantiate(store, self._component), epochs)

        return Instance(start, REQUESTS if self._sends_requests else sys.maxsize)


def _whole(environment: Mapping[str, str]) -> Mapping[str, str]:
    """wasmtime would cut a text at a NUL without a word."""
    for name, value in environment.items():
        if "\0" in name or "\0" in value:
            raise ValueError(f"the environment variable {name!r} has a NUL in it")
    return environment


class _Running:
    """A component that was started, in a store of its own."""

    def __init__(self, store: Store, exports: Exports, epochs: int | None) -> None:
        self._store = store
        self._exports = exports
        self._epochs = epochs
        self._functions: dict[tuple[str, str], Func] = {}

    def function(self, interface: str, name: str) -> Func:
        """A function that it exports, looked up once."""
        found = self._functions.get((interface, name))
        if found is None:
            exported = self._exports.get_export_index(self._store, interface)
            if exported is None:
                raise LookupError(f"the component does not export {interface}")
            index = self._exports.get_export_index(self._store, name, exported)
            found = self._exports.get_func(self._store, index) if index else None
            if found is None:
                raise LookupError(f"the component's {interface} has no function {name}")
            self._functions[interface, name] = found
        return found

    def call(self, function: "_Function[Any]", arguments: Any, answer: Any) -> None:
        called = self.function(function.interface, function.name)
        if self._epochs is not None:
            self._store.set_epoch_deadline(self._epochs)
        error = c.wasmtime_component_func_call(
            ctypes.byref(called._func),
            self._store._context(),
            arguments,
            len(arguments),
            ctypes.byref(answer),
            1,
        )
        if error:
            raise WasmtimeError._from_ptr(error)

    def close(self) -> None:
        self._store.close()


class Instance:
    """An instance of a component. It ends with `close`, at the end of a `with`, or when it
    is dropped.
    """

    def __init__(self, start: Callable[[], _Running], most: int) -> None:
        """Starts the component anew after `most` requests at the latest."""
        self._start = start
        self._most = most
        self._running: _Running | None = start()
        self._requests = 0
        self._replaced_after = most
        # By interface, what the last `init` that succeeded was called with.
        self._configuration: dict[str, tuple[_Function[Any], Any]] = {}
        self._one_call = Lock()

    def call(self, function: "_Function[Any]", arguments: Any, answer: Any, requests: int) -> None:
        """Calls a function, which may send so many requests; `answer` is then to be deleted."""
        threads.use()
        with self._one_call:
            self._make_room(requests)
            try:
                self._open().call(function, arguments, answer)
            finally:  # Ctrl-C, too, is raised once the call is over
                if function.name == _INIT and is_ok(answer):
                    self._configuration[function.interface] = function, arguments

    def function(
        self, interface: str, name: str, parameters: tuple[Lowers[Any], ...], result: Lifts[R]
    ) -> Callable[..., R]:
        """A typed function of an interface that the component exports."""
        with self._one_call:
            self._open().function(interface, name)
        return _Function(self, interface, name, parameters, result)

    def close(self) -> None:
        with self._one_call:
            if self._running is not None:
                self._running.close()
            self._running = None

    def _open(self) -> _Running:
        if self._running is None:
            raise ValueError("the instance is closed")
        return self._running

    def _make_room(self, requests: int) -> None:
        """Starts the component anew where it could send too many requests otherwise."""
        running = self._open()
        if self._requests and self._requests + requests > self._replaced_after:
            renewed = self._renewed()
            if renewed is None:  # as where the table cannot be reached: tried again later
                self._replaced_after = self._requests + self._most // 10
            else:
                self._running = renewed
                running.close()
                self._requests = len(self._configuration)
                self._replaced_after = self._most
        self._requests += requests

    def _renewed(self) -> _Running | None:
        """The component, started anew and configured as it is; `None` where that fails."""
        try:
            renewed = self._start()
        except WasmtimeError:
            return None
        for function, arguments in self._configuration.values():
            answer = Value()
            try:
                renewed.call(function, arguments, answer)
                if not is_ok(answer):
                    return None
            except WasmtimeError:
                return None
            finally:
                c.wasmtime_component_val_delete(ctypes.byref(answer))
        return renewed

    def __enter__(self) -> "Instance":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Function(Generic[R]):
    def __init__(
        self,
        instance: Instance,
        interface: str,
        name: str,
        parameters: tuple[Lowers[Any], ...],
        result: Lifts[R],
    ) -> None:
        self.interface = interface
        self.name = name
        self._instance = instance
        self._parameters = parameters
        self._arguments = Value * len(parameters)
        self._result = result

    def __call__(self, *values: Any) -> R:
        arguments = self._arguments()
        for parameter, value, into in zip(self._parameters, values, arguments, strict=True):
            parameter.lower(value, into)
        answer = Value()
        try:  # around the call too: Ctrl-C, which waits for its end, is raised on the way out
            self._instance.call(self, arguments, answer, _most_requests(values))
            return self._result.lift(answer)
        finally:
            c.wasmtime_component_val_delete(ctypes.byref(answer))


def _most_requests(values: tuple[Any, ...]) -> int:
    """One, or one for each key of a bulk call."""
    one = (str, bytes, Mapping)
    lists = (it for it in values if isinstance(it, Collection) and not isinstance(it, one))
    return max(1, sum(map(len, lists)))
