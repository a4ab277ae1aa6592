"""Every refusal has an HTTP status."""

from tambah.domain.refusals import every_refusal
from tambah.web.status import STATUS, status_of


def test_status_is_there_for_every_refusal() -> None:
    assert set(STATUS) == set(every_refusal())


def test_status_is_never_a_success() -> None:
    assert {status_of(refusal) for refusal in every_refusal()} == {
        400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503,
    }  # fmt: skip
