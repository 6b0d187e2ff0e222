"""What predicts the records of each category, and why others are not predicted."""
