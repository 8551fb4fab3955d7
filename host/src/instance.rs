//! One instance: a memory of its own, one call at a time, lost after a trap.
//!
//! The calls are those of `wit/state.wit` and `wit/binding.wit`, one to one, which say what each of them promises. All of them
//! go through `Calls::run`: it checks that the instance may be entered, keeps the time limit, and decides from the outcome
//! whether the instance is lost.

use crate::contract::{self, binding, state};
use crate::egress::Outgoing;
use crate::engine::LoadingProcess;
use crate::epoch::{self, Ticker};
use crate::error::{CallError, EngineError, HostError};
#[cfg(feature = "wasmtime")]
use crate::imports::Contexts;
use crate::memory::Memory;
use crate::options::InstanceOptions;
use crate::plugin::{InstancePermit, Loaded};
use crate::stderr::InstanceStderr;
use crate::types::{
    self, DeleteOptions, DeleteRequest, Error, FeatureSet, GetOptions, Item, Metadata, Operation,
    Response, SetOptions, SetRequest,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use wasmtime::Store;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// The limit of the bytes that one call may hand to the host, where the memory has no limit, which counts here otherwise.
///
/// The host's copy can be larger than the guest's memory, for a list may name the same bytes many times: so this bounds
/// the host, not the guest. wasmtime's own bound is 128 MiB (`Store::set_hostcall_fuel`), which a bulk read of 1,000 items
/// of 200 KB exceeds.
const LARGEST_CALL: usize = 1 << 30;

/// A running component.
///
/// Its configuration lives and dies with it. Calls take it by unique reference: what is to run in parallel takes an
/// instance each. Dropping a call's future before it is done, as a timeout around it does, loses the instance.
pub struct Instance {
    calls: Calls,
    state: Option<state::Guest>,
    binding: Option<binding::Guest>,
    // After the store, which frees the instance's slot: whoever gets the permit finds one free.
    _permit: InstancePermit,
}

impl Instance {
    pub(crate) async fn start(
        loaded: &Loaded,
        options: &InstanceOptions,
    ) -> Result<Self, HostError> {
        if !loaded.running.process.is_this() {
            return Err(HostError::ForkedProcess);
        }
        let permit = loaded.admit()?;
        let mut store = Store::new(
            loaded.pre.engine(),
            HostState::new(options, Arc::clone(&loaded.requests))?,
        );
        store.limiter(|host| &mut host.memory);
        store.set_hostcall_fuel(options.granted_memory().unwrap_or(LARGEST_CALL));
        epoch::give_way(&mut store);
        let time_limit = TimeLimit::new(options.granted_time());
        let starting = loaded.pre.instantiate_async(&mut store);
        let started = time_limit
            .run(loaded.running.ticker.as_ref(), starting)
            .await;
        if started.is_err() {
            store.data().report_failed_start();
        }
        let instance = started.map_err(|failure| match failure {
            Failure::TookLonger { limit } => HostError::TimeLimit { limit },
            Failure::Trapped(cause) => match store.data().memory.refused_beyond() {
                Some(limit) => HostError::MemoryLimit { limit, cause },
                None => HostError::Instantiate(cause),
            },
        })?;
        let state = loaded
            .state
            .as_ref()
            .map(|indices| indices.load(&mut store, &instance))
            .transpose()
            .map_err(|cause| HostError::contract_mismatch(contract::STATE, cause))?;
        let binding = loaded
            .binding
            .as_ref()
            .map(|indices| indices.load(&mut store, &instance))
            .transpose()
            .map_err(|cause| HostError::contract_mismatch(contract::BINDING, cause))?;
        let calls = Calls {
            store,
            time_limit,
            ticker: loaded.running.ticker.clone(),
            process: loaded.running.process,
            made: 0,
            lost: false,
        };
        Ok(Self {
            calls,
            state,
            binding,
            _permit: permit,
        })
    }

    /// The instance as a state store.
    ///
    /// Errors: [`CallError::NotExported`].
    pub fn state(&mut self) -> Result<State<'_>, CallError> {
        match &self.state {
            Some(guest) => Ok(State {
                guest,
                time_limit: self.calls.time_limit,
                calls: &mut self.calls,
            }),
            None => Err(CallError::NotExported {
                interface: contract::STATE,
            }),
        }
    }

    /// The instance as an output binding.
    ///
    /// Errors: [`CallError::NotExported`].
    pub fn binding(&mut self) -> Result<Binding<'_>, CallError> {
        match &self.binding {
            Some(guest) => Ok(Binding {
                guest,
                time_limit: self.calls.time_limit,
                calls: &mut self.calls,
            }),
            None => Err(CallError::NotExported {
                interface: contract::BINDING,
            }),
        }
    }

    /// Returns true if an earlier call trapped, was abandoned or took too long. Every further one gives [`CallError::InstanceLost`].
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.calls.lost
    }

    /// Takes what the instance has written to standard error since the last time: the newest 64 KiB of it, in whole lines.
    ///
    /// A lost instance has it too, with the reason of a trap. Empty where the component wrote nothing, and where
    /// [`InstanceOptions::capture_stderr`] is not set. Bytes that are not UTF-8 are replaced by U+FFFD.
    #[must_use = "what it returns is kept no more"]
    pub fn take_stderr(&mut self) -> String {
        let kept = self.calls.store.data().stderr.as_ref();
        kept.map(InstanceStderr::take).unwrap_or_default()
    }

    /// Sends the captured standard error to `tracing`, for an instance that nobody gets.
    pub(crate) fn report_failed_start(&self) {
        self.calls.store.data().report_failed_start();
    }

    /// How many calls were made of it.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.made
    }

    /// The linear memory that the instance has now, in bytes. It grows, in pages of 64 KiB, and never shrinks; of it
    /// only what was touched takes room in this process.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        self.calls.store.data().memory.size()
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("state", &self.state.is_some())
            .field("binding", &self.binding.is_some())
            .field("lost", &self.calls.lost)
            .finish()
    }
}

