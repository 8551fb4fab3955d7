"""Where credentials come from: the variables of a source, and the directory of its files.

The table takes requests that are signed with keys of the source alone.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from dapr_wasm import AccessDenied, InvalidConfiguration, Plugin, State
from embedded_engine import LOOKED_FOR, NO_INSTANCE_METADATA, PROFILE_OF_ROLE, ROLE, SOURCES, Lent


def directories(lent: Lent) -> Mapping[str, Path]:
    return {str(lent.folder): lent.folder}


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_gives_credentials(loaded: Plugin, lent: Lent, source: str, key: str) -> None:
    environment = lent.environment(source)
    with loaded.instantiate(environment, directories=directories(lent)) as instance:
        store = State(instance)
        store.set(key, b"v")
        item = store.get(key)
    assert item is not None and item.value == b"v"


@pytest.mark.parametrize("source", SOURCES)
def test_a_role_is_assumed_over_each(loaded: Plugin, lent: Lent, source: str) -> None:
    environment = lent.environment(source)
    with loaded.instantiate(environment, directories=directories(lent)) as instance:
        State(instance).init({"assumeRoleArn": ROLE, "sessionName": "a-session"})


def test_a_profile_may_be_that_of_a_role(loaded: Plugin, lent: Lent) -> None:
    environment = {**lent.environment("shared-files"), "AWS_PROFILE": PROFILE_OF_ROLE}
    with loaded.instantiate(environment, directories=directories(lent)) as instance:
        State(instance).ping()


def test_a_directory_may_have_another_name_inside(loaded: Plugin, lent: Lent) -> None:
    environment = lent.environment("shared-files")
    for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]:
        del environment[variable]
    given = {**environment, "HOME": "/home/me"}
    with loaded.instantiate(given, directories={"/home/me/.aws": lent.folder}) as instance:
        State(instance).ping()


@pytest.mark.parametrize("source", ["shared-files", "web-identity", "container"])
def test_a_directory_that_is_not_lent_is_named(loaded: Plugin, lent: Lent, source: str) -> None:
    with loaded.instantiate(lent.environment(source)) as instance:
        with pytest.raises(InvalidConfiguration) as raised:
            State(instance).ping()
        assert str(lent.folder) in raised.value.message


def test_without_any_source_the_error_says_what_was_looked_for(loaded: Plugin, lent: Lent) -> None:
    fields = {"table": "state", "endpoint": lent.endpoint}
    blank = loaded.instantiate(NO_INSTANCE_METADATA)
    with blank as instance, pytest.raises(InvalidConfiguration) as raised:
        State(instance).init(fields)
    assert all(name in raised.value.message for name in LOOKED_FOR), raised.value.message


def test_keys_that_nobody_gave_out_are_refused(loaded: Plugin, lent: Lent) -> None:
    """So that the tests above can fail."""
    environment = {**lent.environment("environment"), "AWS_ACCESS_KEY_ID": "AKIAUNKNOWN"}
    with loaded.instantiate(environment) as instance, pytest.raises(AccessDenied):
        State(instance).ping()
