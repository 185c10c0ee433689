"""Everything that a GPU has to show, in one command: ``make gpu``, or ``python -m benchmarks.gpu``, in under 8 minutes.

Parity of the Triton kernels with float64 and of a training with the CPU's; 20 seeds in one launch beside 20 trainings
of cuDNN's ``nn.GRU`` one after the other; the same step as a CUDA graph; DEC's autoencoders in float32, TF32 and
bfloat16; and the smoke profile, compared with the CPU's reference. After each part ``benchmarks/gpu.md`` and
``gpu.json`` are written anew, so that they are of use when the rest doesn't come. The exit code is 1 when something
disagrees.

``--dry`` runs the same lines, but for the launches, on a CPU and tiny sizes, with Triton's interpreter in place of the
GPU; its seconds mean nothing, and the page says so.
"""

import argparse
import contextlib
import functools
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np
import torch
from tabulate import tabulate

from datasets.storage import write_json, write_text
from methods import rddc
from methods.autoencoder import DenseAutoencoder, init_autoencoder
from methods.ddc import DDC
from methods.dec_conv import ConvAutoencoder, init_conv_autoencoder
from methods.deep import OPTIMIZERS, Joint, clip_gradient, minimise, trainable
from methods.divergence import divergence_terms
from methods.gru import RESETS, gru_final_states, init_gru_weights
from reports.compare import compare

from .gru import CLUSTERS, SHAPES, machine, ragged

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[1]
BUDGET = 460.0  # seconds, so that everything is written within 8 minutes
TARGET = 15.0  # times faster than cuDNN's GRU, a seed
RATE, NORM = 1e-3, 5.0
# Largest differences from float64, relative to the largest number, and of two loss curves in their first epochs.
STATES, GRADIENTS, CURVES = 1e-5, 1e-4, 1e-3
PRECISIONS = {"float32": (False, False), "TF32": (True, False), "bfloat16": (True, True)}  # TF32, autocast


class Bench:
    """Where and how large: a GPU, or a CPU that stands for one.

    Parameters
    ----------
    dry : bool
    budget : float
        Seconds from now on.
    """

    def __init__(self, dry, budget):
        self.dry, self.device = dry, "cpu" if dry else "cuda"
        self.seeds, self.batch, self.steps, self.hidden = (2, 12, 1, 16) if dry else (20, 100, 10, 32)
        self.shapes = dict(list(SHAPES.items())[:1] if dry else SHAPES)
        self.units = (16,) if dry else (16, 32, 64)
        self.end = time.monotonic() + budget

    def left(self):
        """Seconds that are left."""
        return self.end - time.monotonic()

    def data(self, shape, n):
        """Noise with the lengths of a data set, or very short ones for the interpreter."""
        return ragged(shape, n, 3 if self.dry else None)

    def wait(self):
        """Until the GPU has done what it was given."""
        if not self.dry:
            torch.cuda.synchronize()

    def seconds(self, work):
        """Of one call of `work`, once it is warm."""
        work()
        self.wait()
        start = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - start


@contextlib.contextmanager
def recurrent(states):
    """Let RDDC have its recurrent layers from `states`: the one place where it asks for them."""
    rddc.gru_final_states = states
    try:
        yield
    finally:
        rddc.gru_final_states = gru_final_states


def kernels(*arguments, **settings):
    """The Triton kernels, and nothing else should they fail."""
    from methods.gru_triton import gru_states  # here, because a dry run chooses the interpreter before

    return gru_states(*arguments, **settings)


def parity(bench):
    """Final states and gradients of the kernels against float64 on the CPU."""
    rows = []
    for hidden in bench.units:
        for reset in RESETS:
            found = [tensor.cpu().double() for tensor in outcome(kernels, bench, hidden, reset, torch.float32)]
            reference = functools.partial(gru_final_states, backend="torch")
            expected = outcome(reference, bench, hidden, reset, torch.float64, "cpu")
            errors = [
                float((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-3))
                for ours, theirs in zip(found, expected, strict=True)
            ]
            row = {"units": hidden, "reset": reset, "states": errors[0], "gradients": max(errors[1:])}
            rows.append(row | {"agrees": row["states"] <= STATES and row["gradients"] <= GRADIENTS})
    return rows


