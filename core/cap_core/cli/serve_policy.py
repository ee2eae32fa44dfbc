"""Decides which documents are served, and refuses to serve anonymous callers off loopback."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cap_core.cli.documents import Document
from cap_core.cli.shared_names import check_namespaces, check_shared, namespaces
from cap_core.diagnostics.report import summed
from cap_core.errors import StartError
from cap_core.logging.lazy_logger import get_logger
from cap_core.plan.plan import CapabilityPlan, Plan
from cap_core.settings.table import Settings
from cap_core.syntax.loopback import is_loopback

_log = get_logger("cap.serve")


def served(found: Sequence[Document], settings: Settings) -> Plan:
    """The plan of all documents. Raises `SpecError` if one is refused, unless `keep_going` leaves it out.

    Raises `ConfigError` for a setting about a namespace that nobody consumes, or about several that differ.
    """
    good = [document.compiled.plan for document in found if document.compiled.plan is not None]
    bad = [document.refusal for document in found if document.compiled.plan is None]
    if bad and not (settings.keep_going and good):
        for error in bad[:-1]:
            _log.error(str(error))
        raise bad[-1]
    for error in bad:
        _log.error(f"{error} (left out)")
    if not bad:
        check_namespaces(settings, [name for plan in good for name in namespaces(plan)], flags_only=False)
    for line in check_shared(settings, good):
        _log.info(line)
    for plan in good:
        _log_warnings(plan)
    return Plan(tuple(good))


def _log_warnings(plan: CapabilityPlan) -> None:
    """Log each rejection as a line, and the number of other warnings."""
    rejections = {rejected.why for exposure in plan.exposures for rejected in exposure.rejected}
    places = {(why.code, why.at) for why in rejections}
    # A misspelt restriction is a line even where no exposed operation uses what it stands on.
    rejections |= {d for d in plan.diagnostics if d.code == "misspelt-restriction" and (d.code, d.at) not in places}
    for why in sorted(rejections, key=lambda d: (d.at.line, d.at.column)):
        _log.warning(f"{why} (left out)")
    others = sum(d.severity == "warning" and d not in rejections for d in summed(plan.diagnostics))
    if others:
        # The path of an installed document is shortened in messages, so `cap check` needs the capability's name.
        named = plan.about.file if Path(plan.about.file).is_file() else plan.about.name
        count = "1 warning" if others == 1 else f"{others} warnings"
        _log.warning(f"{named}: {count}; 'cap check {named}' shows {'it' if others == 1 else 'them'}")


def refuse_anonymous(plan: Plan, settings: Settings) -> None:
    """Raise `StartError` for an exposure that does not check its callers, unless only this machine can reach it."""
    if settings.allow_anonymous or is_loopback(settings.host):
        return
    asking_nobody = [exposure for exposure in plan.exposures if exposure.authentication is None]
    if asking_nobody:
        first = asking_nobody[0]
        more = f" and {len(asking_nobody) - 1} more" if len(asking_nobody) > 1 else ""
        what = f"{settings.host} is open to other machines, and {first.key} ({first.at}){more} lets anybody in"
        raise StartError(what, hint="ask callers with --caller-auth TYPE:NAME, or permit it with --allow-anonymous")
