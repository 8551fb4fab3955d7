"""Loads a component once and starts any number of instances of it.

An instance makes one call at a time. Threads that share an instance wait for each
other. Threads with their own instances run in parallel, because a call releases the
GIL. After a trap, an instance accepts no more calls: start another one. A process that
is forked after a call cannot make calls.

An instance serves any number of calls. wasmtime keeps some data of each request of `wasi:http`
until the component ends. So an `Instance` restarts such a component, with the same
configuration, before the data reaches wasmtime's limit. It never restarts a component that sends
its requests through `dapr-wasm:host`.
"""

import ctypes
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext, suppress
from os import PathLike, fspath
from os.path import abspath, isdir
from threading import Lock
from typing import Any, Generic, TypeVar

from wasmtime import Config, Engine, Store, WasiConfig, WasmtimeError
from wasmtime import _ffi as c
from wasmtime.component import Component, Func, Linker
from wasmtime.component import Instance as Exports

from . import threads
from .codecs import Lifts, Lowers, Value, at, is_ok
from .host_imports import DIGEST, HTTP_CLIENT, HostImports, RunningRequests
from .http_client import HttpClient
from .interrupts import Deferred

R = TypeVar("R")

# The number of requests after which the component restarts. wasmtime 50 has room for 1,000,000
# resources and never frees the options of a request (wasmtime-wasi-http, `p2/http_impl.rs`:
# `handle` reads them and does not delete them). Once the table is full, every call traps. The
# margin is for the component's retries, which this module does not see.
REQUESTS = 100_000

_SENDS_REQUESTS = "wasi:http/outgoing-handler@"

# Parts of the texts of traps, each with its remedy.
_REMEDIES = {
    # An engine that was not made from `engine_config`.
    "deferred host scope has no call context": "create the engine from dapr_wasm.engine_config()",
    "fuel allocated for hostcalls": "the result is too large: ask for fewer keys, and use a new "
    "Instance",
    "cannot enter component instance": "an earlier call trapped: use a new Instance",
}

# The function of the contract's interfaces that configures an instance.
_INIT = "init"


def engine_config() -> Config:
    """Returns a configuration for an engine of your own. Change it, and create the engine:

    config = engine_config()
    config.epoch_interruption = True
    plugin = Plugin.from_file("dapr_dynamodb_hosted.wasm", Engine(config))
    """
    config = Config()
    config.parallel_compilation = not threads.forked()
    # With concurrency, wasmtime 50 traps if a component passes two borrowed resources of the host
    # in one call, as it does to `wait-any`. This package needs no concurrent calls of one store.
    c.wasmtime_config_concurrency_support_set(config.ptr(), False)
    return config


class Plugin:
    """A compiled component. Threads may share it.

    Create one with `from_file`, and start instances with `instantiate`:

        plugin = Plugin.from_file("dapr_dynamodb.wasm")
        with plugin.instantiate(memory_limit=64 << 20) as instance:
            store = State(instance)
    """

    def __init__(
        self, engine: Engine, component: Component, http_client: HttpClient | None = None
    ) -> None:
        """Prepares a compiled component. The parameters are those of `from_file`."""
        imports = component.type.imports(engine)
        self._sends_requests = any(name.startswith(_SENDS_REQUESTS) for name in imports)
        if self._sends_requests and http_client is not None and http_client.is_limited:
            raise ValueError(
                "the component imports wasi:http, which the list `allow` of HttpClient does not "
                "limit; use the build for dapr-wasm:host, such as dapr_dynamodb_hosted.wasm, or "
                "remove `allow`"
            )
        self._engine = engine
        self._component = component
        self._linker = Linker(engine)
        self._linker.add_wasip2()
        self._linker.add_wasi_http()
        self._host: HostImports | None = None
        if any(name in (HTTP_CLIENT, DIGEST) for name in imports):
            self._host = HostImports(http_client or HttpClient())
            self._host.add_to(self._linker)

    @classmethod
    def from_file(
        cls,
        path: str | PathLike[str],
        engine: Engine | None = None,
        http_client: HttpClient | None = None,
    ) -> "Plugin":
        """Compiles the component.

        `http_client` sends the requests of a component that imports `dapr-wasm:host`. Plugins
        may share one. Without it, the plugin has a client of its own, which allows every
        address. A component that imports `wasi:http` sends requests through wasmtime instead.
        Raises `ValueError` for such a component if the client has a list `allow`.

        Without `engine`, wasmtime caches the compiled code in a folder of the user,
        and the next process loads it from there. If that folder cannot be created,
        each process compiles again. Make an engine of your own from `engine_config`.
        """
        if engine is None:
            config = engine_config()
            with suppress(WasmtimeError):
                config.cache = True
            engine = Engine(config)
        try:
            component = Component.from_file(engine, path)
        except WasmtimeError as error:
            raise WasmtimeError(f"cannot load {fspath(path)} as a component: {error}") from None
        return cls(engine, component, http_client)

    def instantiate(
        self,
        environment: Mapping[str, str] | None = None,
        memory_limit: int | None = None,
        epochs: int | None = None,
        directories: Mapping[str, str | PathLike[str]] | None = None,
    ) -> "Instance":
        """Starts an instance. It sees these environment variables and no others.

        It may send HTTP requests to any address that its client allows, and write to
        standard error. It may read `directories`, a mapping from the name inside the
        component to the folder outside: use them for files with credentials. It reaches
        nothing else.

        A call traps when it needs more than `memory_limit` bytes of linear memory
        (unset by default). It also traps when it computes while the engine's epoch
        advances `epochs` times: set `epochs` if the engine has `epoch_interruption`.
        Only the component limits how long a call waits. Ctrl-C takes effect when the
        call is over.

        One call returns at most about 2.7 MB of values (wasmtime's limit is 128 MiB,
        and it takes 48 bytes for each byte). A call that returns more traps: ask for
        fewer keys at a time.

        Raises `ValueError` for an environment variable with a NUL, and
        `NotADirectoryError` for a directory that does not exist. Raises `RuntimeError`
        in a process that was forked after a call.
        """
        threads.check()
        variables = _whole(dict(environment or {}))
        granted = {name: abspath(fspath(it)) for name, it in dict(directories or {}).items()}
        for folder in granted.values():
            if not isdir(folder):
                raise NotADirectoryError(
                    f"directories: {folder} is not a folder; create or remove it"
                )

        def start() -> _Running:
            store = Store(self._engine)
            if memory_limit is not None:
                store.set_limits(memory_size=memory_limit)
            if epochs is not None:
                store.set_epoch_deadline(epochs)
            wasi = WasiConfig()
            wasi.env = variables.items()
            for name, directory in granted.items():
                wasi.preopen_dir(directory, name, fs_mutable=False)
            wasi.inherit_stderr()
            store.set_wasi(wasi)
            store.set_wasi_http()
            requests = self._host.attach(store, memory_limit) if self._host else None
            exports = self._linker.instantiate(store, self._component)
            return _Running(store, exports, epochs, self._host, requests)

        return Instance(start, REQUESTS if self._sends_requests else sys.maxsize)


