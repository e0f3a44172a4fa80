"""
The drawing of the architecture as a test: a module imports only from the rows above its own.

`highway` has a row of its own below `terrain`: a road takes its levels from the ground.
"""

import ast
from pathlib import Path

import pytest

import realign

ROWS = """
errors
settings chainage estimate datum cluster inputs
terrain standards rates store
highway conditioning spread
reservoir hazard haul formation geometry roads
submergence corridor lateral profile bound quantities travel upgrade
inventory
cost network reliability
options road allweather
phasing service branches
finance risk
study
drowned
region
opened works
programme yearround trunks
validation protection candidates appraisal
choice
plan
outputs sources replay
cli
"""
ROW = {name: row for row, names in enumerate(ROWS.split("\n")) for name in names.split()}
TOP = {"__init__", "__main__"}  # the public names and the way in stand over the drawing

SHARED = {  # rows made with what `tables` has for all, their sums, charts, and paper to draw on
    "answers": {"tables"},
    "weather": {"tables"},
    "tables": {"sums"},
    "programme": {"tables", "sums"},
    "standing": {"tables"},
    "series": {"charts"},
    "report": {"charts", "csp", "gantt", "programme", "series", "tables"},
    "map": {"csp"},
    "drawing": {"paper"},
}

PACKAGE = Path(realign.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def stage(path: Path) -> str:
    """Name in the drawing: a folder counts as one module."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Dotted names under `realign` that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import in line {node.lineno}"
            module = node.module or ""
            names |= {f"{module}.{alias.name}" for alias in node.names}
            names.add(module)
    return {name.removeprefix("realign.") for name in names if name.startswith("realign.")}


def stages(path: Path) -> set[str]:
    """Modules of the drawing that a file imports."""
    return {name.split(".")[0] for name in imported(path)} & set(ROW)


def outputs(path: Path) -> set[str]:
    """Modules of `outputs` that a file imports."""
    parts = (name.split(".") for name in imported(path))
    names = {part[1] for part in parts if part[0] == "outputs" and len(part) > 1}
    modules = {path.stem for path in (PACKAGE / "outputs").iterdir()}  # a folder is one too
    return names & modules


def test_every_module_is_in_the_drawing() -> None:
    assert {stage(path) for path in FILES} <= set(ROW) | TOP


def test_the_drawing_names_a_module_once() -> None:
    assert len(ROW) == len(ROWS.split())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_the_rows_above(path: Path) -> None:
    own = stage(path)
    if own in TOP:
        return
    wrong = {name for name in stages(path) - {own} if ROW[name] >= ROW[own]}
    assert not wrong, f"{own} imports {sorted(wrong)}"


@pytest.mark.parametrize(
    "path",
    # `handover` puts the files of an option together
    sorted(
        {*(PACKAGE / "outputs").glob("[!_]*.py"), *(PACKAGE / "outputs").glob("*/*.py")}
        - {PACKAGE / "outputs" / "handover.py"}
    ),
    ids=lambda path: str(path.relative_to(PACKAGE / "outputs")),
)
def test_no_output_imports_another(path: Path) -> None:
    own = path.relative_to(PACKAGE / "outputs").parts[0].removesuffix(".py")
    assert outputs(path) <= {own} | SHARED.get(own, set())
