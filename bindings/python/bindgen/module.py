"""Writes one Python module for one interface: its types, its codecs, its class of calls."""

import re
from collections.abc import Iterable
from textwrap import indent

from .types import Types, pascal, snake, typed, unsupported, upper
from .wit import Definition, Field, Function, Interface, Type

_IMPORTS = """
from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import ClassVar

from .codecs import (
    BYTES, NOTHING, S64, STRING, U32, U64, LiftsError, LiftsFlags, LiftsList, LiftsOption,
    LiftsOrRaises, LiftsPair, LiftsRecord, LiftsResult, Lowers, LowersEnum, LowersList,
    LowersOption, LowersPairs, LowersRecord, LowersUnion,
)
from .plugin import Instance
"""


def module(package: str, interface: Interface, others: dict[str, Interface]) -> str:
    """The module's text, to be tidied by ruff: it imports more than it uses."""
    used = {
        name: others[source].types[name]
        for source, names in interface.uses.items()
        for name in names
    }
    types = Types(used | interface.types)
    definitions = [_definition(it, types) for it in interface.types.values()]
    calls = _calls(package, interface, types) if interface.functions else ""
    for name, it in used.items():  # only of its errors has another module a codec to import
        if name in types.lowered or (name in types.lifted and it.kind != "variant"):
            raise unsupported(Type(name))
    if not interface.functions:  # then it is there for others, which need its errors
        for it in interface.types.values():
            if it.kind == "variant":
                types.lifts(Type(it.name))

    imports = "".join(
        f"from .{snake(source)} import {', '.join(_imported(names, used))}\n"
        for source, names in interface.uses.items()
    )
    own = set(interface.types)
    codecs = _codecs(types, own)
    docs = _docstring(
        f"{interface.docs}\n\nMade by `python -m bindgen` from {package}; do not edit."
    )
    return "\n".join([docs, _IMPORTS, imports, *definitions, codecs, calls])


def _imported(names: Iterable[str], used: dict[str, Definition]) -> list[str]:
    """Aliases are written out; of the others the codec is needed as well."""
    found = []
    for name in names:
        if used[name].kind != "alias":
            found += [pascal(name), f"LIFTS_{upper(name)}"]
    return found


def _codecs(types: Types, own: set[str]) -> str:
    lines = [
        f"LOWERS_{upper(name)}: Lowers[{pascal(name)}] = {codec}"
        for name, codec in types.lowered.items()
    ]
    lines += [
        f"LIFTS_{upper(name)} = {codec}" for name, codec in types.lifted.items() if name in own
    ]
    return "\n".join(lines)


def _definition(it: Definition, types: Types) -> str:
    name = pascal(it.name)
    match it.kind:
        case "alias":
            return ""
        case "record":
            return f"@dataclass(frozen=True, slots=True)\nclass {name}:\n" + _body(
                it.docs, (_record_field(it.fields, i, types) for i in range(len(it.fields)))
            )
        case "enum":
            members = ((f'{upper(f.name)} = "{f.name}"', f.docs) for f in it.fields)
            return f"class {name}(Enum):\n" + _body(it.docs, members)
        case "flags":
            members = ((f"{upper(f.name)} = auto()", f.docs) for f in it.fields)
            return f"class {name}(Flag):\n" + _body(it.docs, members)
        case "variant" if types.is_union(it):
            cases = " | ".join(types.parameter(typed(case.type)) for case in it.fields)
            return f"{name} = {cases}\n{_docstring(it.docs)}"
        case _:
            return _exceptions(it)


def _record_field(fields: list[Field], at: int, types: Types) -> tuple[str, str]:
    it = fields[at]
    default = " = None" if _optional(fields[at:]) else ""
    return f"{snake(it.name)}: {types.result(typed(it.type))}{default}", it.docs


def _optional(fields: list[Field]) -> bool:
    """A field or parameter may be left out if it and all after it are options."""
    return all(it.type is not None and it.type.name == "option" for it in fields)


def _exceptions(it: Definition) -> str:
    base = pascal(it.name)
    text = f"class {base}(Exception):\n" + _body(
        it.docs, [('case: ClassVar[str] = ""', "The name of the case in the WIT.")]
    )
    text += """
    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"{self.case}: {self.message}" if self.message else self.case
"""
    for case in it.fields:
        text += f"\n\nclass {pascal(case.name)}({base}):\n" + _body(
            case.docs, [(f'case = "{case.name}"', "")]
        )
    return text


def _calls(package: str, interface: Interface, types: Types) -> str:
    name, _, version = package.partition("@")
    exported = f"{name}/{interface.name}@{version}"
    bound = [_bound(function, types) for function in interface.functions]
    text = f'class {pascal(interface.name)}:\n    """The calls of `{exported}`."""\n'
    text += (
        f'\n    INTERFACE = "{exported}"\n\n    def __init__(self, instance: Instance) -> None:\n'
    )
    text += "".join(indent(line, "        ") for line in bound)
    return text + "".join(_method(function, types) for function in interface.functions)


def _bound(function: Function, types: Types) -> str:
    codecs = [types.lowers(typed(it.type)) for it in function.parameters]
    parameters = f"({codecs[0]},)" if len(codecs) == 1 else f"({', '.join(codecs)})"
    result = types.lifts(function.result, outermost=True)
    return (
        f"self._{snake(function.name)}: Callable[..., {types.result(function.result)}] = "
        f'instance.function(self.INTERFACE, "{function.name}", {parameters}, {result})\n'
    )


def _method(function: Function, types: Types) -> str:
    name = snake(function.name)
    parameters = ["self"]
    for i, it in enumerate(function.parameters):
        default = " = None" if _optional(function.parameters[i:]) else ""
        parameters.append(f"{snake(it.name)}: {types.parameter(typed(it.type))}{default}")
    arguments = ", ".join(snake(it.name) for it in function.parameters)
    return (
        f"\n    def {name}({', '.join(parameters)}) -> {types.result(function.result)}:\n"
        f"{indent(_docstring(function.docs), '        ')}        return self._{name}({arguments})\n"
    )


def _body(docs: str, members: Iterable[tuple[str, str]]) -> str:
    text = _docstring(docs) + "\n"
    for member, about in members:
        text += f"{member}\n{_docstring(about) if about else ''}"
    return indent(text, "    ")


def _docstring(docs: str) -> str:
    docs = docs.replace("\\", "\\\\")
    docs = re.sub(r'"{3,}|"+\Z', lambda quotes: '\\"' * len(quotes[0]), docs)
    return f'"""{docs}\n"""\n' if "\n" in docs else f'"""{docs}"""\n'
