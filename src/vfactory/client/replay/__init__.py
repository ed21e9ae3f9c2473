"""`vfactory replay`: a recording in a CSV file, sent through the public API as the plant once measured it."""
