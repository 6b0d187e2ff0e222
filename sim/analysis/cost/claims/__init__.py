"""Where articles contradict each other, or arithmetic: which one holds, and the computed check."""
