//! The calls of a case, on one instance. A case says names; the keys behind them are its own. What a call is refused
//! with, keeps the call that it was.

mod binding;
mod state;

use std::sync::Arc;

use dapr_wasm_host::{CallError, Instance, types::Error};

use super::{expectation::cut, keys::Keys, outcome::Unmet};

/// An instance, and who calls it.
pub(super) struct Caller {
    instance: Instance,
    keys: Arc<Keys>,
    secrets: Arc<[String]>,
}

/// What a bulk call gives: result i answers request i.
pub(super) type Results<T> = Vec<Result<T, Error>>;

/// What a call gives.
pub(super) type Answer<T> = Result<T, Refusal>;

/// Why a call did not give what it was asked for.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The call, for a sentence.
    pub(super) call: String,
    error: CallError,
    /// Whether a secret of the configuration stands in the sentence.
    leaks: bool,
}

impl Refusal {
    /// The contract's error, where it is one and tells no secret: a sentence with one is a failure of every case.
    pub(super) fn component(&self) -> Option<&Error> {
        self.error.component().filter(|_| !self.leaks)
    }

    /// The case of that error.
    pub(super) fn case(&self) -> Option<&'static str> {
        self.component().map(Error::case)
    }
}

impl From<Refusal> for Unmet {
    fn from(refusal: Refusal) -> Self {
        let Refusal { call, error, leaks } = refusal;
        match leaks {
            false => Self::failed(format_args!("{call}: {}", cut(&told(&error)))),
            true => Self::failed(format_args!(
                "{call}: a secret of the configuration stands in the sentence"
            )),
        }
    }
}

impl Caller {
    pub(super) fn new(instance: Instance, keys: Arc<Keys>, secrets: Arc<[String]>) -> Self {
        Self {
            instance,
            keys,
            secrets,
        }
    }

    /// The key that `name` stands for.
    pub(super) fn key(&self, name: &str) -> String {
        self.keys.key(name)
    }

    fn answered<T>(
        &self,
        call: impl FnOnce() -> String,
        answer: Result<T, CallError>,
    ) -> Answer<T> {
        answer.map_err(|error| Refusal {
            call: cut(&call()),
            leaks: self.leaks(&error.to_string()),
            error,
        })
    }

    /// A secret in the sentence about one request of a bulk call is one about all of it.
    fn answered_in_bulk<T>(
        &self,
        call: impl FnOnce() -> String,
        answer: Result<Results<T>, CallError>,
    ) -> Answer<Results<T>> {
        let answer = answer.and_then(|results| {
            let mut errors = results.iter().filter_map(|result| result.as_ref().err());
            match errors.find(|error| self.leaks(&error.to_string())) {
                Some(error) => Err(CallError::Component(error.clone())),
                None => Ok(results),
            }
        });
        self.answered(call, answer)
    }

    fn leaks(&self, sentence: &str) -> bool {
        let mut secrets = self.secrets.iter();
        secrets.any(|secret| sentence.contains(secret))
    }
}

/// Of a trap, why: where it was, only its author can use.
fn told(error: &CallError) -> String {
    match error {
        CallError::Trap(trap) => format!("the component trapped: {}", trap.root_cause()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of a race look at nothing but the case.
    #[test]
    fn a_refusal_that_tells_a_secret_has_no_case_and_its_sentence_is_not_repeated() {
        let refusal = |leaks| Refusal {
            call: "transact".to_owned(),
            error: CallError::Component(Error::Conflict("asked with hunter2".to_owned())),
            leaks,
        };
        assert_eq!(refusal(false).case(), Some("conflict"));
        assert_eq!(refusal(true).case(), None);
        let Unmet::Failed(told) = refusal(true).into() else {
            panic!("a leak is a failure");
        };
        assert!(
            told.contains("a secret") && !told.contains("hunter2"),
            "{told}"
        );
    }
}
