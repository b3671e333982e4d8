"""Neural collapse to multiple centers in closed form.

geometry  angles, Gram spectra and the dimension of a multi-center frame (definitions)
centers   how many centers each class gets: the paper's strategy, and a monotone apportionment
clock     the time in which the cosine flow is autonomous (definitions)
minimum   global minimisers, optimal values, curvatures, thresholds
flows     exact gradient flows, rates and collapse times
"""
