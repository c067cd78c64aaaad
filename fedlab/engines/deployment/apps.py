"""An app directory, checked, and its copy that meters itself."""

from __future__ import annotations

import io
import shutil
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import tomli_w

from fedlab.engines.deployment.error import DeploymentError
from fedlab.logs import one_line

_WRAPPER = "fedlab_metered"
_SOURCE = '''"""Written by fedlab: the app's own ServerApp with a meter around it."""

from fedlab.engines.deployment.metering import metered

app = metered({reference!r}, **{settings!r})
'''


def settings_of(directory: Path) -> dict[str, Any]:
    """What an app's pyproject.toml says. Raises DeploymentError for what is no Flower app."""
    path = directory / "pyproject.toml"
    wanted = "a directory with a pyproject.toml that has [tool.flwr.app] (flwr new makes one)"
    if not path.is_file():
        there = "no such directory" if not directory.is_dir() else "no pyproject.toml in it"
        raise DeploymentError(f"{directory}: expected a Flower app, {wanted}; there is {there}")
    try:
        settings = tomllib.loads(path.read_text("utf-8"))
        components = settings["tool"]["flwr"]["app"]["components"]
        if not all(":" in components[part] for part in ("serverapp", "clientapp")):
            raise KeyError
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{path}: expected TOML: {error}") from None
    except (KeyError, TypeError):
        raise DeploymentError(
            f"{directory}: expected a Flower app, {wanted}; its [tool.flwr.app.components] names "
            "no serverapp and clientapp as module:name"
        ) from None
    return settings


def config_of(directory: Path) -> dict[str, Any]:
    """An app's run config, nested keys joined by dots, as Flower joins them.

    Raises DeploymentError for a directory that is no Flower app.
    """
    from flwr.common.config import flatten_dict, validate_config

    settings = settings_of(directory)
    try:
        _, faults, _ = validate_config(settings, check_module=False)
    except (ValueError, TypeError, AttributeError) as error:
        faults = [str(error)]
    if faults:
        raise DeploymentError(
            f"{directory / 'pyproject.toml'}: Flower does not take it: "
            + one_line("; ".join(faults))
        )
    return dict(flatten_dict(settings["tool"]["flwr"]["app"].get("config")))


def check_app(directory: Path, run_config: dict[str, Any]) -> None:
    """Raise DeploymentError for what is no Flower app, ValueError for a key it does not know."""
    from flwr.common.config import flatten_dict

    known = config_of(directory)
    if unknown := sorted(flatten_dict(run_config).keys() - known.keys()):
        raise ValueError(
            "run_config: expected keys of the app's [tool.flwr.app.config], which are "
            f"{', '.join(known) or 'none'}; got {', '.join(unknown)}"
        )


def metered_copy(directory: Path, copy: Path, **settings: Any) -> None:
    """Copy the files that Flower would bundle, with the ServerApp behind a meter.

    The app itself stays as it is: its own ServerApp is imported by the one that takes its place.
    settings: as `metered` takes them. Raises DeploymentError when Flower cannot bundle the app.
    """
    import click
    from flwr.cli.build import build_fab_from_disk

    try:
        bundle = build_fab_from_disk(directory)
    except (ValueError, OSError, click.ClickException) as error:
        raise DeploymentError(f"{directory}: Flower cannot bundle this app: {error}") from None
    with zipfile.ZipFile(io.BytesIO(bundle)) as files:
        files.extractall(copy)
    shutil.rmtree(copy / ".info")
    project = tomllib.loads((copy / "pyproject.toml").read_text("utf-8"))
    about = project["tool"]["flwr"]["app"]
    for chosen in ("fab-include", "fab-exclude"):  # has been done: Flower would do it again
        about.pop(chosen, None)
    components = about["components"]
    source = _SOURCE.format(reference=components["serverapp"], settings=settings)
    components["serverapp"] = f"{_WRAPPER}:app"
    (copy / "pyproject.toml").write_text(tomli_w.dumps(project), "utf-8")
    (copy / f"{_WRAPPER}.py").write_text(source, "utf-8")
