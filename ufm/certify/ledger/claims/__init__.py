"""The claims, one a file: its docstring is the statement, ``CLAIM`` what else is to be said, ``evidence`` the numbers.

A file that is put here is in the ledger, in ``ufm claims`` and in CLAIMS.md; it is named as its id, with _ for - and .
"""
