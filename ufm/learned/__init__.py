"""Problems with a learned frame: orthonormal rows, norms and features are all unknowns.

state       rows, norms and features, and the frame they make
objective   P and the cosine loss: value, gradient, Hessian products
local       the objective seen from one state, for the trust region
projection  P with its features eliminated: a function of the norms
solve       minimisers, behind :func:`ufm.minimize`
flow        Riemannian gradient flow of frame and features together
descent     Riemannian descent, and mini-batches as a trainer would take them
training    what flow and descent share
trajectory  what they leave behind
degenerate  why orthogonality is needed
"""
