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
references  the literature the docstrings cite
"""
