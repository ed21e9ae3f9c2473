"""The one form of names: what people read as the same name is the same text."""

import unicodedata


def normalize_name(text: str) -> str:
    """Return a name in Unicode's form NFC, without white space around it.

    Keyboards, files and operating systems write `é` as one character or as two, and nobody can see which.
    """
    return text.strip() if text.isascii() else unicodedata.normalize("NFC", text).strip()


def fold_name(text: str) -> str:
    """Return what a name is compared by without regard to case (Unicode's canonical caseless matching)."""
    decomposed = unicodedata.normalize("NFD", normalize_name(text))
    return unicodedata.normalize("NFC", decomposed.casefold())
