"""The commands: build, deploy, package."""

import click

from installer.deploy import deploy
from installer.package import package
from installer.sam import run
from operate.terminal.failures import OneLineErrors


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
def installer() -> None:
    """Build the stack, deploy it into your AWS account, or pack it for another one."""


@installer.command()
def build() -> None:
    """Build the functions and layers into .aws-sam/build."""
    run("build")


installer.add_command(deploy)
installer.add_command(package)

if __name__ == "__main__":
    installer(prog_name="make")
