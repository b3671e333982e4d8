"""The command line ``ufm``, one file per command. It may use everything, and nobody uses it."""
