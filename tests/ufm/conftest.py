import pytest


@pytest.fixture
def command(capsys):
    """Runs `ufm` in this process: exit status, stdout and stderr."""
    from ufm.commands.main import main

    def run(*arguments):
        status = main([str(each) for each in arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def refused(command):
    """Runs `ufm` on wrong input: status 2, nothing on stdout, and the message in the one line on stderr."""

    def run(message, *arguments):
        status, out, err = command(*arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert message in err

    return run
