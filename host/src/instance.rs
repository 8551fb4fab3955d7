//! An instance and its calls: one call at a time, in a memory of its own. A trap loses the instance.
//!
//! The calls map one to one to the functions of `wit/state.wit` and `wit/binding.wit`, which say what each of them promises.
//! All calls go through `Calls::run`. It checks that the instance is not lost, enforces the time limit, and decides from the
//! outcome whether the instance is lost.

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

/// The limit of bytes that one call may pass to the host if the instance has no memory limit. Otherwise the memory limit
/// applies.
///
/// The host's copy can be larger than the guest's memory, since a list may name the same bytes many times. So this limit
/// protects the host, not the guest. wasmtime's default is 128 MiB (`Store::set_hostcall_fuel`), which a bulk read of 1,000
/// items of 200 KB exceeds.
const LARGEST_CALL: usize = 1 << 30;

/// A running component, started with [`Plugin::instantiate`](crate::Plugin::instantiate).
///
/// Configure the instance first, with [`State::init`] or [`Binding::init`]. It keeps the configuration until it is dropped.
///
/// An instance makes one call at a time, so calls borrow it mutably. For calls in parallel, use several instances or an
/// [`InstancePool`](crate::InstancePool).
///
/// Dropping the future of a call before it is done, as a timeout around it does, loses the instance.
///
/// ```no_run
/// # use dapr_wasm_host::{Egress, Plugin};
/// # async fn example(plugin: Plugin, egress: Egress) -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::InstanceOptions;
///
/// let options = InstanceOptions::new().egress(egress);
/// let mut instance = plugin.instantiate(&options).await?;
/// let mut store = instance.state()?;
/// store.init(&[("table", "orders"), ("region", "eu-west-1")]).await?;
/// store.set("order-1", b"new", None).await?;
/// # Ok(())
/// # }
/// ```
pub struct Instance {
    calls: Calls,
    state: Option<state::Guest>,
    binding: Option<binding::Guest>,
    // Dropped after the store, which frees the slot: so the next holder of the permit finds a free slot.
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

    /// Returns a handle for the calls of the state store.
    ///
    /// # Errors
    ///
    /// [`CallError::NotExported`] if the component is not a state store.
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

    /// Returns a handle for the calls of the output binding.
    ///
    /// # Errors
    ///
    /// [`CallError::NotExported`] if the component is not an output binding.
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

    /// Returns true if an earlier call trapped, exceeded its time limit, or was dropped before it was done. Every further call
    /// returns [`CallError::InstanceLost`].
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.calls.lost
    }

    /// Returns what the instance has written to standard error since the last call of this method, and removes it from the
    /// capture. Of more than 64 KiB, the newest whole lines are kept.
    ///
    /// This also works for a lost instance; the reason of a trap is there. The string is empty if the component wrote nothing
    /// or [`InstanceOptions::capture_stderr`] is not set. Bytes that are not UTF-8 are replaced by U+FFFD.
    #[must_use = "the returned text is no longer in the capture"]
    pub fn take_stderr(&mut self) -> String {
        let kept = self.calls.store.data().stderr.as_ref();
        kept.map(InstanceStderr::take).unwrap_or_default()
    }

    /// Sends the captured standard error to `tracing`, for an instance that no caller will get.
    pub(crate) fn report_failed_start(&self) {
        self.calls.store.data().report_failed_start();
    }

    /// Returns the number of calls made so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.made
    }

    /// Returns the size of the instance's linear memory, in bytes. It grows in pages of 64 KiB and never shrinks. Only pages
    /// that were touched take memory of this process.
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

/// A handle for the calls of a state store, from [`Instance::state`] or
/// [`PooledInstance::state`](crate::PooledInstance::state).
///
/// A key is a non-empty string, a value is bytes. An item whose time to live has passed counts as absent.
///
/// A call returns [`CallError::Component`] if the component returned an [`Error`]. The instance then stays usable. Each call
/// lists these errors below; any call can also fail with the other cases of [`CallError`].
///
/// ```no_run
/// # async fn example(instance: &mut dapr_wasm_host::Instance) -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::types::{Consistency, GetOptions, SetOptions};
///
/// let mut store = instance.state()?;
/// store.init(&[("table", "orders"), ("region", "eu-west-1")]).await?;
///
/// let etag = store.set("order-1", b"new", None).await?;
/// let unchanged = SetOptions { etag: Some(etag), ..SetOptions::default() };
/// store.set("order-1", b"paid", Some(unchanged)).await?;
///
/// let strong = GetOptions { consistency: Some(Consistency::Strong) };
/// let item = store.get("order-1", Some(strong)).await?;
/// assert_eq!(item.map(|item| item.value), Some(b"paid".to_vec()));
///
/// store.delete("order-1", None).await?;
/// # Ok(())
/// # }
/// ```
pub struct State<'a> {
    guest: &'a state::Guest,
    time_limit: TimeLimit,
    calls: &'a mut Calls,
}

