"""A small plan made by hand, in which every kind of output has something to show."""

from dataclasses import replace
from datetime import date
from functools import cache

import geopandas as gpd
import networkx as nx
import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from shapely import LineString

from realign import (
    appraisal,
    candidates,
    choice,
    finance,
    formation,
    hazard,
    options,
    protection,
    reservoir,
    service,
    submergence,
    upgrade,
    yearround,
)
from realign.branches import Leg, Net, Values, Way
from realign.candidates import Candidate
from realign.chainage import Section
from realign.corridor import Gap
from realign.drowned import Drowned
from realign.estimate import Estimate, together
from realign.geometry.alignment import Alignment, Part
from realign.geometry.alignment import Plan as Course
from realign.geometry.horizontal import Element, Pose
from realign.geometry.vertical import Grades
from realign.highway import Highway
from realign.network import Link, Paced, Searched
from realign.options import Option
from realign.phasing import Schedule, Work, schedule
from realign.plan import Assumption, Check, Plan, Programme
from realign.programme import outlays
from realign.rates import ITEMS, Rate, Rates
from realign.region import Region
from realign.spread import here
from realign.standards import load as load_standard
from realign.study import Study
from realign.terrain import Terrain
from realign.works import World

CRS_ = CRS.from_epsg(32643)
LEFT, TOP = 650_000.0, 3_930_000.0
CELL = 100.0
ROWS, COLS = 40, 60
MIDDLE = TOP - ROWS * CELL / 2
SHORT = "cheapest"
LONG = "safest"
FORMULA = "=Least exposure"  # a spreadsheet would take it for a formula
UPGRADE = Estimate(1e6, 2e6, 3e6).times(1 / 0.7)  # a kilometre
PLACES = {"Start": 0.0, "Mouth <b>&": 700.0, "Head": 4200.0}


def ground() -> Terrain:
    """Make a valley that rises to the east at 2 %, with sides of 40 %."""
    x = (np.arange(COLS) + 0.5) * CELL
    y = TOP - (np.arange(ROWS) + 0.5) * CELL
    z = 900 + 0.02 * x[None, :] + 0.4 * np.abs(y[:, None] - MIDDLE)
    transform = Affine(CELL, 0.0, LEFT, 0.0, -CELL, TOP)
    z[:2, :3] = np.nan
    return Terrain(z.astype(np.float32), transform, CRS_, "EGM2008", 4.0)


def road() -> Highway:
    """Make a road along the river, 12 m above it."""
    x = LEFT + np.linspace(100.0, 5900.0, 200)
    y = MIDDLE + 30.0 + 20.0 * np.sin((x - LEFT) / 300.0)
    s = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))))
    station = np.linspace(0.0, s[-1], 300)
    level = 912.0 + 0.02 * (np.interp(station, s, x) - LEFT)
    return Highway(
        name="N-1",
        xy=np.column_stack((x, y)),
        s=s,
        crs=CRS_,
        station=station,
        ground=level - 1.0,
        level=level,
        bridges=(Section(1000.0, 1080.0),),
    )


