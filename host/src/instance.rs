//! One instance: a memory of its own, one call at a time, lost after a trap.

use crate::binding::Binding;
use crate::contract::{self, binding, state};
use crate::egress::Outgoing;
use crate::error::{CallError, HostError};
use crate::options::InstanceOptions;
use crate::plugin::Loaded;
use crate::state::State;
use crate::types;
use wasmtime::Store;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// A running component.
///
/// Its configuration lives and dies with it. Calls take it by unique reference: what is to run in parallel takes an
/// instance each. Dropping a call's future before it is done, as a timeout around it does, loses the instance.
pub struct Instance {
    calls: Calls,
    state: Option<state::Guest>,
    binding: Option<binding::Guest>,
}

impl Instance {
    pub(crate) async fn start(
        loaded: &Loaded,
        options: &InstanceOptions,
    ) -> Result<Self, HostError> {
        let mut store = Store::new(loaded.pre.engine(), HostState::new(options));
        let instance = loaded
            .pre
            .instantiate_async(&mut store)
            .await
            .map_err(HostError::Instantiate)?;
        let state = loaded
            .state
            .as_ref()
            .map(|indices| indices.load(&mut store, &instance))
            .transpose()
            .map_err(|cause| HostError::ContractMismatch {
                interface: contract::STATE,
                cause,
            })?;
        let binding = loaded
            .binding
            .as_ref()
            .map(|indices| indices.load(&mut store, &instance))
            .transpose()
            .map_err(|cause| HostError::ContractMismatch {
                interface: contract::BINDING,
                cause,
            })?;
        let calls = Calls { store, lost: false };
        Ok(Self {
            calls,
            state,
            binding,
        })
    }

    /// The instance as a state store.
    ///
    /// Errors: [`CallError::NotExported`].
    pub fn state(&mut self) -> Result<State<'_>, CallError> {
        match &self.state {
            Some(guest) => Ok(State {
                guest,
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
                calls: &mut self.calls,
            }),
            None => Err(CallError::NotExported {
                interface: contract::BINDING,
            }),
        }
    }

    /// Whether an earlier call trapped or was abandoned, so that every further one gives [`CallError::InstanceLost`].
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.calls.lost
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

/// The store, and whether it may still be entered.
pub(crate) struct Calls {
    store: Store<HostState>,
    lost: bool,
}

impl Calls {
    /// Opens a call. Until [`Calls::end`] the instance counts as lost, so that it is when the future in between is dropped.
    pub(crate) fn begin(&mut self) -> Result<&mut Store<HostState>, CallError> {
        if std::mem::replace(&mut self.lost, true) {
            return Err(CallError::InstanceLost);
        }
        Ok(&mut self.store)
    }

    /// Closes a call that cannot fail but by a trap.
    pub(crate) fn end<T>(&mut self, outcome: wasmtime::Result<T>) -> Result<T, CallError> {
        let value = outcome.map_err(CallError::Trap)?;
        self.lost = false;
        Ok(value)
    }

    /// Closes a call that has an error of the contract.
    pub(crate) fn end_fallible<T>(
        &mut self,
        outcome: wasmtime::Result<Result<T, types::Error>>,
    ) -> Result<T, CallError> {
        self.end(outcome)?.map_err(CallError::Component)
    }
}

/// What the host keeps for one instance.
pub(crate) struct HostState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    resources: ResourceTable,
}

impl HostState {
    fn new(options: &InstanceOptions) -> Self {
        Self {
            wasi: options.wasi(),
            http: WasiHttpCtx::new(),
            outgoing: Outgoing::new(options.granted_egress()),
            resources: ResourceTable::new(),
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
