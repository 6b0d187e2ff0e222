"""What is measured beside what is simulated."""
