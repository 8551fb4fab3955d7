//! Text for error sentences and standard error: quoted, limited in length, and without
//! secrets.
//!
//! Code that reads a secret must call [`remember`]. The module `component` passes every
//! outgoing text through [`redact`]. So other code may write sentences without a check for
//! secrets. Only code that shortens a text must call [`beginning`], or a function that
//! calls it.
//!
//! A component has one thread, so the secrets of an instance are kept per thread.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::VecDeque;

/// Minimum length of a secret that is redacted, in bytes. AWS's secret keys have 40 bytes,
/// and its session tokens have hundreds. Shorter secrets are for local engines, which accept
/// any secret. A shorter text is also a word of other sentences: if `key` were redacted,
/// sentences about keys would be unreadable.
const SHORTEST: usize = 8;

/// Maximum number of remembered secrets. A set of credentials has two secrets, and an
/// instance has a few sets at a time. Sources of credentials replace them, mostly hourly.
const MOST: usize = 256;

/// Maximum length of a text that [`quote`] does not shorten, in characters.
const LONGEST_QUOTED: usize = 80;

/// Maximum length of a quoted error code or message of a server, in characters. DynamoDB's
/// own are shorter.
pub const LONGEST_LINE: usize = 1_000;

/// The text that replaces a secret.
const REDACTED: &str = "***";

thread_local! {
    /// The remembered secrets. The last one is the most recently remembered.
    static SECRETS: RefCell<VecDeque<String>> = const { RefCell::new(VecDeque::new()) };
}

/// Redacts `secret` from all sentences from now on, also in the form that `{:?}` writes. If
/// there are too many secrets, the one that was remembered longest ago is forgotten.
pub fn remember(secret: &str) {
    let secret = secret.trim();
    if secret.len() < SHORTEST {
        return;
    }
    let quoted = format!("{secret:?}");
    let quoted = quoted.trim_matches('"');
    SECRETS.with_borrow_mut(|secrets| {
        secrets.retain(|known| known != secret && known != quoted);
        secrets.push_back(secret.to_owned());
        if quoted != secret {
            secrets.push_back(quoted.to_owned());
        }
        while secrets.len() > MOST {
            secrets.pop_front();
        }
    });
}

/// Returns `text` with the secrets redacted. It replaces the longest secrets first, because
/// one may contain another.
#[must_use]
pub fn redact(text: &str) -> String {
    SECRETS.with_borrow(|secrets| {
        let is_in_it = |secret: &&String| text.contains(secret.as_str());
        let mut found: Vec<&String> = secrets.iter().filter(is_in_it).collect();
        found.sort_by_key(|secret| Reverse(secret.len()));
        let without = |text: String, secret: &String| text.replace(secret.as_str(), REDACTED);
        found.into_iter().fold(text.to_owned(), without)
    })
}

/// Returns the first `longest` characters of `text`. It redacts secrets before it shortens
/// the text, because [`redact`] would not recognise a truncated secret.
#[must_use]
pub fn beginning(text: &str, longest: usize) -> String {
    redact(text).chars().take(longest).collect()
}

/// Returns a key or the value of a field in quotation marks, with special characters escaped.
/// A long text is shortened.
#[must_use]
pub fn quote(text: &str) -> String {
    match text.chars().nth(LONGEST_QUOTED) {
        Some(_) => format!("{:?}…", beginning(text, LONGEST_QUOTED)),
        None => format!("{text:?}"),
    }
}

/// Returns the first `longest` characters of a server's text, with control characters
/// escaped. A terminal would obey them.
#[must_use]
pub fn escaped(words: &str, longest: usize) -> String {
    let words = beginning(words, longest);
    words.chars().flat_map(char::escape_debug).collect()
}

/// Returns the first line of a server's text. In a signature error of AWS the other lines
/// repeat the signed request, which includes the session token.
#[must_use]
pub fn first_line(words: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let line = words.split(is_break).next().unwrap_or_default();
    beginning(line, LONGEST_LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_secrets_are_redacted_first() {
        remember("canary-1");
        remember("canary-1-and-more");
        remember("canary-1-and");
        let text = "canary-1-and-more, canary-1-and, canary-1 and canary-2";
        assert_eq!(redact(text), "***, ***, *** and canary-2");
    }

    #[test]
    fn short_and_empty_secrets_are_not_redacted() {
        for secret in ["", " ", "key", "1234567", " 1234567\n"] {
            remember(secret);
        }
        let text = "the key 1234567 is empty: \"\"";
        assert_eq!(redact(text), text);
    }

    #[test]
    fn secret_is_redacted_in_debug_output() {
        remember("a\"quoted\\canary");
        let quoted = format!("{:?}", "a\"quoted\\canary");
        assert_eq!(redact(&quoted), "\"***\"");
        assert_eq!(redact("a\"quoted\\canary"), "***");
    }

    #[test]
    fn blanks_around_a_secret_are_ignored() {
        remember("  canary-1\n");
        assert_eq!(redact("it is canary-1."), "it is ***.");
    }

    #[test]
    fn secret_is_redacted_before_text_is_shortened() {
        remember("canary-of-some-length");
        assert_eq!(beginning("a canary-of-some-length", 10), "a ***");
        assert_eq!(beginning("nothing secret", 7), "nothing");
    }

    #[test]
    fn recently_remembered_secrets_are_kept() {
        remember("canary-in-use");
        for number in 0..2 * MOST {
            remember(&format!("canary-replaced-{number:04}"));
            remember("canary-in-use");
        }
        assert_eq!(redact("canary-in-use"), "***");
        assert_eq!(redact("canary-replaced-0511"), "***");
        assert_eq!(redact("canary-replaced-0000"), "canary-replaced-0000");
        SECRETS.with_borrow(|secrets| assert_eq!(secrets.len(), MOST));
    }

    #[test]
    fn quoted_key_is_escaped_and_shortened() {
        assert_eq!(quote("a\nb"), r#""a\nb""#);
        assert_eq!(quote(&"x".repeat(81)), format!("\"{}\"…", "x".repeat(80)));
    }
}
