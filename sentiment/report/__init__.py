"""Saved evaluations as pages to read: no model is loaded here."""
