"""Saved evaluations as one HTML file that needs nothing else: no network, no model.

write_report([Path("runs/imdb")])                    → runs/imdb/eval/test/report.html, report.md
write_report([Path("runs/imdb"), Path("runs/sst2")]) → comparison.html, comparison.md

The page's one script is its own, and its Content-Security-Policy names it by its hash: nothing else
that might stand in the page can run.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.durable import output_errors, write_file
from sentiment.errors import DataError, OutputError
from sentiment.evaluation import wording
from sentiment.evaluation.packages import need_packages
from sentiment.report.comparison import compare_evaluations
from sentiment.report.evaluation_page import Choices, day, evaluation_context
from sentiment.report.markdown import comparison_markdown, evaluation_markdown, is_ours
from sentiment.report.saved import SavedEvaluation, load_evaluation
from sentiment.report.visible import visible
from sentiment.runtime.inspection import format_shape

if TYPE_CHECKING:
    import jinja2

REPORT_NAME = "report.html"
COMPARISON_NAME = "comparison.html"
NOTHING_CHOSEN = Choices()


@dataclass(frozen=True)
class Rendered:
    """A report: the page, and its short form."""

    html: str
    markdown: str


def write_report(
    model_folders: Sequence[Path],
    *,
    split: str | None = None,
    output: Path | None = None,
    choices: Choices = NOTHING_CHOSEN,
) -> Path:
    """Write the report, and beside it its short form in Markdown; return the report's path.

    Args:
        model_folders: one model for a full report, several for a comparison.
        split: which evaluated split; None means the newest.
        output: the file to write, which ends in `.html`; None means `report.html` beside the
            metrics of one model, or `comparison.html` here for several. The Markdown is called the
            same, with `.md`.
        choices: what the page of one model shows beyond the usual.

    Raises:
        ModelFolderError: a model is missing or has not been evaluated.
        DataError: a saved file is damaged, or has no such column.
        OutputError: the report cannot be written, or would replace a file that is none.
        MissingPackageError: a package of the full install is missing.
    """
    if output is None and len(model_folders) > 1:
        output = Path(COMPARISON_NAME)
    if output is not None:
        _refuse_to_replace(output)
    evaluations = _load(model_folders, split)
    rendered = _render(evaluations, choices)
    if output is None:
        output = evaluations[0].folder / REPORT_NAME
    with output_errors(output):
        output.parent.mkdir(parents=True, exist_ok=True)
    write_file(output.with_suffix(".md"), rendered.markdown)
    write_file(output, rendered.html)
    return output


def _refuse_to_replace(output: Path) -> None:
    """Hold the page's name, and that of the Markdown beside it, against what is there already."""
    if output.suffix.lower() != ".html":
        raise OutputError(
            f"--output {output} does not end in .html",
            expected="the name of a page; its short form in Markdown is written beside it",
            run=f"sentiment report … --output {shlex.quote(f'{output}.html')}",
        )
    short = output.with_suffix(".md")
    if short.exists() and not is_ours(short):
        free = output.with_name(f"{output.stem}-report.html")
        raise OutputError(
            f"{short} was not written by `sentiment report`, which would replace it",
            expected="a page's name beside which the .md is free",
            run=f"sentiment report … --output {shlex.quote(str(free))}",
        )


def render_report(
    model_folders: Sequence[Path],
    *,
    split: str | None = None,
    choices: Choices = NOTHING_CHOSEN,
) -> str:
    """Return the report as HTML.

    Raises:
        ModelFolderError: a model is missing or has not been evaluated.
        DataError: a saved file is damaged, or has no such column.
    """
    return _render(_load(model_folders, split), choices).html


def _load(model_folders: Sequence[Path], split: str | None) -> list[SavedEvaluation]:
    need_packages("jinja2", "matplotlib", "pyarrow", "scipy", purpose="a report")
    return [load_evaluation(folder, split) for folder in model_folders]


def _render(evaluations: Sequence[SavedEvaluation], choices: Choices) -> Rendered:
    import jinja2

    environment = _environment()
    try:
        if len(evaluations) == 1:
            page = environment.get_template("evaluation.html")
            context = evaluation_context(evaluations[0], choices)
            return Rendered(page.render(**context, **_script()), evaluation_markdown(context))
        page = environment.get_template("comparison.html")
        context = compare_evaluations(evaluations)
        return Rendered(page.render(**context, **_script()), comparison_markdown(context))
    except (KeyError, TypeError, IndexError, AttributeError, jinja2.UndefinedError) as error:
        places = ", ".join(str(evaluation.folder) for evaluation in evaluations)
        raise DataError(
            f"a saved evaluation in {places} is not whole ({type(error).__name__}: {error})",
            expected="the metrics that this version of sentiment eval writes",
            run="sentiment eval MODEL again",
        ) from None


def _script() -> dict[str, Any]:
    """Return the page's script, and the hash by which its policy lets it run."""
    from markupsafe import Markup

    content = (Path(__file__).parent / "script.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return {"script": Markup(content), "script_hash": f"sha256-{digest}"}  # noqa: S704 - our own


def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": wording.percent,
        "percent_interval": wording.percent_interval,
        "number": wording.number,
        "number_interval": wording.number_interval,
        "points": wording.points,
        "points_interval": wording.points_interval,
        "p_value": wording.p_value,
        "count": wording.count,
        "shape": format_shape,
        "standing": wording.standing,
        "day": day,
        "signed": wording.signed,
        "signed_count": wording.signed_count,
        "visible": visible,
    }
    return environment
