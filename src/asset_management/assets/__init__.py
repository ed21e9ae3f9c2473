"""Assets: the name, kind, factory and content of each uploaded file."""
