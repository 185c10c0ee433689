"""A run that the system kills, that crashes or hangs is a record; a job that somebody stops is none."""

import ctypes
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import methods.kmeans
import runs.resume
import runs.run
from datasets.seeds import seed_sequence
from datasets.sequences import Sequences
from datasets.storage import temporary_folder, whole_file
from methods import checkpoint, vectorize
from methods.base import Clusterer, Diverged, InvalidInput, load_method
from reports.statistics import summarise
from reports.tables import failures, table1
from runs import worker
from runs.record import check_record, write_records
from runs.results import frame, read_records, scores_file
from runs.resume import Resume
from runs.run import run_job
from runs.score import score_runs
from runs.sources import ROOT
from workflow import catalogue
from workflow.scripts.entry import SNAKEMAKE

SEED_OF = {int(seed_sequence(seed, "toy", "kmeans").generate_state(1)[0]): seed for seed in range(9)}


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    sequences = [4 * label + rng.normal(size=(rng.integers(2, 9), 2)) for label in labels]
    return Sequences.from_list(sequences, np.repeat([0, 1, 2], [40, 10, 10]), n_classes=3)


def job(data, seeds=(0, 1), limit=60, **more):
    named = {"reading": "test", "dataset": "toy", "method": "kmeans", "vectorization": "avg", "settings": {}}
    return run_job(data, seeds=list(seeds), limit=limit, **named | more)


def without_cost(records):
    return [json.dumps({k: v for k, v in record.items() if k != "cost"}, sort_keys=True) for record in records]


@pytest.fixture
def when(monkeypatch, tmp_path):
    """Let something happen in the training of a seed: ``when({seed: action})``; returns the seeds trained so far."""
    fit, told = methods.kmeans.KMeans.fit, tmp_path / "trained"

    def start(actions):
        told.write_text("")

        def watched(self, X, y=None):
            seed = SEED_OF[self.random_state]
            with told.open("a") as stream:
                stream.write(f"{seed}\n")
            actions.get(seed, lambda: None)()
            return fit(self, X)

        monkeypatch.setattr(methods.kmeans.KMeans, "fit", watched)
        return lambda: [int(line) for line in told.read_text().split()]

    return start


def get(number):
    return lambda: os.kill(os.getpid(), number)


def once(tmp_path, action):
    """`action`, the first time only."""

    def maybe():
        if not (tmp_path / "done").exists():
            (tmp_path / "done").touch()
            action()

    return maybe


