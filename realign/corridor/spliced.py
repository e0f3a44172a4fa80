"""
More roads from those that were found: pieces of them, spliced where they meet.

Two roads that pass a cell at the same level and in the same heading may go on as
each other. A few dozen roads so make a small graph with very many ways through
it, all of them within the rules of the lattice and at its prices, and each is
found in milliseconds.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree
from shapely import LineString

from realign.corridor.ground import Ground
from realign.corridor.price import Tariff, way_price
from realign.corridor.search import Ends, Found

STALE = 25
"""Ways in a row that bring no new road, after which no more are looked for."""
GENTLER = 4.0
"""Factor by which used ground is found less dear once no more roads come."""


def spliced(
    ground: Ground,
    tariff: Tariff,
    ends: tuple[Ends, Ends],
    roads: Sequence[Found],
    *,
    within: float,
    used: float,
) -> Iterator[Found]:
    """
    Put new roads together from pieces of others, each as cheap as it gets off used ground.

    Parameters
    ----------
    ground, tariff
        Ground on which the roads lie, and the prices that rate them.
    ends
        Where roads may begin, and where they may end.
    roads
        What has been found; each with at least two cells.
    within
        Distance up to which ground beside a road counts as used [cells].
    used
        Share by which used ground counts dearer, for each road that used it [-].

    Yields
    ------
    found
        Roads that do not cross themselves, none of them twice and none of those
        given. Their prices are whole numbers of the currency.
    """
    net = _Net(ground, tariff, ends, roads)
    tree = cKDTree(net.middle)
    known = {(road.cell.tobytes(), road.level.tobytes()) for road in roads}
    for share in (used, used / GENTLER):
        load = np.ones(net.price.size)
        stale = 0
        while stale < STALE:
            way = net.cheapest(load)
            near = tree.query_ball_point(net.middle[way], within)
            load[np.unique(np.concatenate(near)).astype(np.int64)] *= 1 + share
            found = net.found(way)
            key = (found.cell.tobytes(), found.level.tobytes())
            stale += 1
            if key in known:
                continue
            known.add(key)
            if LineString(np.column_stack((ground.col, -ground.row))[found.cell]).is_simple:
                stale = 0
                yield found


class _Net:
    """A graph of all the moves of some roads."""

    def __init__(
        self, ground: Ground, tariff: Tariff, ends: tuple[Ends, Ends], roads: Sequence[Found]
    ) -> None:
        """Give numbers to the states and the moves between them."""
        self.roads = roads
        nodes: dict[tuple[int, int, int], int] = {}
        moves: dict[tuple[int, int], int] = {}
        price: list[float] = []
        self.origin: list[tuple[int, int]] = []
        """Road and place in it at which each move ends."""
        for number, road in enumerate(roads):
            paid = np.diff(way_price(ground, tariff, road.cell, road.level))
            paid[0] += ends[0].price[road.first]
            paid[-1] += ends[1].price[road.last]
            before, count = 0, road.cell.size
            for i in range(1, count):
                heading = int(np.argmax(ground.neighbour[road.cell[i - 1]] == road.cell[i]))
                state = (int(road.cell[i]), int(road.level[i]), heading)
                # the move that meets the old road is one with its end, which asks for its grade
                after = 1 if i == count - 1 else nodes.setdefault(state, len(nodes) + 2)
                at = moves.setdefault((before, after), len(price))
                if at == len(price):
                    price.append(np.inf)
                    self.origin.append((number, i))
                if paid[i - 1] < price[at]:
                    price[at], self.origin[at] = float(paid[i - 1]), (number, i)
                before = after
        self.price = np.array(price)
        self.numbers = moves
        self.size = len(nodes) + 2
        self.ends = np.array(list(moves), np.int64)
        place = np.column_stack((ground.col, ground.row)).astype(np.float64)
        self.middle: NDArray[np.float64] = np.array(
            [
                (place[roads[number].cell[i - 1]] + place[roads[number].cell[i]]) / 2
                for number, i in self.origin
            ]
        )

    def cheapest(self, load: NDArray[np.float64]) -> list[int]:
        """Find the moves of the cheapest way when the price of each is multiplied."""
        graph = sparse.csr_array(
            (self.price * load, (self.ends[:, 0], self.ends[:, 1])), shape=(self.size, self.size)
        )
        _, before = csgraph.dijkstra(graph, indices=0, return_predecessors=True)
        way = []
        at = 1
        while at != 0:
            way.append(self.numbers[int(before[at]), at])
            at = int(before[at])
        return way[::-1]

    def found(self, way: Sequence[int]) -> Found:
        """Read a road off its moves."""
        origin = [self.origin[move] for move in way]
        number, i = origin[0]
        start = self.roads[number]
        cells, levels = [start.cell[i - 1]], [start.level[i - 1]]
        for number, i in origin:
            cells.append(self.roads[number].cell[i])
            levels.append(self.roads[number].level[i])
        return Found(
            cell=np.array(cells, np.int32),
            level=np.array(levels, np.int32),
            price=round(float(self.price[list(way)].sum())),
            first=start.first,
            last=self.roads[origin[-1][0]].last,
        )
