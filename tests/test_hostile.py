"""Names that are markup, formulas or worse come out as the words they are; no data is ever code."""

import ast
import csv
import io
import json
import re
import unicodedata
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import openpyxl
import pytest
import small_study

import realign
from realign.outputs import tables

TEMPLATE = "{{7*1234567}}{% x %}{# y #}{{{"
MARKUP = TEMPLATE + "</script><script>window.hurt=1</script><img src=x onerror=hurt()>"
QUOTES = '" onmouseover="hurt()" \''
CDATA = "]]><script>hurt()</script><![CDATA["
TURNED = "abc\u202efdp.exe\u2066"
FORMULA = '=HYPERLINK("http://x";"y")'
FORMULA_OF_OURS = re.compile(
    r"=[A-Z]+\([A-Z0-9$:, ]+\)|=[A-Z0-9$*+/() ]+|='([^']|'')*'![A-Z]+[0-9]+"
)
PACKAGE = Path(realign.__file__).parent


def hostile(folder: Path) -> Path:
    """Write the small study with names that mean harm, in everything that takes a text."""
    file = small_study.write(folder)
    text = file.read_text("utf-8")
    for old, new in (
        ("A small valley", f"{FORMULA} {MARKUP} {QUOTES}"),
        ("Where does the road go when the lake comes?", f"@SUM(1) {CDATA} {TURNED}"),
        ("A valley made by formula.", f"+1 {MARKUP}"),
        ("N-1", f"=1+1 {MARKUP}"),
        ("60 km/h, either bank, with a value on length", f"-2+3 {MARKUP} {CDATA}"),
        ("made up", f"=cmd|' /C calc'!A0 {MARKUP}"),
        ("Lender", f"@Lender {MARKUP}"),
        ("Highway under water", f"\t=1 {QUOTES} {MARKUP}"),
        ("A loan for most of it", f"{TURNED} {MARKUP}"),
        ("assumption: a preference", f"assumption: {MARKUP} {CDATA}"),
    ):
        assert old in text
        text = text.replace(json.dumps(old), json.dumps(new, ensure_ascii=False))
    text = text.replace('"Narrows"', json.dumps(f"=Narrows {MARKUP}"))
    for place in ("Upper", "West"):
        text = text.replace(json.dumps(place), json.dumps(f"={place} {MARKUP} {QUOTES}"))
    text = text.replace('"Upper-East"', json.dumps(f"+Upper-East {CDATA} {TURNED}"))
    file.write_text(text, "utf-8")
    places = file.parent / "places.csv"
    with places.open(newline="") as stream:
        rows = list(csv.reader(stream))
    for row in rows:
        if row[0] in ("Upper", "West"):
            row[0] = f"={row[0]} {MARKUP} {QUOTES}"
        row[3] = row[3] if row[3] == "source" else f"-{row[3]} {MARKUP}"
    with places.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    rivers = file.parent / "inputs" / "rivers.geojson"
    named = json.dumps(f"=Clear River {MARKUP} {CDATA}")
    rivers.write_text(rivers.read_text("utf-8").replace('"Clear River"', named), "utf-8")
    rates = file.parent / "rates.csv"
    with rates.open(newline="", encoding="utf-8") as stream:
        table = list(csv.reader(stream))
    source = table[0].index("source")
    for row in table[1:]:
        row[source] = f"assumption: {row[source]} {MARKUP}"
    with rates.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(table)
    return file


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the hostile study."""
    folder = tmp_path_factory.mktemp("hostile")
    realign.write(realign.run(realign.load(hostile(folder / "study"))), folder / "out")
    return folder / "out"


class Page(HTMLParser):
    """What a browser makes of a page: scripts, and attributes that would run."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.runs: list[str] = []
        self.addresses: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag == "script"
        if self.inside:
            self.scripts.append("")
        self.runs += [f"{tag} {key}" for key, _ in attrs if key.startswith("on")]
        self.addresses += [v or "" for key, v in attrs if key in {"src", "href", "action"}]

    def handle_endtag(self, _: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts[-1] += data


@pytest.mark.slow
@pytest.mark.parametrize("name", ["index.html", "map.html"])
def test_no_name_becomes_a_script_of_a_page(results: Path, name: str) -> None:
    text = (results / name).read_text("utf-8")
    page = Page()
    page.feed(text)
    assert "window.hurt" in text  # as words
    assert str(7 * 1234567) not in text
    assert "7*1234567}}" in text
    assert not [script for script in page.scripts if script.startswith(("window.hurt", "hurt"))]
    assert not page.runs
    assert "x" not in page.addresses
    assert not [where for where in page.addresses if where.startswith(("http://x", "javascript:"))]


@pytest.mark.slow
def test_every_xml_file_is_whole_and_names_are_words_in_it(results: Path) -> None:
    files = {
        path.relative_to(results).as_posix(): path.read_bytes()
        for path in results.rglob("*")
        if path.suffix in {".xml", ".svg"}
    }
    with zipfile.ZipFile(results / "plan.kmz") as archive:
        files |= {f"kmz/{n}": archive.read(n) for n in archive.namelist() if n.endswith(".kml")}
    assert len(files) > 3
    for name, content in files.items():
        assert b"<!DOCTYPE" not in content, name
        assert b"<!ENTITY" not in content, name
        root = ET.fromstring(content)  # noqa: S314 - our own file
        kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not kinds & {"script", "img", "foreignObject", "iframe"}, name
        keys = {key for element in root.iter() for key in element.attrib}
        assert not [key for key in keys if key.startswith("on")], name


@pytest.mark.slow
def test_html_in_balloons_of_google_earth_is_escaped(results: Path) -> None:
    with zipfile.ZipFile(results / "plan.kmz") as archive:
        root = ET.fromstring(archive.read("doc.kml"))  # noqa: S314 - our own file
    balloons = [e.text or "" for e in root.iter() if e.tag.endswith(("description", "}text"))]
    assert balloons
    for balloon in balloons:
        page = Page()
        page.feed(balloon)
        assert not page.scripts
        assert not page.runs
        assert not [each for each in page.addresses if each == "x"]


@pytest.mark.slow
def test_no_text_of_a_table_is_a_formula(results: Path) -> None:
    held = 0
    for path in results.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.reader(stream):
                for cell in row:
                    number = re.fullmatch(r"[+-]?\d+(\.\d+)?([+-]\d+(\.\d+)?)?(e[+-]?\d+)?", cell)
                    assert number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell
                    held += "window.hurt" in cell
    assert held
    held = 0
    for path in results.glob("*.xlsx"):
        for sheet in openpyxl.load_workbook(io.BytesIO(path.read_bytes())).worksheets:
            for row in sheet.iter_rows():
                for cell in row:
                    assert cell.hyperlink is None or not cell.hyperlink.target
                    if cell.data_type == "f":
                        assert FORMULA_OF_OURS.fullmatch(cell.value), cell.value
                    held += "window.hurt" in str(cell.value)
    assert held


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(mark: str) -> None:
    written = io.StringIO(tables.as_csv(["name"], [{"name": f"{mark}1+1"}]), newline="")
    (_, cell) = csv.reader(written)
    assert cell == [f"'{mark}1+1".replace("\r", "\n")]


def test_numbers_get_none() -> None:
    assert tables.as_csv(["grade_pct"], [{"grade_pct": -4.0}]).splitlines()[1].startswith("-4")


# ---------------------------------------------------------------- no data is code

FORBIDDEN = {
    "pickle",
    "marshal",
    "shelve",
    "dill",
    "joblib",
    "cloudpickle",
    "yaml",
    "runpy",
    "code",
}
XML_READERS = {
    "parse",
    "fromstring",
    "iterparse",
    "XML",
    "XMLParser",
    "XMLPullParser",
    "fromstringlist",
}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_no_module_runs_data_or_reads_xml_with_entities(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    xml: set[str] = set()
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            xml |= {alias.asname or alias.name for alias in node.names if "etree" in alias.name}
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            if "xml" in (node.module or ""):
                xml |= {alias.asname or alias.name for alias in node.names}
                assert not {alias.name for alias in node.names} & XML_READERS
        assert not {name.partition(".")[0] for name in names} & FORBIDDEN
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name):
                assert called.id not in {"eval", "exec", "compile", "__import__"}
            elif isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
                assert not (called.value.id in xml and called.attr in XML_READERS)
                assert (called.value.id, called.attr) not in {("os", "system"), ("os", "popen")}
            for word in node.keywords:
                true = isinstance(word.value, ast.Constant) and word.value.value is True
                assert not (word.arg in {"allow_pickle", "shell"} and true)


def test_templates_escape_what_they_are_given() -> None:
    for path in PACKAGE.rglob("*.html"):
        assert "|safe" not in re.sub(r"\s", "", path.read_text("utf-8")), path
    for path in PACKAGE.rglob("*.py"):
        for found in re.finditer(r"autoescape=(\w+)", path.read_text("utf-8")):
            assert found[1] == "True" or "sources" in path.parts, path  # a study is TOML


def test_the_names_of_this_test_are_hostile() -> None:
    assert {unicodedata.bidirectional(c) for c in TURNED} & {"RLO", "LRI"}
