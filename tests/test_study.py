import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import small_study

import realign
from realign.errors import StudyError
from realign.settings import Settings
from realign.study import Published, Study, document, load

ROOT = Path(realign.__file__).parents[1]
Spoil = Callable[[str, str], Path]


@pytest.fixture
def spoilt(tmp_path: Path) -> Spoil:
    """Write the small study with one text in it replaced by another."""

    def replace(old: str, new: str) -> Path:
        file = small_study.write(tmp_path)
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), "utf-8")
        return file

    return replace


def problems(file: Path) -> list[str]:
    """Lines of the error that a study file gives, without the name of the file."""
    with pytest.raises(StudyError) as error:
        load(file)
    lines = str(error.value).splitlines()
    assert all(str(file.parent) in line for line in lines)
    return [line.removeprefix(f"{file}: ") for line in lines]


def test_a_study_knows_its_files(tmp_path: Path) -> None:
    file = small_study.write(tmp_path)
    study = load(file)
    assert study.file == file
    assert study.inputs == tmp_path / "inputs"
    assert study.rates_file == tmp_path / "rates.csv"
    assert study.crs.to_epsg() == small_study.EPSG
    assert [place.name for place in study.places] == list(small_study.PLACES)


def test_a_study_runs_on_whichever_inputs_it_is_given(tmp_path: Path) -> None:
    assert load(small_study.write(tmp_path), inputs="other").inputs == Path("other")


def test_a_study_cannot_be_changed(tmp_path: Path) -> None:
    study = load(small_study.write(tmp_path))
    with pytest.raises(ValueError, match="frozen"):
        study.clearance = study.clearance  # type: ignore[misc]


def test_the_mark_that_some_editors_put_first_is_no_mistake(tmp_path: Path) -> None:
    file = small_study.write(tmp_path)
    for path in (file, tmp_path / "places.csv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(file).study.name == "small"


def test_the_study_of_the_karakoram_highway_is_valid() -> None:
    study = load(ROOT / "data" / "kkh" / "study.toml")
    assert [dam.name for dam in study.dams] == ["Diamer-Basha", "Dasu"]
    foreign = {
        case.name: sum(each.share for each in case.financiers if each.kind == "loan")
        for case in study.finance.cases
    }
    assert foreign == pytest.approx({"announced": 0.85, "stress": 0.9, "mixed": 0.85})


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    file = small_study.write(tmp_path)
    text = file.read_text("utf-8")
    for old, new in (
        ("EPSG:32643", "EPSG:4326"),
        ('start = "Lower"', 'start = "Nowhere"'),
        ("sigma_m = 2.0", "sigma_m = -2.0"),
        ("date = 2032-07-01", 'date = "next year"'),
        ("crest_level_m", "crest_level"),
    ):
        text = text.replace(old, new, 1)
    file.write_text(text, "utf-8")
    told = problems(file)
    keys = [line.split(":")[0] for line in told]
    assert keys == [
        "study.crs",
        "elevation.sigma_m",
        "dams[Narrows].crest_level_m",
        "dams[Narrows].stages[full].date",
        "dams[Narrows].crest_level",
        "programme[Lower-Upper].start",
    ]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('title = "A small valley"\n', "", "study.title: missing"),
        ("sigma_m = 2.0", "sigma_m = 2.0\nsigma = 1", "elevation.sigma: unknown key"),
        ("speed_kmh = 40", 'speed_kmh = "fast"', "variants[cheap].speed_kmh"),
        ("speed_kmh = 40", "speed_kmh = 41", "variants[cheap].speed_kmh"),
        ('name = "cheap"', 'name = "short"', "variants: the name 'short' stands twice"),
        ("EPSG:32643", "EPSG:99999", "study.crs: found 'EPSG:99999', wanted a reference system"),
        ("asian-highway-class-ii", "autobahn", "standard.code: found 'autobahn', wanted one of"),
        ("minimum_level_m = 835", "minimum_level_m = 860", "minimum_level_m 860 has to be below"),
        ('quantity = "share_pct"', 'quantity = "beauty"', "found 'beauty', wanted one of"),
        ('of = "lender"', 'of = "nobody"', "published[share_pct].of: found 'nobody'"),
        ("accepted_low = 85", "accepted_low = 86", "accepted_low 86 is above accepted_high 85"),
        ("share = 0.15", "share = 0.16", "the shares add to 1.01"),
        (
            'loan = "long"',
            'loan = "short"',
            "financiers[Lender].loan: found 'short', wanted one of",
        ),
        ("grace_years = 5", "grace_years = 20", "finance.loans[long]: grace_years 20 has to be"),
        ('end_name = "East"', 'end_name = "Far"', "existing.end_name: found 'Far', wanted one of"),
        ("sources.sigma_m", "sources.sigma", "elevation: sources given for unknown keys sigma"),
        ("pkr_per_usd = 281.40", "pkr_per_usd = nan", "money.pkr_per_usd"),
    ],
)
def test_a_problem_names_its_key(spoilt: Spoil, old: str, new: str, line: str) -> None:
    told = problems(spoilt(old, new))
    assert len(told) == 1
    assert line in told[0]


