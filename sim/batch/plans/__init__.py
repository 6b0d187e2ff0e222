"""What a batch will do, fixed before it starts: variants, replications, and the chunks of runs that they fall into."""
