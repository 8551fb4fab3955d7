"""Maps WIT types to Python: the annotation and the codec of a parameter or a result.

A parameter accepts several convenient types: a mapping for a list of pairs, and any
collection for a list. A result always has the same type.
"""

from collections.abc import Callable
from keyword import iskeyword

from .wit import Definition, Type

_PLAIN = {"string": "str", "s64": "int", "u32": "int", "u64": "int"}
_LOWERED = ("string", "s64")
_LIFTED = ("string", "u32", "u64")


class Types:
    """The named types that a module can use, and the codecs that it needs for them."""

    def __init__(self, named: dict[str, Definition]) -> None:
        self._named = named
        self.lowered: dict[str, str] = {}
        self.lifted: dict[str, str] = {}

    def parameter(self, type_: Type) -> str:
        match type_:
            case Type("list", (Type("u8"),)):
                return "bytes"
            case Type("list", (Type("tuple", (first, second)),)):
                pair = f"{self.parameter(first)}, {self.parameter(second)}"
                return f"Mapping[{pair}] | Collection[tuple[{pair}]]"
            case Type("list", (element,)):
                return f"Collection[{self.parameter(element)}]"
            case Type("option", (some,)) if self._meant(some).name != "option":
                return f"{self.parameter(some)} | None"
            case Type(name, ()) if name in self._named or name in _PLAIN:
                return self._name(name, self.parameter)
        raise unsupported(type_)

    def result(self, type_: Type) -> str:
        match type_:
            case Type("_"):
                return "None"
            case Type("list", (Type("u8"),)):
                return "bytes"
            case Type("list", (Type("result", (ok, error)),)):
                return f"list[{self.result(error)} | {self.result(ok)}]"
            case Type("list", (element,)):
                return f"list[{self.result(element)}]"
            case Type("tuple", (first, second)):
                return f"tuple[{self.result(first)}, {self.result(second)}]"
            case Type("option", (some,)) if self._meant(some).name != "option":
                return f"{self.result(some)} | None"
            case Type("result", (ok, _)):
                return self.result(ok)
            case Type(name, ()) if name in self._named or name in _PLAIN:
                return self._name(name, self.result)
        raise unsupported(type_)

    def lowers(self, type_: Type) -> str:
        match type_:
            case Type("list", (Type("u8"),)):
                return "BYTES"
            case Type("list", (Type("tuple", (first, second)),)):
                return f"LowersPairs({self.lowers(first)}, {self.lowers(second)})"
            case Type("list", (element,)):
                return f"LowersList({self.lowers(element)})"
            case Type("option", (some,)):
                return f"LowersOption({self.lowers(some)})"
            case Type(name, ()) if name in self._named:
                return self._codec("LOWERS", name, self.lowered, self._lowers_named, self.lowers)
            case Type(name, ()) if name in _LOWERED:
                return name.upper()
        raise unsupported(type_)

    def lifts(self, type_: Type, outermost: bool = False) -> str:
        match type_:
            case Type("_"):
                return "NOTHING"
            case Type("list", (Type("u8"),)):
                return "BYTES"
            case Type("list", (element,)):
                return f"LiftsList({self.lifts(element)})"
            case Type("tuple", (first, second)):
                return f"LiftsPair({self.lifts(first)}, {self.lifts(second)})"
            case Type("option", (some,)):
                return f"LiftsOption({self.lifts(some)})"
            case Type("result", (ok, error)) if self._raised(error):
                codec = "LiftsOrRaises" if outermost else "LiftsResult"
                return f"{codec}({self.lifts(ok)}, {self.lifts(error)})"
            case Type(name, ()) if name in self._named:
                return self._codec("LIFTS", name, self.lifted, self._lifts_named, self.lifts)
            case Type(name, ()) if name in _LIFTED:
                return name.upper()
        raise unsupported(type_)

    def _meant(self, type_: Type) -> Type:
        """Returns the type that an alias stands for."""
        it = self._named.get(type_.name)
        return self._meant(_alias(it)) if it is not None and it.kind == "alias" else type_

    def _raised(self, type_: Type) -> bool:
        """Returns true for an exception: a variant whose cases have text or no payload."""
        it = self._named.get(self._meant(type_).name)
        return (
            it is not None
            and it.kind == "variant"
            and all(
                case.type is None or self._meant(case.type) == Type("string") for case in it.fields
            )
        )

    def _name(self, name: str, of: Callable[[Type], str]) -> str:
        if name in _PLAIN:
            return _PLAIN[name]
        definition = self._named[name]
        if definition.kind == "alias":
            return of(_alias(definition))
        return pascal(name)

    def _codec(
        self,
        direction: str,
        name: str,
        codecs: dict[str, str],
        make: Callable[[Definition], str],
        alias: Callable[[Type], str],
    ) -> str:
        """Returns the name of a named type's codec. Generates the codecs of its parts before it."""
        definition = self._named[name]
        if definition.kind == "alias":
            return alias(_alias(definition))
        if name not in codecs:
            codecs[name] = make(definition)
        return f"{direction}_{upper(name)}"

    def _lowers_named(self, it: Definition) -> str:
        python = pascal(it.name)
        match it.kind:
            case "record":
                fields = [f"{snake(f.name)}={self.lowers(typed(f.type))}" for f in it.fields]
                return f"LowersRecord({python}, {', '.join(fields)})"
            case "enum":
                return f"LowersEnum({python})"
            case "variant" if self.is_union(it):
                cases = [
                    f"{snake(case.name)}=({self.parameter(typed(case.type))}, "
                    f"{self.lowers(typed(case.type))})"
                    for case in it.fields
                ]
                return f"LowersUnion({', '.join(cases)})"
        raise unsupported(Type(it.name))

    def _lifts_named(self, it: Definition) -> str:
        python = pascal(it.name)
        match it.kind:
            case "record":
                fields = [self.lifts(typed(f.type)) for f in it.fields]
                return f"LiftsRecord({python}, {', '.join(fields)})"
            case "flags":
                members = [f"{snake(f.name)}={python}.{upper(f.name)}" for f in it.fields]
                return f"LiftsFlags({python}, {', '.join(members)})"
            case "variant" if self._raised(Type(it.name)):
                cases = [f"{snake(case.name)}={pascal(case.name)}" for case in it.fields]
                return f"LiftsError({', '.join(cases)})"
        raise unsupported(Type(it.name))

    def is_union(self, it: Definition) -> bool:
        """Returns true if each case of a variant has its own record, which selects the case."""
        payloads = [case.type.name for case in it.fields if case.type is not None]
        records = [
            name for name in payloads if name in self._named and self._named[name].kind == "record"
        ]
        return len(set(records)) == len(it.fields)


def pascal(name: str) -> str:
    return _free("".join(word.capitalize() for word in name.split("-")))


def snake(name: str) -> str:
    return _free(name.replace("-", "_"))


def upper(name: str) -> str:
    return name.replace("-", "_").upper()


def _free(name: str) -> str:
    """Appends `_` to a Python keyword such as `from`. No WIT name ends with it."""
    return f"{name}_" if iskeyword(name) else name


def _alias(definition: Definition) -> Type:
    return typed(definition.fields[0].type)


def typed(type_: Type | None) -> Type:
    if type_ is None:
        raise unsupported(Type("_"))
    return type_


def unsupported(type_: Type) -> NotImplementedError:
    return NotImplementedError(f"the bindings do not support {type_} here")
