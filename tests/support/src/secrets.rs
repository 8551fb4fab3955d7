//! A test prints no secret.

use crate::aws::CANARY;
use std::fmt::Display;

/// The secret key of every test; it must never show up in a sentence.
pub const SECRET_KEY: &str = "test-secret-key-never-to-be-shown";

/// Fails where a text of a program or component holds a secret of a test. Prints it, for `.ci/secrets` looks for secrets in
/// all that a run of the tests printed.
#[track_caller]
pub fn assert_no_secret(text: &dyn Display) {
    let said = text.to_string();
    for secret in [CANARY, SECRET_KEY] {
        assert!(
            !said.contains(secret),
            "a secret is in {:?}",
            said.replace(secret, "***")
        );
    }
    println!("told: {said}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a secret is in \"the key ***/secret is wrong\"")]
    fn what_holds_a_secret_is_not_passed_over() {
        assert_no_secret(&format!("the key {CANARY}/secret is wrong"));
    }
}
