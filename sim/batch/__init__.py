"""Many runs: variants of a scenario, replications under common seeds, and what tells them apart."""
