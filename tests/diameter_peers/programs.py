"""Programs that are not ours, each in a chroot with mounts of its own, ended by its id."""

from __future__ import annotations

import asyncio
import datetime
import re
import signal
from collections import deque
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.charging.diameter.world import CORE, OCS, PGW, REALM, RELAY
from tests.faults.house import free_port

_ENTER = (
    'mount --bind /dev "$1/dev" && mount -t proc proc "$1/proc" && mount --bind "$2" "$1/run"'
    ' && cd "$1" && world=$1 && shift 2 && exec chroot "$world" sh -c \'cd /run && exec "$@"\''
    ' sh "$@"'
)


def inside(world: Path, folder: Path, *command: str) -> list[str]:
    """Return the command that runs another one in the world, with `folder` as its /run."""
    enter = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c", _ENTER, "sh"]
    return [*enter, str(world), str(folder), *command]


async def run_inside(world: Path, folder: Path, *command: str) -> str:
    """Run a command in the world to its end; return what it said."""
    process = await asyncio.create_subprocess_exec(
        *inside(world, folder, *command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return said.decode(errors="replace")


class Program:
    """A program that runs; `lines` is what it says, as it says it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: deque[str] = deque(maxlen=500)
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def run(cls, world: Path, folder: Path, *command: str) -> Program:
        """Start a command in the world."""
        process = await asyncio.create_subprocess_exec(
            *inside(world, folder, *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=1 << 20,
        )
        return cls(process)

    async def line(self, *holding: str, seconds: float = 40) -> str:
        """Return the next line that holds one of the texts; lines before it are passed over."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    line = await self.lines.get()
                    if any(text in line for text in holding):
                        return line
        except TimeoutError:
            raise AssertionError(
                f"{holding} was not said, but:\n" + "\n".join(self.said)
            ) from None

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it by its id."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        try:
            await asyncio.wait_for(self.process.wait(), 10)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            text = line.decode(errors="replace").rstrip()
            self.said.append(text)
            self.lines.put_nowait(text)


class Answer(NamedTuple):
    """An answer as Erlang decoded it. errors: what it found wrong with it."""

    text: str

    @property
    def errors(self) -> str:
        """Return the errors, `[]` for none."""
        found = re.search(r"errors => (\[.*?\])[,}]", self.text)
        assert found is not None, self.text
        return found[1]

    @property
    def results(self) -> list[int]:
        """Return every Result-Code, in the order of the text."""
        return [int(one) for one in re.findall(r"'Result-Code' => \[?(\d+)", self.text)]

    @property
    def result(self) -> int:
        """Return the Result-Code of the message itself: it is outside of every group."""
        outside, depth = "", 0
        inner = self.text[self.text.index("fields =>") :]
        for sign in inner:
            depth += (sign == "{") - (sign == "}")
            outside += sign if depth == 1 else ""
        found = re.search(r"'Result-Code' => \[?(\d+)", outside)
        assert found is not None, self.text
        return int(found[1])

    def number(self, name: str) -> int:
        """Return the first number of that name."""
        found = re.search(rf"'{name}' => \[?(-?\d+)", self.text)
        assert found is not None, f"{name}: {self.text}"
        return int(found[1])


class Element:
    """Erlang's network element."""

    def __init__(self, program: Program, port: int) -> None:
        self.program, self.port = program, port

    @classmethod
    async def start(cls, world: Path, folder: Path, host: str, realm: str, port: int) -> Element:
        """Start it and wait until it is connected."""
        run = f'element:main(["{host}", "{realm}", "{port}"]).'
        program = await Program.run(world, folder, "erl", "-noshell", "-eval", run)
        element = cls(program, port)
        await program.line("up")
        return element

    async def ask(self, session: str, context: str, kind: int, number: int, more: str) -> Answer:
        """Send a request; more: its further AVPs, in Erlang."""
        assert self.program.process.stdin is not None
        request = (
            f"#{{'Session-Id' => \"{session}\", 'Destination-Realm' => \"{REALM}\","
            f" 'Service-Context-Id' => \"{context}\", 'CC-Request-Type' => {kind},"
            f" 'CC-Request-Number' => {number},"
            " 'Subscription-Id' => [#{'Subscription-Id-Type' => 0,"
            " 'Subscription-Id-Data' => \"60123456789\"}]"
            f"{', ' + more if more else ''}}}.\n"
        )
        self.program.process.stdin.write(request.encode())
        line = await self.program.line("message =>", "failed =>")
        assert "failed =>" not in line, f"{request}{line}"
        return Answer(line)

    async def stop(self) -> None:
        """Have it leave in order."""
        assert self.program.process.stdin is not None
        self.program.process.stdin.close()
        try:
            await asyncio.wait_for(self.program.process.wait(), 10)
        except TimeoutError:
            await self.program.end(signal.SIGKILL)


_RELAY = """
Identity = "{relay}";
Realm = "{core}";
Port = {port};
SecPort = 0;
No_SCTP;
No_IPv6;
ListenOn = "127.0.0.1";
TcTimer = 6;
TwTimer = 6;
TLS_Cred = "/run/relay.pem", "/run/relay.key";
TLS_CA = "/run/relay.pem";
LoadExtension = "acl_wl.fdx" : "/run/relay.acl";
LoadExtension = "dict_nasreq.fdx";
LoadExtension = "dict_dcca.fdx";
LoadExtension = "dict_dcca_3gpp.fdx";
ConnectPeer = "{ocs}" {{ ConnectTo = "127.0.0.1"; Port = {upstream}; No_TLS; No_SCTP; }};
"""


class Relay:
    """freeDiameter between an element and the server. port: where it listens."""

    def __init__(self, program: Program, port: int) -> None:
        self.program, self.port = program, port

    @classmethod
    async def start(cls, world: Path, folder: Path, upstream: int) -> Relay:
        """Start it and wait until it is connected to the server."""
        port = free_port()
        _write_certificate(folder)
        (folder / "relay.acl").write_text(f"ALLOW_IPSEC {PGW}\n")
        (folder / "relay.conf").write_text(
            _RELAY.format(relay=RELAY, core=CORE, ocs=OCS, port=port, upstream=upstream)
        )
        program = await Program.run(world, folder, "freeDiameterd", "-c", "/run/relay.conf")
        await program.line("STATE_OPEN", "is now connected", "Connected to")
        return cls(program, port)

    async def stop(self) -> None:
        """End it."""
        await self.program.end()


def _write_certificate(folder: Path) -> None:
    """Write what freeDiameter wants although nothing is encrypted here."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, RELAY)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "relay.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "relay.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


class Capture:
    """tshark, which takes down what goes over a port of loopback."""

    def __init__(self, program: Program, world: Path, folder: Path, port: int) -> None:
        self._program, self._world, self._folder, self.port = program, world, folder, port

    @classmethod
    async def start(cls, world: Path, folder: Path, port: int) -> Capture:
        """Start it and wait until it listens."""
        program = await Program.run(
            world, folder, "tshark", "-i", "lo", "-f", f"tcp port {port}", "-w", "/run/wire.pcap"
        )
        await program.line("Capturing on", "Capture started")
        return cls(program, world, folder, port)

    async def read(self, *arguments: str) -> list[str]:
        """End it; return what tshark then says of what it took down, without its remarks."""
        await self._settle()
        await self._program.end(signal.SIGINT)
        said = await run_inside(
            self._world,
            self._folder,
            "tshark",
            "-r",
            "/run/wire.pcap",
            "-d",
            f"tcp.port=={self.port},diameter",
            *arguments,
        )
        return [line for line in said.splitlines() if line and not line.startswith("Running as")]

    async def _settle(self) -> None:
        """Wait until nothing more comes: the kernel hands over what it holds a while later."""
        wire, before = self._folder / "wire.pcap", -1
        while (size := wire.stat().st_size) != before:
            before = size
            await asyncio.sleep(1.0)

    async def stop(self) -> None:
        """End it."""
        await self._program.end(signal.SIGINT)
