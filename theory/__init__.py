r"""Predictions: what neural collapse looks like, in closed form.

Nothing here simulates, and nothing here uses :mod:`ufm`. The functions take numbers of centers, angles and weights of
the loss, broadcast like numpy functions, and return what training must end in and how fast; :mod:`ufm.certify` holds
simulations against them.

Symbols: K classes of :math:`n_k` samples, N in all; :math:`f_k` centers of class k, F in all, :math:`f = F / K`; d the
dimension of features; :math:`\theta` the angle of the frame; :math:`S = \sum_k f_k n_k`. Formulas for one class leave
out its index.

multicenter  the frames, minimisers and flows of neural collapse to multiple centers
decision     how often the classification rules choose a class, and what that costs
derivations  sympy proofs of the closed forms, one file per result
"""
