"""Tests of the sources of credentials: their variables, and the folder with their files.

The table accepts only requests signed with keys of the source.
"""

import re
from pathlib import Path

import pytest

from embedded_engine import LOOKED_FOR, PROFILE_OF_ROLE, ROLE, SOURCES, Lent
from invocation import Answer, run

OF_FILES = ["shared-files", "web-identity", "container"]


def invoke(
    wasmtime: Path, compiled: Path, environment: dict[str, str], folder: Path | None, call: str
) -> Answer:
    opened = ["--dir", f"{folder}::{folder}"] if folder else []
    options = ["--allow-precompiled", *opened, "--invoke", call]
    return run(wasmtime, compiled, environment, *options)


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_provides_credentials(
    wasmtime: Path, compiled: Path, lent: Lent, source: str
) -> None:
    environment = lent.environment(source)
    answer = invoke(wasmtime, compiled, environment, lent.folder, 'get("nothing")')
    assert (answer.status, answer.out, answer.err) == (0, "ok(none)", "")


@pytest.mark.parametrize("source", SOURCES)
def test_program_finds_credentials_of_each_source(
    wasmtime: Path, composed: Path, lent: Lent, source: str, key: str
) -> None:
    opened = ["--dir", f"{lent.folder}::{lent.folder}"]
    environment = lent.environment(source)
    written = run(wasmtime, composed, environment, *opened, then=["state", "set", key, source])
    assert (written.status, written.err) == (0, "")
    read = run(wasmtime, composed, environment, *opened, then=["state", "get", key])
    assert (read.status, read.out) == (0, source)


@pytest.mark.parametrize("source", SOURCES)
def test_role_is_assumed_over_each_source(
    wasmtime: Path, compiled: Path, lent: Lent, source: str
) -> None:
    fields = f'[("assumeRoleArn", "{ROLE}"), ("sessionName", "a-session")]'
    call = f"dapr-wasm:components/state.init@0.1.0({fields})"
    answer = invoke(wasmtime, compiled, lent.environment(source), lent.folder, call)
    assert answer.out == "ok"


def test_profile_may_assume_a_role(wasmtime: Path, compiled: Path, lent: Lent) -> None:
    environment = {**lent.environment("shared-files"), "AWS_PROFILE": PROFILE_OF_ROLE}
    answer = invoke(wasmtime, compiled, environment, lent.folder, 'get("nothing")')
    assert answer.out == "ok(none)"


def test_shared_files_are_found_through_home(wasmtime: Path, compiled: Path, lent: Lent) -> None:
    environment = lent.environment("shared-files")
    for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]:
        del environment[variable]
    given = {**environment, "HOME": "/home/me"}
    opened = ["--dir", f"{lent.folder}::/home/me/.aws"]
    call = ["--allow-precompiled", "--invoke", 'get("nothing")']
    assert run(wasmtime, compiled, given, *opened, *call).out == "ok(none)"


@pytest.mark.parametrize("source", OF_FILES)
def test_missing_folder_and_dir_option_are_named_in_the_error(
    wasmtime: Path, compiled: Path, lent: Lent, source: str
) -> None:
    answer = invoke(wasmtime, compiled, lent.environment(source), None, 'get("nothing")')
    refused = rf'err\(invalid-configuration\(".*{re.escape(str(lent.folder))}.*`--dir`.*"\)\)'
    assert re.fullmatch(refused, answer.out), answer.out


def test_error_without_any_source_lists_the_sources_tried(
    wasmtime: Path, compiled: Path, lent: Lent
) -> None:
    environment = lent.environment("environment")
    for variable in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]:
        del environment[variable]
    answer = invoke(wasmtime, compiled, environment, lent.folder, 'get("nothing")')
    assert answer.out.startswith("err(invalid-configuration(")
    assert all(name in answer.out for name in LOOKED_FOR), answer.out


def test_keys_that_were_never_issued_are_refused(
    wasmtime: Path, compiled: Path, lent: Lent
) -> None:
    """Shows that the tests above can fail."""
    environment = {**lent.environment("environment"), "AWS_ACCESS_KEY_ID": "AKIAUNKNOWN"}
    answer = invoke(wasmtime, compiled, environment, lent.folder, 'get("nothing")')
    assert answer.out.startswith("err(access-denied("), answer.out