def outcome(states_of, bench, hidden, reset, dtype, device=None):
    """Final states, and the gradient of a fixed linear function of them with respect to every weight."""
    device, seeds = device or bench.device, min(bench.seeds, 3)
    data, rng = bench.data("arabic_digits", bench.batch), np.random.default_rng(1)
    weights = [
        [tuple(torch.from_numpy(array).to(device, dtype).requires_grad_() for array in side) for side in layer]
        for layer in init_gru_weights(data.dimensions, hidden, 2, [rng] * seeds, init="torch")
    ]
    values, offsets = torch.from_numpy(data.values).to(device, dtype), torch.from_numpy(data.offsets).to(device)
    index = torch.from_numpy(rng.integers(0, len(data), (seeds, bench.batch))).to(device)
    states = states_of(values, offsets, index, weights, reset=reset)
    direction = torch.from_numpy(rng.normal(size=tuple(states.shape[1:]))).to(device, dtype)
    (states * direction).sum().backward()
    return [states.detach(), *(tensor.grad for layer in weights for side in layer for tensor in side)]


def training(bench):
    """Loss of a short training of RDDC with the kernels beside the CPU's, in its first epochs."""
    data = bench.data("arabic_digits", 4 * bench.batch)
    settings = {"batch": bench.batch, "epochs": 1 if bench.dry else 5, "recurrent_units": bench.hidden}
    rows = []
    for reset in RESETS:
        curves = []
        for device, states in (("cpu", gru_final_states), (bench.device, kernels)):
            with recurrent(states):
                fitted = rddc.RDDC(CLUSTERS, device=device, reset=reset, **settings).fit_seeds(data, [0, 1])
            curves.append(np.array([estimator.loss_curve_["loss"] for estimator in fitted]))
        difference = float(np.abs(curves[1] / curves[0] - 1).max())
        rows.append({"reset": reset, "epochs": settings["epochs"], "loss": float(curves[0][0, -1])})
        rows[-1] |= {"difference": difference, "agrees": difference <= CURVES}
    return rows


class Block:
    """A block of seeds of RDDC, a step at a time, as `methods.deep.minimise` takes it."""

    def __init__(self, bench, data, seeds):
        self.estimator = rddc.RDDC(CLUSTERS, batch=len(data), recurrent_units=bench.hidden, device=bench.device)
        self.estimator._check(data, reset=True)
        self.estimator._resolve(data, [self.estimator])
        self.estimator.mean_, self.estimator.scale_ = 0.0, 1.0
        self.network = self.estimator._init_network([np.random.default_rng(seed) for seed in range(seeds)])
        self.joint = Joint(self.network, trainable(self.network))
        self.optimizer = OPTIMIZERS["adam"](self.joint.parameters, RATE)
        self.tensors = self.estimator._tensors(data)
        self.index = torch.arange(len(data), device=bench.device).repeat(seeds, 1)
        self.network |= self.joint.leaves

    def step(self):
        """Forward, loss, backward, clipping and Adam."""
        terms = self.estimator._loss_terms(self.network, self.tensors, self.index, training=True)
        self.joint.parameters.grad = self.joint.gradient(torch.stack(list(terms.values())).sum())
        clip_gradient(self.joint.parameters, NORM)
        self.optimizer.step()

    def steps(self, number):
        for _ in range(number):
            self.step()


class Usual(torch.nn.Module):
    """The same training of one seed as people write it: `torch.nn.GRU` on packed sequences, `torch.optim.Adam`."""

    def __init__(self, bench, data):
        super().__init__()
        self.gru = torch.nn.GRU(data.dimensions, bench.hidden, 2, batch_first=True, bidirectional=True)
        layers = torch.nn.BatchNorm1d(2 * bench.hidden), torch.nn.Linear(2 * bench.hidden, 100), torch.nn.ReLU()
        self.head = torch.nn.Sequential(*layers, torch.nn.BatchNorm1d(100))
        self.out = torch.nn.Linear(100, CLUSTERS)
        self.to(bench.device)
        self.optimizer = torch.optim.Adam(self.parameters(), RATE)
        whole = torch.from_numpy(data.values).to(bench.device)
        self.padded = torch.nn.utils.rnn.pad_sequence(whole.split(data.lengths.tolist()), batch_first=True)
        self.lengths = torch.from_numpy(data.lengths)  # packing wants them on the CPU

    def step(self):
        pack = torch.nn.utils.rnn.pack_padded_sequence
        _, states = self.gru(pack(self.padded, self.lengths, batch_first=True, enforce_sorted=False))
        h = self.head(states[-2:].transpose(0, 1).flatten(1))
        assignments, names = torch.softmax(self.out(h), dim=1), ("kernel_width", "relative_width", "orthogonality_form")
        settings = {name: getattr(DDC(), name) for name in (*names, "orthogonality_weight", "simplex_weight")}
        loss = sum(divergence_terms(h[None], assignments[None], **settings).values()).sum()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters(), NORM)
        self.optimizer.step()

    def steps(self, number):
        for _ in range(number):
            self.step()


