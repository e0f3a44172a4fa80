"""Laws of kept results: what comes back is equal, what is broken is missing, no code runs."""

import hashlib
import io
import json
import os
import tempfile
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays, scalar_dtypes
from small_plan import small

from realign import store
from realign.chainage import Section
from realign.estimate import Estimate
from realign.store import Store, digest

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates()
    | st.builds(Section, st.floats(0, 10), st.floats(11, 20))
    | arrays(st.sampled_from([np.float64, np.int8, np.bool_]), st.integers(0, 4)),
    lambda inner: st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def same(a: Any, b: Any) -> bool:
    return store._written(a, stamp=False) == store._written(b, stamp=False)


@given(plain)
def test_what_is_kept_comes_back(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = Store(Path(folder))
        assert kept.put("ab0", (value,))
        (found,) = kept.get("ab0")
        assert same(found, value)
        assert type(found) is type(value)


def test_a_net_of_roads_comes_back_with_what_its_roads_share(tmp_path: Path) -> None:
    plan = small()
    link = plan.links[0]
    value = (link, {"again": link}, plan.study.corridor, plan.study.variants)
    kept = Store(tmp_path)
    assert kept.put("ab1", value)
    found = kept.get("ab1")
    assert found[0] is found[1]["again"]
    assert same(found, value)
    assert (found[0].x == link.x).all()
    assert found[2] == plan.study.corridor
    assert found[0].cost == link.cost
    assert isinstance(found[0].cost, Estimate)


@given(scalar_dtypes())
def test_numbers_of_arrays_keep_their_type(kind: np.dtype[Any]) -> None:
    value = np.zeros(1, kind)[0]
    if kind.kind in "mMc":
        return
    reader = store._Reader(None, [])  # type: ignore[arg-type]
    tree = store._Writer().tree(value)
    found = reader.value(tree)
    assert type(found) is type(value) or isinstance(value, bool | int | float | str)
    assert found == value


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_keep_their_order_in_memory_so_that_sums_are_equal(order: str) -> None:
    value = np.asarray(np.random.default_rng(1).random((50, 30)), order=order)
    assert digest(value) == digest(np.ascontiguousarray(value))
    found = store.unpacked(store.packed(value))
    assert found.strides == value.strides
    assert (found.sum(axis=1) == value.sum(axis=1)).all()


def test_the_digest_tells_values_and_code_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [
        digest(),
        digest(1),
        digest(1.0),
        digest("1"),
        digest((1,)),
        digest(np.array([1.0])),
        digest(np.array([[1.0]])),
        digest(np.array([1.0 + 1e-15])),
        digest(date(2030, 7, 1)),
        digest({"a": 1}),
        digest(Section(0.0, 1.0)),
    ]
    assert len(set(some)) == len(some)
    assert digest(Section(0.0, 1.0), {"a": 1}) == digest(Section(0.0, 1.0), {"a": 1})
    before = digest(1)
    store.code.cache_clear()
    monkeypatch.setattr(store, "version", lambda _: "another")
    assert digest(1) != before
    store.code.cache_clear()


def test_a_broken_file_counts_as_missing_whatever_is_broken(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    kept.put("ab2", small().links[0])
    path = tmp_path / "ab" / "ab2.zip"
    whole = path.read_bytes()
    dice = np.random.default_rng(1)
    for _ in range(60):
        content = bytearray(whole)
        if dice.random() < 0.3:
            content = content[: int(dice.integers(len(content)))]
        else:
            for _ in range(int(dice.integers(1, 30))):
                content[int(dice.integers(len(content)))] = int(dice.integers(256))
        path.write_bytes(bytes(content))
        found = kept.get("ab2")
        assert found is None or same(found, small().links[0])


@pytest.mark.parametrize(
    "name",
    ["os:system", "realign.store:Store", "realign.cli:main", "builtins:eval", "realign.store:os.x"],
)
def test_only_frozen_values_of_the_package_are_built(tmp_path: Path, name: str) -> None:
    kept = Store(tmp_path)
    kept.put("ab3", Section(0.0, 1.0))
    path = tmp_path / "ab" / "ab3.zip"
    with zipfile.ZipFile(io.BytesIO(store._parted(path.read_bytes())[1])) as file:
        head = json.loads(file.read("tree.json"))
    head["objects"][0][0] = name
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("tree.json", json.dumps(head))
    sealed = hashlib.sha256(content.getvalue()).digest() + content.getvalue()
    path.write_bytes(sealed)
    assert kept.get("ab3") is None


@pytest.mark.parametrize("value", [object(), np.array([object()]), print, Path("x")])
def test_what_is_no_value_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(TypeError, match="wanted"):
        Store(tmp_path).put("ab4", value)
    assert not list(tmp_path.rglob("*.zip"))


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    kept = Store(tmp_path / "file" / "below")
    assert not kept.put("ab5", 1)
    assert kept.get("ab5") is None
    assert kept.kept("ab5", lambda: 7) == 7


def test_the_results_used_longest_ago_go_first(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    keys = [f"a{k}" for k in range(4)]
    for age, key in enumerate(keys):
        kept.put(key, np.random.default_rng(age).random(2000))
        os.utime(kept._path(key), (1e9 + age, 1e9 + age))
    assert kept.get(keys[0]) is not None  # used again: the freshest now
    size = kept._path(keys[0]).stat().st_size
    small_ = Store(tmp_path, most_bytes=int(3.5 * size))
    small_.put("b0", np.random.default_rng(9).random(2000))
    left = {path.stem for path in tmp_path.rglob("*.zip")}
    assert left == {"b0", keys[0], keys[3]}


def test_nothing_half_written_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Store(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert not kept.put("ab6", 1)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
