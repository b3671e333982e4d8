"""The figures of the paper, in the unconstrained-feature model and from trainings."""