impl State<'_> {
    /// Sets the time limit of each call through this handle. It overrides
    /// [`InstanceOptions::time_limit`](crate::InstanceOptions::time_limit), whether that is shorter or longer.
    ///
    /// A call past its limit is cancelled: it returns [`CallError::TimeLimit`] with this limit, and the instance is lost. With
    /// [`Duration::ZERO`], such as the time left before a deadline in the past, the component is not called and the instance
    /// is not lost. [`Duration::MAX`] means no limit.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = TimeLimit::new(Some(limit));
        self
    }

    /// Configures the store, and checks with one cheap read that it can be used. `metadata` are the fields of Dapr's
    /// `spec.metadata`.
    ///
    /// A later `init` replaces the configuration if it succeeds, and changes nothing if it fails. Before the first successful
    /// `init`, a call configures the store from its environment variables alone.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidConfiguration`]: a field is missing or invalid; the sentence names it.
    /// - [`Error::NotFound`]: the table does not exist.
    /// - [`Error::AccessDenied`], [`Error::Throttled`], [`Error::Timeout`], [`Error::Unavailable`], [`Error::Other`]: the read
    ///   failed.
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

    /// Returns the features of the store in its current configuration: ETags, transactions, time to live.
    ///
    /// # Errors
    ///
    /// [`Error::NotInitialized`], [`Error::InvalidConfiguration`].
    pub async fn features(&mut self) -> Result<FeatureSet, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_features(store).await
        });
        Ok(call.await??)
    }

    /// Checks with one cheap read that the store can be reached and used now.
    ///
    /// # Errors
    ///
    /// Those of [`init`](Self::init), and [`Error::NotInitialized`].
    pub async fn ping(&mut self) -> Result<(), CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_ping(store).await
        });
        Ok(call.await??)
    }

    /// Reads one item. Returns `None` if the key is absent or the item has expired.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for an invalid key, and the errors of [`ping`](Self::ping).
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

    /// Writes one item as a whole and returns its new ETag. A store without ETags returns an empty string.
    ///
    /// `options` set conditions, the time to live and the media type. Without options, the last write wins and the item does
    /// not expire.
    ///
    /// # Errors
    ///
    /// - [`Error::EtagMismatch`]: the stored item has another ETag, or exists although `options` ask for a first write.
    /// - [`Error::InvalidArgument`], [`Error::TooLarge`]: the key, value or an option is invalid, or exceeds a limit.
    /// - [`Error::Timeout`], [`Error::Unavailable`]: the outcome is unknown; the write may have happened.
    /// - The other errors of [`ping`](Self::ping): nothing was written.
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

    /// Deletes one item. Deleting an absent item succeeds, unless `options` name an ETag.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Self::set).
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

    /// Reads any number of items. Result i belongs to key i. Not atomic: the items may be of different moments.
    ///
    /// # Errors
    ///
    /// Each result has the errors of [`get`](Self::get). The call itself fails only for a reason that concerns every key, before
    /// any request was sent.
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

    /// Writes any number of items. Result i belongs to request i and holds the new ETag. Not atomic: each request succeeds or
    /// fails alone. Requests for the same key take effect in their order.
    ///
    /// # Errors
    ///
    /// Each result has the errors of [`set`](Self::set). The call itself fails only for a reason that concerns every key, before
    /// any request was sent.
    pub async fn bulk_set(
        &mut self,
        requests: &[SetRequest],
    ) -> Result<Vec<Result<String, Error>>, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_bulk_set(store, requests).await
        });
        Ok(call.await??)
    }

    /// Deletes any number of items. Result i belongs to request i. Not atomic: each request succeeds or fails alone.
    ///
    /// # Errors
    ///
    /// As for [`bulk_set`](Self::bulk_set).
    pub async fn bulk_delete(
        &mut self,
        requests: &[DeleteRequest],
    ) -> Result<Vec<Result<(), Error>>, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_bulk_delete(store, requests).await
        });
        Ok(call.await??)
    }

    /// Applies all operations or none, atomically. Returns the new ETag of each set and `None` for each delete, by position.
    ///
    /// The limit of operations is [`max_transaction_size`](Self::max_transaction_size).
    ///
    /// # Errors
    ///
    /// - [`Error::EtagMismatch`]: a condition did not hold; the sentence names its key.
    /// - [`Error::Conflict`]: another transaction held an item, even after the component's retries.
    /// - [`Error::InvalidArgument`]: too many operations, or an invalid key, value or option.
    /// - [`Error::Unsupported`]: the store does not support transactions.
    /// - The other errors of [`set`](Self::set).
    pub async fn transact(
        &mut self,
        operations: &[Operation],
    ) -> Result<Vec<Option<String>>, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_transact(store, operations).await
        });
        Ok(call.await??)
    }

    /// Returns the limit of operations in one [`transact`](Self::transact), or 0 if the store does not support transactions.
    /// Needs no `init`.
    pub async fn max_transaction_size(&mut self) -> Result<u32, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_max_transaction_size(store).await
        });
        call.await
    }
}

