"""The bindings in `dapr_wasm` match the WIT, and unsupported WIT is an error."""

import sys
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import dapr_wasm
from bindgen.__main__ import generate
from bindgen.wit import Reader
from dapr_wasm import binding, state, types
from dapr_wasm.codecs import Value, read_text
from embedded_engine import REPOSITORY

COMMITTED = REPOSITORY / "bindings/python/dapr_wasm"
MAKE_ANEW = "python -m bindgen ../../wit dapr_wasm"


def test_committed_bindings_match_the_wit() -> None:
    made = generate(REPOSITORY / "wit")
    assert set(made) == {"types.py", "state.py", "binding.py"}
    for name, text in made.items():
        assert (COMMITTED / name).read_text() == text, f"run `{MAKE_ANEW}` in {COMMITTED.parent}"


@pytest.mark.parametrize("module", [binding, state, types])
def test_package_exports_every_class_of_the_contract(module: ModuleType) -> None:
    classes = {
        name
        for name, it in vars(module).items()
        if isinstance(it, type) and it.__module__ == module.__name__
    }
    assert classes and classes <= set(dapr_wasm.__all__)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("resource file;", "x.wit:3: the bindings do not support 'resource' here"),
        ("record item { etag: 7 }", "x.wit:3: '7' is not understood"),
        ("get: func(key: string);", "x.wit:3: the bindings do not support ';'"),
    ],
)
def test_syntax_error_names_token_and_line(text: str, told: str) -> None:
    with pytest.raises(SyntaxError, match=told):
        Reader(f"package a:b@1.0.0;\ninterface i {{\n{text}\n}}\n", "x.wit").interfaces()


def test_docs_belong_to_the_item_after_them() -> None:
    text = """
        package a:b@1.0.0;
        /// The interface.
        interface i {
            /// The call,
            /// in two lines.
            get: func(
                /// What is asked for.
                key: string,
            ) -> result<_, string>; // no docs
        }
    """
    package, (interface,) = Reader(text, "x.wit").interfaces()
    (function,) = interface.functions
    assert (package, interface.docs) == ("a:b@1.0.0", "The interface.")
    assert function.docs == "The call,\nin two lines."
    assert function.parameters[0].docs == "What is asked for."


@pytest.mark.parametrize("type_", ["f64", "list<char>", "stream<u8>", "tuple<u32, u32, u32>"])
def test_type_that_the_contract_does_not_use_is_refused(tmp_path: Path, type_: str) -> None:
    (tmp_path / "x.wit").write_text(
        f"package a:b@1.0.0;\ninterface i {{ get: func(it: {type_}) -> u32; }}"
    )
    with pytest.raises(NotImplementedError, match="the bindings do not support"):
        generate(tmp_path)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("get: func() -> result<u32, string>;", "result"),
        ("variant error { code(u32) } get: func() -> result<u32, error>;", "result"),
        ("variant error { code(u32) } get: func() -> error;", "error"),
        ("get: func() -> option<option<u32>>;", "option"),
        ("type maybe = option<string>; get: func(it: option<maybe>) -> u32;", "option"),
        ("use other.{item}; get: func(it: item) -> u32;", "item"),
        ("use other.{item}; get: func() -> item;", "item"),
        ("use other.{order}; get: func(it: list<order>) -> u32;", "order"),
    ],
)
def test_type_that_cannot_be_bound_correctly_is_refused(
    tmp_path: Path, text: str, refused: str
) -> None:
    (tmp_path / "x.wit").write_text(
        "package a:b@1.0.0;\n"
        "interface other { record item { etag: string } enum order { first, last } }\n"
        f"interface i {{ {text} }}"
    )
    with pytest.raises(NotImplementedError, match=rf"do not support Type\(name='{refused}'"):
        generate(tmp_path)


AWKWARD = r"""
    package a:b@1.0.0;
    /// Begins with C:\new and ends with "quotes"
    interface awkward {
        /// A "quote"
        variant error { none, is-not(string) }
        /// Three are \"\"\", and the end is a \\
        /// line of its own "
        record request { class: string, of-class: string }
        /// Three at the end: ###
        %import: func(%from: request) -> result<string, error>;
    }
""".replace("###", '"' * 3)


@pytest.fixture
def awkward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Returns the members of the module that is generated from this WIT."""
    (tmp_path / "x.wit").write_text(AWKWARD)
    made = ModuleType("dapr_wasm.awkward")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    exec(generate(tmp_path)["awkward.py"], vars(made))
    return vars(made)


def test_docs_are_kept_unchanged(awkward: dict[str, Any]) -> None:
    assert awkward["__doc__"].startswith('Begins with C:\\new and ends with "quotes"\n')
    assert awkward["Error"].__doc__ == 'A "quote"'
    assert 'is a \\\\\n    line of its own "' in awkward["Request"].__doc__
    assert awkward["Awkward"].import_.__doc__ == 'Three at the end: """'


def test_name_that_is_a_python_keyword_ends_in_an_underscore(awkward: dict[str, Any]) -> None:
    assert awkward["None_"]().case == "none"
    assert list(signature(awkward["Awkward"].import_).parameters) == ["self", "from_"]
    value = Value()
    awkward["LOWERS_REQUEST"].lower(awkward["Request"](class_="a", of_class="b"), value)
    names = [read_text(value.of.record.data[i].name) for i in range(value.of.record.size)]
    assert names == ["class", "of-class"]