/// An instance as a state store.
pub struct State<'a> {
    guest: &'a state::Guest,
    time_limit: TimeLimit,
    calls: &'a mut Calls,
}

impl State<'_> {
    /// Lets each call that is made through this handle take this much time at most, in place of the instance's own
    /// [`InstanceOptions::time_limit`](crate::InstanceOptions::time_limit), whether that is shorter or longer.
    ///
    /// A call past its limit is cancelled: it gives [`CallError::TimeLimit`] with this limit, and the instance is lost.
    /// With [`Duration::ZERO`], the time that is left before a deadline in the past, nothing is asked of the component and
    /// the instance is not lost. [`Duration::MAX`] is no limit.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = TimeLimit::new(Some(limit));
        self
    }

    /// Configures the store and proves that it can be used. Names and values are those of Dapr's `spec.metadata`.
    pub async fn init<N, V>(&mut self, metadata: &[(N, V)]) -> Result<(), CallError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let fields = metadata.iter();
        let metadata = types::metadata(fields.map(|(name, value)| (name.as_ref(), value.as_ref())));
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_init(store, &metadata).await
        });
        Ok(call.await??)
    }

    /// Returns what the store can do as it is configured now.
    pub async fn features(&mut self) -> Result<FeatureSet, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_features(store).await
        });
        Ok(call.await??)
    }

    /// Proves, with one cheap read, that the store can be reached and used now.
    pub async fn ping(&mut self) -> Result<(), CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_ping(store).await
        });
        Ok(call.await??)
    }

    /// Reads one item; `None` where the key is absent or expired.
    pub async fn get(
        &mut self,
        key: &str,
        options: Option<GetOptions>,
    ) -> Result<Option<Item>, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_get(store, key, options).await
        });
        Ok(call.await??)
    }

    /// Writes one item as a whole and gives its new ETag.
    pub async fn set(
        &mut self,
        key: &str,
        value: &[u8],
        options: Option<SetOptions>,
    ) -> Result<String, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest
                .call_set(store, key, value, options.as_ref())
                .await
        });
        Ok(call.await??)
    }

    /// Deletes one item; an absent one is no error unless a condition names it.
    pub async fn delete(
        &mut self,
        key: &str,
        options: Option<DeleteOptions>,
    ) -> Result<(), CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_delete(store, key, options.as_ref()).await
        });
        Ok(call.await??)
    }

    /// Reads any number of items; result i answers key i. Not atomic.
    pub async fn bulk_get(
        &mut self,
        keys: &[String],
        options: Option<GetOptions>,
    ) -> Result<Vec<Result<Option<Item>, Error>>, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_bulk_get(store, keys, options).await
        });
        Ok(call.await??)
    }

    /// Writes any number of items; result i answers request i, with its new ETag. Not atomic.
    pub async fn bulk_set(
        &mut self,
        requests: &[SetRequest],
    ) -> Result<Vec<Result<String, Error>>, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_bulk_set(store, requests).await
        });
        Ok(call.await??)
    }

    /// Deletes any number of items; result i answers request i. Not atomic.
    pub async fn bulk_delete(
        &mut self,
        requests: &[DeleteRequest],
    ) -> Result<Vec<Result<(), Error>>, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_bulk_delete(store, requests).await
        });
        Ok(call.await??)
    }

    /// Applies all operations or none; gives the new ETag of each set and `None` for each delete.
    pub async fn transact(
        &mut self,
        operations: &[Operation],
    ) -> Result<Vec<Option<String>>, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_transact(store, operations).await
        });
        Ok(call.await??)
    }

    /// How many operations one [`State::transact`] takes at most; 0 where the store has no transactions.
    pub async fn max_transaction_size(&mut self) -> Result<u32, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_max_transaction_size(store).await
        });
        call.await
    }
}

