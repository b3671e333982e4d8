"""How long calls take."""

from time import process_time


def seconds(call):
    """Of a processor, the least of three times: what else runs on a machine only adds to it."""
    times = []
    for _ in range(3):
        begin = process_time()
        call()
        times.append(process_time() - begin)
    return min(times)
