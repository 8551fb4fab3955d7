//! Plays a history step by step. Only the seed decides which client moves next.
//!
//! A step moves one client: it starts a call, or the fate of its waiting request or response is decided. Then all other
//! clients wait until this client has sent another request or its call has returned. So neither sockets nor backoff
//! affect the order of events.

use super::answers::{Versions, replies};
use super::clients::{Asked, Clients, Moved};
use super::fault_mix::{FaultMix, RequestOutcome};
use super::gate::Waiting;
use super::generator::Generator;
use super::history::{Call, Event, What};
use super::model::Key;
use super::run::{Size, Stopped};
use super::store::{Request, Store};
use fastrand::Rng;
use std::mem;
use std::time::Duration;
use test_support::faults::{Action, Reply};

/// The weight of a client in the choice of the next step. A late request has weight 1.
const UNHURRIED: usize = 4;
/// One in this many delayed responses is lost.
const ANSWERS_TO_A_LOSS: u32 = 4;
/// One in this many late requests is lost.
const LATE_TO_A_LOSS: u32 = 4;
/// The time limit of a move of a client. Backoff between attempts takes at most a few seconds.
pub(super) const STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// A request that is still in transit after its client saw a failure.
struct Late {
    client: usize,
    /// The number of its call.
    call: usize,
    request: Request,
}

/// One client.
struct ClientState {
    calls_left: usize,
    /// The call in progress, and its number.
    call: Option<(usize, Call)>,
    stand: Stand,
}

/// The state of a client between two steps.
enum Stand {
    /// It makes no call.
    Idle,
    /// Its request waits at the gate.
    Waiting(Waiting),
    /// The store performed its request, and the response is delayed.
    Answered(Waiting, Reply),
}

