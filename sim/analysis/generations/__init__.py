"""`generations`: what frontier runs cost by simulation, with bands, beside what is published under each method."""
