"""Failure logs that drive a run instead of clocks: what they say, how they are read, and the lives that they give."""
