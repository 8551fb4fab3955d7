"""Parses the part of WIT that the contract uses into plain data. Other WIT is an error.

The grammar: https://github.com/WebAssembly/component-model/blob/main/design/mvp/WIT.md
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<doc>///[^\n]*)|(?P<comment>//[^\n]*)"
    r"|(?P<name>%?[A-Za-z][A-Za-z0-9-]*)|(?P<version>@\d[^\s;]*)|(?P<sign>->|[{}()<>,;:=/._])"
)


@dataclass(frozen=True)
class Type:
    """A type with its name and arguments. The name `_` means no type."""

    name: str
    arguments: tuple["Type", ...] = ()


@dataclass(frozen=True)
class Field:
    """A field, a parameter, a case or a flag. `type` is `None` for a flag or an empty case."""

    name: str
    type: Type | None
    docs: str


@dataclass(frozen=True)
class Definition:
    """A named type. An alias has its type as its only field."""

    kind: str
    name: str
    fields: list[Field]
    docs: str


@dataclass(frozen=True)
class Function:
    name: str
    parameters: list[Field]
    result: Type
    docs: str


@dataclass
class Interface:
    name: str
    docs: str
    uses: dict[str, list[str]] = field(default_factory=dict)
    types: dict[str, Definition] = field(default_factory=dict)
    functions: list[Function] = field(default_factory=list)


class Reader:
    """Parses one file. A doc comment belongs to the item that follows it."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._tokens: list[tuple[str, str, int]] = []
        docs: list[str] = []
        position = 0
        while position < len(text):
            line = text.count("\n", 0, position) + 1
            match = _TOKEN.match(text, position)
            if match is None:
                raise SyntaxError(f"{file}:{line}: {text[position]!r} is not understood")
            position = match.end()
            if match.lastgroup == "doc":
                docs.append(match[0][3:].removeprefix(" "))
            elif match.lastgroup not in ("space", "comment"):
                self._tokens.append((match[0], "\n".join(docs), line))
                docs = []
        self._tokens.append(("", "", text.count("\n")))
        self._next = 0

    def interfaces(self) -> tuple[str, list[Interface]]:
        """Returns the package, as `name@version`, and its interfaces. Worlds are skipped."""
        self._take("package")
        package = self._until(";")
        found = []
        while (keyword := self._word()) != "":
            docs = self._docs()
            self._take(keyword)
            if keyword == "interface":
                found.append(self._interface(docs))
            elif keyword == "world":
                self._until("}")
            else:
                raise self._unknown(keyword)
        return package, found

    def _interface(self, docs: str) -> Interface:
        interface = Interface(self._name(), docs)
        self._take("{")
        while self._word() != "}":
            docs = self._docs()
            word = self._name()
            if word == "use":
                source = self._name()
                self._take(".")
                interface.uses[source] = self._list("{", "}", self._name)
                self._take(";")
            elif word == "type":
                name = self._name()
                self._take("=")
                alias = Field(name, self._type(), "")
                self._take(";")
                interface.types[name] = Definition("alias", name, [alias], docs)
            elif word in ("record", "variant", "enum", "flags"):
                name = self._name()
                fields = self._list("{", "}", self._field)
                interface.types[name] = Definition(word, name, fields, docs)
            elif self._word() == ":":
                interface.functions.append(self._function(word, docs))
            else:
                raise self._unknown(word)
        self._take("}")
        return interface

    def _function(self, name: str, docs: str) -> Function:
        self._take(":")
        self._take("func")
        parameters = self._list("(", ")", self._field)
        self._take("->")
        result = self._type()
        self._take(";")
        return Function(name, parameters, result, docs)

    def _field(self) -> Field:
        docs = self._docs()
        name = self._name()
        if self._word() == ":":
            self._take(":")
            return Field(name, self._type(), docs)
        if self._word() == "(":
            (payload,) = self._list("(", ")", self._type)
            return Field(name, payload, docs)
        return Field(name, None, docs)

    def _type(self) -> Type:
        if self._word() == "_":
            self._take("_")
            return Type("_")
        name = self._name()
        return Type(name, tuple(self._list("<", ">", self._type)) if self._word() == "<" else ())

    def _list(self, opening: str, closing: str, item: Callable[[], T]) -> list[T]:
        items = []
        self._take(opening)
        while self._word() != closing:
            items.append(item())
            if self._word() != closing:
                self._take(",")
        self._take(closing)
        return items

    def _word(self) -> str:
        return self._tokens[self._next][0]

    def _docs(self) -> str:
        return self._tokens[self._next][1]

    def _take(self, word: str) -> None:
        if self._word() != word:
            raise self._unknown(self._word())
        self._next += 1

    def _name(self) -> str:
        word = self._word()
        if not re.match(r"%?[A-Za-z]", word):
            raise self._unknown(word)
        self._next += 1
        return word.removeprefix("%")

    def _until(self, word: str) -> str:
        start = self._next
        while self._word() not in (word, ""):
            self._next += 1
        self._take(word)
        return "".join(token for token, _, _ in self._tokens[start : self._next - 1])

    def _unknown(self, word: str) -> SyntaxError:
        line = self._tokens[self._next][2]
        return SyntaxError(f"{self._file}:{line}: the bindings do not support {word!r} here")
