//! Secrets that a server repeats are left out of what is told of its words.

/// Bytes of the shortest text that is kept out of sentences as a secret. AWS's
/// secret keys have 40 and its session tokens hundreds; the shorter ones are what
/// local engines are given, which ask for any.
const SHORTEST_SECRET: usize = 8;

/// `text` without `secrets`. What is shorter than any secret stands for none, and
/// is a word of other sentences: without `key`, nobody could tell what DynamoDB
/// says of a key.
#[must_use]
pub fn redact(text: &str, secrets: &[&str]) -> String {
    let secrets = secrets
        .iter()
        .filter(|secret| secret.len() >= SHORTEST_SECRET);
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}
