"""Laws of spread work: who works changes nothing, what is lost is told, what was done is found."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dask
import pytest
import small_study
from distributed import LocalCluster

import realign
from realign import cluster, opened, spread
from realign.drowned import check, submerge
from realign.errors import ClusterError, GeometryError, NoRouteError, RealignError, StudyError
from realign.opened import Opened
from realign.spread import Head, Keep, Memory, Spread, hands, here, sound
from realign.store import Store, code, packed


def squared(job: int) -> int:
    return job * job


def scaled(there: int, job: int) -> int:
    return there * job


def refusing(job: int) -> int:
    if job % 2:
        msg = f"{job} is odd"
        raise NoRouteError(msg)
    return job


def dying(job: tuple[str, bool]) -> str:
    """Die, always or the first time."""
    mark = Path(job[0])
    if job[1] or not mark.exists():
        mark.touch()
        os._exit(1)
    return "alive"


def waiting(job: float) -> float:
    time.sleep(job)
    return job


def twice(there: int) -> int:
    return 2 * there


def open_(content: bytes) -> int:
    return len(content)


@pytest.fixture(scope="module")
def there() -> Iterator[str]:
    """Address of a cluster of two workers that takes no task up again once its worker died."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
        ) as found,
    ):
        yield found.scheduler_address


@pytest.mark.slow
def test_who_works_changes_nothing(there: str) -> None:
    jobs = list(range(20))
    for who in ("threads", there):
        with hands(who, 2) as own:
            work = Spread(own, 7, Head(open_, b"7 bytes"))
            assert work.plain(squared, jobs) == [job * job for job in jobs]
            assert work.there(scaled, jobs) == [7 * job for job in jobs]
            assert work.of(twice).of(twice).there(scaled, jobs) == [28 * job for job in jobs]
            found = work.plain(refusing, jobs)
            assert [str(e) for e in found] == [f"{j} is odd" if j % 2 else str(j) for j in jobs]
            assert {type(each) for each in found} == {int, NoRouteError}


@pytest.mark.slow
def test_who_is_told_that_a_job_is_done_cancels_the_others(there: str) -> None:
    def cancel(_: int) -> None:
        raise KeyboardInterrupt

    for who in ("threads", there):
        began = time.monotonic()
        with hands(who, 1) as own, pytest.raises(KeyboardInterrupt):
            Spread(own, None).plain(waiting, [0.0, *[1.0] * 30], done=cancel)
        assert time.monotonic() - began < 10


@pytest.mark.slow
def test_a_worker_that_dies_once_is_made_good(there: str, tmp_path: Path) -> None:
    with hands(there) as own:
        assert Spread(own, None).plain(dying, [(str(tmp_path / "mark"), False)]) == ["alive"]


@pytest.mark.slow
def test_a_task_that_ends_its_workers_is_told(there: str, tmp_path: Path) -> None:
    with hands(there) as own, pytest.raises(ClusterError, match=r"every worker .* died"):
        Spread(own, None).plain(dying, [(str(tmp_path / "mark"), True)])