def study() -> Study:
    """Ask for all that outputs can show."""
    lon, lat = Transformer.from_crs(CRS_, 4326, always_xy=True).transform(LEFT + 1250.0, MIDDLE)
    return Study.model_validate(
        {
            "study": {
                "name": "small",
                "title": "A small valley & its road",
                "question": "Where does the road go when the lake comes?",
                "ground": "a slope made by hand, not surveyed",
                "crs": "EPSG:32643",
            },
            "elevation": {"vertical_datum": "EGM2008", "sigma_m": 4.0},
            "existing": {"name": "N-1", "start_name": "Start", "end_name": "End"},
            "dams": [
                {
                    "name": "Upper <dam>",
                    "lon": lon,
                    "lat": lat,
                    "full_level_m": 970.0,
                    "minimum_level_m": 945.0,
                    "crest_level_m": 980.0,
                    "stages": [
                        {"name": "partial", "level_m": 955.0, "date": date(2030, 7, 1)},
                        {"name": "full", "level_m": 970.0, "date": date(2032, 7, 1)},
                    ],
                    "sources": {"stages": "assumption: impounding dates are not published"},
                }
            ],
            "standard": {"code": "asian-highway-class-ii"},
            "variants": [
                {"name": SHORT, "title": "Least cost", "speed_kmh": 60},
                {"name": LONG, "title": FORMULA, "speed_kmh": 60},
            ],
            "money": {"fx_date": date(2025, 9, 25), "pkr_per_usd": 281.4, "cny_per_usd": 7.12},
            "programme": [
                {"name": "Mouth-Head", "start": "Start", "end": "Head", "work": "new"},
            ],
            "phasing": {
                "start": date(2027, 1, 1),
                "budget_pkr_per_year": 3.0e9,
                "new_km_per_month": 0.1,
                "upgrade_km_per_month": 1.0,
                "tunnel_m_per_month_face": 50.0,
                "mobilisation_months": 3,
            },
            "risk": {"draws": 500},
            "finance": {
                "loans": [{"name": "concessional", "interest_pct": 2, "years": 20}],
                "cases": [
                    {
                        "name": "announced",
                        "title": "85 % by China",
                        "financiers": [
                            {
                                "name": "China",
                                "key": "china",
                                "share": 0.85,
                                "kind": "loan",
                                "loan": "concessional",
                                "currency": "CNY",
                                "source": "announced",
                            },
                            {
                                "name": "Pakistan",
                                "key": "pakistan",
                                "share": 0.15,
                                "source": "announced",
                            },
                        ],
                    }
                ],
            },
            "published": [
                {
                    "quantity": "lake_area_km2",
                    "label": "Area of the lake",
                    "of": "Upper <dam>",
                    "value": 1.0,
                    "accepted_low": 0.001,
                    "accepted_high": 10.0,
                    "source": "by hand, 2025",
                },
                {
                    "quantity": "flooded_km",
                    "label": "Road flooded",
                    "of": "",
                    "value": 82.0,
                    "accepted_low": 74.0,
                    "accepted_high": 100.0,
                    "source": "by hand, 2025",
                },
                {
                    "quantity": "share_pct",
                    "label": "Share",
                    "of": "china",
                    "value": 85.0,
                    "accepted_low": 85.0,
                    "accepted_high": 85.0,
                    "source": "announced",
                },
            ],
        }
    )


def rates() -> Rates:
    """Prices that nobody uses, dated and assumed."""
    day = date(2025, 9, 1)
    return Rates(
        {
            item: Rate(
                item,
                unit,
                UPGRADE if item == "upgrade_existing" else Estimate(1, 2, 3),
                "USD",
                day,
                "assumption: made by hand",
            )
            for item, unit in ITEMS.items()
        }
    )


def link(highway: Highway, variant: str, section: Section, offset: float) -> Link:
    """Make a road beside the old one: open, bridge, open, tunnel, open."""
    station = np.linspace(0.0, section.length, int(section.length / 20.0) + 2)
    step = np.diff(station)
    along = section.start + station
    beside = offset * np.sin(np.pi * station / section.length)
    xy = highway.at(along)
    form = np.zeros(len(station) - 1, dtype=np.int8)
    form[20:30] = 1
    form[60:80] = 2
    level = np.maximum(highway.level_at(along), 985.0)
    course = np.column_stack((xy[:, 0], xy[:, 1] + beside))
    road = straights(course, level)
    tunnel = float(step[form == 2].sum())
    return Link(
        name=f"Upper <dam> / {variant}",
        gap="Upper <dam>",
        variant=variant,
        section=section,
        station=station,
        x=xy[:, 0],
        y=xy[:, 1] + beside,
        level=level,
        ground=level - 3.0,
        form=form,
        length=float(station[-1]),
        bridge_length=float(step[form == 1].sum()),
        tunnel_length=tunnel,
        travel_time=station[-1] / 16.0,
        exposure=0.2,
        steepest=0.06,
        speed_kmh=60,
        radius=130.0,
        totals={"tunnel": tunnel, "land": (3.0e7 + offset) / 2 - tunnel},
        cost=Estimate(2.0e7, 3.0e7 + offset, 4.5e7),
        direct=Estimate(1.5e7, 2.0e7, 3.0e7),
        searched=Searched(price=2.1e7, bound=1.9e7, construction=2.0e7),
        builder="programme",
        breaches=("grade 8.2 % at 1+200",) if variant == LONG else (),
        structures=(
            Part("bridge", station[20], station[30], "Bridge 1 over <Indus>"),
            Part("tunnel", station[60], station[80], "Tunnel 1"),
        ),
        speeds=(Paced(0.0, road.length, 60, ""),),
        alignment=road,
    )


