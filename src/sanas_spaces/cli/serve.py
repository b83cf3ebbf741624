"""``sanas serve``: a search for clients on other machines."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ..errors import SanasError
from ..searching import ALGORITHMS, SANAS, algorithm_named
from .arguments import parse_configs, parse_constraints, parse_numbers, parse_shape
from .completion import complete_algorithm, complete_space
from .modules import Modules, import_modules
from .terminal import console, fail

DEFAULT_OUTPUT = Path("nas_checkpoint")
DEFAULT_PORT = 8881
LOOK_SECONDS = 0.5


def serve_command(
    spaces: Annotated[
        list[str],
        typer.Argument(
            metavar="SPACE...", autocompletion=complete_space, help="Names of search spaces; several chain."
        ),
    ],
    config: Annotated[
        list[str] | None, typer.Option(metavar="JSON", help="Config of a space, in order, once per space.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Where to listen; other addresses than those of this machine need SANAS_TOKEN.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 finds a free one.")] = DEFAULT_PORT,
    steps: Annotated[int, typer.Option(min=1, help="Number of rewards after which the search is over.")] = 300,
    constraint: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC=BOUND", help="HIGH or LOW:HIGH for flops, params, depth, ...; can be repeated."),
    ] = None,
    shape: Annotated[str | None, typer.Option(metavar="CxHxW", help="Image shape for costs.")] = None,
    tokens: Annotated[str | None, typer.Option(metavar="T,T,...", help="First candidate.")] = None,
    algorithm: Annotated[
        str, typer.Option(autocompletion=complete_algorithm, help=f"What proposes candidates: {', '.join(ALGORITHMS)}.")
    ] = "annealing",
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the search.")] = None,
    lease: Annotated[float, typer.Option(help="Seconds after which a silent client's candidate is handed out.")] = 60.0,
    certificate: Annotated[Path | None, typer.Option(help="File of a certificate, for TLS.")] = None,
    key: Annotated[Path | None, typer.Option(help="File of its key.")] = None,
    output: Annotated[Path, typer.Option(help="Folder of the record.")] = DEFAULT_OUTPUT,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the record in the output folder.")] = False,
    until_finished: Annotated[bool, typer.Option("--until-finished", help="End after the last step.")] = False,
    modules: Modules = None,
) -> None:
    """Serve a search: clients ask for candidates and give rewards over HTTP. The token is in SANAS_TOKEN.

    Examples:
    sanas serve MobileNetV2Space --steps 500;
    sanas serve MobileNetV2Space --host 0.0.0.0 --certificate cert.pem --key key.pem
    """
    try:
        import_modules(modules)
        algorithm_named(algorithm)
        sanas = SANAS(
            parse_configs(spaces, config or []),
            server_addr=(host, port),
            search_steps=steps,
            save_checkpoint=output,
            load_checkpoint=output if resume else None,
            constraints=parse_constraints(constraint or []) or None,
            input_shape=parse_shape(shape),
            init_tokens=parse_numbers(tokens),
            algorithm=None if resume else algorithm,
            seed=seed,
            lease=lease,
            tls=None if certificate is None else certificate if key is None else (certificate, key),
        )
    except SanasError as error:
        fail(error)
    server = sanas.server
    if server is None:
        fail("the packages of a server are not installed: pip install 'sanas-spaces[server]'")
    console.print(f"listening at {server.url}, {steps} steps, record in {output}; Ctrl-C ends", soft_wrap=True)
    try:
        while not server.wait(LOOK_SECONDS):
            if until_finished and sanas.finished:
                time.sleep(LOOK_SECONDS)  # for the last ones who ask
                break
    except KeyboardInterrupt:
        pass
    found = sanas.current_info()
    sanas.close()
    console.print(f"best reward {found['best_reward']}, tokens {found['best_tokens']}".replace("[", r"\["))
