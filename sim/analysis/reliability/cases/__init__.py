"""Published cases: what each states, and the run that predicts the rest."""
