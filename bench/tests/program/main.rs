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
                [
                    "component",
                    "hosted",
                    "baseline",
                    "default-host",
                    "native",
                    "raw"
                ]
            );
            for contender in contenders.as_array().unwrap() {
                assert!(contender["p50"].as_u64().unwrap() > 0, "{contender}");
                assert!(contender["cpu_p50"].as_u64().unwrap() > 0, "{contender}");
            }
            for build in &contenders.as_array().unwrap()[..2] {
                for other in ["native", "default_host", "baseline"] {
                    let ratio = &build[format!("over_{other}")];
                    assert!(ratio["ratio"].is_f64(), "{build}");
                }
            }
            assert!(contenders[1]["over_component"]["high"].is_f64(), "{case}");
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
    for load in throughput.as_array().unwrap() {
        let contenders = names(&load["contenders"], "name");
        assert_eq!(contenders, ["component", "hosted", "native"], "{load}");
    }
    let memory = names(&figures["memory"], "name").into_iter();
    let memory: Vec<_> = memory.zip(names(&figures["memory"], "instances")).collect();
    let expected = ["1", "100", "1000"].into_iter().flat_map(|instances| {
        ["component", "hosted"].map(|build| (build.to_owned(), instances.to_owned()))
    });
    assert_eq!(memory, expected.collect::<Vec<_>>());
    let cold_start = &figures["cold_start"];
    assert_eq!(names(cold_start, "name"), ["component", "hosted"]);
    for build in cold_start.as_array().unwrap() {
        for step in ["compile", "load", "instantiate", "init", "first_get"] {
            assert!(build[step].as_u64().unwrap() > 0, "{step}: {build}");
        }
    }
    for bytes in ["component_bytes", "hosted_bytes"] {
        assert!(figures["versions"][bytes].as_u64().unwrap() > 0, "{bytes}");
    }
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
    assert!(svg.contains("component, hosted"), "{svg}");
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
    for build in ["--component", "--hosted", "--baseline"] {
        let line = [build, "no/such.wasm", "--cases", "get"];
        let (status, _, stderr) = told(bench(&line).output().unwrap());
        assert_eq!(status, Some(1), "{build}");
        assert!(stderr.contains("no/such.wasm"), "{build}: {stderr}");
    }
}
