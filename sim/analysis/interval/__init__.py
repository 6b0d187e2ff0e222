"""How often to checkpoint: intervals simulated under the same seeds, their optimum, and what each rule gives away."""
