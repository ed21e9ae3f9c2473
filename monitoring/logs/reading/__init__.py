"""Small readings of the collectors' configurations: what the programs would make of log files.

They follow the files of this folder, not copies of them, and know only what those
files use; anything else is an error.
"""