def _whole(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Refuses a NUL, at which wasmtime would silently truncate a text."""
    for name, value in environment.items():
        if "\0" in name or "\0" in value:
            raise ValueError(f"the environment variable {name!r} has a NUL in it; remove it")
    return environment


class _Running:
    """A started component, in its own store."""

    def __init__(
        self,
        store: Store,
        exports: Exports,
        epochs: int | None,
        host: HostImports | None,
        requests: RunningRequests | None,
    ) -> None:
        self._store = store
        self._exports = exports
        self._epochs = epochs
        self._host = host  # its functions must live as long as the store
        self._requests = requests
        self._functions: dict[tuple[str, str], Func] = {}

    def function(self, interface: str, name: str) -> Func:
        """Returns an exported function, and looks it up only once."""
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
        with Deferred() if self._requests is not None else nullcontext():
            error = c.wasmtime_component_func_call(
                ctypes.byref(called._func),
                self._store._context(),
                arguments,
                len(arguments),
                ctypes.byref(answer),
                1,
            )
        trap = WasmtimeError._from_ptr(error) if error else None
        if self._requests is not None:
            self._requests.reraise()
        if trap is not None:
            for part, remedy in _REMEDIES.items():
                if part in str(trap):
                    trap.add_note(remedy)
            raise trap

    def close(self) -> None:
        if self._host is not None and self._requests is not None:
            self._host.detach(self._store, self._requests)
        self._store.close()


class Instance:
    """An instance of a component, made by `Plugin.instantiate`.

    Pass it to `State` or `Binding`. It ends with `close`, at the end of a `with` block,
    or when it is garbage-collected. Calls of a closed instance raise `ValueError`.
    """

    def __init__(self, start: Callable[[], _Running], most: int) -> None:
        """Restarts the component after at most `most` requests."""
        self._start = start
        self._most = most
        self._running: _Running | None = start()
        self._requests = 0
        self._replaced_after = most
        # For each interface, the arguments of the last successful `init`.
        self._configuration: dict[str, tuple[_Function[Any], Any]] = {}
        self._one_call = Lock()

    def call(self, function: "_Function[Any]", arguments: Any, answer: Any, requests: int) -> None:
        """Calls a function that sends at most `requests` requests. The caller deletes `answer`."""
        threads.use()
        with self._one_call:
            self._make_room(requests)
            try:
                self._open().call(function, arguments, answer)
            finally:  # also after Ctrl-C, which is raised once the call is over
                if function.name == _INIT and is_ok(answer):
                    self._configuration[function.interface] = function, arguments

    def function(
        self, interface: str, name: str, parameters: tuple[Lowers[Any], ...], result: Lifts[R]
    ) -> Callable[..., R]:
        """Returns a typed function of an interface that the component exports."""
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
        """Restarts the component if these requests could exceed the limit."""
        running = self._open()
        if self._requests and self._requests + requests > self._replaced_after:
            renewed = self._renewed()
            if renewed is None:  # for example, the table cannot be reached: retry later
                self._replaced_after = self._requests + self._most // 10
            else:
                self._running = renewed
                running.close()
                self._requests = len(self._configuration)
                self._replaced_after = self._most
        self._requests += requests

    def _renewed(self) -> _Running | None:
        """Returns a new component with the same configuration, or `None` if that fails."""
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
        places = zip(self._parameters, values, arguments, strict=True)
        for number, (parameter, value, into) in enumerate(places, 1):
            try:
                parameter.lower(value, into)
            except (TypeError, ValueError) as error:
                raise at(f"argument {number} of {self.name}", error) from None
        answer = Value()
        try:  # includes the call: Ctrl-C is raised when it ends, and the answer must be freed
            self._instance.call(self, arguments, answer, _most_requests(values))
            return self._result.lift(answer)
        finally:
            c.wasmtime_component_val_delete(ctypes.byref(answer))


def _most_requests(values: tuple[Any, ...]) -> int:
    """Returns one, or one for each key of a bulk call."""
    one = (str, bytes, Mapping)
    lists = (it for it in values if isinstance(it, Collection) and not isinstance(it, one))
    return max(1, sum(map(len, lists)))
