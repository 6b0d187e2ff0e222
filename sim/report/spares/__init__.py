"""What an improvement is worth."""
