//! One cell of the matrix: one call meets one fault, on its own instance, proxy and items.

use super::calls::{Call, Stored, Told, of_read};
use super::fault::{Fault, Strikes};
use crate::fixture::{Settings, Store, Table};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use test_support::faults::{Action, Arrived, Decision, Director, FaultProxy, Forward, Reply};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// The time beyond the configured time after which a call counts as hanging, on any machine.
const MARGIN: Duration = Duration::from_secs(30);

/// The host reuses a connection without checking it if its last use was more recent than this.
const LOOKED_AT: Duration = Duration::from_millis(60);

/// The requests of a call that meet the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    First,
    Every,
}

pub struct Cell {
    pub call: Call,
    pub fault: &'static Fault,
    pub extent: Extent,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, extent) = (self.fault.name, self.extent);
        write!(f, "{:?}, {name}, {extent:?} request", self.call)
    }
}

/// The outcome of a cell.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub told: Vec<Told>,
    pub stored: Vec<Stored>,
    /// The number of requests that arrived, by operation.
    pub requests: BTreeMap<String, u64>,
    /// The result of a later read of the first key, without a fault.
    pub read_afterwards: Told,
}

/// A director that applies the fault to as many requests as are left.
struct Striking {
    fault: &'static Fault,
    left: AtomicU64,
    /// Holds the requests that meet the fault until the call has ended.
    waits: bool,
    ended: watch::Sender<bool>,
    /// The number of requests that the upstream has not answered yet.
    under_way: watch::Sender<usize>,
}

impl Director for Striking {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        let struck = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        let action = match struck {
            Ok(_) => match &self.fault.strikes {
                Strikes::Requests(act) | Strikes::InTurn(act) => act(arrived),
                Strikes::AfterTheCall | Strikes::Connections | Strikes::KeptConnection => {
                    Action::pass()
                }
            },
            Err(_) => Action::pass(),
        };
        if !matches!(action.forward, Forward::Nothing | Forward::First(0)) {
            self.under_way.send_modify(|requests| *requests += 1);
        }
        let waits = self.waits && struck.is_ok();
        Box::pin(async move {
            if waits {
                let mut ended = self.ended.subscribe();
                let ended = ended.wait_for(|ended| *ended).await;
                ended.expect("the director is there");
            }
            action
        })
    }

    fn answered<'a>(&'a self, _: &'a Arrived, _: &'a Reply) -> Decision<'a, ()> {
        self.under_way.send_modify(|requests| *requests -= 1);
        Box::pin(async {})
    }
}

impl Striking {
    /// Waits until no request that a client has given up on can still take effect.
    async fn settled(&self) {
        let mut under_way = self.under_way.subscribe();
        under_way
            .wait_for(|requests| *requests == 0)
            .await
            .expect("the director is there");
    }
}

impl Cell {
    /// Runs the cell. `preparing` limits how many cells may prepare their instance and items at the
    /// same time.
    pub async fn run(&self, table: &Table, preparing: &Semaphore) -> Outcome {
        let Self {
            call,
            fault,
            extent,
        } = self;
        let director = Arc::new(Striking {
            fault,
            left: AtomicU64::new(0),
            waits: matches!(fault.strikes, Strikes::AfterTheCall),
            ended: watch::Sender::new(false),
            under_way: watch::Sender::new(0),
        });
        let prepared = preparing.acquire().await.expect("it is not closed");
        let (settings, proxy) = table.behind(director.clone()).await;
        let keys = call.keys(&prefix());
        call.prepare(table, &keys).await;
        let mut store = instance(settings, fault).await;
        drop(prepared);
        proxy.reset_counts();

        let struck = match extent {
            Extent::First => 1,
            Extent::Every => u64::MAX,
        };
        match fault.strikes {
            Strikes::Requests(_) | Strikes::InTurn(_) | Strikes::AfterTheCall => {
                director.left.store(struck, Ordering::SeqCst)
            }
            Strikes::Connections => {
                proxy.refuse_connections().await;
                cut_kept_connections(&proxy).await;
            }
            Strikes::KeptConnection => {
                cut_kept_connections(&proxy).await;
                tokio::time::sleep(LOOKED_AT).await;
            }
        }
        let longest = fault.pace.longest() + MARGIN;
        let told = timeout(longest, call.make(&mut store, &keys))
            .await
            .expect("the call ends");
        director.left.store(0, Ordering::SeqCst);
        director.ended.send_replace(true);
        timeout(MARGIN, director.settled())
            .await
            .expect("the upstream answers");
        let counts = proxy.counts().into_iter();
        let requests = counts.map(|(operation, count)| (operation, count.arrived));
        let requests = requests.collect();
        let stored = call.stored(table, &keys).await;

        proxy.accept_connections().await;
        let mut state = store.state();
        let read = timeout(longest, state.get(&keys[0], None));
        let read = read.await.expect("a read ends");
        Outcome {
            told,
            stored,
            requests,
            read_afterwards: match call {
                // The item that `create` stores has no `value`, so reading it is an error of its
                // own.
                Call::Create => Told::Absent,
                _ => of_read(&read),
            },
        }
    }
}

async fn cut_kept_connections(proxy: &FaultProxy) {
    proxy.sever_connections();
    let closed = timeout(MARGIN, proxy.closed_connections());
    closed.await.expect("all connections are closed");
}

/// Returns a key prefix that no other cell has.
fn prefix() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("cell-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn instance(settings: Settings, fault: &Fault) -> Store {
    let timeout = format!("{}ms", fault.pace.request_timeout().as_millis());
    let settings = settings
        .with("maxAttempts", &fault.pace.attempts().to_string())
        .with("requestTimeout", &timeout)
        .with("connectTimeout", &timeout);
    let mut store = settings.store().await;
    let binding = store.binding().init(&settings.metadata).await;
    binding.expect("init of the binding succeeds");
    store
}
