"""What breaks, how a job recovers, what it saves and who repairs: forms, and what they resolve to."""
