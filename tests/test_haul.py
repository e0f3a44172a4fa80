"""Laws of the haul: nothing is lost, nothing is moved too far, and a graph agrees."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realign.errors import GeometryError
from realign.haul import Prices, hauled, owners, sites

PRICES = Prices(haul=0.4, borrow=2.0, disposal=0.5)
volumes = st.lists(st.integers(0, 5000), min_size=2, max_size=12)


def by_graph(station: np.ndarray, net: np.ndarray, site: np.ndarray, price: Prices) -> float:
    """Cheapest haul as a flow in a graph, in whole thousandths of the currency."""
    graph = nx.DiGraph()
    middle = (station[:-1] + station[1:]) / 2
    for i, volume in enumerate(net):
        graph.add_node(i, demand=-int(volume))
    graph.add_node("elsewhere", demand=int(net.sum()))
    for i in range(len(net) - 1):
        weight = round(1000 * price.haul * (middle[i + 1] - middle[i]) / 1000)
        graph.add_edge(i, i + 1, weight=weight)
        graph.add_edge(i + 1, i, weight=weight)
    for i in owners(station, site):
        graph.add_edge("elsewhere", int(i), weight=round(1000 * price.borrow))
        graph.add_edge(int(i), "elsewhere", weight=round(1000 * price.disposal))
    return nx.min_cost_flow_cost(graph) / 1000


@settings(max_examples=60, deadline=None)
@given(volumes, volumes, st.integers(0, 3))
def test_haul_balances_and_costs_what_a_flow_in_a_graph_costs(
    cut: list[int], fill: list[int], more: int
) -> None:
    n = min(len(cut), len(fill))
    supply, taken = np.array(cut[:n], float), np.array(fill[:n], float)
    station = np.arange(n + 1) * 500.0
    site = sites(station[-1], 500.0 * (more + 1))
    found = hauled(station, supply, taken, site, PRICES)
    assert np.abs(found.residual()).max() < 1e-6
    assert min(found.borrowed.min(), found.wasted.min()) >= 0
    assert found.cost == pytest.approx(by_graph(station, supply - taken, site, PRICES), abs=1e-3)
    parts = found.moved * 0.4 + found.borrowed.sum() * 2 + found.wasted.sum() * 0.5
    assert found.cost == pytest.approx(parts, abs=1e-6)


def test_cut_beside_fill_is_hauled_by_the_area_under_the_ordinate() -> None:
    station = np.arange(0.0, 401.0, 20.0)
    supply = np.where(station[1:] <= 200, 100.0, 0.0)
    fill = np.where(station[1:] > 200, 100.0, 0.0)
    found = hauled(station, supply, fill, np.array([10.0]), PRICES)
    # triangle of 200 m and 1,000 m3 on either side of the middle
    assert found.moved == pytest.approx(1000 * 200 / 1000, rel=1e-9)
    assert found.borrowed.sum() + found.wasted.sum() == pytest.approx(0, abs=1e-9)
    assert found.ordinate.max() == pytest.approx(1000)
    assert found.ordinate[-1] == pytest.approx(0)


def test_earth_is_wasted_and_borrowed_where_haul_would_cost_more() -> None:
    station = np.arange(0.0, 20_001.0, 500.0)
    supply, fill = np.zeros(40), np.zeros(40)
    supply[0], fill[-1] = 1000.0, 1000.0
    near = hauled(station, supply, fill, np.array([250.0, 19_750.0]), PRICES)
    assert near.moved == pytest.approx(0)  # 19.5 km at 0.4 is more than 2.0 and 0.5
    assert near.borrowed == pytest.approx([0, 1000])
    assert near.wasted == pytest.approx([1000, 0])
    cheap = Prices(haul=0.1, borrow=2.0, disposal=0.5)
    far = hauled(station, supply, fill, np.array([250.0, 19_750.0]), cheap)
    assert far.moved == pytest.approx(1000 * 19.5)


@pytest.mark.parametrize("length", [300.0, 4999.0, 5000.0, 5001.0, 88_000.0])
def test_sites_are_no_farther_apart_than_asked(length: float) -> None:
    found = sites(length, 5000.0)
    gaps = np.diff(np.concatenate(([-found[0]], found, [2 * length - found[-1]])))
    assert gaps.max() <= 5000 + 1e-6
    assert found.size == max(np.ceil(length / 5000), 1)


@pytest.mark.parametrize(
    ("supply", "site", "words"),
    [([-1.0, 0.0], [10.0], "below 0"), ([np.nan, 0.0], [10.0], "none"), ([1.0, 1.0], [], "place")],
)
def test_what_cannot_be_balanced_is_refused(
    supply: list[float], site: list[float], words: str
) -> None:
    with pytest.raises(GeometryError, match=words):
        hauled(np.array([0.0, 20.0, 40.0]), np.array(supply), np.zeros(2), np.array(site), PRICES)
