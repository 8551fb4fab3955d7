//! An error about a file names the line and the field.

use super::*;

#[test]
fn lines_count_from_the_start_of_the_file() {
    let text = format!(
        "{COMPLETE}---\n{}",
        COMPLETE.replace("version: v1\n", "version: v2\n")
    );
    assert!(
        sentence(&text).starts_with("store.yaml:42: spec.version:"),
        "{}",
        sentence(&text)
    );
}

#[test]
fn each_error_names_file_line_field_and_remedy() {
    let cases = [
        (
            "kind: Component",
            "kind: Subscription",
            "2: kind: is \"Subscription\": only Component is read",
        ),
        (
            "kind: Component\n",
            "",
            "1: kind: is missing: write kind: Component",
        ),
        (
            "dapr.io/v1alpha1",
            "dapr.io/v2",
            "1: apiVersion: is \"dapr.io/v2\": write apiVersion: dapr.io/v1alpha1",
        ),
        (
            "apiVersion: dapr.io/v1alpha1",
            "x: y",
            "1: apiVersion: is missing: write apiVersion: dapr.io/v1alpha1",
        ),
        (
            "metadata:\n  name: statestore\n  namespace: default",
            "metadata:\n  namespace: default",
            "3: metadata.name: is missing: give the component a name",
        ),
        (
            "  name: statestore",
            "  name: ''",
            "4: metadata.name: is empty: give the component a name",
        ),
        (
            "spec:\n",
            "specs:\n",
            "1: spec: is missing: write spec: with type, version and metadata",
        ),
        (
            "state.aws.dynamodb",
            "state.redis",
            "11: spec.type: is \"state.redis\": only state.aws.dynamodb or bindings.aws.dynamodb is read",
        ),
        (
            "  type: state.aws.dynamodb\n",
            "",
            "10: spec.type: is missing: write type: state.aws.dynamodb or bindings.aws.dynamodb",
        ),
        (
            "version: v1\n",
            "version: v2\n",
            "12: spec.version: is \"v2\", which does not exist: write version: v1",
        ),
        (
            "version: v1\n",
            "version: [v1]\n",
            "12: spec.version: is a list: write version: v1",
        ),
        (
            "version: v1\n",
            "vrsion: v1\n",
            "12: spec.vrsion: is not a known field: use one of type, version, metadata, ignoreErrors, initTimeout",
        ),
        (
            "    - name: table\n      value: \"orders\"\n",
            "    - orders\n",
            "14: spec.metadata[0]: is a single value: write a mapping of names to values",
        ),
        (
            "- name: table\n      value",
            "- value",
            "14: spec.metadata[0].name: is missing: name the field that is set",
        ),
        (
            "      value: \"orders\"\n",
            "",
            "14: spec.metadata[0].value: is missing: give it a value, an envRef or a secretKeyRef",
        ),
        (
            "value: \"orders\"",
            "valeu: \"orders\"",
            "15: spec.metadata[0].valeu: is not a known field: use one of name, value, envRef, secretKeyRef",
        ),
        (
            "value: \"orders\"",
            "value: {a: b}",
            "15: spec.metadata[0].value: is a mapping: a value is a string, a number or a boolean; put quotes around it",
        ),
        (
            "value: \"orders\"",
            "value: x\n      envRef: Y",
            "16: spec.metadata[0].envRef: table has a value already: remove that or this envRef",
        ),
        (
            "envRef: ENDPOINT",
            "envRef:",
            "21: spec.metadata[3].envRef: is empty: name an environment variable",
        ),
        (
            "        name: aws\n",
            "",
            "23: spec.metadata[4].secretKeyRef.name: is missing: name the secret",
        ),
        (
            "key: accessKey",
            "kee: accessKey",
            "25: spec.metadata[4].secretKeyRef.kee: is not a known field: use one of name, key",
        ),
        (
            "key: accessKey",
            "key: [a]",
            "25: spec.metadata[4].secretKeyRef.key: is a list: name a key of the secret",
        ),
        (
            "secretKeyRef: { name: \"aws:secretKey\" }",
            "secretKeyRef: aws",
            "27: spec.metadata[5].secretKeyRef: is a single value: write a mapping of names to values",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(sentence_with(from, to), format!("store.yaml:{expected}"));
    }
    assert_eq!(
        sentence(
            "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec:\n  type: state.aws.dynamodb\n  metadata: x\n"
        ),
        "store.yaml:6: spec.metadata: is a single value: write a list of name and value"
    );
}

#[test]
fn malformed_yaml_names_file_and_line() {
    for (text, line) in [
        ("kind: Component\n  spec: [\n", 2),
        ("kind: [Component\n", 2),
        ("a: 1\na: 2\n", 2),
        ("a: \"x\n", 1),
        ("a:\n\tb: x\n", 2),
    ] {
        let sentence = sentence(text);
        assert!(
            sentence.starts_with(&format!("store.yaml:{line}: not valid YAML: ")),
            "{text:?}: {sentence}"
        );
    }
}

#[test]
fn duplicate_name_is_refused_in_any_spelling() {
    let sentence = sentence("kind: a\n\"kind\": b\n");
    assert_eq!(sentence, "store.yaml:2: kind: appears twice: remove one");
}

#[test]
fn error_for_empty_file_says_what_to_write() {
    for text in ["", "# a comment\n", "---\n---\n"] {
        assert_eq!(
            sentence(text),
            "store.yaml:1: the file: is empty: begin with apiVersion: dapr.io/v1alpha1 and kind: Component"
        );
    }
    assert_eq!(
        sentence("- a\n"),
        "store.yaml:1: the document: is a list: write a mapping of names to values"
    );
}

#[test]
fn error_names_the_unreadable_file() {
    let error = read_text(Path::new("no/such/file.yaml"))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("no/such/file.yaml: "), "{error}");
}
