"""A layered layout for a causal diagram: cause above, effect below, arrows around the boxes.

Layers by longest path, order within a layer by barycentres, places by isotonic regression
(Sugiyama, Tagawa & Toda 1981, doi:10.1109/TSMC.1981.4308636). Long arrows to the same concept
share one lane: whoever follows it arrives at that concept, whichever way he came.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from causal.errors import Place, VerificationError

Edge: TypeAlias = tuple[str, str]
Slot: TypeAlias = tuple[str, str, int]
"""A concept (``"", name, layer``), or a lane to one (``source or "", target, layer``)."""

SWEEPS = 24
BOX, LANE = 1.12, 0.26  # widths a box and a lane keep free, in boxes


@dataclass(frozen=True, slots=True)
class Layout:
    """Where boxes stand and which way arrows take.

    Attributes
    ----------
    place : concept -> (layer, x); layers are 0, 1, … from above, x is in boxes.
    hops : (from, to, disputed, target): pieces of arrows from layer to layer.
    carried : for each hop, the arrows (cause, effect) that take this way.
    """

    place: Mapping[str, tuple[int, float]]
    hops: tuple[tuple[tuple[int, float], tuple[int, float], bool, str], ...]
    layers: int
    carried: tuple[tuple[Edge, ...], ...]


def arrange(names: Sequence[str], edges: Sequence[tuple[str, str, bool]], outcome: str) -> Layout:
    """Lay out a diagram.

    Parameters
    ----------
    names : all concepts.
    edges : (cause, effect, disputed).
    outcome : the concept to set apart at the bottom.

    Raises
    ------
    VerificationError
        The arrows form a cycle.
    """
    level = _levels(names, [(cause, effect) for cause, effect, _ in edges], outcome)
    links, kinds, ways = _links(level, edges)
    order = _ordered({_box(name, level) for name in names}, links)
    x = _places(order, links)
    place = {name: (level[name], x[_box(name, level)]) for name in names}
    hops = {((a[2], x[a]), (b[2], x[b]), kinds[a, b], b[1]): tuple(ways[a, b]) for a, b in links}
    ordered = sorted(hops)
    return Layout(
        place, tuple(ordered), 1 + max(level.values()), tuple(hops[hop] for hop in ordered)
    )


def _levels(names: Sequence[str], edges: Sequence[Edge], outcome: str) -> dict[str, int]:
    """Put every concept below its causes, and as near to its first effect as that allows."""
    causes: dict[str, set[str]] = {name: set() for name in names}
    effects: dict[str, set[str]] = {name: set() for name in names}
    for cause, effect in edges:
        causes[effect].add(cause)
        effects[cause].add(effect)
    level: dict[str, int] = {}
    while len(level) < len(names):
        ready = [name for name in names if name not in level and causes[name] <= level.keys()]
        if not ready:
            rest = ", ".join(name for name in names if name not in level)
            raise VerificationError(
                f"the arrows form a cycle among {rest}. Run the analysis again (causal run).",
                Place("results.json", key="/dag/edges"),
            )
        for name in ready:
            level[name] = 1 + max((level[one] for one in causes[name]), default=-1)
    if outcome in level and not effects[outcome]:
        level[outcome] = max(level.values())
    for name in sorted(names, key=lambda one: -level[one]):
        if effects[name]:
            level[name] = min(level[one] for one in effects[name]) - 1
    return level


def _links(
    level: Mapping[str, int], edges: Sequence[tuple[str, str, bool]]
) -> tuple[
    list[tuple[Slot, Slot]], dict[tuple[Slot, Slot], bool], dict[tuple[Slot, Slot], list[Edge]]
]:
    """Cut arrows into hops of one layer; a disputed arrow keeps a lane of its own."""
    kinds: dict[tuple[Slot, Slot], bool] = {}
    ways: defaultdict[tuple[Slot, Slot], list[Edge]] = defaultdict(list)
    for cause, effect, disputed in edges:
        here = _box(cause, level)
        for layer in range(level[cause] + 1, level[effect]):
            lane = (cause if disputed else "*", effect, layer)
            kinds[here, lane] = disputed
            ways[here, lane].append((cause, effect))
            here = lane
        kinds[here, _box(effect, level)] = disputed
        ways[here, _box(effect, level)].append((cause, effect))
    return list(kinds), kinds, ways


def _ordered(boxes: set[Slot], links: Sequence[tuple[Slot, Slot]]) -> list[list[Slot]]:
    """Order each layer so that few arrows cross; keep the best order met."""
    slots = sorted(boxes | {slot for link in links for slot in link})
    layers = [
        [slot for slot in slots if slot[2] == layer]
        for layer in range(1 + max(slot[2] for slot in slots))
    ]
    before, after = _neighbours(links)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, links)
    for sweep in range(SWEEPS):
        downward = sweep % 2 == 0
        near = before if downward else after
        for layer in layers if downward else reversed(layers):
            rank = {slot: i / len(one) for one in layers for i, slot in enumerate(one)}
            layer.sort(key=lambda slot: _mean([rank[n] for n in near[slot]], rank[slot]))
        crossings = _crossings(layers, links)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _places(
    order: Sequence[Sequence[Slot]], links: Sequence[tuple[Slot, Slot]]
) -> dict[Slot, float]:
    """Move slots towards their neighbours as far as order and room allow."""
    before, after = _neighbours(links)
    x: dict[Slot, float] = {}
    for layer in order:
        offsets = _offsets(layer)
        x |= {slot: at - offsets[-1] / 2 for slot, at in zip(layer, offsets, strict=True)}
    for sweep in range(SWEEPS):
        for layer in order if sweep % 2 else reversed(order):
            wanted = [_mean([x[n] for n in before[slot] + after[slot]], x[slot]) for slot in layer]
            offsets = _offsets(layer)
            fitted = _isotonic([w - o for w, o in zip(wanted, offsets, strict=True)])
            x |= {slot: f + o for slot, f, o in zip(layer, fitted, offsets, strict=True)}
    return x


def _offsets(layer: Sequence[Slot]) -> list[float]:
    """Give the least places of a layer's slots, from 0."""
    at, offsets = 0.0, []
    for i, slot in enumerate(layer):
        if i:
            at += (_room(layer[i - 1]) + _room(slot)) / 2
        offsets.append(at)
    return offsets


