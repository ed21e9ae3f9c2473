"""The log of published events, for consumers that lost a part of the stream."""
