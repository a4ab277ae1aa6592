"""One embedded PostgreSQL: start it or join it, mend it, stop it."""

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Self

from tambah.store.embedded import places as at
from tambah.store.embedded.binaries import runnable_bin_dir
from tambah.store.embedded.cluster import make_cluster, renew_passwords, settings
from tambah.store.embedded.identity import ServerUser, passage_to, server_user
from tambah.store.embedded.places import Places
from tambah.store.embedded.postmaster import (
    Child,
    answers,
    disarm_pid_file,
    end_orphans,
    find_postmaster,
    spawn,
)
from tambah.store.embedded.refused import EmbeddedFailed, EmbeddedRefused

_POLL_SECONDS = 0.01
# Another process may be making the database, or the server recovering from a crash.
_LOCK_SECONDS = 660
_READY_SECONDS = 600
# What a killed server left behind holds its memory for a moment: try again, then help.
_REFUSED_SECONDS = 30
_PATIENCE_WITH_ORPHANS_SECONDS = 0.2
_STOP_SECONDS = 30
_DYING_SECONDS = 0.5
_LOG_KEEP_BYTES = 10_000_000
# PostgreSQL's words for "the old one is not quite gone".
_PASSING = ("already exists", "still in use", "could not lock")


def _silent(_line: str) -> None:
    pass


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class EmbeddedServer:
    """A running PostgreSQL of ours, started by this process or by another.

    Whoever started it takes it along when it ends, even by kill -9; the others notice by a
    failed connection and call `ensure_running`.
    """

    def __init__(
        self, places: Places, user: ServerUser | None, log: Callable[[str], None]
    ) -> None:
        self._places = places
        self._user = user
        self._log = log
        self._child: Child | None = None
        self._passwords: dict[str, str] = {}
        self._starting = threading.Lock()

    @classmethod
    def start(cls, data_dir: Path, *, log: Callable[[str], None] = _silent) -> Self:
        """Return the server of this data directory, made and started if need be. Blocks.

        A server that is already up, whoever started it, is joined. Best called from the main
        thread, before there are others.

        log: told in a line what takes long or is out of the ordinary.

        Raises EmbeddedRefused when it cannot work here as things are, EmbeddedFailed when
        PostgreSQL would not start.
        """
        user = server_user()
        places = Places(data_dir=Path(os.path.abspath(data_dir)))
        at.make_data_dir(places, user)
        server = cls(places, user, log)
        with server._locked():
            server._passwords = server._prepare()
            server._bring_up()
        return server

    def ensure_running(self) -> bool:
        """Start the server again if it is dead; say whether that was done here and now.

        For anyone whose connection failed, from any thread; callers queue up. The addresses stay
        the same. Blocks until the server is up, so call it beside an event loop, not in one.

        Raises EmbeddedRefused when the data is gone, EmbeddedFailed when it will not start.
        """
        if not self._places.cluster.is_dir():
            raise EmbeddedRefused(f"the database in {self._places.data_dir} is gone")
        with self._locked():
            return self._bring_up()

    @property
    def dsn(self) -> str:
        """The application's address, as role `tambah`, who may only do what it was granted."""
        return self._address(at.APP)

    @property
    def owner_dsn(self) -> str:
        """The owner's address, as role `tambah_owner`, for migrations and grants."""
        return self._address(at.OWNER)

    def server_pid(self) -> int | None:
        """Return the process id of PostgreSQL's main process, None when it is not running."""
        postmaster = find_postmaster(self._places.cluster)
        return postmaster.pid if postmaster else None

    def stop(self) -> None:
        """Stop the server cleanly if this process started it; leave anybody else's alone."""
        with self._starting:
            child, self._child = self._child, None
        if child is None:
            return
        # Fast shutdown; then without writing everything out; then none at all. All are safe.
        for farewell in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            child.send_signal(farewell)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_STOP_SECONDS)
                return

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        """Hold the data directory: among threads, and among processes (freed when one dies)."""
        with self._starting, open(self._places.lock, "a", opener=_private) as file:
            deadline = time.monotonic() + _LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise EmbeddedFailed(
                            f"another process has held {self._places.lock} for "
                            f"{_LOCK_SECONDS} seconds"
                        ) from None
                    time.sleep(_POLL_SECONDS)
            yield

    def _prepare(self) -> dict[str, str]:
        """Make what is missing of the cluster; return password by role."""
        if not self._places.cluster.is_dir():
            self._log("making a database (once)")
            return make_cluster(self._places, self._programs(), self._user)
        passwords = at.read_passwords(self._places)
        if passwords is not None:
            return passwords
        if find_postmaster(self._places.cluster):
            raise EmbeddedRefused(
                f"{self._places.passwords} is lost while the database is running: stop whatever "
                "uses it, then start again, and new passwords will be made"
            )
        self._log("the database's passwords are lost: making new ones")
        at.give_cluster(self._places, self._user)
        disarm_pid_file(self._places.cluster)
        return renew_passwords(self._places, self._programs(), self._user)

    def _address(self, role: str) -> str:
        socket_dir = at.socket_dir(self._places)
        return at.dsn(role=role, password=self._passwords[role], socket_dir=socket_dir)

    def _programs(self) -> str:
        return str(runnable_bin_dir(self._user))

    def _bring_up(self) -> bool:
        """Return whether the server had to be started. The data directory is locked."""
        if find_postmaster(self._places.cluster):
            self._await_ready(None)
            if self._can_be_reached():
                return False
            self._end_unreachable()
        if self._child is not None:
            self._child.wait()  # dead; the next one is refused until it is collected
        at.give_cluster(self._places, self._user)
        self._start_child()
        return True

    def _can_be_reached(self) -> bool:
        if not answers(at.socket_dir(self._places) / f".s.PGSQL.{at.PORT}"):
            return False
        # Its starter may just have been killed: then it answers once more, and says in its file
        # that it is stopping.
        postmaster = find_postmaster(self._places.cluster)
        return postmaster is not None and postmaster.is_ready

    def _end_unreachable(self) -> None:
        """Wait for a dying server's end; bring it about where only the socket was lost."""
        began = time.monotonic()
        told = False
        while postmaster := find_postmaster(self._places.cluster):
            waited = time.monotonic() - began
            if waited > _STOP_SECONDS:
                raise EmbeddedFailed(f"PostgreSQL (process {postmaster.pid}) does not stop")
            if waited > _DYING_SECONDS and not told:
                # A cleaner of temporary files took the socket away.
                self._log("PostgreSQL is running but cannot be reached: starting it again")
                told = True
                with contextlib.suppress(ProcessLookupError):
                    os.kill(postmaster.pid, signal.SIGINT)
            time.sleep(_POLL_SECONDS)

    def _start_child(self) -> None:
        began = time.monotonic()
        while True:
            disarm_pid_file(self._places.cluster)
            said_from = self._log_size()
            self._child = self._spawn()
            if self._await_ready(self._child):
                return
            said = self._said_since(said_from)
            waited = time.monotonic() - began
            self._child = None
            if waited > _REFUSED_SECONDS or not any(words in said for words in _PASSING):
                raise EmbeddedFailed(
                    f"PostgreSQL did not start: {said or 'it said nothing'} "
                    f"(more in {self._places.log})"
                )
            if waited > _PATIENCE_WITH_ORPHANS_SECONDS and end_orphans(self._places.cluster):
                self._log("ended what a killed PostgreSQL left running")
            time.sleep(10 * _POLL_SECONDS)

    def _spawn(self) -> Child:
        cluster = passage_to(self._places.cluster, self._user)
        sockets = passage_to(at.make_socket_dir(self._places, self._user), self._user)
        command = [f"{self._programs()}/postgres", "-D", cluster.path]
        for name, value in {**settings(), "unix_socket_directories": sockets.path}.items():
            command += ["-c", f"{name}={value}"]
        try:
            with open(self._places.log, "ab", opener=_private) as log:
                return spawn(command, (cluster, sockets), self._user, log)
        finally:
            cluster.close()
            sockets.close()

    def _await_ready(self, child: Child | None) -> bool:
        """Return True once the server is ready, False when it ended instead.

        child: the server we started, None for another's.
        """
        began = time.monotonic()
        noted = began
        while True:
            postmaster = find_postmaster(self._places.cluster)
            if postmaster and postmaster.is_ready and (not child or child.pid == postmaster.pid):
                return True
            if child.poll() is not None if child else postmaster is None:
                return False
            now = time.monotonic()
            if now > began + _READY_SECONDS:
                raise EmbeddedFailed(
                    f"PostgreSQL is not ready after {_READY_SECONDS} seconds "
                    f"(see {self._places.log})"
                )
            if now > noted + 10:
                noted = now
                self._log("PostgreSQL is still getting ready (recovering after a crash?)")
            time.sleep(_POLL_SECONDS)

    def _log_size(self) -> int:
        """Return where the next line of the log will stand; set an overgrown log aside."""
        log = self._places.log
        if not log.exists():
            return 0
        if log.stat().st_size > _LOG_KEEP_BYTES:
            log.replace(log.with_name("postgres.log.1"))
            return 0
        return log.stat().st_size

    def _said_since(self, offset: int) -> str:
        """Return the reasons that the server gave, without its timestamps."""
        with open(self._places.log, errors="replace") as log:
            log.seek(offset)
            lines = log.read().splitlines()
        reasons = [line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line]
        return "; ".join(reasons or lines[-2:])