def speed(bench):
    """Seconds a step of all seeds: together with the kernels, and one after the other with cuDNN."""
    rows = []
    for shape in bench.shapes:
        data = bench.data(shape, bench.batch)
        block = Block(bench, data, bench.seeds)
        with recurrent(kernels):
            together = bench.seconds(lambda block=block: block.steps(bench.steps)) / bench.steps
        usual = [Usual(bench, data) for _ in range(bench.seeds)]
        apart = bench.seconds(lambda usual=usual: [each.steps(bench.steps) for each in usual]) / bench.steps
        rows.append({"shape": shape, "together": together, "apart": apart, "ratio": apart / together})
        rows[-1] |= {"reaches the target": rows[-1]["ratio"] >= TARGET}
        if bench.left() < 60:
            break
    return rows


def graph(bench):
    """The step of all seeds as one CUDA graph beside the plain step: seconds, and whether the parameters are equal."""
    rows = []
    for shape in bench.shapes:
        data = bench.data(shape, bench.batch)
        plain, replayed = Block(bench, data, bench.seeds), Block(bench, data, bench.seeds)
        with recurrent(functools.partial(kernels, rows=int(data.lengths.sum()))):
            seconds = bench.seconds(lambda plain=plain: plain.steps(bench.steps)) / bench.steps
            replay, done = captured(bench, replayed)
            for _ in range(2 * bench.steps - done):
                replay()
            difference = (plain.joint.parameters - replayed.joint.parameters).abs().max()
            largest = plain.joint.parameters.abs().max()
            fast = bench.seconds(lambda replay=replay: [replay() for _ in range(bench.steps)]) / bench.steps
        row = {"shape": shape, "plain": seconds, "graph": fast, "ratio": seconds / fast}
        row["difference"] = float(difference / largest)
        rows.append(row | {"agrees": row["difference"] <= CURVES})
    return rows


def captured(bench, block):
    """A function that replays the step of `block`, and how many steps were made to warm up."""
    if bench.dry:
        return block.step, 0
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        block.steps(3)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        block.step()
    return graph.replay, 3


