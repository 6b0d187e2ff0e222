"""What a worker does: the runs of one chunk, within limits, into one file a table."""