def _isotonic(values: Sequence[float]) -> list[float]:
    """Give the nearest ascending sequence, by pooling adjacent violators."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [((a * n + b * m) / (n + m), n + m)]
    return [mean for mean, size in blocks for _ in range(size)]


def _crossings(layers: Sequence[Sequence[Slot]], links: Sequence[tuple[Slot, Slot]]) -> int:
    """Count the pairs of hops that cross."""
    rank = {slot: i for layer in layers for i, slot in enumerate(layer)}
    count = 0
    for i, (a, b) in enumerate(links):
        for c, d in links[i + 1 :]:
            if a[2] == c[2] and (rank[a] - rank[c]) * (rank[b] - rank[d]) < 0:
                count += 1
    return count


def _neighbours(
    links: Sequence[tuple[Slot, Slot]],
) -> tuple[defaultdict[Slot, list[Slot]], defaultdict[Slot, list[Slot]]]:
    """Give for every slot those a hop above, and those a hop below."""
    before: defaultdict[Slot, list[Slot]] = defaultdict(list)
    after: defaultdict[Slot, list[Slot]] = defaultdict(list)
    for a, b in links:
        after[a].append(b)
        before[b].append(a)
    return before, after


def _box(name: str, level: Mapping[str, int]) -> Slot:
    """Give the slot of a concept."""
    return ("", name, level[name])


def _room(slot: Slot) -> float:
    """Give the width a slot keeps free."""
    return LANE if slot[0] else BOX


def _mean(values: Sequence[float], otherwise: float) -> float:
    """Give the mean, or another value where there is nothing to average."""
    return sum(values) / len(values) if values else otherwise