def deaf():
    """As native code that hangs: no signal that Python could handle gets through."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGTERM])
    time.sleep(600)


def greedy():
    """Take more memory than the process may have."""
    resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
    np.ones(2**33, np.uint8)


def crash():
    ctypes.string_at(0)


def diverge():
    raise Diverged("loss is not finite in epoch 3; the last finite loss was 0.5")


def fail():
    raise ZeroDivisionError("division by zero")


@pytest.mark.parametrize(
    ("action", "status", "reason", "attempts"),
    [
        pytest.param(get(signal.SIGKILL), "oom", "killed by SIGKILL", 2, id="killed"),
        pytest.param(greedy, "oom", "MemoryError", 2, id="allocation"),
        pytest.param(crash, "error", "crashed with SIGSEGV", 1, id="crash"),
        pytest.param(lambda: os._exit(3), "error", "exit code 3", 1, id="exit"),
        pytest.param(fail, "error", "ZeroDivisionError: division by zero", 1, id="exception"),
    ],
)
def test_what_ends_a_training_is_a_record_and_the_next_goes_on(data, when, action, status, reason, attempts):
    trained = when({0: action})
    records, clusters = job(data)
    assert [record["status"] for record in records] == [status, "ok"]
    assert reason in records[0]["reason"] and "\n" not in records[0]["reason"]
    assert sorted(trained()) == [0] * attempts + [1] and 1 in clusters and 0 not in clusters
    for record in records:
        check_record(record)


def test_a_hang_in_native_code_is_a_timeout(data, when, monkeypatch):
    monkeypatch.setattr(worker, "GRACE", 1.0)
    when({0: deaf})
    records, _ = job(data, limit=4)
    assert [record["status"] for record in records] == ["timeout", "ok"]
    assert "limit of 4 s; it didn't react" in records[0]["reason"]


@pytest.mark.parametrize(("most", "tried"), [(1, [0]), (2, [0, 1])])
def test_after_so_many_timeouts_no_other_run_is_tried(data, when, monkeypatch, most, tried):
    monkeypatch.setattr(worker, "GRACE", 0.1)
    trained = when({0: deaf})
    records, clusters = job(data, limit=4, most_timeouts=most)
    assert sorted(trained()) == tried and [seed for seed in (0, 1) if seed in clusters] == tried[1:]
    assert [record["status"] for record in records] == ["timeout", "ok" if 1 in tried else "timeout"]
    if 1 not in tried:
        assert records[1]["reason"] == "not tried after 1 other run at the limit of 4 s"
    for record in records:
        check_record(record)


def test_what_ran_out_of_memory_before_too_many_timeouts_is_told_as_that(data, when, monkeypatch):
    """It waits for its second attempt, which there is none of; it was tried, and took what it took."""
    monkeypatch.setattr(worker, "GRACE", 0.1)
    trained = when({0: get(signal.SIGKILL), 1: deaf})
    records, clusters = job(data, seeds=range(3), limit=4, most_timeouts=1)
    assert trained() == [0, 1] and clusters == {}
    assert [record["status"] for record in records] == ["oom", "timeout", "timeout"]
    assert records[0]["reason"].startswith("killed by SIGKILL") and records[2]["reason"].startswith("not tried after 1")
    memory = [record["cost"]["peak_memory_mib"] for record in records]
    assert min(memory[:2]) > 0 == memory[2]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        pytest.param(fail, ("Traceback", "in fail", "ZeroDivisionError"), id="exception"),
        pytest.param(crash, ("Segmentation fault", "in crash"), id="crash"),
    ],
)
def test_the_trace_of_an_error_is_in_the_log(data, when, capfd, action, words):
    when({0: action})
    job(data)
    log = capfd.readouterr().err
    for word in words:
        assert word in log


def test_a_training_killed_once_ends_as_if_nothing_had_been(data, when, tmp_path):
    whole, clusters = job(data)
    trained = when({1: once(tmp_path, get(signal.SIGKILL))})
    again, found = job(data)
    assert without_cost(again) == without_cost(whole)
    np.testing.assert_array_equal(found[1], clusters[1])
    assert trained() == [0, 1, 1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_training_that_somebody_stops_is_no_record(data, when, number):
    when({0: lambda: (signal.signal(number, signal.SIG_DFL), os.kill(os.getpid(), number))})
    with pytest.raises(InterruptedError, match=f"stopped by {number.name}"):
        job(data)


@pytest.fixture
def short_of_memory():
    """Folder of a control group with 200 MiB, from which the kernel takes processes that need more."""
    root = Path("/sys/fs/cgroup")
    group = (root / "memory" if (root / "memory").is_dir() else root) / f"short_of_memory_{os.getpid()}"
    try:
        group.mkdir()
    except OSError as refusal:
        pytest.skip(f"no control group can be made here: {refusal}")
    try:
        names = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.max", "memory.swap.max"  # version 1, 2
        limits = [group / name for name in names if (group / name).exists()]
        if not limits:
            pytest.skip("control groups here have no memory limit")
        for limit in limits:
            limit.write_text(str(200 * 2**20))
        yield group
    finally:
        group.rmdir()


def test_the_kernel_ends_what_takes_the_last_of_the_memory(data, when, short_of_memory, tmp_path):
    """No stand-in: the training's process is killed, twice; its job lives, and the next seed is trained."""
    trained = when({0: lambda: np.ones(2**30, np.uint8)})

    def in_the_group():
        (short_of_memory / "cgroup.procs").write_text(str(os.getpid()))
        records, _ = job(data)
        (tmp_path / "ends").write_text(json.dumps([[record["status"], record["reason"]] for record in records]))

    process = worker.FORK.Process(target=in_the_group)
    process.start()
    process.join(120)
    assert process.exitcode == 0, "the job died with its training"
    (status, reason), following = json.loads((tmp_path / "ends").read_text())
    assert (status, following) == ("oom", ["ok", None]) and reason.startswith("killed by SIGKILL")
    first, second = short_of_memory / "memory.oom_control", short_of_memory / "memory.events"  # of versions 1 and 2
    assert "oom_kill 2" in (first if first.exists() else second).read_text().splitlines()
    assert sorted(trained()) == [0, 0, 1]


