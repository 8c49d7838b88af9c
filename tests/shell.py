"""The program run inside the test process, as a shell would see it."""

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cli

ROOT = Path(cli.__file__).parent


@dataclass(frozen=True)
class Outcome:
    """What one run left: exit status, standard output, standard error."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        assert self.status == 0, self.err
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of an expected error, which must be all that was printed."""
        assert (self.status, self.out) == (1, ""), self
        assert self.err.startswith("error: "), self.err
        assert self.err.count("\n") == 1, self.err
        return self.err


def run(*words: str | Path, home: Path | None = None, **environment: str) -> Outcome:
    """``pharmakon WORDS…``, in ``home`` where it is given; an unexpected error goes through.

    Keywords are variables of the environment, without their PHARMAKON_: ``ACTOR="dr.lee"``.
    """
    variables = {f"PHARMAKON_{name}": value for name, value in environment.items()}
    place = [] if home is None else ["--home", str(home)]
    out, err = io.StringIO(), io.StringIO()
    status = 0
    with (
        patch.dict(os.environ, variables),
        patch.object(sys, "argv", ["pharmakon", *map(str, words), *place]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
    return Outcome(status, out.getvalue(), err.getvalue())
