//! Checks of results. A message says what was expected and what came instead. Long values are cut.

use super::caller::Answer;
use super::outcome::{Checked, Unmet};
use dapr_wasm_host::types::Error;
use std::fmt::{Debug, Display};

/// The number of characters of a value that a message shows.
const SHOWN: usize = 200;

/// Checks that both values are equal.
pub(super) fn equal<T, U>(what: impl Display, found: T, expected: U) -> Checked
where
    T: Debug + PartialEq<U>,
    U: Debug,
{
    match found == expected {
        true => Ok(()),
        false => Err(Unmet::failed(format_args!(
            "{what} is {}, not {}",
            shown(&found),
            shown(&expected)
        ))),
    }
}

/// Checks a condition. `otherwise` is the message if it is false.
pub(super) fn holds(condition: bool, otherwise: impl Display) -> Checked {
    match condition {
        true => Ok(()),
        false => Err(Unmet::failed(otherwise)),
    }
}

/// Checks that the value is present.
pub(super) fn there<T>(what: impl Display, value: Option<T>) -> Checked<T> {
    value.ok_or_else(|| Unmet::failed(format_args!("{what} is absent")))
}

/// Returns the outcome of a call, for comparison: "ok", or the case of the contract's error. A
/// trap, a call without end and a leaked secret are failures, because they are never a valid
/// outcome.
pub(super) fn outcome<T>(answer: Answer<T>) -> Checked<&'static str> {
    match answer {
        Ok(_) => Ok("ok"),
        Err(refusal) => refusal.case().ok_or_else(|| refusal.into()),
    }
}

/// Checks that the component refused the call with this case of the contract's error.
pub(super) fn refused<T: Debug>(answer: Answer<T>, case: &str) -> Checked {
    refused_as(answer, case, |_| Ok(()))
}

/// Checks that the component refused the call with this case, and that the error contains this
/// name.
pub(super) fn refused_naming<T: Debug>(answer: Answer<T>, case: &str, name: &str) -> Checked {
    refused_as(answer, case, |error| names(error, name))
}

/// Checks that the call failed because a condition did not hold, and that the error names the key.
pub(super) fn mismatch<T: Debug>(answer: Answer<T>, key: &str) -> Checked {
    refused_naming(answer, "etag-mismatch", key)
}

fn refused_as<T: Debug>(
    answer: Answer<T>,
    case: &str,
    check: impl FnOnce(&Error) -> Checked,
) -> Checked {
    match answer {
        Ok(value) => Err(Unmet::failed(format_args!(
            "a call that must be refused as {case} returned {}",
            shown(&value)
        ))),
        Err(refusal) => match refusal.component() {
            Some(error) => is_error(error, case)
                .and_then(|()| check(error))
                .map_err(|unmet| unmet.of(&refusal.call)),
            None => Err(refusal.into()),
        },
    }
}

/// Checks that the error has this case, and a sentence if the contract requires one.
pub(super) fn is_error(error: &Error, case: &str) -> Checked {
    if error.case() != case {
        return Err(Unmet::failed(format_args!(
            "the error is {}, not {case}",
            cut(&error.to_string())
        )));
    }
    holds(
        error
            .sentence()
            .is_none_or(|sentence| !sentence.trim().is_empty()),
        format_args!("the {case} has no sentence"),
    )
}

/// Checks that the error is `etag-mismatch` and names the key.
pub(super) fn is_mismatch(error: &Error, key: &str) -> Checked {
    is_error(error, "etag-mismatch")?;
    names(error, key)
}

fn names(error: &Error, name: &str) -> Checked {
    let sentence = error.sentence().unwrap_or_default();
    holds(
        sentence.contains(name),
        format_args!(
            "the sentence {} does not name {}",
            shown(&sentence),
            shown(&name)
        ),
    )
}

/// Checks that a bulk call returned an error for one request, and checks that error.
pub(super) fn fails<T: Debug>(
    result: Result<T, Error>,
    check: impl FnOnce(&Error) -> Checked,
) -> Checked {
    match result {
        Err(error) => check(&error),
        Ok(value) => Err(Unmet::failed(format_args!(
            "a request of a bulk call that must fail returned {}",
            shown(&value)
        ))),
    }
}

/// Checks that a bulk call returned no error for one request.
pub(super) fn succeeds<T>(what: impl Display, result: Result<T, Error>) -> Checked<T> {
    result.map_err(|error| Unmet::failed(format_args!("{what} is {}", cut(&error.to_string()))))
}

/// Checks that there are as many results as requests.
pub(super) fn by_position<T, const N: usize>(results: Vec<T>) -> Checked<[T; N]> {
    <[T; N]>::try_from(results).map_err(|results| {
        Unmet::failed(format_args!("{N} requests have {} results", results.len()))
    })
}

fn shown(value: &impl Debug) -> String {
    cut(&format!("{value:?}"))
}

pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

impl Unmet {
    /// Adds the call to the message.
    fn of(self, call: &str) -> Self {
        match self {
            Self::Failed(sentence) => Self::Failed(format!("{call}: {sentence}")),
            Self::NotApplicable(reason) => Self::NotApplicable(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters() {
        let long = "ü".repeat(1000);
        assert_eq!(cut(&long), format!("{}…", "ü".repeat(SHOWN)));
        for whole in [String::new(), "ü".repeat(SHOWN)] {
            assert_eq!(cut(&whole), whole);
        }
        let told = |checked: Checked| match checked {
            Err(Unmet::Failed(sentence)) => sentence,
            other => panic!("{other:?}"),
        };
        let beginning = "ü".repeat(SHOWN - 1);
        for sentence in [
            told(equal("the value", &long, "")),
            told(is_mismatch(&Error::EtagMismatch(long.clone()), "k")),
            told(is_mismatch(&Error::EtagMismatch("k".to_owned()), &long)),
        ] {
            assert!(sentence.contains(&format!("\"{beginning}…")), "{sentence}");
            assert!(!sentence.contains(&format!("{beginning}ü")), "{sentence}");
        }
    }
}
