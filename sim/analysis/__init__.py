"""Questions asked with many simulations."""
