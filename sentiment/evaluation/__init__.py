"""How good a model is, how sure we are of it, and where it is weak."""
