"""Making a database cluster, and the settings it runs with."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tambah.store.embedded import places as at
from tambah.store.embedded.identity import (
    Passage,
    ServerUser,
    passage_to,
    refuse_nameless_user,
    run_as,
)
from tambah.store.embedded.places import Places
from tambah.store.embedded.refused import EmbeddedFailed, EmbeddedRefused

SETTINGS_VARIABLE = "TAMBAH_POSTGRES_SETTINGS"

# Nobody is let in without a password, and nobody through the network.
_HBA = "local all all scram-sha-256\n"

# No wal_compression: compressing the whole pages after a checkpoint cost more than writing them.
_SETTINGS = {
    "autovacuum": "on",
    "checkpoint_timeout": "15min",
    "lc_messages": "C",
    # No statement, no parameter and no row may reach the log: they hold people's data.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_timezone": "UTC",
    "max_connections": "60",
    "max_wal_size": "4GB",
    "shared_buffers": "256MB",
    "timezone": "UTC",
}

# What durability and the way in depend on is not for an environment variable to change.
_FIXED = {
    "fsync": "on",
    "full_page_writes": "on",
    "listen_addresses": "",
    "password_encryption": "scram-sha-256",
    "port": str(at.PORT),
    "unix_socket_permissions": "0700",
}
_OURS = _FIXED.keys() | {"data_directory", "hba_file", "config_file", "unix_socket_directories"}


def settings() -> dict[str, str]:
    """Return the server's settings: ours, with those of TAMBAH_POSTGRES_SETTINGS over them.

    The variable reads "name=value;name=value". Raises EmbeddedRefused for what it may not set.
    """
    theirs: dict[str, str] = {}
    for item in os.environ.get(SETTINGS_VARIABLE, "").split(";"):
        if not item.strip():
            continue
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not name.replace(".", "_").isidentifier():
            raise EmbeddedRefused(f"{SETTINGS_VARIABLE}: not a setting: {item.strip()!r}")
        if name.lower() in _OURS:
            raise EmbeddedRefused(f"{SETTINGS_VARIABLE}: {name} is not yours to set")
        theirs[name.lower()] = value
    return {**_SETTINGS, **_recovery(), **theirs, **_FIXED}


def _recovery() -> dict[str, str]:
    """Have recovery flush the file system at once, where the kernel reports errors of that.

    File by file it took seconds after each crash. Linux before 5.8 could hide a failed write.
    """
    found = re.match(r"([0-9]+)\.([0-9]+)", platform.release())
    if sys.platform != "linux" or found is None or (int(found[1]), int(found[2])) < (5, 8):
        return {}
    return {"recovery_init_sync_method": "syncfs"}


def make_cluster(places: Places, programs: str, user: ServerUser | None) -> dict[str, str]:
    """Make the cluster, its two roles and its database; return password by role.

    All is made in a folder beside the final one, which appears complete or not at all.
    """
    if user is None:
        refuse_nameless_user()
    for interrupted in places.data_dir.glob("postgres.unfinished-*"):
        shutil.rmtree(interrupted, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix="postgres.unfinished-", dir=places.data_dir))
    if user is not None:
        os.chown(unfinished, user.uid, user.gid)
    passage = passage_to(unfinished, user)
    try:
        # Nobody gets in, not even with a password, before the passwords are set.
        initdb = [f"{programs}/initdb", "-D", passage.path, "-U", at.OWNER, "--auth=reject"]
        initdb += ["--encoding=UTF8", "--locale=C", "--no-instructions"]
        _insist(run_as(user, initdb, fds=passage.fds), "initdb")
        (unfinished / "pg_hba.conf").write_text(_HBA)
        passwords = at.make_passwords(places)
        _run_statements(
            [
                f"ALTER ROLE {at.OWNER} PASSWORD '{passwords[at.OWNER]}';",
                f"CREATE ROLE {at.APP} LOGIN PASSWORD '{passwords[at.APP]}';",
                f"CREATE DATABASE {at.DATABASE} OWNER {at.OWNER};",
                f"REVOKE ALL ON DATABASE {at.DATABASE} FROM PUBLIC;",
                f"GRANT CONNECT, TEMPORARY ON DATABASE {at.DATABASE} TO {at.APP};",
            ],
            programs,
            passage,
            user,
        )
    finally:
        passage.close()
    unfinished.rename(places.cluster)
    at.sync_dir(places.data_dir)
    return passwords


def renew_passwords(places: Places, programs: str, user: ServerUser | None) -> dict[str, str]:
    """Give both roles new passwords, the file with the old ones being lost. The server is down."""
    passwords = at.make_passwords(places)
    passage = passage_to(places.cluster, user)
    try:
        statements = [f"ALTER ROLE {role} PASSWORD '{word}';" for role, word in passwords.items()]
        _run_statements(statements, programs, passage, user)
    except BaseException:
        places.passwords.unlink()
        raise
    finally:
        passage.close()
    return passwords


def _run_statements(
    statements: list[str], programs: str, passage: Passage, user: ServerUser | None
) -> None:
    """Run statements in a single-user session: no server, no password, no way in for others."""
    session = [f"{programs}/postgres", "--single", "-D", passage.path]
    for setting in ("exit_on_error=on", "log_min_error_statement=panic", "log_checkpoints=off"):
        session += ["-c", setting]
    stdin = "\n".join(statements) + "\n"
    _insist(run_as(user, [*session, "postgres"], fds=passage.fds, stdin=stdin), "postgres")


def _insist(done: subprocess.CompletedProcess[str], program: str) -> None:
    if done.returncode != 0:
        said = " / ".join(done.stdout.strip().splitlines()[-3:])
        raise EmbeddedFailed(f"{program} could not make the database: {said}")
