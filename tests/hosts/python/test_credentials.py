"""Tests of the sources of credentials: their variables, and the directory with their files.

The table accepts only requests signed with keys of the source.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from dapr_wasm import AccessDenied, InvalidConfiguration, Plugin, State
from embedded_engine import LOOKED_FOR, NO_INSTANCE_METADATA, PROFILE_OF_ROLE, ROLE, SOURCES, Lent


def directories(lent: Lent) -> Mapping[str, Path]:
    return {str(lent.folder): lent.folder}


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_provides_credentials(
    loaded: Plugin, lent: Lent, source: str, key: str
) -> None:
    environment = lent.environment(source)
    with loaded.instantiate(environment, directories=directories(lent)) as instance:
        store = State(instance)
        store.set(key, b"v")
        item = store.get(key)
    assert item is not None and item.value == b"v"


@pytest.mark.parametrize("source", SOURCES)
def test_role_is_assumed_over_each_source(loaded: Plugin, lent: Lent, source: str) -> None:
    environment = lent.environment(source)
    with loaded.instantiate(environment, directories=directories(lent)) as instance:
        State(instance).init({"assumeRoleArn": ROLE, "sessionName": "a-session"})


def test_profile_may_assume_a_role(loaded: Plugin, lent: Lent) -> None:
    environment = {**lent.environment("shared-files"), "AWS_PROFILE": PROFILE_OF_ROLE}
    with loaded.instantiate(environment, directories=directories(lent)) as instance:
        State(instance).ping()


def test_directory_may_have_another_path_inside(loaded: Plugin, lent: Lent) -> None:
    environment = lent.environment("shared-files")
    for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]:
        del environment[variable]
    given = {**environment, "HOME": "/home/me"}
    with loaded.instantiate(given, directories={"/home/me/.aws": lent.folder}) as instance:
        State(instance).ping()


@pytest.mark.parametrize("source", ["shared-files", "web-identity", "container"])
def test_missing_directory_is_named_in_the_error(loaded: Plugin, lent: Lent, source: str) -> None:
    with loaded.instantiate(lent.environment(source)) as instance:
        with pytest.raises(InvalidConfiguration) as raised:
            State(instance).ping()
        assert str(lent.folder) in raised.value.message


def test_error_without_any_source_lists_the_sources_tried(loaded: Plugin, lent: Lent) -> None:
    fields = {"table": "state", "endpoint": lent.endpoint}
    blank = loaded.instantiate(NO_INSTANCE_METADATA)
    with blank as instance, pytest.raises(InvalidConfiguration) as raised:
        State(instance).init(fields)
    assert all(name in raised.value.message for name in LOOKED_FOR), raised.value.message


def test_keys_that_were_never_issued_are_refused(loaded: Plugin, lent: Lent) -> None:
    """Shows that the tests above can fail."""
    environment = {**lent.environment("environment"), "AWS_ACCESS_KEY_ID": "AKIAUNKNOWN"}
    with loaded.instantiate(environment) as instance, pytest.raises(AccessDenied):
        State(instance).ping()
