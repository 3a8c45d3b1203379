"""The folder of a training while it lasts: one process at a time, and what a resume needs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sentiment.durable import make_folder, write_file
from sentiment.errors import OutputError, TrainingError
from sentiment.model_folder import CHECKPOINTS, RUN, TOKENIZER, is_model_folder
from sentiment.text.tokenizer import Tokenizer
from sentiment.training_plan import LOCK, SETTINGS, Plan, has_saved_state, refuse_existing


@contextmanager
def alone_in(plan: Plan) -> Iterator[None]:
    """Make the folder if need be, and keep every other process from training in it meanwhile.

    The system releases the lock when the process ends, however it does.

    Raises:
        TrainingError: another process is at it.
        OutputError: the folder cannot be made, or another process finished in it just now.
    """
    folder, is_new = plan.output / CHECKPOINTS, not plan.output.exists()
    try:
        make_folder(folder)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise OutputError(
            f"cannot make {folder}: {error.strerror}", expected="a folder you may write to"
        ) from None
    try:
        if not _locked(descriptor):
            raise TrainingError(
                f"another process is training in {plan.output}",
                expected="one process a folder",
                run=f"{plan.again} when it has ended",
            )
        # It may have come this far while this one was loading.
        if is_model_folder(plan.output) or not plan.resuming:
            refuse_existing(plan.output, plan.task)
        try:
            yield
        finally:
            _remove_if_empty(folder, with_parent=is_new)
    finally:
        os.close(descriptor)


def _remove_if_empty(folder: Path, *, with_parent: bool) -> None:
    """Remove a `checkpoints/` in which nothing was written down, and the folder made for it."""
    with suppress(OSError):  # it is not there any more after a training that ended well
        if os.listdir(folder) == [LOCK]:
            (folder / LOCK).unlink()
            folder.rmdir()
            if with_parent:
                folder.parent.rmdir()


def _locked(descriptor: int) -> bool:
    """Lock an open file; True also where the system or the disk knows no locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def prepare_folder(
    plan: Plan,
    fingerprint: str,
    make_tokenizer: Callable[[], Tokenizer],
    note: Callable[[str], None],
) -> Tokenizer:
    """Make the tokenizer and write down what a later `--resume` needs, or read it back.

    What was begun and saved nothing is begun anew, with other settings or data if need be.

    Args:
        plan: what to train; its folder is this process's alone.
        fingerprint: of the data.
        make_tokenizer: makes the tokenizer of a new training.
        note: takes a line for the log.

    Raises:
        TrainingError: the data are not those that were started with, or what was written down is
            damaged.
        OutputError: the folder cannot be written to.
    """
    folder = plan.output / CHECKPOINTS
    if plan.resuming and has_saved_state(plan.output):
        return _read_back(plan, fingerprint)
    if not plan.resuming and (folder / RUN).is_file():
        note(f"{plan.output} was begun before and nothing was saved yet: starting anew")
    tokenizer = make_tokenizer()
    write_file(folder / TOKENIZER, tokenizer.to_json())
    write_file(folder / SETTINGS, plan.config.to_yaml())
    # Last: with it, everything a resume needs is there.
    content = {"task": plan.task.word, "fingerprint": fingerprint, "command": plan.command}
    write_file(folder / RUN, json.dumps(content))
    return tokenizer


def _read_back(plan: Plan, fingerprint: str) -> Tokenizer:
    text, path = plan.config.text, plan.output / CHECKPOINTS / TOKENIZER
    before = _record(plan)["fingerprint"]
    if before != fingerprint:
        raise _changed(plan, f"the data of {plan.config.data.source}", before, fingerprint)
    try:
        return Tokenizer.load(path, max_tokens=text.max_tokens, head_tokens=text.head_tokens)
    # The errors of `tokenizers` share no base but this one.
    except Exception as error:
        raise _damaged(plan, path, error) from None


def check_lessons(plan: Plan, fingerprint: str) -> None:
    """Hold what is learned beside the train split against what it was when the training began.

    Args:
        plan: of a training whose folder is prepared.
        fingerprint: of the unlabelled texts, the teachers and their answers.

    Raises:
        TrainingError: they are not those that were started with.
    """
    known = _record(plan)
    before = known.get("lessons", fingerprint)
    if plan.resuming and before != fingerprint:
        raise _changed(plan, "the unlabelled texts or the teachers", before, fingerprint)
    write_file(plan.output / CHECKPOINTS / RUN, json.dumps({**known, "lessons": fingerprint}))


def _record(plan: Plan) -> dict[str, Any]:
    """Return what was written down when the training began."""
    path = plan.output / CHECKPOINTS / RUN
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content.get("fingerprint"), str):
            raise ValueError("no fingerprint")
    except (OSError, ValueError, AttributeError) as error:
        raise _damaged(plan, path, error) from None
    return content


def _damaged(plan: Plan, path: Path, error: Exception) -> TrainingError:
    reason = error.strerror if isinstance(error, OSError) else error
    return TrainingError(
        f"cannot continue from {path}: {reason}",
        expected=f"the file as the {plan.task.noun} wrote it",
        run=plan.over(),
    )


def _changed(plan: Plan, what: str, before: str, now: str) -> TrainingError:
    return TrainingError(
        f"{what} changed since {plan.output} was started",
        expected=f"fingerprint {before[:12]}, not {now[:12]}",
        run=plan.over(),
    )
