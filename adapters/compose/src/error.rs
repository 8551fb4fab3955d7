//! The reasons that a component cannot be composed, each as one sentence with
//! the remedy.

use crate::INTERFACES;
use std::{error, fmt};

/// The reason that a component cannot be composed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The bytes are not a component. Holds the reason.
    NoComponent(String),
    /// The component exports neither the state store nor the binding.
    NoContract,
    /// The component exports one of them in another version.
    AnotherVersion {
        /// The interface, as the program imports it.
        wanted: &'static str,
        /// The interface, as the component exports it.
        exported: String,
    },
    /// The component exports one of them with other types or functions than the
    /// contract's.
    DoesNotFit {
        /// The interface.
        interface: &'static str,
        /// The difference from the contract.
        reason: String,
    },
    /// The composition failed for another reason.
    NotComposed(String),
}

impl Error {
    pub(crate) fn no_component(error: impl AsRef<dyn error::Error + Send + Sync>) -> Self {
        Self::NoComponent(chain(error.as_ref()))
    }

    pub(crate) fn does_not_fit(interface: &'static str, error: &dyn error::Error) -> Self {
        Self::DoesNotFit {
            interface,
            // The outermost error contains only the name of the interface.
            reason: chain(error.source().unwrap_or(error)),
        }
    }

    pub(crate) fn not_composed(error: &dyn error::Error) -> Self {
        Self::NotComposed(chain(error))
    }
}

/// Joins an error and its causes.
fn chain(error: &dyn error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let sentences: Vec<String> = causes.map(ToString::to_string).collect();
    sentences.join(": ")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoComponent(reason) => write!(f, "not a WebAssembly component: {reason}"),
            Self::NoContract => write!(
                f,
                "the component exports neither {}: there is nothing to call",
                INTERFACES.join(" nor ")
            ),
            Self::AnotherVersion { wanted, exported } => write!(
                f,
                "the component exports {exported}, but the program calls {wanted}: build it from this wit/"
            ),
            Self::DoesNotFit { interface, reason } => write!(
                f,
                "the component's {interface} does not match the contract: {reason}; build it from this wit/"
            ),
            Self::NotComposed(reason) => write!(f, "the component could not be composed: {reason}"),
        }
    }
}

impl error::Error for Error {}
