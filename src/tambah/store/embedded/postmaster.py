"""PostgreSQL's main process: starting it, recognising it, clearing up after a killed one."""

import contextlib
import ctypes
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tambah.store.embedded.identity import Passage, ServerUser, environment, privileges

_PR_SET_PDEATHSIG = 1
# "May we speak TLS?": the one question that is answered before anybody has said who they are.
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_IS_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None) if _IS_LINUX else None

Child = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmaster:
    """A live main process of one cluster, as its postmaster.pid names it."""

    pid: int
    is_ready: bool


def find_postmaster(cluster: Path) -> Postmaster | None:
    """Return the live server of this cluster, whoever started it; None when there is none.

    A postmaster.pid alone proves nothing: it outlives a killed server, and its number may be
    another program's by now, or a dead child's that nobody has collected.
    """
    lines = _pid_lines(cluster)
    if lines is None or not _is_postmaster(int(lines[0]), cluster):
        return None
    return Postmaster(pid=int(lines[0]), is_ready=len(lines) > 7 and lines[7].strip() == "ready")


def disarm_pid_file(cluster: Path) -> None:
    """Let a dead server's postmaster.pid no longer stop a new one whose child we will be.

    PostgreSQL refuses while the number in the file is alive, even as another program, except
    when it is its own parent's. So we put ours there. The rest of the file stays: by it
    PostgreSQL notices that processes of the dead server still use its memory, and waits.

    Only for a holder of the data directory's lock, when `find_postmaster` finds none.
    """
    lines = _pid_lines(cluster)
    if lines is None:
        return
    lines[0] = str(os.getpid())
    path = cluster / "postmaster.pid"
    scratch = cluster / "postmaster.pid.tambah"
    scratch.write_text("\n".join(lines) + "\n")
    owner = path.stat()
    if os.geteuid() == 0:
        os.chown(scratch, owner.st_uid, owner.st_gid)
    scratch.chmod(0o600)
    scratch.replace(path)


def end_orphans(cluster: Path) -> int:
    """Tell what a killed server left running to stop at once; return how many there were.

    They stop by themselves when they next look up; a long query may not for minutes.
    """
    orphans = list(_orphans(cluster))
    for pid in orphans:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGQUIT)
    return len(orphans)


def answers(socket_path: Path) -> bool:
    """Say whether PostgreSQL answers on the socket.

    To be connected is not enough: a dying server's callers still queue up for it.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(socket_path))
            probe.sendall(_SSL_REQUEST)
            return probe.recv(1) != b""
        except TimeoutError:
            return True  # busy is alive
        except OSError:
            return False


def spawn(
    command: Sequence[str], passages: Sequence[Passage], user: ServerUser | None, log: IO[bytes]
) -> Child:
    """Start the server so that it ends cleanly when this process ends, however that ends.

    Linux sends the farewell signal when the *thread* that forked ends. So the main thread forks,
    or, when another one asks, a thread of ours that lasts as long as the process.
    """

    def fork() -> Child:
        with warnings.catch_warnings():
            # Python warns of forking beside other threads; the child only makes two system
            # calls before it becomes PostgreSQL.
            warnings.simplefilter("ignore", DeprecationWarning)
            return subprocess.Popen(
                command,
                cwd="/",
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[fd for passage in passages for fd in passage.fds],
                preexec_fn=_die_with(os.getpid()) if _libc else None,
                **privileges(user),
            )

    if threading.current_thread() is threading.main_thread():
        return fork()
    return _lasting_thread.call(fork)


def _die_with(parent: int) -> Callable[[], None]:
    """Return what the child does first. Python runs it after the change of user, which resets it.

    The signal is SIGINT: PostgreSQL's "fast" shutdown, which is clean.
    """

    def arrange() -> None:
        assert _libc is not None
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent:  # it ended before we could ask
            os._exit(1)

    return arrange


class _LastingThread:
    """A thread that lives as long as the process and forks for threads that may not."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[
            tuple[Callable[[], Child], queue.SimpleQueue[Child | BaseException]]
        ]
        self._calls = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def call(self, fork: Callable[[], Child]) -> Child:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():  # a fork keeps no threads
                self._thread = threading.Thread(target=self._run, daemon=True, name="postmaster")
                self._thread.start()
        answer: queue.SimpleQueue[Child | BaseException] = queue.SimpleQueue()
        self._calls.put((fork, answer))
        result = answer.get()
        if isinstance(result, BaseException):
            raise result
        return result

    def _run(self) -> None:
        while True:
            fork, answer = self._calls.get()
            try:
                answer.put(fork())
            except BaseException as problem:  # noqa: BLE001  # the caller's, raised over there
                answer.put(problem)


_lasting_thread = _LastingThread()


def _pid_lines(cluster: Path) -> list[str] | None:
    try:
        lines = (cluster / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    if not lines or not lines[0].strip().lstrip("-").isdigit():
        return None
    lines[0] = lines[0].strip().lstrip("-")  # a single-user session writes its own negative
    return lines


def _is_postmaster(pid: int, cluster: Path) -> bool:
    if _IS_LINUX:
        return _is_postgres_in(pid, cluster)
    named = subprocess.run(
        ["ps", "-o", "state=,comm=", "-p", str(pid)],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
    ).stdout
    return "postgres" in named and not named.startswith("Z")


def _is_postgres_in(pid: int, cluster: Path) -> bool:
    """Say whether a process is a PostgreSQL at work in this cluster; a zombie works nowhere."""
    try:
        if Path(f"/proc/{pid}/comm").read_text().strip() != "postgres":
            return False
        return os.path.samestat(os.stat(f"/proc/{pid}/cwd"), os.stat(cluster))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def _orphans(cluster: Path) -> Iterator[int]:
    if _IS_LINUX:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _is_postgres_in(int(entry.name), cluster):
                yield int(entry.name)
