//! The promises that every cell keeps, whatever the fault.

use super::calls::{Call, Stored, Told};
use super::cell::{Cell, Outcome};
use super::fault::Nature;

/// Returns a sentence for each promise that the cell breaks.
pub fn broken(cell: &Cell, outcome: &Outcome) -> Vec<String> {
    let (call, fault) = (cell.call, cell.fault);
    let mut broken = Vec::new();
    let mut hold = |holds: bool, sentence: &str| {
        if !holds {
            broken.push(sentence.to_owned());
        }
    };
    for (told, stored) in outcome.told.iter().zip(&outcome.stored) {
        hold(
            !matches!(stored, Stored::Other(_)),
            "an item is in a state that no call produces",
        );
        match told {
            Told::Item { value, etag } => {
                let right = value == b"old" && etag.as_deref() == Some("old-etag");
                hold(call.reads() && right, "a read returns a wrong value");
            }
            Told::Absent => hold(false, "a read does not find the existing item"),
            Told::Written(etag) => {
                let stands = matches!(stored, Stored::Changed(stored) if stored == etag);
                hold(
                    stands,
                    "a write that succeeded is not in the table with its ETag",
                );
            }
            Told::Error(case) => {
                let in_doubt = case == "timeout" || case == "unavailable";
                hold(
                    case != "etag-mismatch",
                    "a condition that holds is reported as a mismatch",
                );
                hold(
                    in_doubt || *stored == Stored::Unchanged,
                    "the error says that a write has not happened, but it has",
                );
                hold(
                    fault.nature != Nature::Harmless,
                    "a harmless event is reported as an error",
                );
                hold(
                    !in_doubt || fault.nature != Nature::Refused,
                    "a known outcome is reported as unknown",
                );
                hold(
                    in_doubt || fault.nature == Nature::Refused || call.reads(),
                    "an unknown outcome is reported as known",
                );
            }
        }
        if call.reads() {
            hold(*stored == Stored::Unchanged, "a read has changed something");
        }
    }
    hold(
        outcome.told.len() == outcome.stored.len(),
        "not every request has a result",
    );
    if call == Call::Transact {
        let same = outcome
            .stored
            .windows(2)
            .all(|two| matches!(two[0], Stored::Unchanged) == matches!(two[1], Stored::Unchanged));
        hold(same, "a transaction has taken effect in part");
    }
    let sent = match fault.nature {
        Nature::Unknown => Some(1),
        Nature::UnknownAfterRefusal => Some(2),
        Nature::Harmless | Nature::Refused | Nature::NotSent => None,
    };
    if let Some(sent) = sent.filter(|_| call.is_sent_once()) {
        hold(
            writes(outcome) == sent,
            "a write that may have happened is sent again",
        );
    }
    let wanted = match outcome.stored.first() {
        _ if call == Call::Create => Told::Absent,
        Some(Stored::Changed(None)) => Told::Absent,
        Some(Stored::Changed(etag)) => item("new", etag.as_deref()),
        _ if call == Call::SetFirstWrite => Told::Absent,
        _ => item("old", Some("old-etag")),
    };
    hold(
        outcome.read_afterwards == wanted,
        "the next read does not return the stored item",
    );
    broken
}

fn item(value: &str, etag: Option<&str>) -> Told {
    Told::Item {
        value: value.as_bytes().to_vec(),
        etag: etag.map(str::to_owned),
    }
}

/// Returns the number of write requests that arrived.
fn writes(outcome: &Outcome) -> u64 {
    let reads = ["GetItem", "BatchGetItem"];
    let requests = outcome.requests.iter();
    let writes = requests.filter(|(operation, _)| !reads.contains(&operation.as_str()));
    writes.map(|(_, count)| count).sum()
}
