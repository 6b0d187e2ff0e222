"""A batch on disk: a directory of files that are each whole or not there, and what it says of itself."""
