//! The check that no secret is shown.

/// A part of every secret that a target configures.
pub const MARKER: &str = "MARKER-OF-A-SECRET";

/// Checks that `text` shows no secret.
///
/// # Panics
///
/// Panics if it does.
pub fn hides_the_secret(text: &str) {
    assert!(!text.contains(MARKER), "a secret is shown: {text}");
}