class Together(Clusterer):
    """Pretends to train on a device that has memory for so many seeds at once."""

    room, told = 1, None

    def __init__(self, n_clusters=3, device="cpu", random_state=None):
        self.n_clusters, self.device, self.random_state = n_clusters, device, random_state

    def fit_seeds(self, X, random_states):
        with self.told.open("a") as stream:
            stream.write(f"{len(random_states)}\n")
        if len(random_states) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().fit_seeds(X, random_states)

    def fit(self, X, y=None):
        self.labels_ = self.predict(X)
        self.loss_ = float(self.random_state % 7)
        return self

    def predict(self, X):
        return np.arange(len(X)) % 3


@pytest.mark.parametrize(
    ("room", "tried"),
    [
        (6, [6]),
        (3, [6, 3, 3]),
        (2, [6, 3, 3, 2, 1, 2, 1]),
        (1, [6, 3, 3, 2, 1, 2, 1, 1, 1, 1, 1]),
        (0, [6, 3, 3, 2, 1, 2, 1, 1, 1, 1, 1]),
    ],
)
def test_seeds_that_do_not_fit_together_are_tried_in_halves(data, monkeypatch, tmp_path, room, tried):
    monkeypatch.setattr(runs.run, "load_method", lambda name: Together)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "pretend")
    monkeypatch.setattr(Together, "told", tmp_path / "told")
    monkeypatch.setattr(Together, "room", 6)
    whole, _ = job(data, seeds=range(6), device="cuda")
    (tmp_path / "told").unlink()
    monkeypatch.setattr(Together, "room", room)
    records, _ = job(data, seeds=range(6), device="cuda")
    assert [int(line) for line in (tmp_path / "told").read_text().split()] == tried
    assert [record["status"] for record in records] == ["ok" if room else "oom"] * 6
    if room:
        assert without_cost(records) == without_cost(whole)


# ---- a job that is killed


JOB = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
import methods.kmeans, numpy as np
from datasets.sequences import Sequences
from datasets.storage import whole_file
from runs.resume import Resume
from runs.run import run_job

def fit(self, X, y=None):
    Path(sys.argv[1]).write_text(str(__import__("os").getpid()))
    time.sleep(600)

methods.kmeans.KMeans.fit = fit
data = Sequences.from_list(list(np.random.default_rng(0).normal(size=(30, 4, 2))), n_classes=3)
run_job(data, reading="test", dataset="toy", method="kmeans", vectorization="avg", seeds=[0], settings={}, limit=600)
"""


HELPED = """
import os, sys, time
from pathlib import Path
from types import SimpleNamespace
from runs.worker import helpers

