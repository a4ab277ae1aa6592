"""Made-up statements: small builders beside the files in `files/`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

FILES = Path(__file__).parent / "files"
ACCOUNT = "5140 1234 5678"
FOLDED = "514012345678"
OTHERS = ("23456789A5", "BNDYSMC3R2", "7K4M2XH9PH")


def load(name: str, **references: str) -> bytes:
    """Return a file of `files/` with @A@, @B@ … replaced."""
    text = (FILES / name).read_text(encoding="utf-8")
    for letter, reference in references.items():
        text = text.replace(f"@{letter}@", reference)
    assert "@" not in text, "a reference was not given"
    return text.encode()


def today() -> str:
    """Return the bank's day, for statements that are compared with payments just opened."""
    return datetime.now(ZoneInfo("Asia/Kuala_Lumpur")).date().isoformat()


@dataclass(frozen=True, kw_only=True)
class Line:
    """One movement for `camt` and `mt940`. way: C, D, RC or RD."""

    amount: str = "30.00"
    text: str = ""
    ref: str = ""
    way: str = "C"
    day: str = "2026-11-23"
    currency: str = "MYR"
    status: str = "BOOK"
    extra: str = ""


def camt(*lines: Line, kind: str = "053", version: str = "08", account: str = FOLDED) -> bytes:
    """Return a camt file."""
    outer = "BkToCstmrStmt" if kind == "053" else "BkToCstmrDbtCdtNtfctn"
    inner = "Stmt" if kind == "053" else "Ntfctn"
    entries = "".join(_ntry(line, version) for line in lines)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.{version}">
 <{outer}><GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-24T01:00:00+08:00</CreDtTm></GrpHdr>
 <{inner}><Id>S1</Id>
 <Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>MYR</Ccy></Acct>{entries}
 </{inner}></{outer}>
</Document>""".encode()


def _ntry(line: Line, version: str) -> str:
    status = line.status if version < "08" else f"<Cd>{line.status}</Cd>"
    reversal = "<RvslInd>true</RvslInd>" if line.way.startswith("R") else ""
    direction = "CRDT" if line.way in ("C", "RD") else "DBIT"
    ref = f"<AcctSvcrRef>{line.ref}</AcctSvcrRef>" if line.ref else ""
    texts = "".join(f"<Ustrd>{escape(part)}</Ustrd>" for part in line.text.split("\n"))
    details = (
        f"<NtryDtls><TxDtls><RmtInf>{texts}</RmtInf></TxDtls></NtryDtls>" if line.text else ""
    )
    return f"""
 <Ntry><Amt Ccy="{line.currency}">{line.amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>{reversal}
 <Sts>{status}</Sts><BookgDt><Dt>{line.day}</Dt></BookgDt>{ref}{line.extra}{details}</Ntry>"""


def mt940(*lines: Line, account: str = f"BKCTMYKL/{FOLDED}", currency: str = "MYR") -> bytes:
    """Return an MT940 file of one statement."""
    text = f":20:STMT\n:25:{account}\n:28C:00012/001\n:60F:C261122{currency}1000,00\n"
    for line in lines:
        day = line.day[2:].replace("-", "")
        ref = f"//{line.ref}" if line.ref else ""
        amount = line.amount.replace(".", ",")
        text += f":61:{day}{day[2:]}{line.way}{amount}NTRFNONREF{ref}\n"
        if line.text:
            text += f":86:{line.text}\n"
    return (text + f":62F:C261123{currency}1030,00\n-\n").encode()
