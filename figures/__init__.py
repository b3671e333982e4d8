"""Pictures. Each module draws from what a simulation left behind; none of them computes a result of its own."""
