"""What may be served: which documents, and to whom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cap_core.cli.documents import Document
from cap_core.diagnostics.report import summed
from cap_core.errors import StartError
from cap_core.logging.lazy_logger import get_logger
from cap_core.plan.plan import CapabilityPlan, Plan
from cap_core.settings.table import Settings
from cap_core.syntax.loopback import is_loopback

_log = get_logger("cap.serve")


def served(found: Sequence[Document], *, keep_going: bool) -> Plan:
    """The plan of all documents. Raises `SpecError` where one is refused, unless the others should go on without it."""
    good = [document.compiled.plan for document in found if document.compiled.plan is not None]
    bad = [document.refusal for document in found if document.compiled.plan is None]
    if bad and not (keep_going and good):
        for error in bad[:-1]:
            _log.error(str(error))
        raise bad[-1]
    for error in bad:
        _log.error(f"{error} (left out)")
    for plan in good:
        _log_warnings(plan)
    return Plan(tuple(good))


def _log_warnings(plan: CapabilityPlan) -> None:
    """What is left out, line by line; of what merely surprises, how much."""
    left_out = {quarantined.why for exposure in plan.exposures for quarantined in exposure.rejected}
    places = {(why.code, why.at) for why in left_out}
    # What would restrict and cannot be read is shown here even where nothing that is exposed uses it.
    left_out |= {d for d in plan.diagnostics if d.code == "misspelt-restriction" and (d.code, d.at) not in places}
    for why in sorted(left_out, key=lambda d: (d.at.line, d.at.column)):
        _log.warning(f"{why} (left out)")
    others = sum(d.severity == "warning" and d not in left_out for d in summed(plan.diagnostics))
    if others:
        # An installed document is known by its name; the place of its file is only for people.
        named = plan.about.file if Path(plan.about.file).is_file() else plan.about.name
        count = "1 warning" if others == 1 else f"{others} warnings"
        _log.warning(f"{named}: {count}; 'cap check {named}' shows {'it' if others == 1 else 'them'}")


def refuse_anonymous(plan: Plan, settings: Settings) -> None:
    """Off loopback, every exposure has to ask who calls. Raises `StartError` for the first that does not."""
    if settings.allow_anonymous or is_loopback(settings.host):
        return
    asking_nobody = [exposure for exposure in plan.exposures if exposure.authentication is None]
    if asking_nobody:
        first = asking_nobody[0]
        more = f" and {len(asking_nobody) - 1} more" if len(asking_nobody) > 1 else ""
        what = f"{settings.host} is open to other machines, and {first.key} ({first.at}){more} lets anybody in"
        raise StartError(what, hint="ask callers with --caller-auth TYPE:NAME, or permit it with --allow-anonymous")
