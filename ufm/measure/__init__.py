"""Measures of neural collapse, classification rules and their frequencies: on arrays, whoever made them.

It may use :mod:`ufm.problems` (frames) and :mod:`ufm.files`. It knows no prediction.
"""
