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


class Alone(msgspec.Struct, frozen=True):
    """One server loaded alone: answers per second, latencies in ms, µs of processor time for each answer."""

    rate: float
    p50: float
    p99: float
    cpu: float
    others: float
    """The part of its core's time that other programs took meanwhile."""


class Pair(msgspec.Struct, frozen=True):
    """A server and its shell loaded at once: µs of processor time for each answer."""

    cpu: float
    shell: float


class Round(msgspec.Struct, frozen=True):
    """Every row once, by key."""

    alone: Mapping[str, Alone]
    pairs: Mapping[str, Pair]


class Above(msgspec.Struct, frozen=True):
    """A row above its shell.

    `rate` is answers per second over the shell's, `cpu` processor time over the shell's with its `least` and `most`
    round, `own` the difference in µs.
    """

    rate: float
    cpu: float
    least: float
    most: float
    own: float

    @property
    def holds(self) -> bool:
        """Whether our part costs as little as it should."""
        return self.cpu <= AIM


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One row over all rounds."""

    key: str
    title: str
    body: str
    to_nginx: float
    rate: float
    p50: float
    p99: float
    cpu: float
    others: float
    shell: Above | None


class Memory(msgspec.Struct, frozen=True):
    """MB resident: when ready, and after the load."""

    idle: float
    after: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one run found. `inside` is µs in process, by case."""

    versions: Mapping[str, str]
    conditions: Mapping[str, str]
    figures: Sequence[Figure]
    inside: Mapping[str, float]
    starts: Mapping[str, Start]
    memory: Mapping[str, Memory]
    check: Check


def figures(rows: Sequence[Row], rounds: Sequence[Round]) -> list[Figure]:
    """The rows' figures. The machine's own speed drifts, so what is compared was measured in the same round."""
    return [_figure(row, rounds) for row in rows]


def _figure(row: Row, rounds: Sequence[Round]) -> Figure:
    mine = [each.alone[row.key] for each in rounds]
    return Figure(
        key=row.key,
        title=row.title,
        body=row.body,
        to_nginx=median(each.alone[row.key].rate / each.alone[row.nginx].rate for each in rounds),
        rate=median(one.rate for one in mine),
        p50=median(one.p50 for one in mine),
        p99=median(one.p99 for one in mine),
        cpu=median(one.cpu for one in mine),
        others=median(one.others for one in mine),
        shell=None if row.shell is None else _above(row.key, row.shell, rounds),
    )


def _above(key: str, shell: str, rounds: Sequence[Round]) -> Above:
    pairs = [each.pairs[key] for each in rounds]
    ratios = [pair.cpu / pair.shell for pair in pairs]
    return Above(
        rate=median(each.alone[key].rate / each.alone[shell].rate for each in rounds),
        cpu=median(ratios),
        least=min(ratios),
        most=max(ratios),
        own=median(pair.cpu - pair.shell for pair in pairs),
    )
