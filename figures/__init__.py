"""Pictures.

Modules of :mod:`figures.commands` draw what a command left behind and compute nothing. Those of :mod:`figures.paper`
and :mod:`figures.new` are the figures of ``ufm figures`` (:mod:`figures.gallery`): each says how its data are computed.
"""
