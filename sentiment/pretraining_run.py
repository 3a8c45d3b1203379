"""One pretraining, end to end: config → texts → tokenizer → language model → encoder folder."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sentiment.backend import load_keras
from sentiment.config import Config, PretrainingSettings
from sentiment.data.unlabelled import UnlabelledTexts, load_unlabelled_texts
from sentiment.encoder_files import Outcome, encoder_files
from sentiment.errors import ConfigError
from sentiment.model_folder import CHECKPOINTS, is_model_folder, write_model_folder
from sentiment.starting_point import StartingPoint, find_starting_point
from sentiment.text.segments import encode_uncut
from sentiment.text.tokenizer import EncodedTexts, Tokenizer
from sentiment.training_folder import alone_in, prepare_folder
from sentiment.training_plan import PRETRAIN, Plan, make_plan, naming
from sentiment.training_run import (
    TEXTS_LOOKED_AT,
    Nobody,
    Watcher,
    resumed,
    saying_how_to_go_on,
)

if TYPE_CHECKING:
    from sentiment.nn.pretraining import Pretrainer

# Rows shrink until an epoch has this many steps: with fewer, little is learned.
FEWEST_STEPS = 20


def pretrain(
    config: Config | str | Path | None = None,
    *,
    output: str | Path | None = None,
    overrides: Sequence[str] = (),
    resume: bool = False,
    command: str = "sentiment.pretraining_run.pretrain(…)",
    watcher: Watcher | None = None,
) -> Path:
    """Pretrain an encoder on text without labels and return its folder.

    Args:
        config: a `Config`, a YAML path, the stem of a bundled config, or None for `default`.
        output: the folder to write; `runs/<config name>-encoder` if None.
        overrides: settings such as `pretraining.epochs=3`.
        resume: continue an interrupted pretraining where it was.
        command: what to record as the command.
        watcher: who follows.

    Raises:
        SentimentError: any of the tree in `sentiment.errors`.
    """
    watcher = watcher or Nobody()
    plan = make_plan(
        config, output=output, overrides=overrides, resume=resume, command=command, task=PRETRAIN
    )
    if is_model_folder(plan.output):  # only when resuming: it ended in the moment of the crash
        watcher.note(f"{plan.output} is already finished")
        shutil.rmtree(plan.output / CHECKPOINTS, ignore_errors=True)
        return plan.output
    start = _starting_point(plan)
    settings = plan.config.pretraining
    with naming(PRETRAIN):
        texts = load_unlabelled_texts(
            plan.config.data, held_out_texts=settings.held_out_texts, seed=settings.seed
        )
    given_way = start.given_way(plan.config, overrides)
    for note in (start.note, *given_way, *texts.notes, "loading Keras"):
        if note:
            watcher.note(note)
    load_keras()
    with alone_in(plan):
        tokenizer = prepare_folder(
            plan,
            texts.fingerprint,
            lambda: start.tokenizer or Tokenizer.train(texts.texts, plan.config.text),
            watcher.note,
        )
        with saying_how_to_go_on(plan, watcher):
            return _pretrain(plan, start, texts, tokenizer, watcher)


def _starting_point(plan: Plan) -> StartingPoint:
    """Open the encoder to continue from, if one is named.

    `auto` is for classifiers. So is the folder to be written: the classifier of the same config
    will start from it.
    """
    config, init = plan.config, plan.config.encoder.init
    if init == "auto" or (init and os.path.abspath(init) == os.path.abspath(plan.output)):
        encoder = config.encoder.model_copy(update={"init": None})
        config = config.model_copy(update={"encoder": encoder})
    start = find_starting_point(config, [])
    if start.config.encoder.bidirectional:
        raise ConfigError(
            "encoder.bidirectional is true, and a language model must not see what comes next",
            expected="an encoder that reads in one direction",
            run="sentiment pretrain … --set encoder.bidirectional=false",
        )
    return start


def _pretrain(
    plan: Plan,
    start: StartingPoint,
    texts: UnlabelledTexts,
    tokenizer: Tokenizer,
    watcher: Watcher,
) -> Path:
    from sentiment.nn.checkpoints import CheckpointStore
    from sentiment.nn.look import look_at_encoder
    from sentiment.nn.perplexity import unigram_perplexity
    from sentiment.nn.pretraining import Pretrainer
    from sentiment.nn.training import make_deterministic

    encoded, held_out = (encode_uncut(tokenizer, part) for part in (texts.texts, texts.held_out))
    settings = _fitting(plan.config.pretraining, encoded, watcher)
    make_deterministic(settings.seed)
    pretrainer = Pretrainer(
        encoded,
        held_out,
        vocabulary_size=tokenizer.vocabulary_size,
        encoder=start.config.encoder,
        settings=settings,
        store=CheckpointStore(plan.output / CHECKPOINTS),
        on_step=watcher.step,
        on_epoch=watcher.epoch,
        stop_requested=watcher.stop_requested,
    )
    watcher.note(_data_line(pretrainer, tokenizer))
    shown = tokenizer.encode(texts.held_out[:TEXTS_LOOKED_AT])  # cut as for prediction
    rows = np.arange(len(shown))
    if not resumed(pretrainer, plan, watcher):
        _begin(pretrainer, start, watcher)
        seen = look_at_encoder(pretrainer.encoder_weights(), shown, rows, start.config.encoder)
        watcher.note(f"held-out texts, before pretraining:\n{seen.lines()}")
    history = pretrainer.run()
    watcher.note("measuring and writing the encoder")
    outcome = Outcome(
        start,
        texts,
        tokenizer,
        pretrainer,
        history,
        unigram_perplexity(encoded, held_out, vocabulary_size=tokenizer.vocabulary_size),
        look_at_encoder(pretrainer.encoder_weights(), shown, rows, start.config.encoder),
    )
    write_model_folder(plan.output, encoder_files(plan, outcome))
    shutil.rmtree(plan.output / CHECKPOINTS, ignore_errors=True)
    watcher.note(f"held-out texts, pretrained:\n{outcome.look.lines()}")
    return plan.output


def _fitting(
    settings: PretrainingSettings, encoded: EncodedTexts, watcher: Watcher
) -> PretrainingSettings:
    """Read fewer texts side by side where there are few."""
    segments = int((-(-encoded.lengths // settings.segment_tokens)).sum())
    rows = max(1, min(settings.rows, segments // FEWEST_STEPS))
    if rows == settings.rows:
        return settings
    watcher.note(
        f"pretraining.rows: {rows}, not {settings.rows}: the texts make {segments:,} segments of "
        f"{settings.segment_tokens} tokens, and an epoch should have {FEWEST_STEPS} steps"
    )
    return settings.model_copy(update={"rows": rows})


def _data_line(pretrainer: Pretrainer, tokenizer: Tokenizer) -> str:
    settings = pretrainer.settings
    return (
        f"texts {len(pretrainer.encoded):,} · held out {len(pretrainer.held_out):,} · tokens "
        f"{len(pretrainer.encoded.token_ids):,} · vocabulary {tokenizer.vocabulary_size:,} tokens "
        f"· {pretrainer.batches_per_epoch:,} steps an epoch of {settings.rows} × "
        f"{settings.segment_tokens} tokens"
    )


def _begin(pretrainer: Pretrainer, start: StartingPoint, watcher: Watcher) -> None:
    """Set what the encoder starts from, and save it: a resume need not count again."""
    from sentiment.text.word_vectors import word_vectors

    settings, embedding = pretrainer.settings, pretrainer.network.embedding
    if start.weights:
        pretrainer.start_from(start.weights)
    elif settings.word_vectors:
        began = time.monotonic()
        found = word_vectors(
            pretrainer.encoded,
            vocabulary_size=embedding.input_dim,
            units=embedding.output_dim,
            seed=settings.seed,
        )
        pretrainer.start_from({"embedding/embeddings": found.vectors})
        watcher.note(
            f"word vectors: counted in {found.tokens:,} of {len(pretrainer.encoded.token_ids):,} "
            f"tokens, {time.monotonic() - began:.0f} s"
        )
    pretrainer.save()