def test_what_does_not_fit_together_is_told_line_by_line(tmp_path: Path) -> None:
    file = small_study.write(tmp_path)
    text = file.read_text("utf-8").replace('of = "lender"', 'of = "nobody"')
    file.write_text(text.replace('name = "Upper-East"', 'name = "Lower-Upper"'), "utf-8")
    assert problems(file) == [
        "programme: the name 'Lower-Upper' stands twice",
        (
            "published[share_pct].of: found 'nobody', wanted one of "
            "['', 'Lower-Upper', 'Narrows', 'lender', 'owner']"
        ),
    ]


@pytest.mark.parametrize("text", ["study = 3\n", "[existing]\n", "programme = 1\n", ""])
def test_a_file_of_another_form_is_told_key_by_key(tmp_path: Path, text: str) -> None:
    small_study.write(tmp_path)
    file = tmp_path / "study.toml"
    file.write_text(text, "utf-8")
    assert "money: missing" in problems(file)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("name,lon,lat,source\n", "is empty; wanted a table name,lon,lat,source"),
        ("name,lon\nWest,72\n", "places.csv:2: lat: missing"),
        ("name,lon,lat\nWest,72,135\n", "places.csv:2: lat: Input should be less than"),
        ("name,lon,lat\nWest,72,x\n", "found 'x'"),
        ("name,lon,lat\nA,72,35\nA,72,35\n", "the name 'A' stands twice"),
    ],
)
def test_a_wrong_table_of_places_names_its_line(tmp_path: Path, text: str, wanted: str) -> None:
    file = small_study.write(tmp_path)
    (tmp_path / "places.csv").write_text(text, "utf-8")
    assert any(wanted in line for line in problems(file))


def test_a_table_of_places_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = small_study.write(tmp_path)
    (tmp_path / "places.csv").write_bytes(b"name,lon,lat\nGro\xdf,72,35\n")
    assert "places.csv: cannot be read" in "\n".join(problems(file))
    (tmp_path / "places.csv").unlink()
    assert "places.csv: cannot be read" in "\n".join(problems(file))


def test_a_published_figure_is_accepted_from_low_to_high() -> None:
    with pytest.raises(ValueError, match="accepted_low 2 is above accepted_high 1"):
        Published(
            quantity="share_pct",
            label="",
            of="",
            value=1,
            accepted_low=2,
            accepted_high=1,
            source="",
        )


def test_the_page_of_keys_is_up_to_date() -> None:
    page = ROOT / "docs" / "study.md"
    if small_study.REGENERATE:
        page.write_text(document(), "utf-8")
        pytest.skip("rewritten")
    assert page.read_text("utf-8") == document()


def keys(model: type[Settings]) -> set[str]:
    """Every key of a model and of the models in it."""
    out = set()
    for name, field in model.model_fields.items():
        out.add(name)
        inner = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for kind in inner:
            if isinstance(kind, type) and issubclass(kind, Settings):
                out |= keys(kind)
    return out - {"sources"}


def test_the_page_of_keys_has_every_key_and_says_what_it_is() -> None:
    page = document()
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    assert not [line for line in lines if line.endswith("|  |")]
    assert not {key for key in keys(Study) if f"`{key}`" not in page and f"{key}]" not in page}


def test_every_key_of_the_small_study_is_on_the_page() -> None:
    page = document()
    for table, value in tomllib.loads(small_study.STUDY.format(lon=0.0, lat=0.0)).items():
        rows = value if isinstance(value, list) else [value]
        assert f"[{table}]" in page
        assert all(f"`{key}`" in page or f".{key}]" in page for row in rows for key in row
                   if key != "sources")  # fmt: skip
