"""Many runs on shared assets over calendar time: who runs when, and who pays what of everything that is held."""
