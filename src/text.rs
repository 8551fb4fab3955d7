//! Text that goes into error sentences and onto standard error: quoted with an end, and
//! without secrets.
//!
//! Code that learns a secret calls [`remember`]; the edge passes every text that it
//! gives away through [`redact`]. So code that writes a sentence need not think of
//! secrets, unless it cuts a text: then it calls [`beginning`] or a function that does.
//!
//! A component has one thread, so the secrets of an instance are those of its thread.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::VecDeque;

/// Bytes of the shortest text that is kept out of sentences as a secret. AWS's
/// secret keys have 40 and its session tokens hundreds; the shorter ones are what
/// local engines are given, which ask for any. A shorter text is also a word of
/// other sentences: without `key`, nobody could tell what DynamoDB says of a key.
const SHORTEST: usize = 8;

/// Maximum number of remembered secrets. A set of credentials has two secrets, and an
/// instance has a few sets at a time; sources replace them, hourly for the most part.
const MOST: usize = 256;

/// Longest text that [`quote`] takes whole, in characters.
const LONGEST_QUOTED: usize = 80;

/// Longest part of a code or of a sentence of the server that is quoted, in
/// characters. DynamoDB's own are shorter.
pub const LONGEST_LINE: usize = 1_000;

/// Stands for a secret.
const REDACTED: &str = "***";

thread_local! {
    /// The last one is the one that was learnt or used last.
    static SECRETS: RefCell<VecDeque<String>> = const { RefCell::new(VecDeque::new()) };
}

/// Keeps `secret` out of all sentences from now on, also as `{:?}` writes it. Where
/// there are too many, the one that was remembered the longest ago is forgotten.
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

/// `text` without any of the secrets. The longest go first: one may hold another.
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

/// The first `longest` characters of `text`. Secrets are taken out before it is cut:
/// the edge would not recognise one of which the end is missing.
#[must_use]
pub fn beginning(text: &str, longest: usize) -> String {
    redact(text).chars().take(longest).collect()
}

/// `text` in quotation marks with what it escapes: a key, or the value of a field.
#[must_use]
pub fn quote(text: &str) -> String {
    match text.chars().nth(LONGEST_QUOTED) {
        Some(_) => format!("{:?}…", beginning(text, LONGEST_QUOTED)),
        None => format!("{text:?}"),
    }
}

/// The first `longest` characters of words of a server, without what a terminal would
/// obey.
#[must_use]
pub fn escaped(words: &str, longest: usize) -> String {
    let words = beginning(words, longest);
    words.chars().flat_map(char::escape_debug).collect()
}

/// The first line of words of a server: after it a signature error of AWS repeats what
/// was signed, the session token among it.
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
    fn secrets_are_redacted_the_longest_first() {
        remember("canary-1");
        remember("canary-1-and-more");
        remember("canary-1-and");
        let text = "canary-1-and-more, canary-1-and, canary-1 and canary-2";
        assert_eq!(redact(text), "***, ***, *** and canary-2");
    }

    #[test]
    fn short_and_empty_secrets_leave_sentences_as_they_are() {
        for secret in ["", " ", "key", "1234567", " 1234567\n"] {
            remember(secret);
        }
        let text = "the key 1234567 is empty: \"\"";
        assert_eq!(redact(text), text);
    }

    #[test]
    fn secret_is_redacted_as_debug_output_writes_it() {
        remember("a\"quoted\\canary");
        let quoted = format!("{:?}", "a\"quoted\\canary");
        assert_eq!(redact(&quoted), "\"***\"");
        assert_eq!(redact("a\"quoted\\canary"), "***");
    }

    #[test]
    fn blanks_around_a_secret_are_not_part_of_it() {
        remember("  canary-1\n");
        assert_eq!(redact("it is canary-1."), "it is ***.");
    }

    #[test]
    fn secret_is_taken_out_before_a_text_is_cut() {
        remember("canary-of-some-length");
        assert_eq!(beginning("a canary-of-some-length", 10), "a ***");
        assert_eq!(beginning("nothing secret", 7), "nothing");
    }

    #[test]
    fn secrets_that_are_used_outlast_those_that_were_replaced() {
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
    fn a_quoted_key_shows_control_characters_and_ends() {
        assert_eq!(quote("a\nb"), r#""a\nb""#);
        assert_eq!(quote(&"x".repeat(81)), format!("\"{}\"…", "x".repeat(80)));
    }
}
