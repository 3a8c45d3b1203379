"""One tree of errors, one line each."""

from __future__ import annotations

import inspect

from sentiment import errors
from sentiment.errors import DataError, SentimentError
from sentiment.nn.saving import TrainingInterrupted


def test_a_message_says_what_came_what_was_expected_and_what_to_run():
    error = DataError("row 3 is empty", expected="text", run="sentiment data check x.csv")
    assert str(error) == "row 3 is empty; expected text; run: sentiment data check x.csv"
    assert (error.what, error.expected) == ("row 3 is empty", "text")
    assert str(DataError("row 3 is empty")) == "row 3 is empty"


def test_a_message_is_one_line_whatever_came():
    error = DataError("label 'a\nb\r\nc' in odd\u2028name.csv", expected="one of\ttwo")
    assert len(str(error).splitlines()) == 1


def test_one_except_catches_every_known_error():
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    ours = [kind for kind in kinds if issubclass(kind, Exception)]
    assert len(ours) >= 8
    assert all(issubclass(kind, SentimentError) for kind in ours)
    assert issubclass(TrainingInterrupted, errors.TrainingError)
    for kind in ours:
        assert kind.__name__ in (errors.__doc__ or "")