def straights(course: NDArray[np.float64], level: NDArray[np.float64]) -> Alignment:
    """Make a road of tangents through points, with a PVI at each."""
    way = np.diff(course, axis=0)
    plan = Course(
        tuple(
            Element(Pose(*map(float, at), float(np.arctan2(to[1], to[0]))), float(np.hypot(*to)))
            for at, to in zip(course, way, strict=False)
        )
    )
    return Alignment(plan, Grades(plan.start, level, np.zeros(level.size)))


def option(new: Link, title: str) -> Option:
    """Make the whole way with one new road."""
    upgraded = (Section(0.0, new.section.start),)
    return Option(
        name=new.variant,
        title=title,
        links=(new,),
        upgraded=upgraded,
        kept=(Section(new.section.end, 5800.0),),
        cost=together((new.cost, UPGRADE.times(upgraded[0].length / 1000))),
        outside_cost=Estimate.exact(0.0),
        present_cost=0.9 * (new.cost.base + UPGRADE.base * upgraded[0].length / 1000),
        length=6000.0,
        new_length=new.length,
        upgrade_length=upgraded[0].length,
        bridge_length=new.bridge_length,
        tunnel_length=new.tunnel_length,
        travel_time=500.0,
        truck_time=600.0,
        closed_days=4.0 if new.variant == SHORT else 3.0,
        closures=2.5,
        buildings=3,
        farmland=1200.0,
        exposure=0.2,
        flooded_left=0.0,
        steepest=0.06,
    )


def nothing() -> Option:
    """Make the answer that builds nothing, and is cut."""
    zero = Estimate.exact(0.0)
    return Option(
        name=options.DO_NOTHING,
        title="Nothing is built",
        links=(),
        upgraded=(),
        kept=(Section(0.0, 5800.0),),
        cost=zero,
        outside_cost=zero,
        present_cost=0.0,
        length=5800.0,
        new_length=0.0,
        upgrade_length=0.0,
        bridge_length=0.0,
        tunnel_length=0.0,
        travel_time=float("inf"),
        truck_time=float("inf"),
        closed_days=365.0,
        closures=0.0,
        buildings=0,
        farmland=0.0,
        exposure=0.4,
        flooded_left=1900.0,
        steepest=0.0,
    )


