//! All cases, one module per behaviour, in the order in which one would build a component of the
//! contract.

mod binding;
mod bulk;
mod bulk_conditions;
mod configuration;
mod etags;
mod features;
mod first_write;
mod hostile_arguments;
mod instances;
mod reads_and_writes;
mod time_to_live;
mod transaction_order;
mod transaction_refusals;
mod transactions;

// The imports of every case.
use super::ODD_TEXTS;
use super::caller::{Answer, Caller, Refusal};
use super::case::{Case, Group, Interface, cases};
use super::expectation::*;
use super::outcome::{Checked, Unmet};
use super::requests::*;
use super::scene::Scene;

/// All groups.
pub const GROUPS: &[Group] = &[
    configuration::GROUP,
    features::GROUP,
    reads_and_writes::GROUP,
    etags::GROUP,
    first_write::GROUP,
    time_to_live::GROUP,
    bulk::GROUP,
    bulk_conditions::GROUP,
    transactions::GROUP,
    transaction_refusals::GROUP,
    transaction_order::GROUP,
    instances::GROUP,
    hostile_arguments::GROUP,
    binding::GROUP,
];

/// Returns every case whose group or name contains this text.
#[must_use]
pub fn matching(text: &str) -> Vec<(&'static Group, &'static Case)> {
    let all = GROUPS.iter().flat_map(|group| {
        let cases = group.cases.iter();
        cases.map(move |case| (group, case))
    });
    all.filter(|(group, case)| format!("{}: {}", group.name, case.name()).contains(text))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn case_names_are_unique() {
        let all = matching("");
        let names: BTreeSet<_> = all.iter().map(|(_, case)| case.name()).collect();
        assert_eq!(names.len(), all.len());
    }

    #[test]
    fn cases_are_found_by_group_and_by_name() {
        let etags = matching("ETags: ").len();
        assert!(etags > 5 && etags < matching("").len());
        assert_eq!(matching("absent key is none and not an error").len(), 1);
        assert!(matching("no such case").is_empty());
    }
}
