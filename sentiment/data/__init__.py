"""From a source on disk or the hub to labelled, split, checked texts."""
