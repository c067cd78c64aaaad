"""What went wrong with a deployment."""

from __future__ import annotations

from fedlab.logs import clean

_LINES = 8  # of a log, in an error


class DeploymentError(RuntimeError):
    """A federation that did not start, could not be reached, or did not finish its run."""


def with_log(sentence: str, log: str) -> DeploymentError:
    """The error, and the end of what the program said."""
    lines = [line.rstrip() for line in clean(log).splitlines() if line.strip(" :│╭╮╰╯─")]
    said = "".join(f"\n  {line}" for line in lines[-_LINES:])
    return DeploymentError(sentence + (f"\nIts log ends with:{said}" if said else ""))
