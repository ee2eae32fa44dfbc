"""What keeps the design true: imports point one way, the core knows no plugin, every hook is tested and documented."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from cap_core import hookspecs

ROOT = Path(__file__).parent.parent
CORE = ROOT / "core" / "cap_core"
PLUGINS = ROOT / "plugins" / "cap_plugins"

# From the ground up: a module imports only what stands below it. Modules of one layer may import each other.
LAYERS = (
    "errors version secret names lazy_logger value_types sockets gc_tuning loopback http_syntax path_template codes",
    "report dotenv documents templates toml",
    "reading types context",
    "patterns",
    "plan dialects",
    "inputs variables vocabulary",
    "input_checks model offers unsupported variable_values",
    "hookspecs sources problems redaction",
    "plugins router asgi jsonpath",
    "bindings base_uri rendering files formats multipart open_options",
    "expressions shapes",
    "consumed credentials bodies",
    "calls wiring requests schema refusals",
    "compilation executor find_operation pools open_callers destinations",
    "authentications open_connections open_calls",
    "consumes exposes remarks",
    "compile",
    "opening admission",
    "origin value_pieces call_variables",
    "listeners masking address_origins credential_origins input_origins",
    "value_origins",
    "pages gateway explain",
    "settings setting_rows log draining access_log protocol",
    "configuration server reload",
    "testing",
    "cli __main__ __init__",
)
LEVEL = {name: n for n, layer in enumerate(LAYERS) for name in layer.split()}


def imports(path: Path) -> set[str]:
    """The modules a file imports when it runs; those for types alone do not count."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def module_of(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_imports_point_one_way(path: Path) -> None:
    module = module_of(path)
    assert module in LEVEL, f"say in LAYERS where {module} stands"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "cap_core" and len(parts) > 1 and parts[1] in LEVEL and parts[1] != module:
            assert LEVEL[parts[1]] <= LEVEL[module], f"{module} imports {parts[1]}, which stands above it"


def test_the_core_knows_no_plugin() -> None:
    for path in CORE.rglob("*.py"):
        assert not {name for name in imports(path) if name.startswith("cap_plugins")}, path
    names = re.compile(r"portkey|aimlapi|openai", re.IGNORECASE)
    for path in (*CORE.rglob("*.py"), *PLUGINS.rglob("*.py")):
        if path.parent.name != "cli":  # examples in help texts name an installed capability
            assert not names.search(path.read_text()), path


def test_plugins_use_only_what_anyone_may() -> None:
    """Built-ins stand on the public seams; none reaches into what the core does with a document."""
    inside = (
        "compile wiring opening open_calls open_connections open_callers gateway listeners explain cli settings server"
    )
    private = {f"cap_core.{module}" for module in inside.split()}
    for path in PLUGINS.rglob("*.py"):
        assert not imports(path) & private, path


HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("cap_")}


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_tested_and_documented(hook: str) -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))
    assert f"def {hook}(" in tests
    signature = f"{hook}{inspect.signature(HOOKS[hook])}".replace("'", "")
    assert signature in (ROOT / "docs" / "plugins.md").read_text()
