"""What `--help` says: types as they are given, and the default that holds, once."""

import dataclasses
import inspect
import re

import pytest

from ufm import commands
from ufm.commands.flags import ProblemFlags
from ufm.commands.main import main
from ufm.commands.overview import OTHERS, described, found, overview
from ufm.problems.kinds import CosineProblem, MSEProblem
from ufm.train.config import Config, Settings


@pytest.fixture(params=found())
def flags(request, monkeypatch, capsys):
    """The help of a command, flag by flag, each on one line."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    with pytest.raises(SystemExit):
        main([request.param, "--help"])
    rows = [row.strip("│ ") for row in capsys.readouterr().out.splitlines()]  # a box, where the encoding has one
    return [" ".join(each.split()) for each in re.split(r"\n(?=-)", "\n".join(rows)) if each.startswith("--")]


def test_types_and_defaults(flags):
    assert flags
    for flag in flags:
        head = flag.partition(" (")[0]
        assert "None" not in flag, flag
        assert "{None" not in head, flag
        assert flag.count("(default: ") <= 2, flag  # of two methods
        assert not re.search(r"\(default: (True|False|'')\)", flag), flag


def test_what_is_said_of_a_command_before_it_is_loaded_is_what_it_says_itself():
    said = described()
    assert list(said) == list(found())
    for name, kind in found().items():
        assert inspect.getdoc(said[name]) == inspect.getdoc(kind)
        assert said[name].group == getattr(kind, "group", OTHERS)


GROUPS = {
    "Class sizes:": "simulate verify geometry phase design explore sweep",
    "A network:": "measure confirm decide train table data",
    "Theorems:": "zoo claims",
    "To look at and send:": "figures report",
    "Others:": "presets completion",
}
"""What README's sections are about, in their order."""


def rows(text):
    """Lines of the overview by heading."""
    parts = [part.splitlines() for part in text.split("\n\n")]
    return {head: lines for head, *lines in parts if lines}


def test_the_overview_has_a_line_for_each_command_in_the_groups_of_readme():
    text = overview()
    assert {head: " ".join(row.split()[0] for row in lines) for head, lines in rows(text).items()} == GROUPS
    assert text.splitlines()[-1] == "ufm COMMAND --help shows flags and examples"
    assert "Example:" not in text
    assert max(map(len, text.splitlines())) <= 80  # a line of a terminal
    for row in (row for lines in rows(text).values() for row in lines):
        name, sentence = row.split(maxsplit=1)
        assert sentence.endswith(".")
        assert " ".join(inspect.getdoc(found()[name]).split()).startswith(sentence)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--help", "verify"], ["--json", "--help"]])
def test_help_is_the_overview(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert not stop.value.code
    assert capsys.readouterr().out == f"{overview()}\n"


def test_no_word_at_all_is_answered_with_the_overview_and_is_no_success(capsys):
    with pytest.raises(SystemExit) as stop:
        main([])
    said = capsys.readouterr()
    assert (stop.value.code, said.out, said.err) == (2, "", f"{overview()}\n")


@pytest.mark.parametrize(
    ("own", "heading"), [("", "Others:"), ('group = "A network"', "A network:"), ('group = "Mine"', "Mine:")]
)
def test_a_file_is_a_command_that_is_listed(own, heading, tmp_path, monkeypatch):
    (tmp_path / "knit.py").write_text(f'raise OSError\nclass Command:\n    """Knit a\n    scarf. Or two."""\n    {own}')
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    assert rows(overview())[heading][-1] == "  knit        Knit a scarf."


def test_a_command_that_is_not_there_is_refused_and_help_of_it_too(refused):
    refused("there is no command 'simulat': did you mean 'simulate'?", "simulat")
    refused("there is no command 'simulat': did you mean 'simulate'?", "simulat", "--help")


def said(cls):
    """Defaults that the docstrings of fields claim, by name."""
    source = inspect.getsource(cls)
    docs = {field.name: re.search(rf' {field.name}: .*\n    """([^"]|"(?!""))*"""', source) for field in fields(cls)}
    found = {name: re.findall(r"\(default: ([^()]*)\)", doc[0]) for name, doc in docs.items() if doc}
    return {name: values[0] for name, values in found.items() if values}


def fields(cls):
    return [field for field in dataclasses.fields(cls) if field.name in inspect.getsource(cls)]


def same(text, value):
    return text == str(value) or float(text) == value


def test_defaults_in_prose_are_those_of_a_training():
    claimed, config = said(Settings), Config()
    assert len(claimed) > 20
    plain = {field.name: field.default for field in dataclasses.fields(Config) if field.default is not None}
    frame = {"f": config.f, "theta": config.theta, "basis": config.basis}
    for name, value in {**plain, **frame}.items():
        assert same(claimed[name], value), name


def test_defaults_in_prose_are_those_of_a_problem():
    claimed = said(ProblemFlags)
    for kind, names in ((CosineProblem, ("beta", "lam")), (MSEProblem, ("lam_h", "lam_w"))):
        own = {field.name: field.default for field in dataclasses.fields(kind)}
        for name in names:
            assert same(claimed[name], own[name]), name
    assert (claimed["loss"], claimed["frame"]) == (CosineProblem.loss, CosineProblem.frame)


def test_a_flag_of_yes_or_no_that_may_be_left_out_takes_both(refused):
    refused("128 features < 210", "train", "--smoke", "--network", "cnn", "--expand", "False")