@pytest.mark.slow
def test_a_worker_of_another_version_is_refused(
    there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "code", lambda: "another")
    with hands(there) as own, pytest.raises(ClusterError, match="has another version of realign"):
        Spread(own, None).plain(squared, [1])


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Address and process of a scheduler without workers."""
    file = tmp_path / "scheduler.json"
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file"]
    process = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", *words, str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])},
    )
    while not file.exists() or not file.read_text():
        assert process.poll() is None
        time.sleep(0.05)
    yield json.loads(file.read_text())["address"], process
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("sign", "words"),
    [
        (signal.SIGSTOP, "it does not answer any more"),
        (signal.SIGKILL, "the connection to its scheduler broke"),
        (None, "it had no workers for"),
    ],
)
@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_cluster_that_is_lost_is_told_and_nothing_hangs(
    scheduler: tuple[str, subprocess.Popen[bytes]],
    sign: signal.Signals | None,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # on a busy machine a scheduler that lives takes its time
    asked = 2.0 if sign else 15.0
    for name, limit in (("ASKED_S", asked), ("WORKERS_S", 2.0), ("CONNECT_S", asked)):
        monkeypatch.setattr(cluster, name, limit)
    address, process = scheduler
    began = time.monotonic()
    told = rf"cluster at {address} was lost: {words}.*same command"
    with hands(address) as own:
        if sign:
            process.send_signal(sign)
        with pytest.raises(ClusterError, match=told):
            Spread(own, None).plain(squared, [1, 2])
    assert time.monotonic() - began < 30
    assert not [each for each in caplog.records if each.levelname in {"WARNING", "ERROR"}]


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        ("moon", StudyError, "found 'moon'; wanted threads, processes or an address"),
        ("moon://1:2", StudyError, "found 'moon://1:2' .*wanted an address as tcp://host:8786"),
        ("tcp://127.0.0.1:1", ClusterError, "no cluster answers at tcp://127.0.0.1:1 within 1 s"),
    ],
)
def test_an_address_where_no_cluster_is_is_told(
    address: str, error: type[RealignError], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 1.0)
    with pytest.raises(error, match=words), hands(address):
        pass


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(StudyError, match="needs distributed, which is not installed"),
        hands("tcp://127.0.0.1:1"),
    ):
        pass


# ---------------------------------------------------------------- what was done before


def test_only_what_is_not_known_is_done(tmp_path: Path) -> None:
    done: list[int] = []
    told: list[int] = []

    def work(job: int) -> int:
        done.append(job)
        return refusing(job)

    own = replace(here(None, 1), memory=Memory(Store(tmp_path)))
    first = own.plain(work, [4, 5, 6], keep=Keep("even", [4, 5, 6]))
    again = own.plain(work, [8, 6, 5, 4], keep=Keep("even", [8, 6, 5, 4]), done=told.append)
    assert [str(each) for each in (*first, *again)] == [
        "4",
        "5 is odd",
        "6",
        "8",
        "6",
        "5 is odd",
        "4",
    ]
    assert done == [4, 5, 6, 8, 5]  # what was refused is tried again
    assert told == [0, 2]  # numbers of the jobs
    own.plain(work, [4], keep=Keep("odd", [4]))
    own.plain(work, [4])
    assert done[5:] == [4, 4]  # another kind, and nothing that is kept


def test_what_is_open_is_part_of_what_results_of_it_are_kept_by(tmp_path: Path) -> None:
    store = Store(tmp_path)
    one, other = (
        replace(here(factor), memory=Memory(store, base=str(factor))) for factor in (2, 3)
    )
    for own, wanted in ((one, 8), (other, 12), (one, 8)):
        assert own.there(scaled, [4], keep=Keep("scaled", [4])) == [wanted]


def test_what_depends_on_the_machine_is_not_kept(tmp_path: Path) -> None:
    own = replace(here(None), memory=Memory(Store(tmp_path)))
    keep = Keep("squared", [2, 3], sure=lambda made: made > 4)
    assert own.plain(squared, [2, 3], keep=keep) == [4, 9]
    assert [own.memory.find("squared", key) for key in (2, 3)] == [None, 9]


def test_what_was_done_is_kept_though_the_rest_is_lost(tmp_path: Path) -> None:
    def work(job: int) -> int:
        if job:
            raise ZeroDivisionError
        return 7

    own = replace(here(None, 1), memory=Memory(Store(tmp_path)))
    with pytest.raises(ZeroDivisionError):
        own.plain(work, [0, 1], keep=Keep("kind", [0, 1]))
    assert own.memory.find("kind", 0) == 7


def test_the_first_error_among_results_is_raised() -> None:
    assert sound([1, 2]) == [1, 2]
    with pytest.raises(GeometryError, match="first"):
        sound([1, GeometryError("first"), NoRouteError("second")])


# ---------------------------------------------------------------- the study elsewhere


@pytest.fixture(scope="module")
def own_study() -> Opened:
    study = realign.load(small_study.folder() / "study.toml")
    study = study.model_copy(update={"variants": study.variants[:1]})
    return Opened(submerge(study), check(study))


def sums(there: Opened, job: str) -> tuple[str, float, str, str]:
    study = there.given.study
    digest = opened.base_of(there.given)
    return job, float(there.given.highway.level.sum()), digest, str(study.inputs)


def test_a_worker_opens_the_same_study(own_study: Opened) -> None:
    head = opened.head_of(own_study.given)
    made = spread._there(code(), head, (), sums, packed("job"))
    assert spread.unpacked(made) == sums(own_study, "job")
    assert opened.opened(head.content).given.study == own_study.given.study


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_a_worker_that_has_other_inputs_is_refused(own_study: Opened, what: str) -> None:
    place = own_study.given.study.inputs / "rivers.geojson"
    text = place.read_text("utf-8")
    head = opened.head_of(own_study.given)
    try:
        place.unlink()
        if what == "changed":
            place.write_text(text + "\n", "utf-8")
        words = {"changed": r"found another inputs/rivers\.geojson than", "gone": "no such file"}
        with pytest.raises(ClusterError, match=rf"cannot open the study: .*{words[what]}"):
            spread._open(head)
    finally:
        place.write_text(text, "utf-8")
