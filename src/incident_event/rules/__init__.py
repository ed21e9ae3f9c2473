"""Rules: what counts as dangerous, and the evaluation of readings against it."""
