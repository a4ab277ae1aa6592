"""An eSIM's activation code, as phones read it (GSMA SGP.22 section 4.1).

`1$SMDP.EXAMPLE.COM$MATCHING-ID`, and where there is more to say `$OID` and `$1`, the last of which
asks for a confirmation code. In a QR code `LPA:` stands before it. All of it is in capitals, the
address too: a QR code takes capitals in less room, and names of hosts have no case.
"""

import re
from dataclasses import dataclass, field

from tambah.domain.refusals import FieldMalformed

LONGEST = 255
_FIELD = "activation_code"
_HOST = re.compile(
    r"(?=.{4,200}\Z)[A-Z0-9](?:[A-Z0-9-]*[A-Z0-9])?(?:\.[A-Z0-9](?:[A-Z0-9-]*[A-Z0-9])?)+"
)
_MATCHING_ID = re.compile(r"[A-Z0-9-]*")
_OID = re.compile(r"(?:[0-2](?:\.(?:0|[1-9][0-9]*))+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationCode:
    """What a phone needs to fetch a profile.

    smdp_address: the server's name, no secret. matching_id: which profile: the secret. oid: of
    the server, empty for none. needs_confirmation: a confirmation code is asked for as well, which
    reaches the subscriber another way.
    """

    smdp_address: str
    matching_id: str = field(repr=False)
    oid: str = ""
    needs_confirmation: bool = False

    @property
    def text(self) -> str:
        """Return it as it stands in a QR code, `LPA:1$…`."""
        parts = [self.smdp_address, self.matching_id]
        if self.oid or self.needs_confirmation:
            parts.append(self.oid)
        if self.needs_confirmation:
            parts.append("1")
        return "LPA:1$" + "$".join(parts)


def parse_activation_code(text: str) -> ActivationCode:
    """Read a code, with or without `LPA:`. Raises FieldMalformed, which does not repeat it."""
    bare = text.strip().removeprefix("LPA:").removeprefix("lpa:")
    version, *parts = bare.split("$")
    if version != "1" or not 2 <= len(parts) <= 4:
        raise FieldMalformed(field=_FIELD)
    host, matching_id, oid, flag = [*parts, "", ""][:4]
    code = ActivationCode(
        smdp_address=host.upper(),
        matching_id=matching_id,
        oid=oid,
        needs_confirmation=flag == "1",
    )
    well_formed = (
        _HOST.fullmatch(code.smdp_address)
        and _MATCHING_ID.fullmatch(matching_id)
        and _OID.fullmatch(oid)
        and flag in ("", "1")
        and len(code.text) <= LONGEST
    )
    if not well_formed:
        raise FieldMalformed(field=_FIELD)
    return code
