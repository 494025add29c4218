"""The console command `lms-plugin`."""

import sys

import click

from lms_plugin.cli import content, hours, lms, media, reporting, serving, simulating, users
from lms_plugin.cli.sentences import sentence
from lms_plugin.config import WrongSetting
from lms_plugin.domain.errors import Refusal


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="lms-plugin")
def commands() -> None:
    """Remote teacher training with class hours that are right, explainable and hard to forge."""


commands.add_command(serving.serve)
commands.add_command(serving.worker)
commands.add_command(serving.db)
commands.add_command(content.content)
commands.add_command(users.users)
commands.add_command(reporting.report)
commands.add_command(hours.hours)
commands.add_command(lms.lms)
commands.add_command(media.media)
commands.add_command(simulating.simulate)


def main() -> None:
    """Run a command; a refusal or wrong setting ends it with one clear line on standard error and status 1."""
    try:
        commands.main(standalone_mode=False)
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
        click.echo(f"lms-plugin: {sentence(refusal)}", err=True)
        sys.exit(1)
