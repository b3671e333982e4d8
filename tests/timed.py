"""How long calls take."""

from time import process_time


def processor(call):
    """Seconds of a processor, the least of three times, and the answer: what else runs on a machine only adds to it."""
    times = []
    for _ in range(3):
        began = process_time()
        answer = call()
        times.append(process_time() - began)
    return min(times), answer


def seconds(call):
    """The first of these."""
    return processor(call)[0]
