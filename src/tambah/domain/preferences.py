"""What a subscriber chooses for a line: its language, and what it is told unasked."""

from tambah.domain.care_commands import PreferencesSet, SetPreferences
from tambah.domain.draft import Draft
from tambah.domain.money import MICROS_PER_SEN, ringgit
from tambah.domain.records import replace
from tambah.domain.refusals import AmountOutOfRange
from tambah.domain.signing_in import require_somebody


def set_preferences(command: SetPreferences, draft: Draft) -> PreferencesSet:
    """Keep them. Raises NumberUnknown, and AmountOutOfRange for an amount that no line can hold.

    An amount of nothing is allowed: then low credit is never told.
    """
    line = require_somebody(draft)
    most, low = draft.rules.most_credit_micros, command.low_credit_micros
    if not 0 <= low <= most or low % MICROS_PER_SEN:
        raise AmountOutOfRange(least=ringgit(MICROS_PER_SEN), most=ringgit(most))
    chosen = replace(
        line, language=command.language, reminds=command.reminds, low_credit_micros=low
    )
    if chosen != line:
        draft.line = chosen
    return PreferencesSet(
        line_id=line.line_id,
        language=command.language,
        reminds=command.reminds,
        low_credit_micros=low,
    )
