//! The seed alone decides who does what next.
//!
//! A step moves one client: it begins a call, or its waiting request or answer meets what becomes of it. Then
//! nothing else happens until that client has sent another request or has its answer; all others stand
//! still. So neither the sockets nor the waits between attempts bring an order of their own.

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

/// The number of steps of which one goes to what is still under way, for each that goes to a client.
const UNHURRIED: usize = 4;
/// One in so many answers that were under way for a while is lost after all.
const ANSWERS_TO_A_LOSS: u32 = 4;
/// Likewise of the requests.
const LATE_TO_A_LOSS: u32 = 4;
/// The time that a client may take to move. Waits between attempts take seconds at most.
pub(super) const STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// A request whose sender has heard that it failed.
struct Late {
    client: usize,
    /// The number of its call.
    call: usize,
    request: Request,
}

/// One client.
struct ClientState {
    calls_left: usize,
    /// The call that is not answered yet, and its number.
    call: Option<(usize, Call)>,
    stand: Stand,
}

/// The stand of a client.
enum Stand {
    /// It has no call.
    Idle,
    /// Its request waits.
    Waiting(Waiting),
    /// Its request is done and the answer under way.
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
    /// Requests that are still under way.
    late: Vec<Late>,
    /// The number of calls that have begun.
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

    /// Returns what happened so far.
    pub(super) fn into_events(self) -> Vec<Event> {
        self.events
    }

    /// Plays until all calls are made and nothing is under way any more.
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

    /// Reads every key, when nothing is under way any more: what a fault has left shows.
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
                    true => ("the answer is lost, connection cut", Action::drop_request()),
                    false => ("the answer arrives", Action::answer(answer)),
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

    /// A request meets what becomes of it.
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

    /// Decides if what was still under way arrives.
    fn arrive(&mut self, index: usize) {
        let late = self.late.remove(index);
        let operation = &late.request.operation;
        let words = if self.rng.u32(..LATE_TO_A_LOSS) == 0 {
            format!("the late {operation} is lost")
        } else {
            let status = self.store.perform(&late.request).status;
            format!("the late {operation} is done, status {status}")
        };
        let what = What::Late {
            call: late.call,
            words,
        };
        let client = late.client;
        self.events.push(Event { client, what });
    }

    /// Waits until the client has moved.
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
