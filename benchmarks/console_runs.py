"""The console's search box over HTTP, on ten million cards and a million lines with their past."""

from __future__ import annotations

import http.client
import random
import secrets
import statistics
import time
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

from tambah.domain.actor import Actor
from tambah.domain.numbering import luhn_remainder
from tambah.domain.staff import Role
from tambah.domain.voucher import format_serial
from tambah.engine.staff import accept_invitation, find_invited, invite, totp_code
from tambah.store.database import Database

from .ground import FIRST_LINE, FIRST_NUMBER, Ground
from .http_runs import Server

LOOK_UPS = 200
_ACTOR = Actor(who="bench", why="benchmark")
_PASSWORD = "a password of no value elsewhere"


async def fill(ground: Ground) -> None:
    """Give every line a top-up with a receipt and a SIM, straight in the tables."""
    await ground.do(
        f"""
        INSERT INTO topup (line_id, topup_no, at, source, price_micros, tax_micros, main_micros,
                           bonus_micros, valid_days, active_until, receipt,
                           reactivation_micros)
        SELECT {FIRST_LINE} + n, 1, now(), 1, 10000000, 0, 10000000, 0, 10, now(),
               upper(substr(md5(n::text), 1, 8)), 0
          FROM generate_series(0, {ground.lines - 1}) AS n
            ON CONFLICT DO NOTHING
        """
    )
    await ground.do(
        f"""
        INSERT INTO sim (iccid, kind, state, line_id, smdp_address, digest, shown)
        SELECT '8960' || lpad(n::text, 15, '0'), 1, 2, {FIRST_LINE} + n, '', '', 0
          FROM generate_series(0, {ground.lines - 1}) AS n
            ON CONFLICT DO NOTHING
        """
    )
    await ground.do("VACUUM ANALYZE topup, sim")


async def hire(ground: Ground, role: Role = Role.CARE) -> tuple[str, str]:
    """Have somebody invited and accept; return name and authenticator's secret."""
    database = Database(ground.dsn)
    await database.open(readers=1)
    try:
        name, now = f"bench-{secrets.token_hex(4)}", datetime.now(UTC)
        path = await invite(database, ground.keys, name, [role], actor=_ACTOR)
        secret = path.rpartition("/")[2]
        invited = await find_invited(database, ground.keys, secret, now)
        used = datetime.fromtimestamp(now.timestamp() - 30, UTC)
        await accept_invitation(
            database,
            ground.keys,
            invited,
            password=_PASSWORD,
            code=totp_code(invited.totp, used),
            now=now,
        )
    finally:
        await database.close()
    return name, invited.totp


async def largest_batch(ground: Ground) -> tuple[int, int]:
    """Return the largest batch and how many cards it has."""
    connection = await ground.owner()
    row = await connection.fetchrow(
        "SELECT batch_id, quantity FROM voucher_batch ORDER BY quantity DESC LIMIT 1"
    )
    await connection.close()
    return row[0], row[1]


def search_ms(ground: Ground, who: tuple[str, str], batch: tuple[int, int]) -> list[float]:
    """Look two hundred things up, one after the other; return the milliseconds of each answer."""
    server = Server(ground)
    try:
        door, cookie = sign_in(server, who)
        took: list[float] = []
        for wanted, found in _mixed(ground, batch):
            began = time.perf_counter()
            answer = post(door, "/console/search", {"q": wanted}, cookie)
            took.append((time.perf_counter() - began) * 1000)
            if (answer.status == http.client.SEE_OTHER) is not found:
                raise RuntimeError(f"{wanted}: {answer.status}")
        return took
    finally:
        server.stop()


def sign_in(server: Server, who: tuple[str, str]) -> tuple[http.client.HTTPConnection, str]:
    """Sign somebody in to the console; return the connection and the session's cookie."""
    door = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=600)
    name, totp = who
    typed = {"name": name, "password": _PASSWORD, "code": totp_code(totp, datetime.now(UTC))}
    answer = post(door, "/console/sign-in", typed)
    if answer.status != http.client.SEE_OTHER:
        raise RuntimeError("nobody could sign in")
    return door, (answer.getheader("set-cookie") or "").partition(";")[0]


def percentile(took: list[float], percent: int) -> float:
    """Return the value below which so many in a hundred lie."""
    return statistics.quantiles(took, n=100)[percent - 1]


def _mixed(ground: Ground, batch: tuple[int, int]) -> list[tuple[str, bool]]:
    """Return what is looked for, and whether it is there."""
    chance = random.Random(7)
    asked: list[tuple[str, bool]] = []
    for place in range(LOOK_UPS):
        line = chance.randrange(ground.lines)
        msisdn = FIRST_NUMBER + line
        serial = format_serial(batch[0], chance.randrange(1, batch[1] + 1))
        body = f"8960{line:015d}"
        kinds = (
            (f"0{msisdn % 10**10}"[:3] + "-" + f"{msisdn}"[4:], True),
            (f"+{msisdn}", True),
            (serial, True),
            (serial.replace("-", " "), True),
            (body if luhn_remainder(body) == 0 else serial, True),
            (f"nothing {line}", False),
            (f"PAY{line:09d}", False),
        )
        asked.append(kinds[place % len(kinds)])
    return asked


def post(
    door: http.client.HTTPConnection, path: str, fields: dict[str, str], cookie: str = ""
) -> http.client.HTTPResponse:
    """Send a form; the answer's body is read already."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    door.request("POST", path, urlencode(fields), headers | ({"cookie": cookie} if cookie else {}))
    answer = door.getresponse()
    answer.read()
    return answer
