//! Tests without credentials in the component: no source has any, or the host signs.

use super::stage::{signer, signers, stage};
use crate::config::Config;
use crate::http::{Clock, Files};
use crate::test_support::{Scene, success};
use std::cell::RefCell;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn missing_credentials_are_reported_within_three_seconds() {
    let silence = || Scene::from(success()).after(Duration::from_secs(3_600));
    let stage = stage(move |_| silence());
    let error = signer(&stage, &signers(&stage, &[])).await;
    let error = error.expect_err("no source").to_string();
    assert!(
        error.starts_with("invalid-configuration: no AWS credentials"),
        "{error}"
    );
    let tried = [
        "AWS_ACCESS_KEY_ID",
        "no shared files",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "http://169.254.169.254: no complete response within 1000 ms",
    ];
    assert!(tried.iter().all(|source| error.contains(source)), "{error}");
    assert_eq!(stage.sent().len(), 2);
    assert!(stage.monotonic() <= Duration::from_secs(3));
}

/// Files that record the paths that are read.
#[derive(Default)]
struct Watched(RefCell<Vec<String>>);

impl Files for Watched {
    fn read(&self, path: &str, _: u64) -> std::io::Result<Vec<u8>> {
        self.0.borrow_mut().push(path.to_owned());
        Ok(b"[default]\nregion = eu-west-1\n".to_vec())
    }
}

#[test]
fn no_file_is_read_if_the_host_signs() {
    let environment = |name: &str| (name == "HOME").then(|| "/home/u".to_owned());
    let parse = |more: &[(&str, &str)]| {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let metadata: Vec<_> = [("table", "t")].iter().chain(more).map(own).collect();
        let files = Watched::default();
        let region = Config::parse(&metadata, &environment, &files);
        (
            region.map(|config| config.client.region),
            files.0.take().len(),
        )
    };
    assert_eq!(parse(&[]), (Ok("eu-west-1".to_owned()), 2));
    let (region, read) = parse(&[("signing", "host")]);
    assert!(region.unwrap_err().to_string().contains("`region`"));
    assert_eq!(read, 0);
}