/// An instance as an output binding.
pub struct Binding<'a> {
    guest: &'a binding::Guest,
    time_limit: TimeLimit,
    calls: &'a mut Calls,
}

impl Binding<'_> {
    /// Lets each call that is made through this handle take this much time at most, in place of the instance's own
    /// [`InstanceOptions::time_limit`](crate::InstanceOptions::time_limit), whether that is shorter or longer.
    ///
    /// A call past its limit is cancelled: it gives [`CallError::TimeLimit`] with this limit, and the instance is lost.
    /// With [`Duration::ZERO`], the time that is left before a deadline in the past, nothing is asked of the component and
    /// the instance is not lost. [`Duration::MAX`] is no limit.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = TimeLimit::new(Some(limit));
        self
    }

    /// Configures the binding and proves that it can be used. Names and values are those of Dapr's `spec.metadata`.
    pub async fn init<N, V>(&mut self, metadata: &[(N, V)]) -> Result<(), CallError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let fields = metadata.iter();
        let metadata = types::metadata(fields.map(|(name, value)| (name.as_ref(), value.as_ref())));
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_init(store, &metadata).await
        });
        Ok(call.await??)
    }

    /// The names that [`Binding::invoke`] takes, each once.
    pub async fn operations(&mut self) -> Result<Vec<String>, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_operations(store).await
        });
        call.await
    }

    /// Proves that the outside system can be reached and used now.
    pub async fn ping(&mut self) -> Result<(), CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_ping(store).await
        });
        Ok(call.await??)
    }

    /// Performs one operation. `None` and no metadata mean the same.
    pub async fn invoke(
        &mut self,
        operation: &str,
        data: &[u8],
        metadata: Option<&Metadata>,
    ) -> Result<Response, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest
                .call_invoke(store, operation, data, metadata)
                .await
        });
        Ok(call.await??)
    }
}

/// The store, and whether it may still be entered.
struct Calls {
    store: Store<HostState>,
    /// The limit of a call that has none of its own.
    time_limit: TimeLimit,
    /// Has the component give way; `None` where it cannot be interrupted.
    ticker: Option<Ticker>,
    process: LoadingProcess,
    made: u64,
    lost: bool,
}

impl Calls {
    /// Makes a call. The instance counts as lost until the call has ended, and so stays lost when the future is dropped.
    async fn run<T>(
        &mut self,
        time_limit: TimeLimit,
        call: impl AsyncFnOnce(&mut Store<HostState>) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        if !self.process.is_this() {
            return Err(CallError::ForkedProcess);
        }
        if self.lost {
            return Err(CallError::InstanceLost);
        }
        // A caller whose time is over already does not lose the instance.
        if let Some(limit) = time_limit.is_over() {
            return Err(CallError::TimeLimit { limit });
        }
        self.lost = true;
        self.made += 1;
        self.store.data_mut().memory.forget_refusal();
        epoch::begin(&mut self.store);
        let running = call(&mut self.store);
        let outcome = time_limit.run(self.ticker.as_ref(), running).await;
        let value = outcome.map_err(|failure| match failure {
            Failure::TookLonger { limit } => CallError::TimeLimit { limit },
            Failure::Trapped(trap) => match self.store.data().memory.refused_beyond() {
                Some(limit) => CallError::MemoryLimit { limit, trap },
                None => CallError::Trap(trap),
            },
        })?;
        self.lost = false;
        Ok(value)
    }
}

