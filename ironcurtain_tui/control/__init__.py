"""The wire between a supervisor and its viewers."""
