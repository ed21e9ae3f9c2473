"""The readings of a factory's equipment: taken in, kept, read back."""