def programme(plan_of: Option, asked: Study) -> Schedule:
    """Date an upgrade, the new road, and a piece that others build."""
    new = plan_of.links[0]
    rupees = asked.money.pkr_per_usd
    blank = {"new_length": 0.0, "bridge_length": 0.0, "tunnel_length": 0.0}
    works = [
        Work(
            name="Start-Mouth, upgrade",
            section=plan_of.upgraded[0],
            upgrade_length=plan_of.upgrade_length,
            upgrade={"upgrade_existing": plan_of.upgrade_length / 1000},
            cost=UPGRADE.times(rupees * plan_of.upgrade_length / 1000),
            **blank,
        ),
        Work(
            name="Mouth-Head, new",
            section=Section(500.0, 4300.0),
            new_length=new.length,
            upgrade_length=0.0,
            bridge_length=new.bridge_length,
            tunnel_length=new.tunnel_length,
            cost=new.cost.times(rupees),
            deadline=date(2028, 7, 1),
            links=(new.name,),
        ),
        Work(
            name="Head-End, by others",
            section=Section(4300.0, 5700.0),
            upgrade_length=1400.0,
            upgrade={"upgrade_existing": 1.4},
            cost=UPGRADE.times(rupees * 1.4),
            in_programme=False,
            builder="WAPDA",
            opens=date(2026, 1, 1),
            **blank,
        ),
    ]
    return schedule(plan_of.name, works, asked.phasing)


def region(given: Drowned) -> Region:
    """Judge the valley and its road."""
    study, road = given.study, given.highway
    standard = load_standard(study.standard.code, study.upgrade.speed_kmh)
    scene = hazard.survey(given.terrain, rivers=list(given.rivers.geometry), rules=study.hazard)
    standing = upgrade.standing(road, smooth=20.0)
    first = service.of_highway(road, standing, scene, speed_kmh=40.0)
    fit = hazard.calibrated(first.along, study.hazard)
    scene = replace(scene, rules=fit.rules)
    hit = np.arange(first.along.start.size) % 7 == 0
    return Region(
        scene=scene,
        calibration=fit,
        receiver=hazard.receiver(first.along.susceptibility, hit),
        landslides=12,
        standing=standing,
        standard=standard,
        broken=upgrade.breaches(
            standing,
            given.terrain,
            standard=standard,
            shape=study.formation,
            prices=formation.prices(study.formation, standard, rates()),
            rules=study.upgrade,
        ),
        kept=service.of_highway(road, standing, scene, speed_kmh=40.0),
        upgraded=service.of_highway(road, standing, scene, speed_kmh=40.0, upgraded=standard),
        roads=None,
        cuts=(("dam", 1250.0), ("structure", 1000.0), ("structure", 1080.0)),
    )


def candidate(new: Link, gap: Gap, judged: service.Judged) -> Candidate:
    """Make a candidate link of one whole road."""
    values = Values(
        length=new.length,
        bridge_length=new.bridge_length,
        tunnel_length=new.tunnel_length,
        travel_time=new.travel_time,
        exposed=new.exposure * new.length,
        direct=new.direct,
        cost=new.cost,
    )
    start, end = (f"{s:.0f}" for s in (new.section.start, new.section.end))
    leg = Leg(new.variant, start, end, new, judged.whole, values)
    net = Net(
        gap=gap,
        legs=(leg,),
        ties={start: new.section.start, end: new.section.end},
        failed={},
        books={},
        variants={},
        short={new.name: new.variant},
    )
    return Candidate(
        name=new.name,
        net=net,
        way=Way(new.variant, (leg,), new.section),
        values=values,
        service=judged.service(judged.whole),
        closures=float(judged.closures_a_year(judged.whole).sum()),
        rates=judged.rates(judged.whole),
        steepest=new.steepest,
        buildings=3,
        farmland=1200.0,
        opens=date(2028, 1, 1),
        present_cost=0.9 * new.cost.base,
        flawed=0,
    )


