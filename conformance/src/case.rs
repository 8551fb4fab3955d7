//! A case is data: a name, its requirements, and a function that receives only its scene.

use super::outcome::Checked;
use super::scene::Scene;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// The cases of one behaviour.
pub struct Group {
    /// The behaviour.
    pub name: &'static str,
    /// The interface that makes these promises.
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
    /// The requirements that a component must meet for this case to apply.
    pub needs: &'static [Need],
    pub(super) check: Check,
}

pub(super) type Check = for<'s> fn(&'s Scene) -> Pin<Box<dyn Future<Output = Checked> + 's>>;

impl Case {
    /// Returns the name of the case: the promise in words.
    #[must_use]
    pub fn name(&self) -> String {
        self.function.replace('_', " ")
    }
}

/// A requirement of a case, in addition to the interface that it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The feature `etag`.
    Etag,
    /// The feature `transactional`.
    Transactional,
    /// The feature `ttl`.
    Ttl,
    /// The store does not have the feature `etag`.
    NoEtag,
    /// The store does not have the feature `transactional`.
    NoTransactional,
    /// The store does not have the feature `ttl`.
    NoTtl,
    /// A second instance sees the items that a first one wrote.
    SharedStore,
    /// The component also exports the other interface.
    BothInterfaces,
    /// The user has named an operation of the binding that may be performed.
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

/// Creates cases from functions, whose names become the names of the cases. It takes the
/// requirements of all, then each function with its own.
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
