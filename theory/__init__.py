"""Predictions: what neural collapse to multiple centers looks like, in closed form.

Nothing here simulates, and nothing here imports :mod:`ufm`. The functions take the numbers of centers,
the angle and the loss weights, broadcast like numpy functions, and return what training must end in and
how fast; :mod:`ufm.certify` holds simulations against them.

Modules
-------
geometry    angles, Gram spectra and the dimension of a multi-center frame (definitions)
centers     how many centers each class gets: the paper's strategy, and a monotone apportionment
clock       the time variable in which the cosine flow is autonomous (definitions)
minimizers  global minimisers, optimal values, curvatures, thresholds
flows       exact gradient flows, rates and collapse times
decision    how often the classification rules choose a class, and what that costs
derivations sympy proofs of the closed forms, one module per result
claims      the ledger: every claim with its verdict and the evidence for it
text        laying out plain text (free for all)
references  the literature the docstrings cite
"""
