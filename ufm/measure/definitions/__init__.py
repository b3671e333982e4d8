"""Every measure of collapse, one reference definition each, found by being here.

A definition is a function of :class:`ufm.measure.statistics.Statistics`, marked by :func:`ufm.measure.metric.metric`.
"""
