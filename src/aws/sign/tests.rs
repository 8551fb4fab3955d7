//! What a signer hides.

use super::*;
use crate::text::redact;

#[test]
fn secrets_of_a_signer_are_redacted_from_8_bytes_on() {
    for (secret, token, redacted) in [
        ("12345678", Some("a-session-token"), "*** and ***"),
        ("1234567", Some("token"), "1234567 and token"),
        ("abcdefgh", None, "*** and "),
    ] {
        let token = token.map(str::to_owned);
        let text = format!("{secret} and {}", token.as_deref().unwrap_or_default());
        let credentials = Credentials::new("id", secret, token, None, "test");
        let _ = Signer::new(credentials, "eu-west-1".to_owned(), "dynamodb");
        assert_eq!(redact(&text), redacted);
    }
}

#[test]
fn a_session_token_that_no_field_carries_is_refused_and_not_quoted() {
    let token = Some("c4n4ry\r\nx-injected: 1".to_owned());
    let credentials = Credentials::new("id", "12345678", token, None, "test");
    let signer = Signer::new(credentials, "eu-west-1".to_owned(), "dynamodb");
    let endpoint = Endpoint::parse("http://localhost:8000").unwrap();
    let mut headers = Headers::new();
    let error = signer.sign(&endpoint, &mut headers, b"", SystemTime::UNIX_EPOCH);
    let sentence = error.unwrap_err().to_string();
    assert!(sentence.contains("session token"), "{sentence}");
    assert!(!sentence.contains("c4n4ry"), "{sentence}");
}
