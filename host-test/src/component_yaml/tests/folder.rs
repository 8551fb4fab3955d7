//! A folder is read as daprd reads its resources.

use super::*;
use std::fs;

/// Creates a folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Returns the names of the components of these files, and the notices.
fn read(files: &[(&str, &str)]) -> (Result<Vec<String>, String>, Vec<String>) {
    let kept = folder(files);
    let folder = Folder::read(kept.path()).unwrap();
    let components = folder.components(Types::DynamoDb);
    let names = components.map(|found| found.into_iter().map(|c| c.name).collect());
    let name = kept.path().display().to_string();
    let told = |text: &str| {
        text.replace(&format!("{name}/"), "")
            .replace(&name, "FOLDER")
    };
    (
        names.map_err(|error| told(&error.to_string())),
        folder.notices().iter().map(|notice| told(notice)).collect(),
    )
}

fn named(name: &str) -> String {
    COMPLETE.replace("name: statestore", &format!("name: {name}"))
}

fn names(names: &[&str]) -> Result<Vec<String>, String> {
    Ok(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn files_are_read_in_name_order() {
    let files = [
        ("b.yml", &*named("b")),
        ("a.YAML", &*format!("{}---\n{}", named("a-1"), named("a-2"))),
        ("c.yaml.bak", "a: [broken"),
        ("secrets.json", "{}"),
        ("notes.txt", "a: [broken"),
        ("yaml", &*named("without-a-dot")),
    ];
    assert_eq!(read(&files), (names(&["a-1", "a-2", "b"]), Vec::new()));
}

#[test]
fn subfolders_are_not_read() {
    let kept = folder(&[("a.yaml", &named("a"))]);
    let within = kept.path().join("more.yaml");
    fs::create_dir(&within).unwrap();
    fs::write(within.join("b.yaml"), named("b")).unwrap();
    let folder = Folder::read(kept.path()).unwrap();
    assert_eq!(folder.components(Types::DynamoDb).unwrap().len(), 1);
    assert!(folder.notices().is_empty());
}

#[test]
fn other_documents_in_a_folder_are_skipped() {
    let of_another_version = named("b").replace("dapr.io/v1alpha1", "dapr.io/v2");
    let files = [
        ("a.yaml", &*named("a")),
        ("b.yaml", &*of_another_version),
        ("c.yaml", "kind: Component\nspec: 5\n"),
        ("d.yaml", "services:\n  web: {image: nginx}\n"),
        ("e.yaml", "- a list\n"),
        ("f.yaml", "# nothing\n"),
        (
            "g.yaml",
            "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nspec: 5\n",
        ),
    ];
    assert_eq!(read(&files), (names(&["a"]), Vec::new()));
}

#[test]
fn broken_document_is_skipped_with_a_notice() {
    let text = format!("{}---\nx: 1\nx: 2\n---\n{}", named("a"), named("c"));
    let files = [("a.yaml", &*text), ("b.yaml", &*named("b"))];
    let (found, notices) = read(&files);
    assert_eq!(found, names(&["a", "c", "b"]));
    assert_eq!(notices.len(), 1, "{notices:?}");
    let line = named("a").lines().count() + 3;
    let told = format!("skipped: a.yaml:{line}: not valid YAML: ");
    assert!(notices[0].starts_with(&told), "{notices:?}");
}

#[test]
fn file_that_is_not_utf8_produces_a_notice() {
    let kept = folder(&[("b.yaml", &named("b"))]);
    fs::write(kept.path().join("a.yaml"), b"\xff\xfe").unwrap();
    let folder = Folder::read(kept.path()).unwrap();
    assert_eq!(folder.components(Types::DynamoDb).unwrap().len(), 1);
    assert!(folder.notices()[0].contains("a.yaml: "));
}

#[test]
fn error_in_a_folder_names_file_line_and_field() {
    let text = format!(
        "kind: Resiliency\n---\n{}",
        named("b").replace("envRef: ENDPOINT", "envref: ENDPOINT")
    );
    let (found, _) = read(&[("a.yaml", &*named("a")), ("b.yaml", &*text)]);
    assert_eq!(
        found.unwrap_err(),
        "b.yaml:23: spec.metadata[3].envref: is not a known field: use one of name, value, envRef, secretKeyRef"
    );
}

#[test]
fn duplicate_component_name_in_a_folder_is_refused() {
    let (found, _) = read(&[("a.yaml", &*named("x")), ("b.yaml", &*named("x"))]);
    assert_eq!(
        found.unwrap_err(),
        "b.yaml: the component name \"x\" is also used in a.yaml: rename one of them"
    );
}

#[test]
fn error_for_empty_folder_names_the_types() {
    let expected = "FOLDER: no .yaml or .yml file in it holds a component of type state.aws.dynamodb or bindings.aws.dynamodb: add one";
    let other = named("a").replace("state.aws.dynamodb", "pubsub.redis");
    for files in [&[][..], &[("a.yaml", &*other)]] {
        assert_eq!(read(files).0, Err(expected.to_owned()));
    }
    let absent = Folder::read(Path::new("no/such/folder")).unwrap_err();
    assert!(absent.to_string().starts_with("no/such/folder: "));
}
