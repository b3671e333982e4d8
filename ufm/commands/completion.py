"""``ufm completion``: what a shell needs to complete commands and flags."""

import contextlib
import io
from dataclasses import dataclass
from typing import Literal

import tyro

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
    """

    shell: tyro.conf.Positional[Literal["bash", "zsh"]]
    """Which shell."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Print the script."""
        with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
            parse(("--tyro-write-completion", self.shell, "-"))
        script = said.getvalue()
        print(store.to_json({"shell": self.shell, "script": script}) if self.json else script.rstrip())
        return OK
