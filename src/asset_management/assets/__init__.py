"""Assets: what a file is called, what it is, and to which factory it belongs."""
