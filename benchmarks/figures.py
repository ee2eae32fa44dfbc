"""Rounds of measurements as figures: medians, and medians of the ratios within each round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

import msgspec

from benchmarks.startup import Check, Start
from benchmarks.systems import Row

AIM: Final = 1.20
"""What our part may cost: a fifth over the shell."""


class Measured(msgspec.Struct, frozen=True):
    """One row in one round: answers per second, latencies in ms, and µs of processor time for each answer."""

    rate: float
    p50: float
    p99: float
    cpu: float
    others: float
    """The part of its core's time that other programs took meanwhile."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One row over all rounds. `to_shell` is processor time over the shell's, with its least and most round."""

    key: str
    title: str
    rate: float
    to_nginx: float
    p50: float
    p99: float
    cpu: float
    to_shell: float | None = None
    spread: tuple[float, float] | None = None
    own: float | None = None
    """µs of processor time above the shell's."""
    rounds: Sequence[Measured]


class Memory(msgspec.Struct, frozen=True):
    """MB resident: when ready, and after the load."""

    idle: float
    after: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one run found."""

    versions: Mapping[str, str]
    conditions: Mapping[str, str]
    figures: Sequence[Figure]
    starts: Mapping[str, Start]
    memory: Mapping[str, Memory]
    check: Check


def figures(rows: Sequence[Row], rounds: Sequence[Mapping[str, Measured]]) -> list[Figure]:
    """The rows' figures. The machine's own speed drifts, so what is compared was measured in the same round."""
    return [_figure(row, rounds) for row in rows]


def _figure(row: Row, rounds: Sequence[Mapping[str, Measured]]) -> Figure:
    mine = [each[row.key] for each in rounds]
    figure = Figure(
        key=row.key,
        title=row.title,
        rate=median(one.rate for one in mine),
        to_nginx=median(each[row.key].rate / each[row.nginx].rate for each in rounds),
        p50=median(one.p50 for one in mine),
        p99=median(one.p99 for one in mine),
        cpu=median(one.cpu for one in mine),
        rounds=mine,
    )
    if row.shell is None:
        return figure
    pairs = [(each[row.key].cpu, each[row.shell].cpu) for each in rounds]
    ratios = [own / shell for own, shell in pairs]
    return msgspec.structs.replace(
        figure,
        to_shell=median(ratios),
        spread=(min(ratios), max(ratios)),
        own=median(own - shell for own, shell in pairs),
    )