/// The limit of one call: past it the call is over, whatever the component does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimit(Option<Duration>);

/// The reason why the component gave nothing.
pub(crate) enum Failure {
    Trapped(EngineError),
    TookLonger { limit: Duration },
}

impl TimeLimit {
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self(limit)
    }

    /// The limit, where it leaves no time at all.
    fn is_over(self) -> Option<Duration> {
        self.0.filter(Duration::is_zero)
    }

    /// Runs the component until it is done or its time is over. `ticker` has it [give way](crate::epoch) while it computes;
    /// `None` where it cannot be interrupted.
    pub(crate) async fn run<T>(
        self,
        ticker: Option<&Ticker>,
        running: impl Future<Output = wasmtime::Result<T>>,
    ) -> Result<T, Failure> {
        // Dropped with the future of a call that is abandoned, too.
        let _counted = ticker.map(Ticker::run_call);
        let trapped = |error| Failure::Trapped(EngineError::new(error));
        let Some(limit) = self.0 else {
            return running.await.map_err(trapped);
        };
        match timeout(limit, running).await {
            Ok(done) => done.map_err(trapped),
            Err(_elapsed) => Err(Failure::TookLonger { limit }),
        }
    }
}

/// How many handles an instance may have at a time: streams, requests, timers. A bulk call of many requests has about a
/// hundred. Each can keep memory of the host: a request that is not sent 128 KiB of its body, and its headers.
const HANDLES: usize = 1_000;

/// How large the headers of one message may be, in bytes. A session token of AWS has some KiB.
const LARGEST_FIELDS: usize = 32 << 10;

/// The data of one instance's wasmtime store.
///
/// With the feature `wasmtime`, the functions of your own interfaces get it: see
/// [`PluginBuilder::imports`](crate::PluginBuilder::imports). The `add_to_linker` of `bindgen!` wants a function that makes
/// of it the value on which you implement the interface:
///
/// ```
/// # #[cfg(feature = "wasmtime")] mod example {
/// use dapr_wasm_host::HostState;
/// use dapr_wasm_host::wasmtime::component::{HasData, ResourceTable};
/// use std::sync::Arc;
///
/// struct Vault; // yours, and given with InstanceOptions::context
///
/// struct View<'a> {
///     vault: Option<Arc<Vault>>,
///     resources: &'a mut ResourceTable,
/// }
///
/// struct HasVault;
///
/// impl HasData for HasVault {
///     type Data<'a> = View<'a>;
/// }
///
/// fn view(host: &mut HostState) -> View<'_> {
///     View { vault: host.context(), resources: host.resources() }
/// }
/// // … add_to_linker::<_, HasVault>(linker, view)
/// # }
/// ```
pub struct HostState {
    memory: Memory,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    // Before the resources: the bodies of requests must not seem to end where the instance ends.
    outgoing: Outgoing,
    pub(crate) resources: ResourceTable,
    /// The standard error of this instance, if it is captured for it alone.
    stderr: Option<InstanceStderr>,
    #[cfg(feature = "wasmtime")]
    pub(crate) contexts: Contexts,
}

impl HostState {
    fn new(options: &InstanceOptions, requests: Arc<Semaphore>) -> Result<Self, HostError> {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(HANDLES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(LARGEST_FIELDS);
        let (wasi, outgoing, stderr) = options.open()?;
        Ok(Self {
            memory: Memory::new(options.granted_memory()),
            wasi,
            http,
            outgoing: outgoing.of_plugin(requests),
            resources,
            stderr,
            #[cfg(feature = "wasmtime")]
            contexts: options.contexts.clone(),
        })
    }

    fn report_failed_start(&self) {
        if let Some(stderr) = &self.stderr {
            stderr.report_failed_start();
        }
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.resources,
        }
    }
}

impl WasiHttpView for HostState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.outgoing,
            table: &mut self.resources,
            ctx: &mut self.http,
        }
    }
}