def autoencoders(bench):
    """Seconds an update of DEC's autoencoders in three precisions, and the loss after the same updates."""
    rows, n = [], 32 if bench.dry else 2048
    images = torch.from_numpy(np.random.default_rng(0).random((n, 784), np.float32)).to(bench.device)
    shapes, rng = [(28, 28), (14, 14), (7, 7), (4, 4)], np.random.default_rng
    made = {
        "dense": lambda: DenseAutoencoder(init_autoencoder(784, (500, 500, 2000, 10), rng(0), bench.device)),
        "convolutional": lambda: ConvAutoencoder(
            init_conv_autoencoder(shapes, (32, 64, 128), 10, rng(0), bench.device), shapes
        ),
    }
    for name, make in made.items():
        for precision, (tf32, autocast) in PRECISIONS.items():
            autoencoder, epochs = make(), 1 if bench.dry else 4
            with arithmetic(tf32), torch.autocast(bench.device, torch.bfloat16, enabled=autocast):
                train = functools.partial(pretrain, autoencoder, images, epochs)
                train()
                seconds, loss = bench.seconds(train), train()
            row = {"autoencoder": name, "precision": precision, "loss": float(loss)}
            rows.append(row | {"seconds": seconds / (epochs * (n // min(n, 256)))})
    for row in rows:
        reference = next(each for each in rows if each["autoencoder"] == row["autoencoder"])
        row["ratio"] = reference["seconds"] / row["seconds"]
    return rows


def pretrain(autoencoder, images, epochs):
    """The last epoch's loss."""
    curve, _ = minimise(
        lambda index: {"reconstruction": autoencoder.reconstruction(images[index]).float()},
        autoencoder.network,
        trainable(autoencoder.network),
        len(images),
        batch=min(len(images), 256),
        epochs=epochs,
        rngs=[np.random.default_rng(0)],
        learning_rate=RATE,
    )
    return curve["loss"][-1, 0]


@contextlib.contextmanager
def arithmetic(tf32):
    """Products of matrices and convolutions in TF32, or in float32; torch's own default is a mixture."""
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = tf32
    try:
        yield
    finally:
        for backend, was in zip(backends, before, strict=True):
            backend.allow_tf32 = was


def smoke(bench):
    """The smoke profile with one GPU, and which cells are others than the CPU's reference: the last part, and cut."""
    reference = ROOT / "results/reference/smoke.csv"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "snakemake", "--profile", "profiles/smoke", "--resources", "gpu=1", "--quiet"]
        command += ["--config", f"results={folder}", *(["--dry-run"] if bench.dry else [])]
        start = time.monotonic()
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        run = subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)
        try:
            said, _ = run.communicate(timeout=max(bench.left(), 1))
        except subprocess.TimeoutExpired:
            return [{"finished": False, "seconds": time.monotonic() - start, "moved": [], "agrees": None}]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)  # Snakemake and the jobs that it has started
            run.wait()
        row = {"finished": run.returncode == 0, "seconds": time.monotonic() - start}
        if not row["finished"]:
            return [row | {"moved": said.strip().splitlines()[-3:], "agrees": False}]
        moved = compare(reference if bench.dry else folder, reference)
        return [row | {"moved": moved, "agrees": not moved}]


# Function, title, and what its table says.
PARTS = {
    "parity": (
        parity,
        "Kernels against float64",
        f"Largest difference, relative; {STATES} passes for states and {GRADIENTS} for gradients.",
    ),
    "training": (
        training,
        "A short training against the CPU's loss",
        f"Largest relative difference; {CURVES} passes.",
    ),
    "speed": (
        speed,
        "All seeds in one launch",
        f"Seconds a step beside one cuDNN training after the other; the target is {TARGET:.0f} times as fast.",
    ),
    "graph": (
        graph,
        "The step as a CUDA graph",
        "Seconds a step, launched one by one and replayed; no training uses it yet.",
    ),
    "autoencoders": (
        autoencoders,
        "DEC's autoencoders",
        "Seconds an update, and the loss after the same number of them.",
    ),
    "smoke": (
        smoke,
        "The smoke profile with gpu=1",
        "Cells that moved from results/reference/smoke.csv, by the tests of reports/compare.py.",
    ),
}


def page(found, where, dry):
    """What there is so far as Markdown."""
    lines = ["# On a GPU", "", where, ""]
    if dry:
        lines += ["**A dry run without a GPU: its seconds mean nothing.**", ""]
    for name, (_, title, told) in PARTS.items():
        lines += [f"## {title}", ""]
        if name not in found:
            lines += ["Not reached.", ""]
        elif "failed" in found[name]:
            lines += [f"Failed: {found[name]['failed']}", ""]
        else:
            rows = [{key: cell(value) for key, value in row.items()} for row in found[name]["rows"]]
            lines += [told, "", tabulate(rows, "keys", tablefmt="github", disable_numparse=True), ""]
    return "\n".join(lines)


def cell(value):
    """A value as the page shows it."""
    if isinstance(value, list):
        return "; ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    return f"{value:.3g}" if isinstance(value, float) else "?" if value is None else value


def disagreements(found):
    """Names of the parts that failed or in which something doesn't agree."""
    return [
        name
        for name, part in found.items()
        if "failed" in part or any(row.get("agrees") is False for row in part["rows"])
    ]


def run_parts(bench, where, folder):
    """Run part after part while there is time, and write the page after each; what they found."""
    found = {}
    for name, (part, *_) in PARTS.items():
        if bench.left() <= 0:
            break
        start = time.monotonic()
        try:
            found[name] = {"rows": part(bench)}
        except Exception as failure:  # noqa: BLE001 - the other parts are worth having
            traceback.print_exc()
            found[name] = {"failed": " ".join(f"{type(failure).__name__}: {failure}".split())[:300]}
        found[name]["seconds"] = time.monotonic() - start
        print(f"{name}: {found[name]['seconds']:.0f} s, {bench.left():.0f} s left", flush=True)
        write_json(folder / "gpu.json", {"where": where, "dry": bench.dry, "parts": found})
        write_text(folder / "gpu.md", page(found, where, bench.dry))
    return found


def absent():
    """Why there is no GPU for torch, in one line; None where there is one."""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} was built without CUDA"
    return None if torch.cuda.is_available() else "torch finds no GPU"


def main():
    """Run everything; exit code 1 when something disagrees, 2 without a GPU."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry", action="store_true", help="on a CPU, tiny, with Triton's interpreter")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds")
    parser.add_argument("--folder", type=Path, default=HERE, help="where the page and the JSON go")
    arguments = parser.parse_args()
    if arguments.dry:
        os.environ["TRITON_INTERPRET"] = "1"
        if arguments.folder == HERE:
            parser.error("--dry needs a --folder: benchmarks/ is for what a GPU measured")
    elif reason := absent():
        print(f"error: no NVIDIA GPU to measure: {reason}", file=sys.stderr)
        sys.exit(2)
    where = machine() if arguments.dry else f"{torch.cuda.get_device_name()}; {machine()}"
    found = run_parts(Bench(arguments.dry, arguments.budget), where, arguments.folder)
    missing = [name for name in PARTS if name not in found]
    wrong = disagreements(found)
    print(f"disagree: {', '.join(wrong) or 'none'}; not reached: {', '.join(missing) or 'none'}; look at gpu.md")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
