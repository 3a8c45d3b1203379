"""`sentiment predict --stream`: one text on standard input, answered line by line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from sentiment.cli.output import print_json

if TYPE_CHECKING:
    from sentiment.files import RowFault
    from sentiment.runtime.answers import Prediction
    from sentiment.runtime.predictor import SentimentModel


def answer_lines(
    model: SentimentModel,
    show: Callable[[Prediction], None] | None,
    *,
    faults: list[RowFault],
    stop: bool,
) -> None:
    """Answer after each line of standard input, as to all lines so far.

    Args:
        model: that answers.
        show: shows an answer; None: JSON, one object a line.
        faults: receives the lines that are left out.
        stop: whether to stop at the first line that is no text instead.

    Raises:
        ConfigError: the model's encoder reads in both directions.
        DataError: a line is no text.
    """
    from sentiment.files import read_rows
    from sentiment.runtime.stream import TextStream

    text = TextStream(model)
    for row in read_rows("-", on_error="stop" if stop else "skip", faults=faults):
        answer = text.add(str(row.values["text"]))
        if show is None:
            print_json({"line": row.number, **answer.to_dict()})
        else:
            show(answer)
        sys.stdout.flush()
