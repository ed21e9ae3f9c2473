"""Log pipelines: what a line holds, and whether each pipeline's configuration keeps all of it."""
