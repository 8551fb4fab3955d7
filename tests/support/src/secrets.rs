//! A check that tests print no secret.

use crate::aws::CANARY;
use std::fmt::Display;

/// The secret key of every test. It must never appear in a sentence.
pub const SECRET_KEY: &str = "test-secret-key-never-to-be-shown";

/// Panics if a text of a program or component contains a secret of a test. Prints the text too,
/// because `.ci/secrets` searches all output of a test run for secrets.
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
    fn text_with_a_secret_panics() {
        assert_no_secret(&format!("the key {CANARY}/secret is wrong"));
    }
}
