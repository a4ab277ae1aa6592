"""An Asterisk of the run's own: in a chroot, on loopback and free ports, ended by its id."""

from __future__ import annotations

import asyncio
import random
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

MODULES = [
    "res_timing_timerfd",
    "res_sorcery_config",
    "res_sorcery_memory",
    "res_pjproject",
    "res_pjsip",
    "res_pjsip_session",
    "res_pjsip_pubsub",
    "res_pjsip_sdp_rtp",
    "res_pjsip_caller_id",
    "res_rtp_asterisk",
    "chan_pjsip",
    "res_pjsip_endpoint_identifier_anonymous",
    "pbx_config",
    "res_speech",
    "res_agi",
    "app_exec",
    "codec_ulaw",
    "codec_alaw",
    "format_wav",
    "app_playback",
    "app_mixmonitor",
    "func_periodic_hook",
    "app_chanspy",
    "func_cut",
    "func_groupcount",
    "func_uri",
    "res_sorcery_astdb",
]

CONFIGURATION = {
    "asterisk.conf": """
[directories]
astetcdir => /run/etc
astmoddir => {modules_folder}
astvarlibdir => /var/lib/asterisk
astdatadir => /usr/share/asterisk
astdbdir => /run
astspooldir => /run/spool
astrundir => /run
astlogdir => /run/log
[options]
nocolor = yes
""",
    # As the how-to says, and beyond: all that an operator may turn up, but for the DTMF level.
    "logger.conf": """
[general]
[logfiles]
full => notice,warning,error,verbose(9)
""",
    "modules.conf": "[modules]\nautoload = no\n{modules}\n",
    "pjsip.conf": """
[transport]
type = transport
protocol = udp
bind = 127.0.0.1:{sip_port}
[anonymous]
type = endpoint
context = hotline
disallow = all
allow = ulaw,alaw
direct_media = no
dtmf_mode = auto
""",
    # The tests' callers hear with a socket of ours and key with one of sipp's.
    "rtp.conf": "[general]\nrtpstart = {rtp_start}\nrtpend = {rtp_end}\nstrictrtp = no\n",
    # Who is called says where the FastAGI server of the test listens.
    "extensions.conf": """
[hotline]
exten => _XXXXX,1,AGI(agi://127.0.0.1:${{EXTEN}}/hotline)
 same => n,GotoIf($["${{TAMBAH_NEXT}}" = "person"]?person,1)
 same => n,ExecIf($["${{TAMBAH_NEXT}}" = "busy"]?Hangup(34))
 same => n,Hangup()
exten => _8XXXXX,1,Answer()
 same => n,MixMonitor(/run/recorded-${{EXTEN}}.wav)
 same => n,Goto(${{EXTEN:1}},1)
exten => person,1,NoOp(a person answers)
 same => n,Playback(/prompts/person)
 same => n,Hangup()
""",
}


@dataclass(frozen=True)
class Asterisk:
    """A running Asterisk. world: its root. run_folder: what it sees as /run."""

    world: Path
    run_folder: Path
    sip_port: int
    process: subprocess.Popen[bytes]

    def __enter__(self) -> Asterisk:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it; its mounts end with it."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def within(self, *command: str) -> list[str]:
        """Return the command that runs another one where Asterisk is."""
        namespace = f"--mount=/proc/{self.process.pid}/ns/mnt"
        return ["nsenter", namespace, "chroot", str(self.world), *command]

    async def ask(self, command: str) -> str:
        """Return what Asterisk says to a command of its console."""
        process = await asyncio.create_subprocess_exec(
            *self.within("/usr/sbin/asterisk", "-C", "/run/etc/asterisk.conf", "-rx", command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return said.decode(errors="replace")

    async def channels(self) -> int:
        """Return how many channels are open."""
        for line in (await self.ask("core show channels")).splitlines():
            if " active channel" in line:
                return int(line.split()[0])
        raise AssertionError("Asterisk does not say how many channels are open")

    async def wait_for_silence(self, seconds: float = 10) -> None:
        """Wait until every channel is freed."""
        for _ in range(round(seconds / 0.2)):
            if await self.channels() == 0:
                return
            await asyncio.sleep(0.2)
        raise AssertionError(await self.ask("core show channels"))

    def logged(self) -> str:
        """Return all that Asterisk has logged."""
        return (self.run_folder / "log" / "full").read_text(errors="replace")


def start_asterisk(world: Path, run_folder: Path, prompts: Path) -> Asterisk:
    """Start Asterisk in `world`; what it needs of this machine is mounted for it alone."""
    for folder in ("etc", "log", "spool"):
        (run_folder / folder).mkdir(parents=True)
    sip_port = free_port(socket.SOCK_DGRAM)
    rtp_start = random.randrange(16_000, 30_000, 2)
    values = {
        "modules_folder": _modules_folder(world),
        "modules": "\n".join(f"load = {name}.so" for name in MODULES),
        "sip_port": sip_port,
        "rtp_start": rtp_start,
        "rtp_end": rtp_start + 999,
    }
    for name, text in CONFIGURATION.items():
        (run_folder / "etc" / name).write_text(text.format_map(values))
    script = (
        'mount --bind /dev "$1/dev" && mount -t proc proc "$1/proc" && mount --bind "$2" "$1/run"'
        ' && mount --bind -o ro "$3" "$1/prompts"'
        ' && exec chroot "$1" /usr/sbin/asterisk -f -C /run/etc/asterisk.conf'
    )
    enter = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c", script, "sh"]
    with (run_folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [*enter, world, run_folder, prompts],
            stdout=said,
            stderr=said,
            stdin=subprocess.DEVNULL,
        )
    return Asterisk(world, run_folder, sip_port, process)


async def wait_until_up(asterisk: Asterisk) -> None:
    """Wait until Asterisk takes calls."""
    for _ in range(50):
        if asterisk.process.poll() is not None:
            break
        if "fully booted" in await asterisk.ask("core waitfullybooted"):
            return
        await asyncio.sleep(0.2)
    said = (asterisk.run_folder / "said").read_text(errors="replace")
    raise AssertionError(f"Asterisk did not start: {said}")


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of loopback that nobody uses."""
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _modules_folder(world: Path) -> str:
    """Return where a Debian of this machine's kind keeps Asterisk's modules."""
    (found,) = world.glob("usr/lib/*/asterisk/modules")
    return f"/{found.relative_to(world)}"
