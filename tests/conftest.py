import os
import pathlib
import signal

from hypothesis import HealthCheck, settings

ROOT = pathlib.Path(__file__).parents[1]
SLOW_IS_FINE = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("same", derandomize=True, max_examples=25, **SLOW_IS_FINE)  # the same examples everywhere
settings.register_profile("few", derandomize=True, max_examples=15, **SLOW_IS_FINE)  # make check
settings.register_profile("new", max_examples=200, print_blob=True, **SLOW_IS_FINE)  # make fuzz
settings.load_profile("same")


if "PYTEST_XDIST_WORKER" in os.environ:  # before numpy and torch come: threads that wait for one another burn minutes
    os.environ.setdefault("OMP_NUM_THREADS", "1")

os.environ.setdefault("DASK_SCHEDULER", "synchronous")  # else xarray asks dask before each file, which takes long


def pytest_configure(config):
    """Processes that tests start import this checkout, wherever they run and whatever is installed."""
    paths = filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell that runs the tests in the background makes them,
        signal.signal(signal.SIGINT, signal.default_int_handler)  # and what they start, deaf to Ctrl-C
