"""The commands: build, deploy, package."""

from typing import Any

import click

from installer.deploy import deploy
from installer.package import package
from installer.sam import run
from operate.terminal.failures import OneLineErrors, WrongCall


class Targets(OneLineErrors):
    """The commands as targets of make, which takes no option but in ARGS."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; say of a wrong call what a user of make can type."""
        try:
            return super().invoke(ctx)
        except click.UsageError as wrong:
            target = wrong.ctx.info_name if wrong.ctx else ctx.invoked_subcommand
            problem = wrong.format_message().rstrip(".")
            raise WrongCall(f"{problem}. `make {target} ARGS=--help` lists the options.") from None


@click.group(cls=Targets, context_settings={"help_option_names": ["-h", "--help"]})
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