@cache
def small() -> Plan:
    """Make the plan; one for all tests, since nothing in it changes."""
    asked, terrain, highway = study(), ground(), road()
    line = LineString([(LEFT + 5950.0, MIDDLE), (LEFT + 50.0, MIDDLE)])
    rivers = gpd.GeoDataFrame({"name": ["River"]}, geometry=[line], crs=CRS_)
    lake = reservoir.fill(terrain, asked.dams[0], rivers)
    taken = submergence.submerge(highway, [lake], sigma=4.0, clearance=asked.clearance)
    links = (
        link(highway, SHORT, Section(700.0, 4200.0), 400.0),
        link(highway, LONG, Section(600.0, 4400.0), -500.0),
    )
    answers = options.judged([nothing(), option(links[0], "Least cost"), option(links[1], FORMULA)])
    programmes = {}
    for answer in answers[1:]:
        dated = programme(answer, asked)
        programmes[answer.name] = Programme(
            answer, dated, finance.split(outlays(dated), asked.finance.cases[0])
        )
    gap = Gap("Upper <dam>", Section(1000.0, 3900.0), Section(0.0, 900.0), None)
    given = Drowned(
        study=asked,
        terrain=terrain,
        highway=highway,
        rivers=rivers,
        no_go=(),
        layers=(),
        places=PLACES,
        reservoirs=(lake,),
        submergence=taken,
        hashes={},
    )
    area = region(given)
    judged = yearround.judged_links(area, links)
    found = tuple(candidate(new, gap, judged[new.name]) for new in links)
    upgradable = [Section(0.0, 600.0)]
    network = candidates.choices(given, area, found, rates(), upgradable=upgradable)
    best = options.best(network.legs, network.start, network.end)
    opens = {new.name: date(2028, 1, 1) for new in links}
    years = {
        answer.name: yearround.yearround(
            given, area, yearround.Built(answer.links, answer.upgraded, opens), judged
        )
        for answer in answers
    }
    modelled = (lake.full.area / 1e6, float("nan"), 85.0)
    world = World(given, area, judged, rates())
    checks = tuple(
        Check(row, unit, value)
        for row, unit, value in zip(asked.published, ("km2", "km", "%"), modelled, strict=True)
    )
    return Plan(
        study=asked,
        rates=rates(),
        terrain=terrain,
        highway=highway,
        rivers=rivers,
        places=PLACES,
        reservoirs=(lake,),
        submergence=taken,
        gaps=(gap,),
        links=links,
        graph=nx.MultiDiGraph(crs=CRS_),
        region=area,
        choice=choice.Choice(
            candidates=found,
            front=best,
            shortlisted=(0, 1),
            alike=0.7,
            rows={answer.name: number for number, answer in enumerate(answers[1:])},
            options=answers,
            schedules={name: each.schedule for name, each in programmes.items()},
            judged=judged,
            failed={"Upper <dam> / branch 1": "no road <within> the standard"},
        ),
        options=answers,
        decision=choice.decided(given, answers, years),
        years=years,
        critical={
            "truck": yearround.critical(given, years[SHORT]),
            "car": yearround.critical(given, years[SHORT], kind="car"),
        },
        protections=protection.protections(
            years[SHORT], asked.all_weather, rates=rates(), money=asked.money
        ),
        programmes=programmes,
        funds={
            name: appraisal.funds(world, each, years[name]) for name, each in programmes.items()
        },
        risks={
            name: appraisal.uncertain(world, each, spread=here(None))
            for name, each in programmes.items()
        },
        variations=appraisal.variations(
            world, answers[1], asked.phasing.alternatives, spread=here(None)
        ),
        best=SHORT,
        announced=SHORT,
        checks=checks,
        assumptions=(
            Assumption("dams[Upper <dam>].stages", "2 stages", "assumption: dates not published"),
            Assumption("rates.fill", "2 USD/m3", "assumption: made by hand"),
            Assumption("clearance.freeboard_m", "10 m", "program default: of no source"),
            Assumption("dams[Upper <dam>].snap_m", "1,500 m", "assumption: of the drawing"),
            Assumption("corridor.steep_deg", "35 degrees", "Program default"),
        ),
        notes=("Mouth-Head, new opens late: <after> the water.",),
        links_open={links[0].name: date(2030, 1, 1)},
        seconds={"terrain": 0.12, "corridor": 3.4},
        hashes={"dem.tif": "0" * 64},
        texts={},
    )


def changed(**values: object) -> Plan:
    """Make the small plan with some of its values replaced."""
    return replace(small(), **values)  # type: ignore[arg-type]
