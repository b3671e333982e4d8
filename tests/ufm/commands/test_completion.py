"""What a shell is told, and how long it takes it to complete."""

import contextlib
import io
import json
import resource
import shutil
import subprocess
import sys

import pytest

import ufm
from ufm.commands.main import main
from ufm.commands.overview import sources

ASKED = """
. "$1"
name=$(complete -p ufm); name=${name##*-F }; name=${name%% *}
while IFS=' ' read -r -a words; do
    COMP_WORDS=(ufm "${words[@]}"); [[ ${words[-1]} == . ]] && COMP_WORDS[-1]=""
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
    "$name"; echo "${COMPREPLY[@]}"
done
"""
"""What bash does when somebody presses the tabulator, line by line of words after `ufm`; a dot is an empty word."""

SECONDS = 0.3
"""Of a processor, from the start of a shell: what waits longer is felt."""


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """Asks bash for the words that may follow, for several lines at once."""
    if not shutil.which("bash"):
        pytest.skip("there is no bash")
    script = tmp_path_factory.mktemp("completion") / "ufm"
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main(["completion", "bash"]) == 0
    script.write_text(said.getvalue())

    def ask(*lines):
        command = ["bash", "--norc", "-c", ASKED, "bash", script]
        done = subprocess.run(command, input="\n".join([*lines, ""]), capture_output=True, text=True, check=True)
        return [set(line.split()) for line in done.stdout.splitlines()]

    return ask


@pytest.mark.slow
def test_bash_completes_commands_and_flags(complete):
    asked = (".", "ver", "geometry --lo", "phase --c", "nothing-like-it", "train --schedule c", "design .")
    anything, one, flag, sizes, nothing, words, flags = complete(*asked)
    assert anything >= set(sources())
    assert (one, flag, nothing) == ({"verify"}, {"--loss"}, set())
    assert "--class-sizes" in sizes
    assert words == {"cosine", "constant"}
    assert all(word.startswith("-") for word in flags)


def seconds(question):
    """Of a processor, in processes that a question starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    question()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_nobody_waits_for_a_completion(complete):
    assert min(seconds(lambda: complete("train --")) for _ in range(3)) < SECONDS


def test_nobody_waits_for_the_overview():
    command = [sys.executable, "-m", "ufm", "--help"]
    assert min(seconds(lambda: subprocess.run(command, capture_output=True, check=True)) for _ in range(3)) < SECONDS


def test_zsh_finds_its_function_by_the_first_line(capsys):
    assert main(["completion", "zsh", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["shell"] == "zsh"
    assert said["script"].splitlines()[0] == "#compdef ufm"
    assert all(name in said["script"] for name in sources())


ASKED_OF_ZSH = r"""
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; bindkey '^I' list-choices; stty columns 300"
zpty -w z "print rea''dy"; zpty -r z said "*ready*"
for words pattern in "ufm ver" "*Simulate and hold*" "ufm design --g" "*--give-up  -- FLOAT*" \
    "ufm train --schedule " "*constant*"; do
    zpty -n -w z "$words"$'\t'; zpty -r z said "$pattern"; zpty -n -w z $'\x15'
done
zpty -n -w z "ufm design --sigma "$'\t'; sleep 1; zpty -n -w z $'\x15'
zpty -w z "print do''ne"; zpty -r z said "*done*"; print -r -- "$said"
"""
"""Waits until what fits is listed; last of all nothing does."""


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("zsh"), reason="there is no zsh")
def test_zsh_completes_commands_flags_and_choices(capsys, tmp_path):
    assert main(["completion", "zsh"]) == 0
    (tmp_path / "_ufm").write_text(capsys.readouterr().out)
    command = ["zsh", "-f", "-c", ASKED_OF_ZSH, "zsh", tmp_path]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert " -- " not in said.partition("ufm design --sigma")[2]


def test_another_shell_is_refused(capsys):
    assert main(["completion", "cmd"]) == 2
    assert "'cmd' is unknown: allowed are bash, zsh" in capsys.readouterr().err
    assert main(["--tyro-print-completion", "cmd"]) == 2
    assert (
        capsys.readouterr().err == "ufm: --tyro-print-completion 'cmd' is unknown: allowed are bash, zsh, tcsh, fish\n"
    )


def test_the_version_is_said_on_one_line(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert not stop.value.code
    assert capsys.readouterr().out == f"ufm {ufm.__version__}\n"
