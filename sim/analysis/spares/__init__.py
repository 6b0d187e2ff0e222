"""What one more spare, a faster store, faster detection or another crew is worth to a job."""
