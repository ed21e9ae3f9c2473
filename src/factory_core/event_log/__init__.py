"""The published events, for who lost some of the stream."""
