import pytest

from tambah.i18n.sms_parts import Alphabet, measure_sms


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "parts"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("Ä§ñ£€", "GSM-7", 6, 1),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        # 153 is odd: an escaped character is not torn apart, so two parts hold 152 of them.
        ("€" * 152, "GSM-7", 304, 2),
        ("€" * 153, "GSM-7", 306, 3),
        ("^{}\\[~]|", "GSM-7", 16, 1),
        ("It\u2019s", "UCS-2", 4, 1),
        ("`", "UCS-2", 1, 1),
        ("额" * 70, "UCS-2", 70, 1),
        ("额" * 71, "UCS-2", 71, 2),
        ("额" * 134, "UCS-2", 134, 2),
        ("额" * 135, "UCS-2", 135, 3),
        ("🙂" * 35, "UCS-2", 70, 1),
        ("🙂" * 66, "UCS-2", 132, 2),
        ("🙂" * 67, "UCS-2", 134, 3),
        ("தமிழ்", "UCS-2", 5, 1),
    ],
)
def test_measure_sms_counts_as_a_network_does(text: str, alphabet: str, units: int, parts: int):
    size = measure_sms(text)
    assert (size.alphabet, size.units, size.parts) == (Alphabet(alphabet), units, parts)


def test_measure_sms_names_what_is_not_in_gsm7():
    assert measure_sms("It\u2019s {ok} – €5").foreign == "\u2019–"
