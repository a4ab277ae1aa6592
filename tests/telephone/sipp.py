"""Callers: sipp's, each told what to key and when, and how the call ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from socket import SOCK_DGRAM
from xml.sax.saxutils import quoteattr

from tests.telephone.asterisk import Asterisk, free_port
from tests.telephone.ear import Ear

_numbers = count(1)

# Sound goes to the ear; keys come from sipp's own port, which it learns from a line with "audio".
# Payload type 96: sipp sends its telephone events as that, whatever was agreed.
INVITE = """
  <send retrans="500"><![CDATA[
    INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]x[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:[field0]@[local_ip]:[local_port]>
    Max-Forwards: 70
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=caller 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 [local_ip]
    t=0 0
    m=audio [ear] RTP/AVP 0{event_type}
    a=rtpmap:0 PCMU/8000
    a=ptime:20{event_map}
    a=x-keyed-by:audio [media_port]
    a=sendrecv
  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
    ACK [next_url] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]x[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
"""
HANG_UP = """
  <send retrans="500"><![CDATA[
    BYE [next_url] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]x[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 2 BYE
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <recv response="200"/>
"""
BE_LEFT = """
  <recv request="BYE" timeout="{milliseconds}"/>
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>
"""


@dataclass(frozen=True)
class Key:
    """Keys pressed one after another, some time after whatever came before."""

    after_seconds: float
    keys: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A call: what is keyed, and who ends it.

    hangs_up_after, vanishes_after: seconds after the last key begins; neither waits to be hung up
    on, and to vanish is to tell nobody. has_events: whether
    telephone events are offered; tones: a file of sound to send.
    """

    keys: Sequence[Key] = ()
    hangs_up_after: float | None = None
    vanishes_after: float | None = None
    patience: float = 60
    has_events: bool = True
    tones: str = ""

    def scenario(self) -> str:
        """Return it as sipp reads it."""
        events = ("\n    a=rtpmap:96 telephone-event/8000\n    a=fmtp:96 0-15", " 96")
        event_map, event_type = events if self.has_events else ("", "")
        steps = [INVITE.replace("{event_map}", event_map).replace("{event_type}", event_type)]
        if self.tones:
            stream = quoteattr(f"{self.tones},1,0,PCMU/8000")
            steps.append(f"<nop><action><exec rtp_stream={stream}/></action></nop>")
        for key in self.keys:
            steps.append(f'<pause milliseconds="{round(key.after_seconds * 1000)}"/>')
            played = quoteattr(key.keys)
            steps.append(f"<nop><action><exec play_dtmf={played}/></action></nop>")
        if self.vanishes_after is not None:
            steps.append(f'<pause milliseconds="{round(self.vanishes_after * 1000)}"/>')
        elif self.hangs_up_after is None:
            steps.append(BE_LEFT.replace("{milliseconds}", str(round(self.patience * 1000))))
        else:
            steps.append(f'<pause milliseconds="{round(self.hangs_up_after * 1000)}"/>{HANG_UP}')
        return f'<?xml version="1.0"?>\n<scenario name="call">{"".join(steps)}</scenario>\n'


async def call(
    asterisk: Asterisk,
    to: int,
    plan: Plan,
    ear: Ear,
    *,
    callers: Sequence[Sequence[str]] = (("60123456789",),),
) -> None:
    """Make a call for each of the callers, all at once, and wait for their end.

    to: the extension called. callers: the number that each calls from, and what `[field1]` and so
    on in the plan's keys stand for. Raises AssertionError with sipp's reasons.
    """
    folder = asterisk.run_folder / f"calls-{next(_numbers)}"
    folder.mkdir()
    (folder / "scenario.xml").write_text(plan.scenario())
    lines = ["SEQUENTIAL", *(";".join(caller) for caller in callers)]
    (folder / "callers.csv").write_text("\n".join(lines) + "\n")
    seen = f"/run/{folder.name}"
    many = str(len(callers))
    sip, media = free_port(SOCK_DGRAM), free_port(SOCK_DGRAM)
    process = await asyncio.create_subprocess_exec(
        *asterisk.within("/usr/bin/sipp", f"127.0.0.1:{asterisk.sip_port}"),
        *("-sf", f"{seen}/scenario.xml", "-inf", f"{seen}/callers.csv", "-s", str(to)),
        *("-i", "127.0.0.1", "-p", str(sip), "-mi", "127.0.0.1", "-mp", str(media)),
        *("-key", "ear", str(ear.port), "-m", many, "-l", many, "-r", many, "-nostdin"),
        *("-trace_err", "-error_file", f"{seen}/errors"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(plan.patience + 30):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    errors = folder / "errors"
    reasons = errors.read_text(errors="replace") if errors.exists() else ""
    assert process.returncode == 0, f"sipp: {said.decode(errors='replace')}{reasons}"
