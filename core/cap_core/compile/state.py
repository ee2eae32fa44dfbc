"""What all parts of compiling one document share: its source, the registry, the options, the diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from cap_core.compile.expressions import Names
from cap_core.compile.variables import Bindings
from cap_core.diagnostics.report import Diagnostic, Report
from cap_core.diagnostics.reporter import Reporter
from cap_core.document.sources import DocumentSource
from cap_core.errors import Mark
from cap_core.plan.variables import Given
from cap_core.plugins.registry import Registry
from cap_core.syntax.names import near


class CompileOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator adds to a document, on the command line and in `cap.toml`.

    `base_uris` by namespace or `capability:namespace`; `values` by `NAME` or `namespace.NAME`, each with its origin;
    `caller_auth` as `--caller-auth` has it; `allow_files` further directories that files may lie in.
    """

    base_uris: Mapping[str, Given] = {}
    values: Mapping[str, Given] = {}
    allow_plaintext: frozenset[str] = frozenset()
    allow_files: tuple[Path, ...] = ()
    caller_auth: str | None = None
    caller_auth_origin: str = "--caller-auth"


class Compilation:
    """One document being compiled."""

    def __init__(
        self, source: DocumentSource, registry: Registry, options: CompileOptions, diagnostics: Report
    ) -> None:
        self.source = source
        self.registry = registry
        self.options = options
        self.diagnostics = diagnostics
        self.bindings = Bindings(())
        """The variables of the document; empty until its `binds` have been read."""
        self.causes: list[Diagnostic] = []
        """Why entire namespaces cannot be called; the likeliest reasons if nothing at all can be served."""
        self.unread: list[Diagnostic] = []
        """What would restrict the whole document and cannot be read."""
        self.unread_namespaces: dict[str, Diagnostic] = {}
        """Namespaces in parts of the document that are not read, each with the diagnostic that reports the part."""

    def report(self, code: str, at: Mark, message: str, hint: str | None = None) -> Diagnostic:
        """Report a diagnostic of the document as a whole, or of one of its parts that is no exposed operation."""
        return self.diagnostics.add(code, at, message, hint=hint)

    def reporter(self, operation: str) -> Reporter:
        """The function that reports diagnostics of one exposed operation, by its name."""

        def report(code: str, at: Mark, message: str, hint: str | None = None) -> Diagnostic:
            return self.diagnostics.add(code, at, message, hint=hint, operation=operation)

        return report

    def report_unbound(self, name: str, at: Mark) -> None:
        """Report that nothing declares a variable."""
        what = f"nothing declares the variable {name!r}"
        self.report("unbound-variable", at, what, near(name, self.bindings.names) or None)

    @property
    def variables_only(self) -> Names:
        """What names mean in base URIs and authentication, which no caller's input can be part of."""
        return Names(self.bindings, self.report_unbound)
