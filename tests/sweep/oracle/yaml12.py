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


def _value(node: yaml.Node, *, text_keys: bool) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {_key(key, text_keys): _value(value, text_keys=text_keys) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, text_keys=text_keys) for item in node.value]
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


def _key(node: yaml.Node, text_keys: bool) -> str:
    if text_keys and not node.tag.endswith(":str"):
        raise ValueError(f"the key {node.value} is no text")
    return str(node.value)


def load(text: str, *, text_keys: bool = False) -> Any:
    """The first document of a file. With `text_keys` a key like `true` must be quoted; else it is read as text."""
    loader = _Loader(text)
    try:
        node = loader.get_node() if loader.check_node() else yaml.ScalarNode("tag:null", "")
        return _value(node, text_keys=text_keys)
    finally:
        loader.dispose()
