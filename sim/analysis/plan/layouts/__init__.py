"""The layouts that a job can take, the fastest by estimate, and those again by simulation."""
