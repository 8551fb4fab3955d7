//! A `tracing` subscriber that records warnings and the standard error of components.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata, Subscriber, span};

pub(super) struct Event {
    pub(super) level: Level,
    /// Set for a line of a component's standard error.
    pub(super) instance: Option<u64>,
    pub(super) message: String,
}

/// Records events of level WARN, and those of components' standard error.
#[derive(Clone, Default)]
pub(super) struct Events(Arc<Mutex<Vec<Event>>>);

impl Events {
    pub(super) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Runs `action`, and returns its result and the messages of level WARN meanwhile.
pub(super) fn warnings_of<T>(action: impl FnOnce() -> T) -> (T, Vec<String>) {
    let events = Events::default();
    let done = tracing::subscriber::with_default(events.clone(), action);
    let messages = events.take().into_iter().map(|event| event.message);
    (done, messages.collect())
}

impl Visit for Event {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "instance" {
            self.instance = Some(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

impl Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN || metadata.target() == "dapr_wasm_host::stderr"
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut kept = Event {
            level: *event.metadata().level(),
            instance: None,
            message: String::new(),
        };
        event.record(&mut kept);
        self.0.lock().unwrap().push(kept);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
