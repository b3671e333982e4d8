"""Tables of trainings over seeds: running what is missing, collecting results, comparing them.

It may use every room but :mod:`ufm.sweep` and :mod:`ufm.commands`.
"""
