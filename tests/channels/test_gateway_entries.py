"""Gateways of operator.toml: what keeps a process from starting, and what is said of it."""

from pathlib import Path

import msgspec
import pytest

from tambah.config import (
    ConfigError,
    GatewayEntry,
    check_gateways,
    gateway_secret,
    read_gateway_secrets,
    secret_variable,
)

SMSC = {"name": "main-smsc", "kind": "smpp", "host": "127.0.0.1", "system_id": "tambah"}


def entry(**fields: object) -> GatewayEntry:
    return msgspec.convert({**SMSC, **fields}, GatewayEntry)


def secrets_of(*names: str) -> dict[str, str]:
    return {secret_variable(name): "hush" for name in names}


def test_a_secret_is_read_from_its_variable_or_its_file(tmp_path: Path):
    (tmp_path / "secret").write_text("from a file\n")
    found = read_gateway_secrets(
        {
            "TAMBAH_GATEWAY_MAIN_SMSC_SECRET": "hush",
            "TAMBAH_GATEWAY_TEXTS_SECRET_FILE": str(tmp_path / "secret"),
            "TAMBAH_DATA_DIR": "elsewhere",
        }
    )
    assert found == {
        "TAMBAH_GATEWAY_MAIN_SMSC_SECRET": "hush",
        "TAMBAH_GATEWAY_TEXTS_SECRET": "from a file",
    }
    assert gateway_secret(entry(), found) == "hush"
    assert gateway_secret(entry(name="another"), found) == ""


def test_a_secret_set_twice_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="not both"):
        read_gateway_secrets(
            {"TAMBAH_GATEWAY_A_SECRET": "hush", "TAMBAH_GATEWAY_A_SECRET_FILE": str(tmp_path)}
        )


def test_sound_gateways_are_taken():
    check_gateways(
        [
            entry(),
            entry(name="texts", kind="sms_http", url="https://sms.example/send"),
            entry(name="local", kind="sms_http", url="http://127.0.0.1:9/send"),
            entry(name="pbx", kind="agi", listen="127.0.0.1:4573"),
            entry(name="menus", kind="ussd", service_code="*123#", allow=("192.0.2.0/24",)),
        ],
        secrets_of("main-smsc", "texts", "local"),
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "pigeon"}, "kind 'pigeon' is none of smpp"),
        ({"host": ""}, "host is missing"),
        ({"system_id": ""}, "system_id is missing"),
        ({"kind": "agi"}, "listen is missing"),
        ({"kind": "ussd"}, "service_code is missing"),
        ({"receipts_id": "octal"}, "receipts_id 'octal' is none of same"),
        ({"allow": ["10.0.0.0/33"]}, "allow: '10.0.0.0/33' is no address"),
        ({"kind": "sms_http", "url": "http://sms.example/"}, "https://"),
        ({"kind": "sms_http", "url": "https:///send"}, "https://"),
        ({"kind": "sms_http", "url": "file:///etc/passwd"}, "https://"),
    ],
)
def test_a_gateway_that_cannot_be_used_is_refused_by_name(fields: dict[str, object], said: str):
    with pytest.raises(ConfigError, match="gateway main-smsc: ") as refused:
        check_gateways([entry(**fields)], secrets_of("main-smsc"))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "fields",
    [{}, {"kind": "sms_http"}, {"kind": "twiml"}, {"kind": "ussd", "service_code": "*123#"}],
)
def test_a_gateway_without_its_secret_says_what_to_set(fields: dict[str, object]):
    with pytest.raises(ConfigError, match="set TAMBAH_GATEWAY_MAIN_SMSC_SECRET_FILE"):
        check_gateways([entry(**fields)], {})


def test_two_gateways_whose_secret_would_be_one_are_refused():
    with pytest.raises(ConfigError, match="two of that name"):
        check_gateways([entry(), entry()], secrets_of("main-smsc"))


@pytest.mark.parametrize("name", ["", "Main", "main smsc", "../main", "m" * 32])
def test_a_name_that_fits_no_variable_is_refused(name: str):
    with pytest.raises(msgspec.ValidationError):
        entry(name=name)
