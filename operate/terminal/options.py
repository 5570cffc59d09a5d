"""The arguments and options that commands share, and how a command shows its example."""

from difflib import get_close_matches
from typing import Final

import click
from click.shell_completion import CompletionItem

from operate.terminal.duration import Duration
from personal_link.domain.errors import CODES

NO_CODE: Final = "-"
NO_REFERENCE: Final = "--configuration takes the reference of an inbound mapping: 1 to 256 plain characters."
_CHOICES: Final = [*map(str, CODES), NO_CODE]


class CodeChoice(click.ParamType):
    """An option type for the error codes, and `-` for none."""

    name = "code"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the code."""
        code = str(value)
        if code not in _CHOICES:
            nearest = get_close_matches(code, _CHOICES, n=1)
            meant = f" Did you mean {nearest[0]}?" if nearest else ""
            self.fail(f"there is no such code.{meant} Codes: {', '.join(_CHOICES)} (none).", param, ctx)
        return code

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 # click's signature
        param: click.Parameter,  # noqa: ARG002 # click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Return the codes that begin as typed."""
        return [CompletionItem(code) for code in _CHOICES if code.startswith(incomplete)]


STACK = click.argument("stack")
CODE = click.option("--code", type=CodeChoice(), metavar="CODE", help="Only requests parked with this code.")
OLDER_THAN = click.option("--older-than", type=Duration(), help="Only requests parked for at least: 30m, 2h, 7d.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show a preview and change nothing.")
UNMASK = click.option("--unmask", is_flag=True, help="Show values, with personal data.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON: docs/operation.md#json has the shape.")


class ExampleCommand(click.Command):
    """A command whose epilog is its example, without the name of the program."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example as it works here."""
        write_example(ctx, formatter, self.epilog)


def write_example(ctx: click.Context, formatter: click.HelpFormatter, example: str | None) -> None:
    """Write an example with the name by which the program was called."""
    formatter.write_paragraph()
    formatter.write(f"Example: {ctx.find_root().info_name} {example}\n")


def program() -> str:
    """Return the name by which the program was called."""
    return str(click.get_current_context().find_root().info_name)
