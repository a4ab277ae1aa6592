"""What lies where in a data directory."""

import contextlib
import json
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tambah.store.embedded.identity import ServerUser
from tambah.store.embedded.refused import EmbeddedRefused

OWNER = "tambah_owner"
APP = "tambah"
DATABASE = "tambah"
PORT = 5432
# A socket's path holds 107 bytes on Linux and 103 on macOS.
_LONGEST_SOCKET = 100


def default_data_dir() -> Path:
    """Return where data lies when nobody said where.

    Root's is below /var/lib, where the ordinary user that runs PostgreSQL can enter; anybody
    else's is in their home, or in the working directory when they have none.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/tambah/default")
    if data_home := os.environ.get("XDG_DATA_HOME"):
        return Path(data_home, "tambah")
    if home := os.environ.get("HOME"):
        return Path(home, ".local/share/tambah")
    return Path.cwd() / ".tambah"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The files of one data directory that have to do with PostgreSQL."""

    data_dir: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.data_dir / "postgres"

    @property
    def log(self) -> Path:
        """What PostgreSQL says."""
        return self.data_dir / "postgres.log"

    @property
    def lock(self) -> Path:
        """Held by the process that is making or starting the server."""
        return self.data_dir / "postgres.lock"

    @property
    def passwords(self) -> Path:
        """The two roles' passwords, readable by us alone."""
        return self.data_dir / "postgres-passwords.json"

    @property
    def socket_record(self) -> Path:
        """Where the socket is when the data directory's own path is too long for one."""
        return self.data_dir / "postgres-socket.json"


def read_passwords(places: Places) -> dict[str, str] | None:
    """Return password by role, None when they were never made or are lost."""
    try:
        return json.loads(places.passwords.read_text())
    except FileNotFoundError:
        return None


def make_passwords(places: Places) -> dict[str, str]:
    """Make and keep a new password for each role."""
    passwords = {role: secrets.token_urlsafe(32) for role in (OWNER, APP)}
    write_private(places.passwords, json.dumps(passwords))
    return passwords


def write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable by us alone."""
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(fd, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
    sync_dir(path.parent)


def sync_dir(directory: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_data_dir(places: Places, user: ServerUser | None) -> None:
    """Make the data directory when it is missing; refuse one that is not ours to write.

    Others may pass through it only where another user's PostgreSQL has to.
    """
    try:
        places.data_dir.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            places.data_dir.mkdir()
            places.data_dir.chmod(0o700 if user is None else 0o711)
    except OSError as problem:
        raise EmbeddedRefused(
            f"cannot make the data directory {places.data_dir}: {problem.strerror}"
        ) from problem
    if not (places.data_dir.is_dir() and os.access(places.data_dir, os.R_OK | os.W_OK | os.X_OK)):
        raise EmbeddedRefused(
            f"the data directory {places.data_dir} is not ours to write: choose another "
            "(TAMBAH_DATA_DIR), or run as its owner"
        )
    if places.cluster.is_symlink():
        raise EmbeddedRefused(f"{places.cluster} is a link; PostgreSQL's folder must be a folder")


def dsn(*, role: str, password: str, socket_dir: Path) -> str:
    """Return the address of our database through the socket, for asyncpg and psql alike."""
    host = quote(str(socket_dir), safe="")
    return f"postgresql://{role}:{password}@/{DATABASE}?host={host}&port={PORT}"


def socket_dir(places: Places) -> Path:
    """Return where the socket's folder is, or was when it has been taken away."""
    near = _near_socket_dir(places)
    return near if _fits(near) else _recorded_socket_dir(places) or near


def find_socket_dir(places: Places) -> Path | None:
    """Return the folder of the server's socket, None when it is yet to be made."""
    found = socket_dir(places)
    return found if _is_private(found, owner=places.cluster.stat().st_uid) else None


def make_socket_dir(places: Places, user: ServerUser | None) -> Path:
    """Return the folder of the server's socket: private, the server's, its path short enough."""
    made = find_socket_dir(places) or _remade(socket_dir(places)) or _new_far_socket_dir(places)
    made.chmod(0o700)
    if user is not None:
        os.chown(made, user.uid, user.gid)
    return made


def _near_socket_dir(places: Places) -> Path:
    return places.data_dir / "postgres-socket"


def _recorded_socket_dir(places: Places) -> Path | None:
    try:
        record = json.loads(places.socket_record.read_text())
        # In a copied data directory the record is the original's.
        return (
            Path(record["socket_dir"]) if record["cluster"] == _file_id(places.cluster) else None
        )
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _remade(directory: Path) -> Path | None:
    """Return the folder if it could be made where it was, so that its address stays good."""
    if not _fits(directory):
        return None
    with contextlib.suppress(OSError):
        directory.mkdir(mode=0o700)
        return directory
    return None


def _new_far_socket_dir(places: Places) -> Path:
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), "/run", tempfile.gettempdir(), "/tmp"):  # noqa: S108
        if parent and _fits(Path(parent, "tambah-12345678")):
            with contextlib.suppress(OSError):
                far = Path(tempfile.mkdtemp(prefix="tambah-", dir=parent))
                record = {"socket_dir": str(far), "cluster": _file_id(places.cluster)}
                write_private(places.socket_record, json.dumps(record))
                return far
    raise EmbeddedRefused(
        f"{places.data_dir} is too long for a socket's path and no short folder can be written: "
        "choose a shorter data directory (TAMBAH_DATA_DIR)"
    )


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / f".s.PGSQL.{PORT}")) <= _LONGEST_SOCKET


def _is_private(directory: Path, *, owner: int) -> bool:
    try:
        status = directory.lstat()
    except FileNotFoundError:
        return False
    is_closed = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    return is_closed and status.st_uid in {owner, os.geteuid()}


def _file_id(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_dev, status.st_ino]


def give_cluster(places: Places, user: ServerUser | None) -> None:
    """Hand PostgreSQL's folder, and nothing else, to the user that runs it."""
    if user is None or places.cluster.stat().st_uid == user.uid:
        return
    for folder, _, names in os.walk(places.cluster):
        for name in names:
            os.chown(Path(folder, name), user.uid, user.gid, follow_symlinks=False)
        os.chown(folder, user.uid, user.gid, follow_symlinks=False)
