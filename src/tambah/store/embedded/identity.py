"""Who runs PostgreSQL, and how that one reaches a directory.

PostgreSQL refuses to run as root. Started by root, it therefore runs as an ordinary user that
already exists; none is ever created. Such a user often cannot walk to a directory of root's (a
clone below a 0700 folder). No parent is opened up for it: it is handed the open directory
instead.
"""

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from tambah.store.embedded.refused import EmbeddedRefused

USER_VARIABLE = "TAMBAH_POSTGRES_USER"
_CANDIDATES = ("tambah", "postgres", "nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerUser:
    """The ordinary user that root runs PostgreSQL as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A directory in a form that the server can use: a path, and what it must inherit for it."""

    path: str
    fds: tuple[int, ...] = ()

    def close(self) -> None:
        """Give the inherited descriptors back; the server has its own by now."""
        for fd in self.fds:
            os.close(fd)


def server_user() -> ServerUser | None:
    """Return the user to run PostgreSQL as, None for "as we are".

    Raises EmbeddedRefused when we are root and there is no ordinary user to be.
    """
    if os.geteuid() != 0:
        return None
    wanted = os.environ.get(USER_VARIABLE)
    for name in (wanted,) if wanted else _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return ServerUser(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedRefused(
        "PostgreSQL does not run as root, and there is no ordinary user "
        f"{wanted or ' or '.join(_CANDIDATES)}: name an existing one in {USER_VARIABLE}"
    )


def refuse_nameless_user() -> None:
    """Raise EmbeddedRefused when our user id has no name: initdb insists on one."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise EmbeddedRefused(
            f"user id {os.geteuid()} has no entry in /etc/passwd, which PostgreSQL needs to make "
            "a database: add one, or name a server in TAMBAH_DATABASE_URL"
        ) from None


def run_as(
    user: ServerUser | None,
    command: Sequence[str],
    *,
    fds: Sequence[int] = (),
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a short command as the server's user and return what it said (both streams)."""
    try:
        return subprocess.run(
            command,
            check=False,
            cwd="/",
            env=environment(),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=fds,
            **privileges(user),
        )
    except PermissionError as problem:  # that user cannot reach the program, or we become nobody
        return subprocess.CompletedProcess(command, 126, stdout=str(problem))


class Privileges(TypedDict, total=False):
    """The arguments with which subprocess becomes another user."""

    user: int
    group: int
    extra_groups: list[int]


def privileges(user: ServerUser | None) -> Privileges:
    """Return what makes a child run as the server's user, and in no group of ours."""
    if user is None:
        return {}
    return {"user": user.uid, "group": user.gid, "extra_groups": []}


def environment() -> Mapping[str, str]:
    """Return all that PostgreSQL is told of our environment: no PG variable, no secret."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", **kept}


def passage_to(directory: Path, user: ServerUser | None) -> Passage:
    """Return a way for the server's user into `directory`, which belongs to it.

    The path itself where that user can walk it. Else `/proc/self/fd/N` of the opened directory:
    the kernel jumps there without looking at the parents.

    Raises EmbeddedRefused when neither works.
    """
    if user is None or _can_use(str(directory), user):
        return Passage(path=str(directory))
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    inherited = Passage(path=f"/proc/self/fd/{fd}", fds=(fd,))
    if _can_use(inherited.path, user, fds=inherited.fds):
        return inherited
    inherited.close()
    raise EmbeddedRefused(
        f"user {user.name}, as whom PostgreSQL runs, cannot use {directory}: choose a directory "
        f"that it can enter (TAMBAH_DATA_DIR), or another user ({USER_VARIABLE})"
    )


def _can_use(path: str, user: ServerUser, *, fds: Sequence[int] = ()) -> bool:
    test = ["/bin/sh", "-c", 'cd "$1" && test -r . && test -w .', "sh", path]
    return run_as(user, test, fds=fds).returncode == 0
