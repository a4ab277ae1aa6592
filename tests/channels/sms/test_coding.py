"""Texts as octets: against tables, against the counter of parts, against smpplib."""

import pytest
import smpplib.consts
import smpplib.gsm
from hypothesis import given
from hypothesis import strategies as st

from tambah.channels.sms.coding import (
    HAS_HEADING,
    Place,
    decode_sms,
    encode_sms,
    is_text,
    part_heading,
)
from tambah.i18n.sms_parts import Alphabet, measure_sms

GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà\f^{}\\[~]|€"
)
TEXTS = [
    "RM0.00 KampungTel: Top-up RM10.00. Balance RM12.34 until 31 Dec 2026. Ref 2345678923",
    "RM0.00 KampungTel: Tambah nilai RM10.00 berjaya. Baki RM12.34 hingga 31 Dis 2026.",
    "RM0.00 KampungTel：加额RM10.00成功，余额RM12.34，有效期至2026年12月31日",
    "RM0.00 KampungTel: RM10.00 சேர்க்கப்பட்டது. இருப்பு RM12.34, 31 டிசம்பர் 2026 வரை",
    "",
    "@",
    "a" * 160,
    "a" * 161,
    "a" * 306,
    "a" * 307,
    "€" * 80,
    "€" * 81,
    "a" * 152 + "€" + "b" * 100,  # an escape pair just where a part would end
    "a" * 151 + "€" + "b" * 100,
    "{[~]}|^\\€\f" * 20,
    GSM,
    "充" * 70,
    "充" * 71,
    "充" * 134,
    "充" * 135,
    "😀" * 35,
    "😀" * 36,
    "充" * 66 + "😀" + "值" * 30,  # a surrogate pair just there
    "ர" * 250,
]


def join(parts: tuple[bytes, ...], data_coding: int, esm_class: int) -> str:
    """Put a message together as a handset does."""
    bodies: dict[int, bytes] = {}
    places: list[Place] = []
    for part in parts:
        place, body = part_heading(part, esm_class)
        bodies[place.number if place else 1] = body
        places += [place] if place else []
    if places:
        assert {(p.reference, p.total) for p in places} == {(places[0].reference, len(parts))}
        assert sorted(bodies) == list(range(1, len(parts) + 1))
    return "".join(decode_sms(bodies[number], data_coding) for number in sorted(bodies))


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_read_back_part_by_part_and_fits_each(text: str):
    encoded = encode_sms(text, 7)
    assert join(encoded.parts, encoded.data_coding, encoded.esm_class) == text
    assert all(len(part) <= (160 if encoded.data_coding == 0 else 140) for part in encoded.parts)


def tears(parts: list[bytes], data_coding: int) -> bool:
    """Say whether a part ends within a character: smpplib cuts wherever the room ends."""
    ends = [part[-1] if data_coding == 0 else part[-2] for part in parts[:-1]]
    return any(end == 0x1B if data_coding == 0 else 0xD8 <= end < 0xDC for end in ends)


@pytest.mark.parametrize("place", [place for place, text in enumerate(TEXTS) if text])
def test_smpplib_writes_the_same_octets(place: int, monkeypatch: pytest.MonkeyPatch):
    """Its reference is random, ours the message's; everything else must agree to the octet."""
    monkeypatch.setattr(smpplib.gsm.random, "randint", lambda *_: 0x2A)
    text = TEXTS[place].translate({ord(c): None for c in "\f§"})  # its table lacks the two
    made, data_coding, esm_class = smpplib.gsm.make_parts(text)
    theirs = [bytes(part) for part in made]
    encoded = encode_sms(text, 0x2A)
    assert (encoded.data_coding, encoded.esm_class) == (data_coding, esm_class)
    if tears(theirs, data_coding):
        assert not tears(list(encoded.parts), data_coding)
        assert b"".join(part[6:] for part in theirs) == b"".join(p[6:] for p in encoded.parts)
    else:
        assert list(encoded.parts) == theirs


def test_smpplib_is_compared_to_the_octet_in_long_texts_too():
    whole = [text for text in TEXTS if len(encode_sms(text, 1).parts) > 1]
    made = [smpplib.gsm.make_parts(text) for text in whole]
    assert sum(not tears([bytes(p) for p in parts], coding) for parts, coding, _ in made) >= 5


TEXT = st.text(st.sampled_from(GSM), max_size=400) | st.text(
    st.sampled_from("aé充ர😀€[") | st.characters(exclude_categories=["Cs"]), max_size=400
)


@given(TEXT, st.integers(0, 2**31))
def test_any_text_comes_back_whole_in_as_many_parts_as_were_counted(text: str, reference: int):
    encoded, size = encode_sms(text, reference), measure_sms(text)
    assert join(encoded.parts, encoded.data_coding, encoded.esm_class) == text
    assert len(encoded.parts) == size.parts
    assert (encoded.data_coding == 0) == (size.alphabet is Alphabet.GSM7)


def test_a_text_that_no_number_of_parts_holds_is_refused():
    encode_sms("a" * 153 * 255, 1)
    with pytest.raises(ValueError, match="too long"):
        encode_sms("a" * (153 * 255 + 1), 1)


def test_half_a_pair_does_not_keep_a_message_back():
    assert encode_sms("\ud83d!", 1).parts == ("?!".encode("utf-16-be"),)


@pytest.mark.parametrize(
    ("body", "data_coding", "text"),
    [
        (b"TOPUP \x1b\x65", 0, "TOPUP €"),
        (b"\x00\x11", 0, "@_"),
        (b"a\x1b", 0, "a"),  # an escape of nothing
        (b"\x1bA", 0, "A"),
        (b"BAKI", 1, "BAKI"),
        (b"caf\xe9", 3, "café"),
        ("余额".encode("utf-16-be"), 8, "余额"),
        ("余额".encode("utf-16-be"), 0x18, "余额"),  # with a message class
        (b"BAL", 0x10, "BAL"),
        (b"BAL", 0xF0, "BAL"),
        (b"\xd8", 8, "\N{REPLACEMENT CHARACTER}"),
        (b"", 0, ""),
    ],
)
def test_decode_sms_reads_what_handsets_send(body: bytes, data_coding: int, text: str):
    assert is_text(data_coding)
    assert decode_sms(body, data_coding) == text


@pytest.mark.parametrize("data_coding", [2, 4, 0x14, 0xF4, 0xF5])
def test_what_is_no_text_is_known_as_such(data_coding: int):
    assert not is_text(data_coding)


@pytest.mark.parametrize(
    ("heading", "place"),
    [
        ("050003070201", Place(reference=7, total=2, number=1)),
        ("060804012c0302", Place(reference=300, total=3, number=2)),
        ("0a05040b8423f0" + "0003070202", None),  # the length of the elements is wrong
        ("0b05040b8423f0" + "0003070202", Place(reference=7, total=2, number=2)),
        ("050003070200", None),
        ("050003070203", None),
        ("0324010d", None),  # a national table
        ("00", None),
    ],
)
def test_a_heading_is_read_among_others(heading: str, place: Place | None):
    found, body = part_heading(bytes.fromhex(heading) + b"BAL", HAS_HEADING)
    assert found == place
    if place is not None or len(heading) < 12:
        assert body == b"BAL"


@given(st.binary(max_size=20))
def test_no_heading_breaks_the_reader(body: bytes):
    try:
        part_heading(body, HAS_HEADING)
    except ValueError:
        assert not body or body[0] >= len(body)


def test_without_the_flag_there_is_no_heading():
    assert part_heading(b"\x05\x00\x03abc", 0) == (None, b"\x05\x00\x03abc")
