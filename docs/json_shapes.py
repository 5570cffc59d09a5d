"""Write down the shape of a dataclass as JSON, for the pages."""

import dataclasses
import types
import typing


def shape_of(kind: object) -> str:
    """Return the JSON that a type becomes: `{name: text, count: number or null}`."""
    simple: dict[object, str] = {
        str: "text",
        int: "number",
        float: "number",
        bool: "true or false",
        types.NoneType: "null",
    }
    if kind in simple:
        return simple[kind]
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return "{" + ", ".join(f"{one.name}: {shape_of(hints[one.name])}" for one in dataclasses.fields(kind)) + "}"
    arguments = typing.get_args(kind)
    match typing.get_origin(kind):
        case typing.Literal:
            shape = " or ".join(f'"{value}"' for value in arguments)
        case typing.Union | types.UnionType:
            shape = " or ".join(map(shape_of, arguments))
        case origin if origin is list:
            shape = f"[{shape_of(arguments[0])}, …]"
        case origin if origin is dict:
            shape = f"{{…: {shape_of(arguments[1])}}}"
        case _:
            shape = "anything"
    return shape
