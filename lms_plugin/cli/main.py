"""The console command `lms-plugin`."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from lms_plugin.config import WrongSetting
from lms_plugin.domain.errors import Refusal

# command -> the module of lms_plugin.cli that it is in
COMMANDS = {
    "serve": "serving",
    "worker": "serving",
    "db": "serving",
    "content": "content",
    "users": "users",
    "report": "reporting",
    "hours": "hours",
    "lms": "lms",
    "media": "media",
    "simulate": "simulating",
}


class Commands(click.Group):
    """Loads a command's module when it is asked for: each needs a part of the service, and none all of it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(_part(COMMANDS[cmd_name]), cmd_name)
        return command


def _part(name: str) -> Any:
    return import_module(f"lms_plugin.cli.{name}")


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="lms-plugin")
def commands() -> None:
    """Remote teacher training with class hours that are right, explainable and hard to forge."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, as `arguments` or else the process's own say.

    A refusal or wrong setting ends it with one clear line on standard error and status 1.
    """
    try:
        commands.main(arguments, standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as fault:
        fault.show()
        sys.exit(fault.exit_code)
    except WrongSetting as fault:
        click.echo(f"lms-plugin: {fault}", err=True)
        sys.exit(1)
    except Refusal as refusal:
        click.echo(f"lms-plugin: {_part('sentences').sentence(refusal)}", err=True)
        sys.exit(1)
