"""Files and folders that are either whole or not there, whatever happens while they are written."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sentiment.errors import OutputError


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into one clear line that names the path.

    Raises:
        OutputError: the disk is full, or the path cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OutputError(
                f"no space left while writing {path}",
                expected="free space there",
                run="the same command again, with space free",
            ) from None
        raise OutputError(
            f"cannot write {path}: {error.strerror}", expected="a folder you may write to"
        ) from None


def need_writable(folder: Path) -> None:
    """Refuse a folder that could not be made or written into, before hours go into what it is for.

    Raises:
        OutputError: it could not.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.exists(path))
    reason = None
    if not os.path.isdir(there):
        reason = errno.ENOTDIR
    elif not os.access(there, os.W_OK | os.X_OK):
        reason = errno.EACCES
    if reason:
        raise OutputError(
            f"cannot write into {folder}: {there}: {os.strerror(reason)}",
            expected="a folder you may write to",
        )


def sync(path: Path) -> None:
    """Force a file or a folder's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, each synced into the one that holds it."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync(folder.parent)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary sibling to write; on success it is synced and takes the name of `path`.

    On any error `path` is as it was. A link stays a link: what it points to is replaced. A pipe or
    a device is written to directly.

    Raises:
        OutputError: the file cannot be written.
    """
    if os.path.isdir(path):  # unlike Path.is_dir, never raises
        raise OutputError(f"cannot write {path}: it is a folder", expected="a file name")
    with output_errors(path):
        target = path.resolve()
        if target.exists() and not target.is_file():
            yield target
            return
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            yield temporary
            sync(temporary)
            temporary.replace(target)
            sync(target.parent)
        finally:
            temporary.unlink(missing_ok=True)


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file through a temporary sibling: the old content or the new, never a part."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary sibling to fill; on success it is synced and renamed to `path`.

    On any error, `path` is as it was and the temporary folder is gone.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with output_errors(path):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            yield temporary
            for file in temporary.iterdir():
                sync(file)
            sync(temporary)
            temporary.rename(path)
            sync(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
