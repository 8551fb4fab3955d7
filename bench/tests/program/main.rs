//! Runs the whole benchmark with few calls, as a user does. These tests ignore the figures themselves.

mod commands;
mod files;

use serde_json::Value;
use std::fs;
use std::process::Command;
use test_support::ran::told;

/// Returns a command that runs the program.
fn bench(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bench"));
    program.args(arguments);
    program
}

fn names(list: &Value, member: &str) -> Vec<String> {
    let list = list.as_array().unwrap();
    list.iter()
        .map(|one| one[member].to_string().replace('"', ""))
        .collect()
}

const CASES: [&str; 9] = [
    "get",
    "get-missing",
    "set",
    "set-etag",
    "delete",
    "bulk-get",
    "bulk-set",
    "transact",
    "create",
];

#[test]
fn run_reports_every_section_case_and_contender() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (json, svg) = (file("figures.json"), file("figures.svg"));
    let component = host_test::component_path().to_str().unwrap();
    let line = [
        "--quick",
        "--calls",
        "4",
        "--baseline",
        component,
        "--json",
        &json,
        "--svg",
        &svg,
    ];
    let (status, stdout, stderr) = told(bench(&line).output().unwrap());
    assert_eq!((status, stderr.as_str()), (Some(0), ""));

    let figures: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    for section in ["latency", "tls"] {
        assert_eq!(names(&figures[section], "case"), CASES, "{section}");
        for case in figures[section].as_array().unwrap() {
            let contenders = &case["contenders"];
            assert_eq!(
                names(contenders, "name"),
                ["component", "baseline", "default-host", "native", "raw"]
            );
            for contender in contenders.as_array().unwrap() {
                assert!(contender["p50"].as_u64().unwrap() > 0, "{contender}");
                assert!(contender["cpu_p50"].as_u64().unwrap() > 0, "{contender}");
            }
            assert!(contenders[0]["over_native"]["ratio"].is_f64(), "{case}");
            assert!(contenders[0]["over_baseline"]["ratio"].is_f64(), "{case}");
            assert!(contenders[0]["over_default_host"]["high"].is_f64());
        }
    }
    let throughput = &figures["throughput"];
    let measured = names(throughput, "case").into_iter();
    let measured: Vec<_> = measured.zip(names(throughput, "tasks")).collect();
    let expected = CASES.iter().flat_map(|case| {
        let tasks = ["1", "16", "64"];
        tasks.map(|tasks| (case.to_string(), tasks.to_owned()))
    });
    assert_eq!(measured, expected.collect::<Vec<_>>());
    assert_eq!(names(&figures["memory"], "instances"), ["1", "100", "1000"]);
    for step in ["compile", "load", "instantiate", "init", "first_get"] {
        assert!(figures["cold_start"][step].as_u64().unwrap() > 0, "{step}");
    }
    assert!(figures["versions"]["component_bytes"].as_u64().unwrap() > 0);
    assert!(figures["machine"]["kernel"].is_string());
    for title in [
        "plain HTTP",
        "TLS",
        "Many tasks",
        "Cold start",
        "Resident memory",
    ] {
        assert!(stdout.contains(title), "{stdout}");
    }
    assert_eq!(figures["quick"], true);
    let unoptimised = "this program was built without optimisation";
    assert_eq!(stdout.contains(unoptimised), cfg!(debug_assertions));
    let svg = fs::read_to_string(&svg).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("get 1 KiB"));
}

#[test]
fn report_says_that_the_environment_made_the_run_brief() {
    for (variable, brief) in [("true", true), ("false", false)] {
        let mut program = bench(&["--cases", "get", "--calls", "4"]);
        program.env("HOST_TEST_BENCH_QUICK", variable);
        let (status, stdout, stderr) = told(program.output().unwrap());
        assert_eq!((status, stderr.as_str()), (Some(0), ""));
        assert_eq!(stdout.contains("the run was brief"), brief, "{stdout}");
    }
}

#[test]
fn unknown_case_is_a_usage_error_that_lists_the_cases() {
    let (status, _, stderr) = told(bench(&["--cases", "get,put"]).output().unwrap());
    assert_eq!(status, Some(2));
    assert!(stderr.contains("'put'"), "{stderr}");
    for case in CASES {
        assert!(stderr.contains(case), "{case}: {stderr}");
    }
}

#[test]
fn missing_component_is_named_with_status_1() {
    let line = ["--component", "no/such.wasm", "--cases", "get"];
    let (status, _, stderr) = told(bench(&line).output().unwrap());
    assert_eq!(status, Some(1));
    assert!(stderr.contains("no/such.wasm"), "{stderr}");
}