with helpers(1) as beside:
    Path(sys.argv[1]).write_text(str(beside.submit(os.getpid).result()))
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
@pytest.mark.parametrize("script", [JOB, HELPED], ids=["training", "helper"])
def test_a_killed_job_leaves_no_process_behind(tmp_path, script):
    """Which would wait for work for good."""
    told = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", script, str(told)], cwd=ROOT) as process:
        deadline = time.monotonic() + 60
        while not (told.exists() and told.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        child = Path("/proc", told.read_text())
        assert child.exists()
        if script is JOB:
            reason = "the kernel would take the parent first"
            assert (child / "oom_score_adj").read_text().strip() == "1000", reason
        process.kill()
    while child.exists() and "State:\tZ" not in (child / "status").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists() or "State:\tZ" in (child / "status").read_text()


OF_A_WORKFLOW = """
import time
from pathlib import Path
from workflow.scripts.entry import main

def work(job, told):
    Path(told).write_text("under way")
    time.sleep(600)

main(work, "told")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of another's death")
def test_a_job_ends_with_its_snakemake(tmp_path):
    """Which else, after kill -9, trains on beside the run that does the same job again."""
    told, command = tmp_path / "told", [sys.executable, "-c", OF_A_WORKFLOW, "--job", "{}", "--told"]
    with subprocess.Popen(["sleep", "600"]) as snakemake:
        environment = os.environ | {SNAKEMAKE: str(snakemake.pid)}
        with subprocess.Popen([*command, str(told)], cwd=ROOT, env=environment) as process:
            try:
                deadline = time.monotonic() + 60
                while not told.exists() and time.monotonic() < deadline:
                    time.sleep(0.05)
                assert told.exists() and process.poll() is None
                snakemake.kill()
                assert process.wait(timeout=60) == 1
            finally:
                process.kill()
                snakemake.kill()
    late = subprocess.run([*command, str(tmp_path / "late")], cwd=ROOT, env=environment, timeout=60, check=False)
    assert late.returncode == 1 and not (tmp_path / "late").exists()


def stop():
    """End the training and, with it, the job."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def test_finished_seeds_are_not_done_again(data, when, monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    whole, clusters = job(data, seeds=range(5))
    folder = tmp_path / "resume"
    when({3: stop})
    with pytest.raises(InterruptedError):
        job(data, seeds=range(5), resume=Resume(folder))
    trained = when({})
    records, found = job(data, seeds=range(5), resume=Resume(folder))
    assert trained() == [3, 4]
    assert without_cost(records) == without_cost(whole)
    for seed in range(5):
        np.testing.assert_array_equal(found[seed], clusters[seed])


def test_what_was_finished_on_one_input_is_saved_with_the_next(data, when, monkeypatch, tmp_path):
    """Else every input of a job could have half a minute to do again."""
    clock = [0.0]
    monkeypatch.setattr(runs.resume, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    resume = Resume(tmp_path)
    clock[0] = checkpoint.INTERVAL - 1
    first, _ = job(data, resume=resume)
    assert list(tmp_path.rglob("*.npz")) == []
    clock[0] = checkpoint.INTERVAL
    job(data, vectorization="zero", resume=resume)
    assert sorted(path.parent.name for path in tmp_path.rglob("*.npz")) == ["avg", "zero"]
    trained = when({})
    again, _ = job(data, resume=Resume(tmp_path))
    assert trained() == [] and without_cost(again) == without_cost(first)


@pytest.mark.parametrize("what", ["settings", "limit", "data_digest", "job_digest"])
def test_seeds_of_another_job_are_refused_with_the_reason(data, when, monkeypatch, tmp_path, capsys, what):
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    job(data, resume=Resume(tmp_path))
    changes = {}
    if what == "settings":
        changes = {"settings": {"n_init": 2}}
    elif what == "limit":
        changes = {"limit": 61}
    elif what == "job_digest":
        monkeypatch.setattr(runs.run, "JOB_SOURCES", (Path(__file__),))
    else:
        data = replace(data, values=data.values + 1)
    trained = when({})
    job(data, resume=Resume(tmp_path), **changes)
    assert trained() == [0, 1]
    assert f"it comes from another job: {what} differ" in capsys.readouterr().err


def test_a_short_job_keeps_nothing_for_later(data, tmp_path):
    job(data, resume=Resume(tmp_path / "folder"))
    assert not (tmp_path / "folder").exists()


# ---- all of it in the table


def test_every_status_is_seen_in_the_table_and_in_no_mean(data, when, monkeypatch, tmp_path):
    monkeypatch.setattr(worker, "GRACE", 1.0)
    same = replace(data, values=np.zeros_like(data.values))
    when({0: diverge, 1: get(signal.SIGKILL), 2: deaf, 3: fail})
    records, clusters = job(data, seeds=range(6), limit=4)
    collapsed, other = job(same, seeds=[6], limit=60)
    records += collapsed
    file = tmp_path / "records/toy/kmeans-avg.0-6.jsonl"
    write_records(file, records, {"avg": clusters | {6: other[6]}})
    score_runs(scores_file(file), [file], [data.split], np.arange(60) % 3)
    records = read_records([file])
    statuses = ["diverged", "oom", "timeout", "error", "ok", "ok", "collapsed"]
    assert [record["status"] for record in records] == statuses
    summary = summarise(records, "test", "train")
    assert (summary.n[0], summary.n_ok[0]) == (7, 2)
    ok = frame(records).query("status == 'ok'")
    assert summary["mean"][0] == ok.accuracy.mean() and summary.accuracy[0] in set(ok.accuracy)
    assert table1(summary, ["toy"], {}).iloc[0, 2].endswith(" 2/7")
    assert sorted(failures(records).status) == sorted(set(statuses) - {"ok"})
    assert "the largest holds 100%" in records[6]["reason"]
    only = summarise([record for record in records if record["status"] == "ok"], "test", "train")
    for column in ("accuracy", "nmi", "mean", "std", "best"):
        assert summary[column][0] == only[column][0], column


# ---- numbers that overflow


def with_a_fill_value(data, sequence):
    """The same sequences, one value of one of them what netCDF writes where nothing was measured."""
    values = data.values.copy()
    values[data.offsets[sequence], 0] = 9.96921e36
    return replace(data, values=values)


class InProcess(worker.Worker):
    """Answers in this process, which has compiled what it needs for the first answer."""

    def ask(self, request, limit):
        return json.loads(json.dumps(self._answer(request)))


@pytest.mark.parametrize("method", catalogue.available("methods"))
def test_nothing_that_is_not_finite_leaves_a_run_as_ok(data, method, monkeypatch):
    """Whatever a method makes of a value whose square float32 can't hold, its records can be written and read."""
    monkeypatch.setattr(runs.run, "Worker", InProcess)
    accepts = load_method(method).accepts
    if load_method(method).supervised:
        return
    how = "none" if accepts == "sequences" else "avg"
    settings = load_method(method).small
    for made in (with_a_fill_value(data, 0), with_a_fill_value(data, 45), replace(data, values=data.values * 1e37)):
        (record,), _ = job(made, seeds=[0], method=method, vectorization=how, settings=settings)
        check_record(record)
        json.dumps(record, allow_nan=False)
        assert record["status"] in ("ok", "collapsed", "diverged"), record["reason"]


@pytest.mark.parametrize("sequence", [0, 45], ids=["train", "validation"])
def test_values_whose_squares_are_not_finite_are_a_run_that_diverged(data, sequence):
    (record,), clusters = job(with_a_fill_value(data, sequence), seeds=[0])
    assert record["status"] == "diverged" and "too large to square in float32; scale them" in record["reason"]
    assert clusters == {} and record["loss"] == {"train": None, "validation": None}


def test_values_whose_squares_vanish_are_a_run_that_diverged(data):
    """Not one with a single cluster; a vector near 0 beside others is as good as any."""
    (record,), _ = job(replace(data, values=data.values * 1e-25), seeds=[0])
    assert record["status"] == "diverged" and "too small to square in float32; scale them" in record["reason"]
    X = np.eye(4, dtype=np.float32)
    assert len(methods.kmeans.KMeans(n_clusters=2, random_state=0).fit(X).predict(X[:1] * 1e-25)) == 1


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_loss_that_is_not_finite_is_a_run_that_diverged(data, monkeypatch, part):
    if part == "train":
        monkeypatch.setattr(methods.kmeans.KMeans, "loss_", property(lambda self: np.inf, lambda self, value: None))
    else:
        monkeypatch.setattr(methods.kmeans.KMeans, "score_loss", lambda self, X: np.inf)
    (record,), clusters = job(data, seeds=[0])
    assert (record["status"], record["reason"], clusters) == ("diverged", f"loss {part} is inf", {})


def test_sums_that_a_library_refuses_are_a_run_that_diverged(data, monkeypatch):
    def refuse(self, X):
        raise ValueError("Input contains NaN.")

    monkeypatch.setattr(methods.kmeans.KMeans, "score_loss", refuse)
    (record,), _ = job(data, seeds=[0])
    assert (record["status"], record["reason"]) == ("diverged", "ValueError: Input contains NaN.")


@pytest.mark.parametrize("field", ["loss_curve_", "embeddings_"])
def test_no_field_is_left_out_of_the_look_at_it(data, monkeypatch, field):
    bad = {"loss_curve_": {"term": [1.0, float("nan")]}, "embeddings_": {"map": np.array([[1.0, np.inf]])}}
    monkeypatch.setattr(methods.kmeans.KMeans, field, bad[field])
    (record,), _ = job(data, seeds=[0])
    assert record["status"] == "diverged" and record["reason"].endswith(("term 1 is nan", "map 0 1 is inf"))


# ---- vectors that don't fit in memory


def test_padding_that_does_not_fit_is_a_record_and_the_other_input_has_its_own(data, monkeypatch):
    def refuse(sequences, lengths):
        raise MemoryError("Unable to allocate 4.47 GiB")

    monkeypatch.setitem(vectorize.INPUTS, "zero", vectorize.Input("zero padding", refuse))
    records, clusters = job(data, vectorization="zero")
    assert [record["status"] for record in records] == ["oom", "oom"] and clusters == {}
    assert records[0]["reason"] == "MemoryError: Unable to allocate 4.47 GiB"
    assert [record["status"] for record in job(data, vectorization="crop")[0]] == ["ok", "ok"]


def test_an_input_that_can_not_be_used_is_no_record(data):
    with pytest.raises(InvalidInput, match="toy, kmeans, vector: vectorization 'vector': a sequence has length 8"):
        job(data, vectorization="vector")


def test_what_a_killed_writer_left_goes_and_a_living_one_is_left_alone(tmp_path):
    path = tmp_path / "data[1].npz"
    dying = (
        "import os; from datasets.storage import whole_file\nwith whole_file(__import__('sys').argv[1]): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", dying, path], cwd=ROOT).returncode == 9
    assert len(list(tmp_path.iterdir())) == 1
    with whole_file(path) as first, whole_file(path) as second:
        assert sorted(tmp_path.iterdir()) == sorted([first, second])
        second.write_bytes(b"whole")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("maker", ["mkstemp", "mkdtemp"])
def test_a_temporary_that_another_process_takes_for_abandoned_is_made_anew(tmp_path, monkeypatch, maker, slow):
    """The other one removes it between its making and its lock: before that, or while it is being locked."""
    make, removing, held = getattr(tempfile, maker), [], threading.Event()

    def remove(path):
        handle = os.open(path, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
        held.set()
        time.sleep(0.2 * slow)
        (os.rmdir if maker == "mkdtemp" else os.unlink)(path)
        os.close(handle)

    def overtaken(*given, **where):
        made = make(*given, **where)
        if not removing:
            removing.append(threading.Thread(target=remove, args=[made[1] if maker == "mkstemp" else made]))
            removing[0].start()
            (held.wait if slow else removing[0].join)()
        return made

    monkeypatch.setattr(tempfile, maker, overtaken)
    writing = whole_file(tmp_path / "a.json") if maker == "mkstemp" else temporary_folder(tmp_path, ".unpack-")
    with writing as temporary:
        removing[0].join()
        assert temporary.exists()
    assert [path.name for path in tmp_path.iterdir()] == (["a.json"] if maker == "mkstemp" else [])
