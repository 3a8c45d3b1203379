"""Figures in words: the same ones in the terminal and in the report."""

from __future__ import annotations

from typing import Any

from sentiment.evaluation.baselines import MAJORITY, TFIDF
from sentiment.evaluation.intervals import SIGNIFICANCE, Figure

NOTHING = "–"
MINUS = "\N{MINUS SIGN}"
# Keeps a number and its percent sign on one line.
NARROW = "\N{NARROW NO-BREAK SPACE}"
WIDE = "\N{NO-BREAK SPACE}"


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share (0–1) as percent; 99.96 % is not rounded up to 100 %."""
    if value is None:
        return NOTHING
    text = f"{100 * value:.{digits}f}"
    if value < 1 and float(text) == 100:
        text = f"{100 - 10**-digits:.{digits}f}"
    if value > 0 and float(text) == 0:
        text = f"<{10**-digits:.{digits}f}"
    return f"{text}{NARROW}%"


def percent_interval(figure: Figure, digits: int = 1) -> str:
    """Return an interval of shares as `89.9–92.3 %`."""
    if figure["low"] is None:
        return NOTHING
    return f"{100 * figure['low']:.{digits}f}–{100 * figure['high']:.{digits}f}{NARROW}%"


def number(value: float | None, digits: int = 3) -> str:
    """Return a plain number."""
    return NOTHING if value is None else f"{value:.{digits}f}".replace("-", MINUS)


def number_interval(figure: Figure, digits: int = 3) -> str:
    """Return an interval of plain numbers."""
    if figure["low"] is None:
        return NOTHING
    return f"{number(figure['low'], digits)}–{number(figure['high'], digits)}"


def signed(value: float, digits: int = 3) -> str:
    """Return a difference of plain numbers, with its sign."""
    return f"{value:+.{digits}f}".replace("-", MINUS)


def points(value: float | None, digits: int = 1) -> str:
    """Return a difference of shares in percentage points, with its sign."""
    if value is None:
        return NOTHING
    text = f"{100 * value:+.{digits}f}"
    if float(text) == 0:
        text = f"{0:.{digits}f}"
    return text.replace("-", MINUS)


def points_interval(figure: Figure, digits: int = 1) -> str:
    """Return an interval of differences as `+0.3 to +1.9`."""
    if figure["low"] is None:
        return NOTHING
    return f"{points(figure['low'], digits)} to {points(figure['high'], digits)}"


def p_value(value: float | None) -> str:
    """Return a p-value as `p = 0.012` or `p < 0.001`, kept on one line."""
    if value is None:
        return NOTHING
    text = "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
    return text.replace(" ", WIDE)


def count(value: int) -> str:
    """Return a whole number with thousands apart."""
    return f"{value:,}"


def signed_count(value: int) -> str:
    """Return a change of a count with its sign."""
    return f"{value:+,}".replace("-", MINUS) if value else "0"


def standing(comparison: dict[str, Any]) -> str:
    """Return `ahead`, `behind` or `level`: what the paired test allows to be said."""
    if comparison["p_value"] >= SIGNIFICANCE:
        return "level"
    return "ahead" if comparison["difference"]["value"] > 0 else "behind"


def verdict(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the verdict on a model: `standing`, a headline and sentences.

    `standing` is `ahead`, `level` or `behind` of the strongest baseline compared, or `alone`.
    """
    accuracy, macro = metrics["accuracy"], metrics["macro_f1"]
    sentences = [
        f"Right on {percent(accuracy['value'])} of {count(accuracy['n'])} rows "
        f"(95{NARROW}% interval {percent_interval(accuracy)}); macro-F1 "
        f"{percent(macro['value'])} ({percent_interval(macro)})."
    ]
    baselines = metrics["baselines"]
    sentences += [
        _sentence(baselines[name], name) for name in (TFIDF, MAJORITY) if name in baselines
    ]
    reference = next((name for name in (TFIDF, MAJORITY) if name in baselines), None)
    if reference is None:
        headline = "No baseline beside it"
        sentences.append(
            "Without a baseline on the same rows these figures cannot say whether the model is "
            "worth having."
        )
        return {"standing": "alone", "headline": headline, "sentences": sentences}
    where = standing(baselines[reference]["comparison"])
    return {
        "standing": where,
        "headline": _HEADLINES[reference, where],
        "sentences": sentences + _advice(baselines),
    }


_HEADLINES = {
    (TFIDF, "ahead"): "More accurate than the linear baseline",
    (TFIDF, "level"): "Level with the linear baseline",
    (TFIDF, "behind"): "Less accurate than the linear baseline",
    (MAJORITY, "ahead"): "Better than always guessing the commonest class",
    (MAJORITY, "level"): "No better than always guessing the commonest class",
    (MAJORITY, "behind"): "Worse than always guessing the commonest class",
}


def _sentence(baseline: dict[str, Any], name: str) -> str:
    who = {
        TFIDF: "TF-IDF with logistic regression, trained on the same rows,",
        MAJORITY: "Always guessing the commonest class",
    }[name]
    compared = baseline["comparison"]
    difference = compared["difference"]
    test = f"paired McNemar test, {p_value(compared['p_value'])}"
    what = {
        "ahead": f"the model is ahead by {points(difference['value'])} points",
        "behind": f"the baseline wins by {points(-difference['value']).lstrip('+')} points",
        "level": f"the difference of {points(difference['value'])} points may be chance",
    }[standing(compared)]
    what = what.replace("by +", "by ")
    return (
        f"{who} reaches {percent(baseline['accuracy']['value'])}, macro-F1 "
        f"{percent(baseline['macro_f1']['value'])}: {what} "
        f"(model minus baseline: {points_interval(difference)}; {test})."
    )


def _advice(baselines: dict[str, Any]) -> list[str]:
    where = {name: standing(baseline["comparison"]) for name, baseline in baselines.items()}
    advice = {
        "behind": "On this data the linear baseline is the better and cheaper choice.",
        "level": "On this data the simpler baseline does as well, as far as these rows can tell.",
    }
    sentences = [advice[where[TFIDF]]] if where.get(TFIDF) in advice else []
    if where.get(MAJORITY, "ahead") != "ahead":
        sentences.append("The model has not learned to tell these classes apart.")
    return sentences
