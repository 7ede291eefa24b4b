"""`dgls serve`: be the engine in this terminal, or stop one."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from dgls.cli.options import ModelName
from dgls.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dgls.config import Settings
    from dgls.protocol import Health
    from dgls.rendezvous.endpoint import Endpoint

_DEFAULT_HOST = "127.0.0.1"


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command()(serve)


def serve(
    model: ModelName = None,
    device: Annotated[str | None, typer.Option(help="`auto`, `cpu`, `cuda`, ...")] = None,
    idle: Annotated[
        float, typer.Option(min=0, help="Seconds without a fill after which it ends; 0 for never.")
    ] = 0.0,
    host: Annotated[
        str, typer.Option(help="A loopback address for other programs to connect to; needs --port.")
    ] = _DEFAULT_HOST,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Also listen on this port, for other programs."),
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the running engine.")] = False,
    every: Annotated[
        bool, typer.Option("--all", help="With --stop: stop all your engines.")
    ] = False,
) -> None:
    """Run the engine in the foreground; front-ends find it through its socket."""
    settings = _settings(model, device, idle)
    if stop:
        _stop(settings, every=every)
        return
    if every or (port is None and host != _DEFAULT_HOST):
        raise SettingError("--all needs --stop, and --host needs --port; nothing was started.")
    _serve(settings, host, port)


def _settings(model: str | None, device: str | None, idle: float) -> Settings:
    from dgls.config import changed, resolve
    from dgls.rendezvous.endpoint import absolute

    resolved = resolve()
    for message in resolved.messages:
        typer.echo(f"dgls: {message}", err=True)
    chosen = {"model.name": model, "model.device": device, "engine.idle_seconds": idle}
    given = {name: value for name, value in chosen.items() if value is not None}
    return absolute(changed(resolved.settings, given))


def _stop(settings: Settings, *, every: bool) -> None:
    from dgls.client.stop import stop
    from dgls.rendezvous.endpoint import endpoint_of, endpoints

    wanted = endpoints(settings) if every else [endpoint_of(settings)]
    stopped = sum(asyncio.run(stop(endpoint)) for endpoint in wanted)
    typer.echo(f"Stopped {stopped} engine{'' if stopped == 1 else 's'}.")


def _serve(settings: Settings, host: str, port: int | None) -> None:
    from dgls.engine.listen import listen_for_programs
    from dgls.engine.log import log_to_stderr
    from dgls.engine.process import end_on_signals, serve, take_lock
    from dgls.rendezvous.endpoint import endpoint_of

    log_to_stderr()
    endpoint = endpoint_of(settings)
    listeners = [] if port is None else [listen_for_programs(host, port)]
    lock = take_lock(endpoint)
    page_token = secrets.token_urlsafe(32)
    _say_where(endpoint, [listener.getsockname() for listener, _ in listeners], page_token)
    end_on_signals()
    with contextlib.suppress(KeyboardInterrupt):
        serve(settings, endpoint, lock, listeners, _saying_how(), page_token=page_token)


def _say_where(endpoint: Endpoint, ports: list[tuple[str, int]], page_token: str) -> None:
    own = str(endpoint.socket if endpoint.has_unix_socket else endpoint.port)
    urls = [
        f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        for host, port, *_ in ports
    ]
    places = ", ".join([own, *urls])
    typer.echo(f"Engine at {places}; Ctrl-C or dgls serve --stop ends it.", err=True)
    for url in urls:
        typer.echo(f"In a browser, open {url}/#{page_token}", err=True)


def _saying_how() -> Callable[[Health], None]:
    """Prints the loading progress; a failure is printed by the error that ends the command."""
    from dgls.text.counting import in_tens

    loading = in_tens(lambda line: typer.echo(line, err=True))

    def say(health: Health) -> None:
        if health.state == "loading":
            loading(health.percent, health.message)
        elif health.state == "ready":
            typer.echo(f"Ready: {health.model}", err=True)

    return say
