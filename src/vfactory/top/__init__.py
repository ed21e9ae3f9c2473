"""A live view of the local stack: how every process is, how fast, how often in vain, and what fires."""
