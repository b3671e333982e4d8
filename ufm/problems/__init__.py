"""What is asked: problems, their frames, losses, class sizes and starts. Nothing here is solved.

It may use :mod:`ufm.files`, and of theory only definitions: angles, dimensions, numbers of centers. Every other room
of :mod:`ufm` may come in.
"""

from ufm.problems import kinds as kinds  # whoever imports a problem knows all kinds of it
