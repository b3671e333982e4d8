"""What happens in time: gradient flows and descents, of fixed and of learned frames.

It may use :mod:`ufm.problems` and :mod:`ufm.files`; of theory only definitions. It knows no prediction.
"""
