//! Whether the body that arrived is the body that DynamoDB sent: it sends the
//! CRC-32 of most bodies in `x-amz-crc32`. A body that fails the check is never
//! read.

use super::message::{Response, TransportError};
use super::wire;

/// The field that says what to check the body against, in lower case.
pub const CHECKSUM: &str = "x-amz-crc32";

/// Checks the body, where the answer says what to check it against.
///
/// # Errors
///
/// [`TransportError::Damaged`].
pub fn check(response: &Response) -> Result<(), TransportError> {
    let Some(sent) = response.header(CHECKSUM) else {
        return Ok(());
    };
    let arrived = crc32fast::hash(&response.body);
    if sent.trim().parse() == Ok(arrived) {
        Ok(())
    } else {
        let encoding = wire::encoding(response);
        let encoding = encoding.map(|words| format!("; {words}"));
        Err(TransportError::Damaged(format!(
            "{CHECKSUM} is {}, the body has {arrived}{}",
            wire::quoted(sent),
            encoding.unwrap_or_default()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(crc: Option<&str>) -> Response {
        let headers = crc.map(|crc| (CHECKSUM.to_owned(), crc.as_bytes().to_vec()));
        Response {
            status: 200,
            headers: headers.into_iter().collect(),
            body: b"123456789".to_vec(),
        }
    }

    #[test]
    fn a_body_passes_with_its_own_checksum_or_with_none_and_not_with_another() {
        assert_eq!(check(&response(Some("3421780262"))), Ok(()));
        assert_eq!(check(&response(None)), Ok(()));
        assert!(check(&response(Some("3421780263"))).is_err());
        assert!(check(&response(Some("many"))).is_err());
    }

    #[test]
    fn encoding_is_named_where_the_body_fails_its_check() {
        let mut encoded = response(Some("3421780263"));
        let field = ("Content-Encoding".to_owned(), b"gzip".to_vec());
        encoded.headers.push(field);
        let error = check(&encoded).unwrap_err().to_string();
        assert!(error.contains("content encoding gzip"), "{error}");
    }
}
