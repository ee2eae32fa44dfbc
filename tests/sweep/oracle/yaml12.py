"""YAML 1.2 to plain data: `on`, `yes` and dates are text."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

_RULES = {
    "null": (r"~|null|Null|NULL|", [*list("~nN"), ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
}


class _Loader(yaml.CBaseLoader):
    """Only the scalars of YAML 1.2."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _tag, (_pattern, _first) in _RULES.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


def _value(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {_key(key): _value(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    text = node.value
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        case "float":
            return float(text)
    return text


def _key(node: yaml.Node) -> str:
    return str(node.value)


def load(text: str) -> Any:
    """The first document of a file."""
    loader = _Loader(text)
    try:
        return _value(loader.get_node() if loader.check_node() else yaml.ScalarNode("tag:null", ""))
    finally:
        loader.dispose()