/// A handle for the calls of an output binding, from [`Instance::binding`] or
/// [`PooledInstance::binding`](crate::PooledInstance::binding).
///
/// ```no_run
/// # async fn example(instance: &mut dapr_wasm_host::Instance) -> Result<(), Box<dyn std::error::Error>> {
/// let mut binding = instance.binding()?;
/// binding.init(&[("table", "audit"), ("region", "eu-west-1")]).await?;
/// let response = binding.invoke("create", br#"{"key": "entry-1", "amount": 12.5}"#, None).await?;
/// println!("{:?}", response.metadata);
/// # Ok(())
/// # }
/// ```
pub struct Binding<'a> {
    guest: &'a binding::Guest,
    time_limit: TimeLimit,
    calls: &'a mut Calls,
}

impl Binding<'_> {
    /// Sets the time limit of each call through this handle. It overrides
    /// [`InstanceOptions::time_limit`](crate::InstanceOptions::time_limit), whether that is shorter or longer.
    ///
    /// A call past its limit is cancelled: it returns [`CallError::TimeLimit`] with this limit, and the instance is lost. With
    /// [`Duration::ZERO`], such as the time left before a deadline in the past, the component is not called and the instance
    /// is not lost. [`Duration::MAX`] means no limit.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = TimeLimit::new(Some(limit));
        self
    }

    /// Configures the binding, and checks with one cheap read that it can be used. `metadata` are the fields of Dapr's
    /// `spec.metadata`.
    ///
    /// A later `init` replaces the configuration if it succeeds, and changes nothing if it fails. Before the first successful
    /// `init`, a call configures the binding from its environment variables alone.
    ///
    /// # Errors
    ///
    /// Those of [`State::init`].
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

    /// Returns the names of the operations that [`invoke`](Self::invoke) takes, each once. Needs no `init`.
    pub async fn operations(&mut self) -> Result<Vec<String>, CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_operations(store).await
        });
        call.await
    }

    /// Checks with one cheap read that the outside system can be reached and used now.
    ///
    /// # Errors
    ///
    /// Those of [`init`](Self::init), and [`Error::NotInitialized`].
    pub async fn ping(&mut self) -> Result<(), CallError> {
        let call = self.calls.run(self.time_limit, async |store| {
            self.guest.call_ping(store).await
        });
        Ok(call.await??)
    }

    /// Performs one operation. `data` is its payload, and `metadata` are its parameters; `None` means no parameters. Parameters
    /// that the operation does not know are ignored.
    ///
    /// # Errors
    ///
    /// - [`Error::Unsupported`]: [`operations`](Self::operations) does not list the operation.
    /// - [`Error::InvalidArgument`], [`Error::TooLarge`]: `data` or a parameter is invalid, or exceeds a limit.
    /// - [`Error::Timeout`], [`Error::Unavailable`]: the outcome is unknown.
    /// - The other errors of [`ping`](Self::ping): nothing was done.
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

/// The wasmtime store of an instance, and whether the instance is lost.
struct Calls {
    store: Store<HostState>,
    /// The default limit of a call.
    time_limit: TimeLimit,
    /// Makes the component yield. `None` if it cannot be interrupted.
    ticker: Option<Ticker>,
    process: LoadingProcess,
    made: u64,
    lost: bool,
}

impl Calls {
    /// Makes a call. The instance counts as lost until the call has ended, so it stays lost if the future is dropped.
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
        // A caller that has no time left does not lose the instance.
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

/// The time limit of one call. Past it the call is cancelled, whatever the component does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimit(Option<Duration>);

/// The reason why the component returned nothing.
pub(crate) enum Failure {
    Trapped(EngineError),
    TookLonger { limit: Duration },
}

impl TimeLimit {
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self(limit)
    }

    /// Returns the limit if it is zero, so that no time is left.
    fn is_over(self) -> Option<Duration> {
        self.0.filter(Duration::is_zero)
    }

    /// Runs the component until it is done or the time limit has passed. `ticker` makes it [yield](crate::epoch) while it
    /// computes; `None` if it cannot be interrupted.
    pub(crate) async fn run<T>(
        self,
        ticker: Option<&Ticker>,
        running: impl Future<Output = wasmtime::Result<T>>,
    ) -> Result<T, Failure> {
        // Also dropped with the future of an abandoned call.
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

/// The limit of handles of an instance: streams, requests, timers. A bulk call of many requests has about a hundred. A handle
/// can hold memory of the host, such as the headers and 128 KiB of the body of an unsent request.
pub(crate) const HANDLES: usize = 1_000;

/// The size limit of the headers of one message, in bytes. An AWS session token has some KiB.
pub(crate) const LARGEST_FIELDS: usize = 32 << 10;

/// The data of an instance's wasmtime store, which the functions of your own interfaces get.
///
/// See [`PluginBuilder::imports`](crate::PluginBuilder::imports). The `add_to_linker` of `bindgen!` takes a function that turns
/// this data into the value on which you implement the interface:
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
    // Dropped before the resources: a request body must not look complete because its instance was dropped.
    pub(crate) outgoing: Outgoing,
    pub(crate) resources: ResourceTable,
    /// The captured standard error of this instance, unless a shared sink or nothing captures it.
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
