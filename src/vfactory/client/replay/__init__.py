"""`vfactory replay`: sends the recording in a CSV file through the public API."""
