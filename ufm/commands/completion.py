"""``ufm completion``: what a shell needs to complete commands and flags."""

import ast
import contextlib
import io
import re
from dataclasses import dataclass
from typing import Literal

import tyro

from ufm.commands.overview import described, sentence
from ufm.commands.parse import parse
from ufm.files import store
from ufm.files.process import OK


@dataclass
class Command:
    """Print a script by which a shell completes commands and flags.

    Python does not run while the shell completes. The script knows the flags of this version: write it again after an
    update.

    Example: ufm completion bash > ~/.local/share/bash-completion/completions/ufm

    Example: ufm completion zsh > ~/.zfunc/_ufm

    zsh looks into ~/.zfunc if ~/.zshrc has fpath=(~/.zfunc $fpath) before autoload -Uz compinit && compinit.
    """

    shell: tyro.conf.Positional[Literal["bash", "zsh"]]
    """Which shell."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Print the script."""
        with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
            parse(("--tyro-write-completion", self.shell, "-"))
        script = mended(said.getvalue())
        print(store.to_json({"shell": self.shell, "script": script}) if self.json else script.rstrip())
        return OK


SPEC = re.compile(r"(?<=^COMPLETION_SPEC = ).*$", re.MULTILINE)
"""What tyro's scripts know of commands and flags, a Python literal."""

FITTING = "  # Parse completions into an array"
"""Where tyro's zsh begins to show what fits, an empty line where nothing does."""


def mended(script: str) -> str:
    """A script of tyro in which a description is one line, a choice has its words, and nothing is shown for nothing."""
    (text,) = SPEC.findall(script)
    spec = ast.literal_eval(text)
    for name, kind in described().items():
        command = spec["subcommands"][name]
        command["description"] = sentence(kind.__doc__)
        for flag in command["options"]:
            flag["description"] = " ".join(flag["description"].split()).replace("%%", "%")
            if words := re.match(r"{(.+?)}", flag["description"]):
                flag |= {"type": "choice", "choices": words[1].split(",")}
    script = SPEC.sub(lambda _: repr(spec), script)
    return script.replace(FITTING, f'  [[ -n "$completions" ]] || return 1\n\n{FITTING}')
