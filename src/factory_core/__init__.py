"""Factory Core: the plant, its equipment and its readings."""
