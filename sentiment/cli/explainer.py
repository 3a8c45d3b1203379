"""What `sentiment predict --explain` and `--explain-by` show below an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentiment.runtime.answers import Prediction
    from sentiment.runtime.attribution import Attribution
    from sentiment.runtime.predictor import SentimentModel


class Method(StrEnum):
    """How an answer is explained."""

    trace = "trace"
    occlusion = "occlusion"
    gradients = "gradients"
    decomposition = "decomposition"


@dataclass(frozen=True)
class Explainer:
    """Says how a text got its answer.

    Attributes:
        model: that answered.
        method: None: not at all.
        phrases: phrases to explain as one.
        one_text: whether there is only one text, which then must have the phrases.
    """

    model: SentimentModel
    method: Method | None
    phrases: Sequence[str]
    one_text: bool

    def to_dict(self, prediction: Prediction) -> dict[str, object]:
        """Return what is added to a record."""
        if self.method is None:
            return {}
        if self.method == Method.trace:
            return prediction.trace.to_dict()
        return {"attribution": self._attribution(prediction.text, self.method).to_dict()}

    def lines(self, prediction: Prediction) -> str:
        """Return what stands below an answer."""
        if self.method is None:
            return ""
        from sentiment.cli.page import stdout_page
        from sentiment.runtime.word_view import format_attribution, format_trace

        if self.method == Method.trace:
            shown = format_trace(prediction.trace, stdout_page())
        else:
            found = self._attribution(prediction.text, self.method)
            shown = format_attribution(found, stdout_page())
        return f"{shown}\n\n"

    def _attribution(self, text: str, method: Any) -> Attribution:  # noqa: ANN401
        return self.model.explain(
            text, method.value, phrases=self.phrases, skip_missing=not self.one_text
        )
