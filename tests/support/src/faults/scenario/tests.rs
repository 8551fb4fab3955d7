use super::*;
use crate::faults::{Count, FaultProxy};
use host_test::embedded::{Embedded, Storage};
use host_test::raw_call::raw_call;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

fn read(text: &str) -> Result<Scenario, ScenarioError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    std::fs::write(&file, text).unwrap();
    Scenario::from_file(&file, Box::new(|_| {}))
}

/// Returns the error of this scenario, without the folder.
#[track_caller]
fn refusal(text: &str) -> String {
    let error = read(text).unwrap_err();
    let file = error.file.file_name().map(PathBuf::from);
    let file = file.unwrap_or_default();
    ScenarioError { file, ..error }.to_string()
}

#[test]
fn error_names_file_line_field_and_remedy() {
    for (text, says) in [
        (
            "",
            "s.toml: the scenario has no fault: write at least one [[fault]]",
        ),
        ("[[fault]\n", "s.toml:1: "),
        ("[[fault]]\nnth = 1\n", "s.toml:1: missing field `action`"),
        (
            "[[fault]]\naction = \"pass\"\nnht = 1\n",
            "s.toml:3: unknown field `nht`, expected one of",
        ),
        (
            "[[fault]]\naction = \"pas\"\n",
            "s.toml:2: unknown action \"pas\": use one of pass, error",
        ),
        (
            "[[fault]]\n\naction = \"error\"\n",
            "s.toml:3: the action \"error\" needs the field `error`",
        ),
        (
            "[[fault]]\naction = \"error\"\nerror = \"Throttling\"\n",
            "s.toml:3: unknown error \"Throttling\": set its `status` as well, or use one of",
        ),
        (
            "[[fault]]\naction = \"close\"\nbytes = 3\n",
            "s.toml:3: the action \"close\" has no field `bytes`: remove it",
        ),
        (
            "[[fault]]\naction = \"pass\"\ndelay = \"soon\"\n",
            "s.toml:3: `delay` is not a duration",
        ),
        (
            "[[fault]]\naction = \"pass\"\nnth = 0\n",
            "s.toml:3: requests are counted from 1",
        ),
        (
            "[[fault]]\naction = \"pass\"\npercent = 101.0\n",
            "s.toml:3: `percent` must be above 0",
        ),
        (
            "[[fault]]\naction = \"pass\"\nnth = 1\nevery = 2\n",
            "s.toml:4: set only one of `nth`, `first`, `every` and `percent`",
        ),
        (
            "[[fault]]\naction = \"html\"\nstatus = 7\n",
            "s.toml:3: `status` must be an HTTP status",
        ),
    ] {
        let refusal = refusal(text);
        assert!(refusal.starts_with(says), "{refusal}");
    }
    let absent = Scenario::from_file(Path::new("no/such.toml"), Box::new(|_| {}));
    assert!(
        absent
            .unwrap_err()
            .to_string()
            .starts_with("no/such.toml: ")
    );
}

#[test]
fn every_action_is_built_from_its_required_fields() {
    let values = [
        ("error", "\"ThrottlingException\""),
        ("for", "\"1s\""),
        ("bytes", "1"),
        ("interval", "\"1ms\""),
        ("to", "\"http://127.0.0.1:1/\""),
        ("body", "\"\""),
    ];
    for kind in KINDS {
        let fields = kind.needs.iter().map(|needed| {
            let (_, value) = values.iter().find(|(name, _)| name == needed).unwrap();
            format!("{needed} = {value}\n")
        });
        let fields: String = fields.collect();
        let name = kind.name;
        let scenario = read(&format!("[[fault]]\naction = \"{name}\"\n{fields}")).unwrap();
        let passes = scenario.faults[0].action == Action::pass();
        assert_eq!(passes, name == "pass", "{name}");
    }
}

#[test]
fn examples_are_valid_scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/faults");
    let mut examples = 0;
    for example in std::fs::read_dir(folder).unwrap() {
        let example = example.unwrap().path();
        Scenario::from_file(&example, Box::new(|_| {})).unwrap();
        examples += 1;
    }
    assert!(examples > 0);
}

/// Returns for each of this many GetItems whether it meets a fault.
async fn met(text: &str, requests: usize) -> Vec<bool> {
    let scenario = read(text).unwrap();
    let mut met = Vec::new();
    for _ in 0..requests {
        let head = http::Request::post("/").header("x-amz-target", "DynamoDB_20120810.GetItem");
        let (head, ()) = head.body(()).unwrap().into_parts();
        let arrived = Arrived::new(&head, bytes::Bytes::new(), 1);
        met.push(scenario.decide(&arrived).await != Action::pass());
    }
    met
}

#[tokio::test]
async fn requests_are_chosen_by_count_or_seeded_chance() {
    let fault = |which: &str| format!("[[fault]]\naction = \"close\"\n{which}\n");
    let (yes, no) = (true, false);
    assert_eq!(met(&fault(""), 3).await, [yes, yes, yes]);
    assert_eq!(met(&fault("nth = 2"), 3).await, [no, yes, no]);
    assert_eq!(met(&fault("first = 2"), 3).await, [yes, yes, no]);
    assert_eq!(met(&fault("every = 2"), 4).await, [no, yes, no, yes]);
    assert_eq!(met(&fault("operation = \"PutItem\""), 1).await, [no]);
    let of_both = fault("operation = [\"PutItem\", \"GetItem\"]");
    assert_eq!(met(&of_both, 1).await, [yes]);

    let drawn = fault("percent = 30.0");
    let first = met(&drawn, 1_000).await;
    assert_eq!(first, met(&drawn, 1_000).await);
    assert_ne!(first, met(&format!("seed = 2\n{drawn}"), 1_000).await);
    let hits = first.iter().filter(|met| **met).count();
    assert!((250..350).contains(&hits), "{hits}");
}

#[tokio::test]
async fn first_matching_fault_applies_and_all_count() {
    let text = "[[fault]]\nnth = 1\naction = \"pass\"\n[[fault]]\nnth = 2\naction = \"close\"\n";
    assert_eq!(met(text, 3).await, [false, true, false]);
}

#[tokio::test]
async fn scenario_applies_faults_and_reports_them() {
    let engine = Embedded::start(Storage::Memory).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    let text = "[[fault]]\noperation = \"ListTables\"\nnth = 2\naction = \"error\"\nerror = \"InternalServerError\"\nafter-effect = true\n";
    std::fs::write(&file, text).unwrap();
    let reported: Arc<Mutex<Vec<String>>> = Arc::default();
    let report = reported.clone();
    let report = Box::new(move |line| report.lock().unwrap().push(line));
    let scenario = Scenario::from_file(&file, report).unwrap();
    let proxy = FaultProxy::start(engine.endpoint(), scenario).unwrap();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let (status, _) = raw_call(proxy.endpoint(), "ListTables", &json!({}))
            .await
            .unwrap();
        statuses.push(status);
    }
    assert_eq!(statuses, [200, 500, 200]);
    assert_eq!(
        proxy.count("ListTables"),
        Count {
            arrived: 3,
            forwarded: 3
        }
    );
    let line = "ListTables 2 (request 2): error, error \"InternalServerError\", after-effect true";
    assert_eq!(*reported.lock().unwrap(), [line]);
}
