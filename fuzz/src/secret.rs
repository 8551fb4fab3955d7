//! A secret is never shown.

/// Part of every secret that a target gives.
pub const MARKER: &str = "MARKER-OF-A-SECRET";

/// Fails where `text` shows a secret.
///
/// # Panics
///
/// Where it does.
pub fn hides_the_secret(text: &str) {
    assert!(!text.contains(MARKER), "a secret is shown: {text}");
}
