r"""Which class a feature is given to: accuracy, robustness and shift of the classification rules.

Three rules decide a feature z: the regular one by the nearest classifier vector, the generalized one by the nearest
center, and the one of the nearest mean center:

.. math:: \arg\max_k \langle w_k, z \rangle, \qquad \arg\max_k \max_j \langle w_j^{(k)}, z \rangle,
          \qquad \arg\max_k \langle u_k, z \rangle, \quad u_k = \bar w^{(k)} / |\bar w^{(k)}|

:mod:`~theory.decision.hard` is about features close to no class (paper, proposition 3.1), all other modules about
features around their own mean center, :math:`z = r u_k + \sigma g` with g standard normal, in a unit frame.

hard      features close to no class
accuracy  how often each rule is right, by class
radius    how far a collapsed feature can be moved
shift     offsets for a test prior
choice    the angle, and who gets the centers
together  the accuracy of many classes at once
scores    the distribution of the best score of a class
normal    integrals over normal variables
"""