/// A history that is being played.
pub(super) struct Steps<'a> {
    rng: Rng,
    faults: FaultMix,
    generator: Generator,
    clients: &'a mut Clients,
    states: Vec<ClientState>,
    store: Box<dyn Store>,
    /// The requests that are still in transit after their client saw a failure.
    late: Vec<Late>,
    /// The number of calls that have started.
    calls: usize,
    versions: Versions,
    events: Vec<Event>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        mut rng: Rng,
        keys: u8,
        size: Size,
        store: Box<dyn Store>,
        clients: &'a mut Clients,
    ) -> Self {
        let state = || ClientState {
            calls_left: size.calls,
            call: None,
            stand: Stand::Idle,
        };
        Self {
            faults: FaultMix::draw(&mut rng),
            generator: Generator::new(keys, &mut rng),
            states: (0..size.clients).map(|_| state()).collect(),
            rng,
            clients,
            store,
            late: Vec::new(),
            calls: 0,
            versions: Versions::default(),
            events: Vec::new(),
        }
    }

    /// Returns the events so far.
    pub(super) fn into_events(self) -> Vec<Event> {
        self.events
    }

    /// Plays until all calls have returned and no request is in transit.
    pub(super) async fn play_on(&mut self) -> Result<(), Stopped> {
        loop {
            let can_move =
                |state: &ClientState| state.calls_left > 0 || !matches!(state.stand, Stand::Idle);
            let states = self.states.iter().enumerate();
            let can_move: Vec<usize> = states
                .filter_map(|(client, state)| can_move(state).then_some(client))
                .collect();
            let steps = can_move.len() * UNHURRIED + self.late.len();
            if steps == 0 {
                return Ok(());
            }
            let chosen = self.rng.usize(..steps);
            match can_move.get(chosen / UNHURRIED) {
                Some(client) => self.step(*client).await?,
                None => self.arrive(chosen - can_move.len() * UNHURRIED),
            }
        }
    }

    /// Reads every key at the end, so that the final contents of the store are part of the history.
    pub(super) async fn read_all(&mut self, keys: u8) -> Result<(), Stopped> {
        for key in 0..keys {
            self.begin(0, Call::Get(Key(key))).await?;
            while let Stand::Waiting(waiting) = self.take_stand(0) {
                self.meet(0, waiting, RequestOutcome::Answered).await?;
            }
        }
        Ok(())
    }

    /// Moves one client.
    async fn step(&mut self, client: usize) -> Result<(), Stopped> {
        match self.take_stand(client) {
            Stand::Idle => {
                self.states[client].calls_left -= 1;
                let call = self.generator.next(client, &mut self.rng);
                self.begin(client, call).await
            }
            Stand::Waiting(waiting) => {
                let outcome = self.faults.next(&mut self.rng);
                self.meet(client, waiting, outcome).await
            }
            Stand::Answered(waiting, answer) => {
                let lost = self.rng.u32(..ANSWERS_TO_A_LOSS) == 0;
                let (words, action) = match lost {
                    true => ("response lost, connection cut", Action::drop_request()),
                    false => ("response arrives", Action::answer(answer)),
                };
                self.note(client, !lost, words.to_owned());
                waiting.meets(action);
                self.settle(client).await
            }
        }
    }

    async fn begin(&mut self, client: usize, call: Call) -> Result<(), Stopped> {
        self.clients.call(client, Asked::new(&call, &self.versions));
        self.states[client].call = Some((self.calls, call.clone()));
        self.calls += 1;
        let what = What::Calls(call);
        self.events.push(Event { client, what });
        self.settle(client).await
    }

    /// Carries out the outcome of a request.
    async fn meet(
        &mut self,
        client: usize,
        waiting: Waiting,
        outcome: RequestOutcome,
    ) -> Result<(), Stopped> {
        let request = Request {
            operation: waiting.arrived.operation.clone(),
            body: waiting.arrived.json(),
        };
        let outcome = outcome.of(&request);
        let straight = outcome == RequestOutcome::Answered;
        self.note(
            client,
            straight,
            format!("{}: {outcome}", request.operation),
        );
        let done = outcome.is_done().then(|| self.store.perform(&request));
        if let (RequestOutcome::OnItsWay, Some(answer)) = (outcome, &done) {
            self.states[client].stand = Stand::Answered(waiting, answer.clone());
            return Ok(());
        }
        waiting.meets(outcome.action(&request, done));
        if outcome.is_done_later() {
            let call = self.states[client].call.as_ref();
            self.late.push(Late {
                client,
                call: call.map(|(number, _)| *number).unwrap_or_default(),
                request,
            });
        }
        self.settle(client).await
    }

    /// Decides whether a late request arrives.
    fn arrive(&mut self, index: usize) {
        let late = self.late.remove(index);
        let operation = &late.request.operation;
        let words = if self.rng.u32(..LATE_TO_A_LOSS) == 0 {
            format!("late {operation} is lost")
        } else {
            let status = self.store.perform(&late.request).status;
            format!("late {operation} is done, status {status}")
        };
        let what = What::Late {
            call: late.call,
            words,
        };
        let client = late.client;
        self.events.push(Event { client, what });
    }

    /// Waits until the client moves. Fails if another client moves or if none does in time.
    async fn settle(&mut self, client: usize) -> Result<(), Stopped> {
        let step = self.events.len();
        let moved = self.clients.moved(STEP_TIMEOUT).await;
        let who = match moved {
            None => return Err(Stopped::Stuck { client, step }),
            Some(Moved::Sent(waiting)) => {
                let who = waiting.client;
                self.states[who].stand = Stand::Waiting(waiting);
                who
            }
            Some(Moved::Answered(who, answer)) => {
                if let Some((_, call)) = self.states[who].call.take() {
                    let replies = replies(&call, answer, &mut self.versions);
                    self.generator.hears(who, &call, &replies);
                    let what = What::Hears(replies);
                    self.events.push(Event { client: who, what });
                }
                who
            }
        };
        match who == client {
            true => Ok(()),
            false => Err(Stopped::OutOfTurn { client: who, step }),
        }
    }

    fn take_stand(&mut self, client: usize) -> Stand {
        mem::replace(&mut self.states[client].stand, Stand::Idle)
    }

    fn note(&mut self, client: usize, straight: bool, words: String) {
        let what = What::Wire { straight, words };
        self.events.push(Event { client, what });
    }
}
