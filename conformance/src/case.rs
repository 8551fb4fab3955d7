//! A case is data: a sentence, what it needs, and a function that is told nothing but its scene.

use super::outcome::Checked;
use super::scene::Scene;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// The cases of one behaviour.
pub struct Group {
    /// The behaviour.
    pub name: &'static str,
    /// The interface whose promises these are.
    pub interface: Interface,
    /// Its cases.
    pub cases: &'static [Case],
}

/// An interface of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// The state store.
    State,
    /// The output binding.
    Binding,
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::State => "state",
            Self::Binding => "binding",
        })
    }
}

/// One promise of the contract.
pub struct Case {
    pub(super) function: &'static str,
    /// The features that a component must have for this to be about it.
    pub needs: &'static [Need],
    pub(super) check: Check,
}

pub(super) type Check = for<'s> fn(&'s Scene) -> Pin<Box<dyn Future<Output = Checked> + 's>>;

impl Case {
    /// Returns the promise, as a sentence.
    #[must_use]
    pub fn name(&self) -> String {
        self.function.replace('_', " ")
    }
}

/// The subject of a case, beyond the interface that it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The feature `etag`.
    Etag,
    /// The feature `transactional`.
    Transactional,
    /// The feature `ttl`.
    Ttl,
    /// The feature `etag` is not there.
    NoEtag,
    /// The feature `transactional` is not there.
    NoTransactional,
    /// The feature `ttl` is not there.
    NoTtl,
    /// A second instance sees what a first one wrote.
    SharedStore,
    /// The other interface is there as well.
    BothInterfaces,
    /// An operation of the binding that may be performed.
    Invocation,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Etag => "etag",
            Self::Transactional => "transactional",
            Self::Ttl => "ttl",
            Self::NoEtag => "no etag",
            Self::NoTransactional => "no transactional",
            Self::NoTtl => "no ttl",
            Self::SharedStore => "instances that share a store",
            Self::BothInterfaces => "both interfaces",
            Self::Invocation => "an operation to perform",
        })
    }
}

/// Makes the cases of functions, whose names are the sentences: the needs of all, then each function with its own.
macro_rules! cases {
    ($needs:tt, [$($check:ident $(($($more:ident),+))?),+ $(,)?]) => {
        &[$($crate::case::case!($needs, $check, [$($($more),+)?])),+]
    };
}
macro_rules! case {
    ([$($need:ident),*], $check:ident, [$($more:ident),*]) => {
        $crate::case::Case {
            function: stringify!($check),
            needs: &[$($crate::case::Need::$need,)* $($crate::case::Need::$more),*],
            check: |scene| Box::pin($check(scene)),
        }
    };
}
pub(super) use {case, cases};
