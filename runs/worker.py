"""Processes beside a job's own: one for trainings, which may be killed, crash or hang alone, and helpers."""

import contextlib
import ctypes
import faulthandler
import json
import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

FORK = multiprocessing.get_context("fork")  # after the imports, which take longer than many a training
LONGEST = 2_000_000.0  # seconds that a poll can take
GRACE = 10.0  # seconds after its limit until a request that doesn't end by itself is killed
PR_SET_PDEATHSIG = 1
WISHES = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class WorkerError(Exception):
    """Why there is no answer; the message is one line."""


class TimeLimit(WorkerError):
    """A run used up its time."""


class Killed(WorkerError):
    """The process got SIGKILL, which is how the kernel ends what takes the last of the memory."""


class Crashed(WorkerError):
    """The process ended without an answer."""


class Worker:
    """A forked process that answers requests one at a time; a new one takes the place of one that died.

    Parameters
    ----------
    answer : callable
        Takes a request and gives the answer, both JSON-able. It runs in the process.
    """

    def __init__(self, answer):
        self._answer = answer
        self._process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def ask(self, request, limit):
        """Answer to `request`, which may take `limit` seconds.

        Raises
        ------
        TimeLimit, Killed, Crashed
            When there is none.
        InterruptedError
            When somebody ended the process with SIGINT, SIGTERM or SIGHUP: a wish, not an outcome.
        """
        if self._process is None:
            self._start()
        try:
            self._pipe.send_bytes(json.dumps(request).encode())
            if not self._pipe.poll(min(limit + GRACE, LONGEST)):
                self.stop()
                raise TimeLimit(f"stopped at its limit of {limit:g} s; it didn't react within {GRACE:g} s more")
            return json.loads(self._pipe.recv_bytes())
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode
            self.stop()
            raise _reason(code) from None

    def stop(self):
        """End the process; the next request gets a new one."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None

    def _start(self):
        self._pipe, theirs = FORK.Pipe()
        self._process = FORK.Process(target=_serve, args=(self._answer, theirs, self._pipe, os.getpid()))
        self._process.start()
        theirs.close()


def helpers(count):
    """Executor with `count` forked processes, which end with this one however it ends."""
    return ProcessPoolExecutor(count, FORK, _die_with, (os.getpid(),))


def _serve(answer, pipe, others_end, parent):
    others_end.close()
    _die_with(parent)
    faulthandler.enable(sys.__stderr__)  # where a crash happened, for the log
    with contextlib.suppress(OSError):  # short of memory, the kernel shall take this process and not its parent
        Path("/proc/self/oom_score_adj").write_text("1000")
    with contextlib.suppress(EOFError):
        while True:
            made = answer(json.loads(pipe.recv_bytes()))
            sys.stdout.flush()
            sys.stderr.flush()
            pipe.send_bytes(json.dumps(made).encode())


def _die_with(parent):
    """Get SIGKILL when the parent dies, so that a killed job leaves no training behind (Linux alone has that)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _reason(code):
    """What a process's exit code says of its end."""
    if code == -signal.SIGKILL:
        return Killed("killed by SIGKILL, which the kernel sends when memory is exhausted")
    if code < 0 and -code in WISHES:
        return InterruptedError(f"stopped by {signal.Signals(-code).name}")
    return Crashed(f"the process crashed with {signal.Signals(-code).name}" if code < 0 else f"exit code {code}")
