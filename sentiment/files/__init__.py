"""Rows in, rows out: csv, tsv, jsonl, parquet and plain lines of text.

    read_rows("reviews.csv")    → Row(number=1, values={"text": "…", "label": "…"}), …
    read_columns("reviews.csv") → ["text", "label"]
    write_rows("out.jsonl", rows, columns=["text", "label"])

`read_batches` and `write_tables` do the same by column, for many rows. Reading and writing both
stream: memory does not grow with the file.
"""

from __future__ import annotations

from sentiment.files.reading import read_batches, read_columns, read_rows
from sentiment.files.rows import FORMATS, Row, RowFault
from sentiment.files.writing import write_rows, write_tables

__all__ = [
    "FORMATS",
    "Row",
    "RowFault",
    "read_batches",
    "read_columns",
    "read_rows",
    "write_rows",
    "write_tables",
]
