import pytest

from tambah.i18n import negotiate


@pytest.mark.parametrize(
    ("query", "cookie", "accept_language", "tag"),
    [
        (None, None, None, "en"),
        ("", "", "", "en"),
        ("ta", "ms", "zh", "ta"),
        (None, "ms", "zh", "ms"),
        ("fr", "ms", "zh", "ms"),
        ("fr", "de", "zh", "zh-Hans"),
        ("ZH_hans_my", None, None, "zh-Hans"),
        ("msx", None, None, "en"),
        ("../../etc", "\u0000", "\ud800", "en"),
    ],
)
def test_negotiate_takes_query_then_cookie_then_header(
    query: str | None, cookie: str | None, accept_language: str | None, tag: str
):
    assert negotiate(query, cookie, accept_language) == tag


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("zh", "zh-Hans"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh-Hans-MY", "zh-Hans"),
        ("zh-Hant-TW", "zh-Hans"),
        ("ms-MY, en;q=0.5", "ms"),
        ("ta-IN;q=0.5, fr", "ta"),
        ("en;q=0.4, ta;q=0.6, ms;q=0.5", "ta"),
        ("fr, de;q=0.9", "en"),
        ("*", "en"),
        ("en;q=0, ms;q=0.1", "ms"),
        ("ms;q=nan, ta;q=2, zh;q=x", "en"),
        (",;=,", "en"),
        ("x" * 10_000 + ",ms", "en"),
    ],
)
def test_accept_language_is_matched_by_weight_and_primary_subtag(header: str, tag: str):
    assert negotiate(None, None, header) == tag
