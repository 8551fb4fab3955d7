//! The program allows the hosts of AWS that the component needs, and passes on the variables that
//! the documentation names.

use crate::calls::here_with;
use dapr_dynamodb::aws::endpoint::Endpoint;
use host_test::embedded::{Embedded, Storage};
use host_test::program::{AWS_HOSTS, Surroundings, Terminal, run};
use std::cell::RefCell;
use std::collections::BTreeSet;
use test_support::ran::{folder, write};

const CONFIGURATION: &str = include_str!("../../../docs/reference/configuration.md");
const CREDENTIALS: &str = include_str!("../../../docs/reference/credentials.md");

/// A component file that takes all settings from the environment.
const BARE: &str = "\
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
spec:
  type: state.aws.dynamodb
  version: v1
  metadata: []
";

/// One region of each partition of AWS, and one that belongs to no partition.
const REGIONS: [&str; 9] = [
    "eu-west-1",
    "us-gov-west-1",
    "cn-north-1",
    "eusc-de-east-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "eu-isoe-west-1",
    "us-isof-south-1",
    "mars-north-1",
];

#[test]
fn allowed_hosts_match_the_hosts_of_all_regions() {
    let of = |service: &'static str| {
        REGIONS.map(|region| {
            let endpoint = Endpoint::of_region(service, region).unwrap();
            assert!(endpoint.tls(), "{region}");
            let host = format!("{}:443", endpoint.authority());
            host.replace(region, "*")
        })
    };
    let hosts = [of("dynamodb"), of("sts")].concat();
    let found: BTreeSet<&str> = hosts.iter().map(String::as_str).collect();
    assert_eq!(found, BTreeSet::from(AWS_HOSTS));
}

/// Returns the variables that the tables of fields and of credential sources name.
fn documented() -> BTreeSet<String> {
    let columns = [
        (CONFIGURATION, "Environment variable"),
        (CREDENTIALS, "Configured by"),
    ];
    let cells = columns
        .into_iter()
        .flat_map(|(page, heading)| column(page, heading));
    let named = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    // The other names are fields of the metadata.
    let is_variable = |name: &&str| !name.contains(|letter: char| letter.is_ascii_lowercase());
    named.filter(is_variable).map(str::to_owned).collect()
}

/// Returns the cells below this heading, in all tables of the page that have it.
fn column<'p>(page: &'p str, heading: &str) -> Vec<&'p str> {
    let mut place = None;
    let mut found = Vec::new();
    for line in page.lines() {
        let mut cells = line.split('|').map(str::trim);
        match place {
            _ if !line.starts_with('|') => place = None,
            None => place = cells.position(|cell| cell == heading),
            Some(place) => found.extend(cells.nth(place)),
        }
    }
    found
}

#[tokio::test]
async fn every_documented_variable_is_looked_up() {
    let documented = documented();
    assert!(documented.len() > 25, "{documented:?}");
    let (kept, _) = folder();
    let file = write(kept.path(), "bare.yaml", BARE);
    let asked = RefCell::new(BTreeSet::new());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let status = run(
        ["host-test", "state", "ping", "--component-yaml", &file]
            .map(Into::into)
            .into(),
        Surroundings {
            environment: &|name| {
                asked.borrow_mut().insert(name.to_owned());
                None
            },
            stdin: &mut std::io::empty(),
            stdout: &mut stdout,
            stderr: &mut stderr,
            terminal: Terminal::default(),
        },
    )
    .await;
    // Nothing is configured, so no server was called.
    let told = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), 1);
    assert!(told.contains("`table` is missing"), "{told}");
    assert_eq!(asked.into_inner(), documented);
}

#[tokio::test]
async fn environment_configures_store_and_empty_url_is_ignored() {
    let (kept, _) = folder();
    let file = write(kept.path(), "bare.yaml", BARE);
    let engine = Embedded::start(Storage::Memory).await.unwrap();
    engine.create_table("orders", "key").await.unwrap();
    let environment = [
        ("AWS_ENDPOINT_URL", engine.endpoint()),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""),
        ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
        ("AWS_SECRET_ACCESS_KEY", "a-secret"),
        ("DYNAMODB_TABLE", "orders"),
        ("DYNAMODB_TTL_ATTRIBUTE_NAME", "gone"),
    ];
    let set = ["state", "set", "k", "v", "--ttl", "60"];
    let set = [&set[..], &["--component-yaml", &file]].concat();
    let ran = here_with(&set, b"", &environment).await;
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let item = &engine.scan("orders").await.unwrap()[0];
    assert!(item["gone"]["N"].is_string(), "{item}");
}
