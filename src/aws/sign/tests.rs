//! What a signer hides.

use super::*;

#[test]
fn a_text_of_eight_bytes_is_a_secret_and_a_shorter_one_a_word() {
    for (secret, redacted) in [("12345678", "the ***"), ("1234567", "the 1234567")] {
        let credentials = Credentials::new("id", secret, None, None, "test");
        let signer = Signer::new(credentials, "eu-west-1".to_owned(), "dynamodb");
        assert_eq!(signer.redact(&format!("the {secret}")), redacted);
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
